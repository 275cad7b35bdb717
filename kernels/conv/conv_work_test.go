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

// numberOf is the number of an operator's variant that computes in one way with one tile.
func numberOf(t *testing.T, op, way string, tile tile) int {
	t.Helper()
	for _, v := range kernels.Lookup(op).Variants {
		if v.Doc == way+", tiles of "+tile.String() {
			return v.Number
		}
	}
	t.Fatalf("%s has no variant %q with tiles of %s", op, way, tile)
	return 0
}

const (
	onTensorCores = "bf16 on tensor cores"
	inPhases      = "bf16 on tensor cores, an enlarged image in subpixel phases"
	plainly       = "plain multiply-adds"
)

// TestTensorCoreWork holds the first launch of every tensor-core tile to its analytic reads: each tile reads its operands once for
// every meeting of pixel and tap; and to accesses without a wasted sector or wavefront.
func TestTensorCoreWork(t *testing.T) {
	s := workShape(Same(3))
	s.work(t, onTensorCores, 1, s.meetings(), 9)
}

// TestSubpixelWork does so for the phases of an enlarged image: four products with four folded taps each.
func TestSubpixelWork(t *testing.T) {
	up := Same(3)
	up.Upsample2x = true
	s := workShape(up)
	folded := shape{g: Geometry{KH: 4, KW: 4, Stride: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}, n: s.n, h: 2 * s.h, w: 2 * s.w}
	s.work(t, inPhases, 4, folded.meetings(), 16)
}

// work counts the launches that multiply: in each of the phases a pixel of x meets taps/phases taps.
func (s shape) work(t *testing.T, way string, phases, meetings, taps int) {
	pixels := s.n * s.h * s.w
	of := func(t tile, rows, columns int) (int, int) {
		return gpu.Ceil(rows, t.rows), gpu.Ceil(columns, t.columns)
	}
	for _, op := range []struct {
		cs    kernels.Case
		tiles []tile
		bytes func(tile) int
		flops func(tile) int
	}{
		{s.conv(), mmaForwardTiles, func(t tile) int {
			down, across := of(t, pixels, s.co)
			return meetings*s.ci*across + taps*s.ci*s.co*down
		}, func(t tile) int {
			down, across := of(t, pixels, s.co)
			return taps * s.ci * down * t.rows * across * t.columns
		}},
		{s.dgrad(), mmaAdjointTiles, func(t tile) int {
			down, across := of(t, pixels, s.ci)
			return meetings*s.co*across + taps*s.ci*s.co*down
		}, func(t tile) int {
			down, across := of(t, pixels, s.ci)
			return taps * s.co * down * t.rows * across * t.columns
		}},
		{s.wgrad(), mmaWeightTiles, func(t tile) int {
			down, across := of(t, s.co, taps/phases*s.ci)
			return meetings*s.ci*down + phases*pixels*s.co*across
		}, func(t tile) int {
			down, across := of(t, s.co, taps/phases*s.ci)
			return phases * down * t.rows * (across*t.columns + 8) * pixels // eight columns of ones for the bias
		}},
	} {
		half, _ := op.cs.InBF16()
		for _, tile := range op.tiles {
			c := multiplying(kerneltest.Count(t, half, numberOf(t, op.cs.Op.Name(), way, tile)))
			if want := 2 * int64(op.bytes(tile)); c.Global.LoadBytes != want || 32*c.Global.LoadSectors > want {
				t.Errorf("%s reads %d bytes in %d sectors of 32, the tile's operands are %d bytes", c.Kernel, c.Global.LoadBytes, c.Global.LoadSectors, want)
			}
			if want := 2 * int64(op.flops(tile)); c.FLOPs.TensorBF16 != want {
				t.Errorf("%s: %d operations on tensor cores, its taps need %d", c.Kernel, c.FLOPs.TensorBF16, want)
			}
			ideal(t, c)
		}
	}
}

// multiplying is the launch that multiplies: the first, or the one after the weights are folded.
func multiplying(launches []cuda.LaunchCounters) cuda.LaunchCounters {
	if launches[0].Kernel == "conv2d_fold" {
		return launches[1]
	}
	return launches[0]
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
	for _, tile := range mmaForwardTiles[:4] {
		c := kerneltest.Count(t, half, numberOf(t, "conv2d", onTensorCores, tile))[0]
		pixels := s.n * s.h * s.w
		want := 2 * (pixels*s.ci*gpu.Ceil(s.co, tile.columns) + s.ci*s.co*gpu.Ceil(pixels, tile.rows) + pixels*s.co)
		bias := c.Global.LoadBytes - int64(want) // 4 bytes a column for every row: cached, read again and again
		if bias > 4*int64(pixels*s.co) || 100*32*c.Global.LoadSectors > 105*c.Global.LoadBytes || c.Global.StoreBytes != int64(2*pixels*s.co) {
			t.Errorf("%s reads %d bytes in %d sectors, operands are %d; writes %d bytes", c.Kernel, c.Global.LoadBytes, c.Global.LoadSectors, want, c.Global.StoreBytes)
		}
		ideal(t, c)
	}
}

// TestStatsWork: where tiles lie inside an image the statistics of channels cost 8 bytes a tile and column, and no pass over y.
func TestStatsWork(t *testing.T) {
	s := workShape(Same(1))
	s.stats = true
	half, _ := s.conv().InBF16()
	for _, tile := range mmaForwardTiles[:4] {
		launches := kerneltest.Count(t, half, numberOf(t, "conv2d", onTensorCores, tile))
		c, pixels := launches[0], s.n*s.h*s.w
		if want := int64(2*pixels*s.co + 8*pixels/tile.rows*s.co); c.Global.StoreBytes != want || 32*c.Global.StoreSectors != want {
			t.Errorf("%s writes %d bytes in %d sectors, expected %d", c.Kernel, c.Global.StoreBytes, c.Global.StoreSectors, want)
		}
		if len(launches) != 2 || launches[1].Kernel != "conv2d_join_stats" {
			t.Errorf("%s: %d launches, expected the product and the join of its moments", c.Kernel, len(launches))
		}
	}
}

// TestStridedGradientWork: the phases of a strided convolution's gradient multiply nothing but what meets.
func TestStridedGradientWork(t *testing.T) {
	s := workShape(Geometry{KH: 3, KW: 3, Stride: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1})
	s.n = 2
	half, _ := s.dgrad().InBF16()
	c := kerneltest.Count(t, half, numberOf(t, "conv2d_dgrad", onTensorCores, mmaAdjointTiles[2]))[0] // 64x64: 128 pixels of each phase, 64 channels
	if want := int64(2 * 128 * 9 * s.co * 64); c.FLOPs.TensorBF16 != want {
		t.Errorf("%s: %d operations on tensor cores, nine taps need %d", c.Kernel, c.FLOPs.TensorBF16, want)
	}
}

// TestPlainWork holds the kernels of plain multiply-adds to whole sectors and few bank conflicts.
func TestPlainWork(t *testing.T) {
	s := workShape(Same(3))
	for _, op := range []struct {
		cs    kernels.Case
		tiles []tile
	}{{s.conv(), fmaForwardTiles[:2]}, {s.dgrad(), fmaAdjointTiles[:2]}, {s.wgrad(), fmaWeightTiles[:2]}} {
		for _, tile := range op.tiles {
			c := kerneltest.Count(t, op.cs, numberOf(t, op.cs.Op.Name(), plainly, tile))[0]
			if 100*32*c.Global.LoadSectors > 105*c.Global.LoadBytes {
				t.Errorf("%s reads %d bytes in %d sectors of 32", c.Kernel, c.Global.LoadBytes, c.Global.LoadSectors)
			}
			ideal(t, c)
		}
	}
}
