package conv

import (
	"slices"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// statsPlan is Parts of kernels/conv/conv2d_stats.cu without the layout of channels: the tiles or chunks of an image.
type statsPlan struct{ tiles, rows, tail int }

// Of kernels/conv/conv2d_stats.cu.
const (
	statsRows    = 128 // pixels of a chunk
	statsColumns = 32  // of a block
)

// newStatsPlan plans moments of tiles, which the product takes, or of chunks.
func newStatsPlan(y *kernels.Operand, t tile, direct bool) statsPlan {
	pixels, rows := y.H*y.W, statsRows
	if direct {
		rows = t.rows
	}
	n := gpu.Ceil(pixels, rows)
	return statsPlan{tiles: n, rows: rows, tail: pixels - (n-1)*rows}
}

// bytes is the size of the moments.
func (s statsPlan) bytes(y *kernels.Operand) int64 {
	return 8 * int64(y.N) * int64(s.tiles) * int64(y.C)
}

// StatsInTiles reports whether tiles lie inside an image of a convolution's output of h x w pixels, or inside the four phases of an
// enlarged one: its statistics then cost no pass of their own.
func (g Geometry) StatsInTiles(h, w int) bool {
	pixels := h * w
	if g.subpixel() == nil {
		pixels /= 4
	}
	return pixels%statsRows == 0
}

// inside returns the tiles that lie inside an image, or the phase of one, of so many pixels; all where there is none.
func inside(tiles []tile, pixels int) []tile {
	if list := slices.DeleteFunc(slices.Clone(tiles), func(t tile) bool { return pixels%t.rows != 0 }); len(list) > 0 {
		return list
	}
	return tiles
}

func (g gathered) useMoments(c *kernels.Call, p gatheredPlan, m cuda.Mode) cuda.Operand {
	return gpu.UseBytes(c.Scratch, p.folded+p.partials, p.stats.bytes(g.y), m)
}

// statsReduction prepares the launch that adds partial sums and takes moments of chunks.
func (g gathered) statsReduction(p gatheredPlan) gpu.Launch {
	return gpu.Launch{Module: "conv2d_stats", Kernel: "conv2d_reduce_stats_" + gpu.Suffix(g.x.DType), Block: cuda.Dim3{X: reduceThreads},
		Grid: cuda.Dim3{X: g.y.N * p.stats.tiles, Y: gpu.Ceil(g.y.C, statsColumns)}}
}

// joinStats queues the join of the moments, if there are any.
func (g gathered) joinStats(q *gpu.Queue, c *kernels.Call, p gatheredPlan) error {
	if g.stats == nil {
		return nil
	}
	s := p.stats
	return q.Launch(gpu.Launch{Module: "conv2d_stats", Kernel: "conv2d_join_stats", Block: cuda.Dim3{X: reduceThreads},
		Grid:     cuda.Dim3{X: g.y.N, Y: gpu.Ceil(g.y.C, statsColumns)},
		Operands: []cuda.Operand{g.useMoments(c, p, cuda.Read), gpu.Use(g.stats, cuda.Write)},
		Args: []any{statsParts{int32(s.tiles), int32(s.rows), int32(s.tail), int32(g.y.C), int32(g.stats.Pitch)},
			part(c.Scratch, p.folded+p.partials, p.moments), gpu.Ptr(g.stats)}})
}

// statsParts is Parts of kernels/conv/conv2d_stats.cu.
type statsParts struct{ Tiles, Rows, Tail, Channels, Pitch int32 }
