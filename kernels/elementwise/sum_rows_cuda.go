package elementwise

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	sumThreads = 256
	leastChunk = 64  // rows that a block sums at least, and four for each of its threads in a column
	mostChunks = 256 // parts of an image that are summed apart
	sumWidth   = 32  // accesses side by side: 512 contiguous bytes; the rest of a block are rows
	joinWidth  = 16  // of the second launch
)

// images is how many sums there are, of how many rows each.
func (s SumRows) images(x kernels.Spec) (images, rows int) {
	if s.PerImage {
		return x.N, x.H * x.W
	}
	return 1, x.Rows()
}

// chunks is in how many parts the rows of an image are summed, and how many rows a part has: about 512 blocks in all. Few rows are
// summed in one launch.
func chunks(images, rows int, x kernels.Spec) (count, size int) {
	least := max(leastChunk, 4*sumThreads/sumColumns(x.C, 16/x.DType.Size(), sumWidth))
	parts := min(max(2*enoughBlocks/images, 1), mostChunks)
	size = max(least, gpu.Ceil(rows, parts))
	if rows <= 4*least {
		size = rows
	}
	return gpu.Ceil(rows, size), size
}

// sumColumns is how many accesses of n elements a block makes side by side: a power of two, at most so many.
func sumColumns(c, n, most int) int {
	for groups := gpu.Ceil(c, n); most >= 2*groups; {
		most /= 2
	}
	return most
}

// sumRowsScratch is a float32 row for each part of each image, where images have several.
func sumRowsScratch(c *kernels.Call, _ kernels.Props) int64 {
	images, rows := c.Op.(SumRows).images(c.In[0].Spec)
	if n, _ := chunks(images, rows, c.In[0].Spec); n > 1 {
		return 4 * int64(images*n*c.In[0].C)
	}
	return 0
}

func sumRowsCUDA(q *gpu.Queue, c *kernels.Call) error {
	x, y := c.In[0], c.Out[0]
	images, rows := c.Op.(SumRows).images(x.Spec)
	count, size := chunks(images, rows, x.Spec)
	width := gpu.Suffix(y.DType)
	if x.DType != y.DType || count > 1 && x.DType == kernels.BF16 {
		width = "wide" // bf16 summed to f32
	}
	sum := sumLaunch{kernel: "sum_rows_any_" + width, n: 1, width: sumWidth, images: images, rows: rows, chunk: size, chunks: count, x: gpu.Ptr(x), px: x.Pitch,
		c: x.C, y: gpu.Ptr(y), py: y.Pitch, accumulate: gpu.Accumulates(y)}
	if vector(x) {
		sum.kernel, sum.n = "sum_rows_"+width, 16/x.DType.Size()
	}
	if count == 1 {
		return sum.queue(q, gpu.Uses(c))
	}
	bytes := 4 * int64(images*count*x.C)
	sum.y, sum.py, sum.accumulate = gpu.Ptr(c.Scratch), x.C, 0
	if err := sum.queue(q, []cuda.Operand{gpu.Use(x, cuda.Read), gpu.UseBytes(c.Scratch, 0, bytes, cuda.Write)}); err != nil {
		return err
	}
	join := sumLaunch{kernel: "sum_rows_any_f32", n: 1, width: joinWidth, images: images, rows: count, chunk: count, chunks: 1, x: gpu.Ptr(c.Scratch), px: x.C, c: x.C,
		y: gpu.Ptr(y), py: y.Pitch, accumulate: gpu.Accumulates(y)}
	if y.DType == kernels.BF16 {
		join.kernel = "sum_rows_join_bf16"
	}
	uses := gpu.Uses(c)
	return join.queue(q, []cuda.Operand{gpu.UseBytes(c.Scratch, 0, bytes, cuda.Read), uses[len(uses)-1]})
}

// sumLaunch is one launch of sum_rows.cu.
type sumLaunch struct {
	kernel                      string
	n                           int // elements of an access
	width                       int // accesses side by side, at most
	images, rows, chunk, chunks int
	x, y                        cuda.DevicePtr
	px, c, py                   int
	accumulate                  int32
}

func (s sumLaunch) queue(q *gpu.Queue, uses []cuda.Operand) error {
	width := sumColumns(s.c, s.n, s.width)
	height := sumThreads / width
	for height/2 >= max(s.chunk, s.n) { // a thread for each sum is the least
		height /= 2
	}
	return q.Launch(gpu.Launch{Module: "sum_rows", Kernel: s.kernel, Operands: uses, Grid: cuda.Dim3{X: s.images * s.chunks, Y: gpu.Ceil(s.c, s.n*width)},
		Block: cuda.Dim3{X: width, Y: height},
		Args:  []any{q.State, int32(s.rows), int32(s.c), int32(s.chunk), int32(s.chunks), s.x, int32(s.px), s.y, int32(s.py), s.accumulate}})
}
