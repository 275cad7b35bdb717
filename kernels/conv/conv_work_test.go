package conv

import (
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// workShape has channels that are multiples of 64 and edges on all sides.
func workShape(g Geometry) shape {
	return shape{name: "work", g: g, n: 1, h: 16, w: 16, ci: 64, co: 128, bias: true, residual: true}
}

// meetings counts the pairs of output pixel and tap that reach the input.
func (s shape) meetings() int {
	oh, ow := s.g.Size(s.h, s.w)
	along := func(outputs, k, pad, size int) int {
		n := 0
		for o := range outputs {
			for tap := range k {
				if _, ok := s.g.source(o, tap, pad, size); ok {
					n++
				}
			}
		}
		return n
	}
	return s.n * along(oh, s.g.KH, s.g.PadTop, s.h) * along(ow, s.g.KW, s.g.PadLeft, s.w)
}

// TestTensorCoreWork holds the first launch of every tensor-core tile to its analytic reads: each tile reads its operands once for
// every meeting of pixel and tap; and to accesses without a wasted sector or wavefront.
func TestTensorCoreWork(t *testing.T) {
	s := workShape(Same(3))
	oh, ow := s.g.Size(s.h, s.w)
	pixels, taps := s.n*oh*ow, 9
	for _, op := range []struct {
		cs    kernels.Case
		tiles []tile
		bytes func(tile) int
	}{
		{s.conv(), mmaForwardTiles, func(t tile) int {
			return 2 * (s.meetings()*s.ci*gpu.Ceil(s.co, t.columns) + taps*s.ci*s.co*gpu.Ceil(pixels, t.rows))
		}},
		{s.dgrad(), mmaAdjointTiles, func(t tile) int {
			return 2 * (s.meetings()*s.co*gpu.Ceil(s.ci, t.columns) + taps*s.ci*s.co*gpu.Ceil(s.h*s.w, t.rows))
		}},
		{s.wgrad(), mmaWeightTiles, func(t tile) int {
			return 2 * (s.meetings()*s.ci*gpu.Ceil(s.co, t.rows) + pixels*s.co*gpu.Ceil(taps*s.ci, t.columns))
		}},
	} {
		half, _ := op.cs.InBF16()
		for i, tile := range op.tiles {
			c := kerneltest.Count(t, half, 3+i)[0]
			if want := int64(op.bytes(tile)); c.Global.LoadBytes != want || 32*c.Global.LoadSectors > want {
				t.Errorf("%s reads %d bytes in %d sectors of 32, the tile's operands are %d bytes", c.Kernel, c.Global.LoadBytes, c.Global.LoadSectors, want)
			}
			ideal(t, c)
		}
	}
}

// ideal reports wasted sectors of stores and wavefronts of shared memory.
func ideal(t *testing.T, c cuda.LaunchCounters) {
	t.Helper()
	if 32*c.Global.StoreSectors != c.Global.StoreBytes {
		t.Errorf("%s writes %d bytes in %d sectors of 32", c.Kernel, c.Global.StoreBytes, c.Global.StoreSectors)
	}
	if got, want := c.Shared.LoadWavefronts+c.Shared.StoreWavefronts, c.Shared.LoadIdeal+c.Shared.StoreIdeal; got != want {
		t.Errorf("%s: %d wavefronts of shared memory, %d without bank conflicts", c.Kernel, got, want)
	}
}

// TestEpilogueWork holds launches that do all, bias and residual included, to the bytes of the operands.
func TestEpilogueWork(t *testing.T) {
	s := workShape(Same(1))
	s.n = 2
	half, _ := s.conv().InBF16()
	for i, tile := range mmaForwardTiles[:4] {
		c := kerneltest.Count(t, half, 3+i)[0]
		pixels := s.n * s.h * s.w
		want := 2 * (pixels*s.ci*gpu.Ceil(s.co, tile.columns) + s.ci*s.co*gpu.Ceil(pixels, tile.rows) + pixels*s.co)
		bias := c.Global.LoadBytes - int64(want) // 4 bytes a column for every row: cached, read again and again
		if bias > 4*int64(pixels*s.co) || 100*32*c.Global.LoadSectors > 105*c.Global.LoadBytes || c.Global.StoreBytes != int64(2*pixels*s.co) {
			t.Errorf("%s reads %d bytes in %d sectors, operands are %d; writes %d bytes", c.Kernel, c.Global.LoadBytes, c.Global.LoadSectors, want, c.Global.StoreBytes)
		}
		ideal(t, c)
	}
}

// TestStridedGradientWork: the phases of a strided convolution's gradient multiply nothing but what meets.
func TestStridedGradientWork(t *testing.T) {
	s := workShape(Geometry{KH: 3, KW: 3, Stride: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1})
	s.n = 2
	half, _ := s.dgrad().InBF16()
	c := kerneltest.Count(t, half, 5)[0] // tiles of 64x64: 128 pixels of each phase, 64 channels
	if want := int64(2 * 128 * 9 * s.co * 64); c.FLOPs.TensorBF16 != want {
		t.Errorf("%s: %d operations on tensor cores, nine taps need %d", c.Kernel, c.FLOPs.TensorBF16, want)
	}
}

// TestPlainWork holds the kernels of plain multiply-adds to whole sectors and few bank conflicts.
func TestPlainWork(t *testing.T) {
	s := workShape(Same(3))
	for _, op := range []struct {
		cs       kernels.Case
		variants []int
	}{{s.conv(), []int{8, 9}}, {s.dgrad(), []int{7, 8}}, {s.wgrad(), []int{6, 7}}} {
		for _, v := range op.variants {
			c := kerneltest.Count(t, op.cs, v)[0]
			if 100*32*c.Global.LoadSectors > 105*c.Global.LoadBytes {
				t.Errorf("%s reads %d bytes in %d sectors of 32", c.Kernel, c.Global.LoadBytes, c.Global.LoadSectors)
			}
			ideal(t, c)
		}
	}
}
