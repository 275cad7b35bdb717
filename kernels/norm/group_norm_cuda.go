package norm

import (
	"errors"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// normShape is NormShape of kernels/include/normalize.cuh.
type normShape struct {
	Pixels, Channels, Groups, Size                                              int32
	Width, Columns                                                              int32
	Blocks, Rows                                                                int32
	Activation                                                                  int32
	Drops                                                                       int32
	Last                                                                        uint32
	Stream                                                                      uint32
	Keep, Eps                                                                   float32
	XPitch, YPitch, DYPitch, ResidualPitch, ScalePitch, DScalePitch, StatsPitch int32
}

// newNormShape takes what a launch does not decide from the operator and its operands; absent ones have no pitch.
func newNormShape(op GroupNorm, x, y, dy, residual, scale, dscale, stats *kernels.Operand) normShape {
	pitch := func(o *kernels.Operand) int32 {
		if o == nil {
			return 0
		}
		return int32(o.Pitch)
	}
	d := newDropout(op, nil)
	s := normShape{Pixels: int32(x.H * x.W), Channels: int32(x.C), Groups: int32(op.Groups), Size: int32(x.C / op.Groups),
		Activation: int32(op.Activation), Stream: op.Stream, Keep: d.keep, Eps: float32(op.Eps), XPitch: pitch(x),
		YPitch: pitch(y), DYPitch: pitch(dy), ResidualPitch: pitch(residual), ScalePitch: pitch(scale), DScalePitch: pitch(dscale),
		StatsPitch: pitch(stats)}
	if d.active() {
		s.Drops, s.Last = 1, uint32(d.words)<<9-1
	}
	return s
}

// vectorLanes is the number of elements of a 16-byte vector.
func vectorLanes(d kernels.DType) int { return 16 / d.Size() }

// indexed refuses images whose elements 32 bits do not count.
func indexed(x *kernels.Operand) error {
	if n := x.H * x.W * x.C; n > math.MaxInt32 {
		return fmt.Errorf("an image of x %s has %d elements, at most %d are supported", x.Spec, n, math.MaxInt32)
	}
	return nil
}

func streamSupports(c *kernels.Call, _ kernels.Props) error { return indexed(c.In[0]) }

// inVectors reports whether the vector kernels hold the activation: GELU, with its error function, would cost all of them the registers
// that keep more threads on a multiprocessor.
func inVectors(op GroupNorm) bool { return op.Activation != elementwise.GELU }

// vectorRows reports whether 16-byte vectors cover the rows of all operands.
func vectorRows(list ...*kernels.Operand) bool {
	lanes := vectorLanes(list[0].DType)
	return list[0].C%lanes == 0 && gpu.Aligned(lanes, list...)
}

// columnsOf is the least power of two, at most a warp, that covers n vectors.
func columnsOf(n int) int {
	c := 1
	for c < n && c < 32 {
		c *= 2
	}
	return c
}

const (
	sectorBytes   = 32
	slabThreads   = 512       // of a block of the forward pass, at most
	slabShared    = 72 * 1024 // a slab of at most that much leaves room for two more on the multiprocessors of large GPUs
	sliceBytes    = 64        // two sectors: what memory hands over at least
	smallSlab     = 8 * 1024  // below that slices are wider: what a block costs besides counts
	streamThreads = 256
)

// narrowest is the least number of channels of whole groups of a size that fill whole sectors, or all channels.
func narrowest(size, bytes, channels int) int {
	unit := size
	for unit*bytes%sectorBytes != 0 {
		unit += size
	}
	return min(unit, channels)
}

// StatsPay reports whether a norm of x gains from given channelStats. Where three slabs of whole groups fit into the shared memory of an
// H100's multiprocessor (two into an A100's) the first variant reads x once anyway; beyond that fewer blocks share one, and above 99, 163 or 227 KB (consumer GPUs,
// A100, H100) a slab fits no more and x is read twice, as it is where a group has more channels than a warp's vectors.
func StatsPay(x kernels.Spec, groups int) bool {
	size := x.DType.Size()
	unit := narrowest(x.C/groups, size, x.C)
	return x.H*x.W*unit*size > slabShared || unit > 32*vectorLanes(x.DType)
}

// slabSlices splits the channels of an image for kernels that keep copies slabs of it in shared memory: slices of whole groups and
// whole sectors, wider ones where there are enough of them. An error says why there is none.
func slabSlices(s *normShape, x *kernels.Operand, copies int, p kernels.Props) error {
	lanes, bytes := vectorLanes(x.DType), x.DType.Size()
	unit := narrowest(int(s.Size), bytes, x.C)
	if unit > 32*lanes {
		return fmt.Errorf("a slice of whole groups has %d channels, at most %d fit into a warp's vectors", unit, 32*lanes)
	}
	width := unit
	for wide := 2 * unit; wide <= min(x.C, 32*lanes) && x.N*gpu.Ceil(x.C, wide) >= 2*p.SMs; wide *= 2 {
		if slab := copies * int(s.Pixels) * wide * bytes; slab > slabShared || wide*bytes > sliceBytes && slab > smallSlab {
			break
		}
		width = wide
	}
	s.Width, s.Columns, s.Blocks = int32(width), int32(columnsOf(width/lanes)), int32(gpu.Ceil(x.C, width))
	return nil
}

// slabBlock returns the threads of a block: eight pixels each where there are enough, at least one a channel.
func slabBlock(s *normShape, most int) int {
	threads := gpu.Ceil(int(s.Pixels), 8) * int(s.Columns)
	return min(max(gpu.Ceil(threads, 32), gpu.Ceil(int(s.Width), 32))*32, most)
}

// planeFloats is the room of one number a channel of a slice (planes of normalize.cuh).
func planeFloats(s *normShape, lanes int) int {
	if lanes == 8 {
		return 2 * ((4*(int(s.Width)/8)+15)/32*32 + 16)
	}
	return int(s.Width)
}

// forwardSlab plans group_norm_slab: the shape, the threads of a block and its shared memory.
func forwardSlab(c *kernels.Call, p kernels.Props) (s normShape, threads, shared int, err error) {
	x, op := c.In[0], c.Op.(GroupNorm)
	if err := indexed(x); err != nil {
		return s, 0, 0, err
	}
	if gpu.In(c.In, 4) != nil {
		return s, 0, 0, errGiven
	}
	if !inVectors(op) {
		return s, 0, 0, fmt.Errorf("%s is computed element by element", op.Activation)
	}
	if !vectorRows(x, c.Out[0]) {
		return s, 0, 0, fmt.Errorf("x or y has rows that 16-byte vectors do not cover")
	}
	s = newNormShape(op, x, c.Out[0], nil, nil, gpu.In(c.In, 3), nil, c.Out[1])
	if err := slabSlices(&s, x, 1, p); err != nil {
		return s, 0, 0, err
	}
	threads = slabBlock(&s, slabThreads)
	shared = int(s.Pixels)*int(s.Width)*x.DType.Size() + 4*((threads/32+2)*planeFloats(&s, vectorLanes(x.DType))+2*int(s.Width))
	if shared > p.Shared {
		return s, 0, 0, fmt.Errorf("an image's slice of %d channels takes %d bytes of shared memory, a block has %d", s.Width, shared, p.Shared)
	}
	return s, threads, shared, nil
}

var errGiven = errors.New("the statistics are given")

func groupNormSlabSupports(c *kernels.Call, p kernels.Props) error {
	_, _, _, err := forwardSlab(c, p)
	return err
}

// groupNormSlabCUDA has one block for an image and a slice of its channels.
func groupNormSlabCUDA(q *gpu.Queue, c *kernels.Call) error {
	s, threads, shared, err := forwardSlab(c, q.Library.Props())
	if err != nil {
		return err
	}
	x := c.In[0]
	return q.Launch(gpu.Launch{Module: "group_norm", Kernel: "group_norm_slab_" + gpu.Suffix(x.DType), Shared: shared,
		Grid: cuda.Dim3{X: x.N * int(s.Blocks)}, Block: cuda.Dim3{X: threads}, Operands: gpu.Uses(c),
		Args: []any{q.State, s, gpu.Ptr(x), gpu.Ptr(c.In[1]), gpu.Ptr(c.In[2]), gpu.Ptr(gpu.In(c.In, 3)), gpu.Ptr(c.Out[0]), gpu.Ptr(c.Out[1])}})
}

// stream is the plan of kernels that go over chunks of pixels.
type stream struct {
	lanes, columns int // elements of an access; blocks beside each other
	suffix         string
}

const (
	leastRows = 256 // pixels of a chunk: what a chunk costs besides stays small
	mostRows  = 512
)

// newStream splits the pixels of images into chunks, several for each multiprocessor where there are enough, and the channels
// into columns of at most a warp's vectors, or elements where vectors is false or do not cover the operands with rows of x's shape,
// x first.
func newStream(s *normShape, sms int, vectors bool, list ...*kernels.Operand) stream {
	x := list[0]
	t := stream{lanes: vectorLanes(x.DType), suffix: gpu.Suffix(x.DType)}
	if !vectors || !vectorRows(list...) {
		t.lanes, t.suffix = 1, "scalar_"+t.suffix
	}
	s.Width = int32(min(x.C, 32*t.lanes))
	s.Columns = int32(columnsOf(int(s.Width) / t.lanes))
	t.columns = gpu.Ceil(x.C, int(s.Width))
	rows := min(max(gpu.Ceil(x.Rows()*t.columns, 8*sms), leastRows), mostRows, int(s.Pixels))
	s.Rows, s.Blocks = int32(rows), int32(gpu.Ceil(int(s.Pixels), rows))
	return t
}

func (t stream) grid(s *normShape, images int) cuda.Dim3 {
	return cuda.Dim3{X: images * int(s.Blocks), Y: t.columns}
}

// forwardStream plans the three launches, of which given statistics leave two; partials is the bytes of the moments, which the affine
// map follows in the scratch memory.
func forwardStream(c *kernels.Call, sms int) (s normShape, t stream, partials int64) {
	x, op := c.In[0], c.Op.(GroupNorm)
	s = newNormShape(op, x, c.Out[0], nil, nil, gpu.In(c.In, 3), nil, c.Out[1])
	t = newStream(&s, sms, inVectors(op), x, c.Out[0])
	return s, t, 8 * int64(x.N) * int64(s.Blocks) * int64(x.C)
}

func groupNormStreamSupports(c *kernels.Call, _ kernels.Props) error {
	if gpu.In(c.In, 4) != nil {
		return errGiven
	}
	return indexed(c.In[0])
}

func groupNormStreamScratch(c *kernels.Call, p kernels.Props) int64 {
	_, _, partials := forwardStream(c, p.SMs)
	return partials + affineBytes(c.In[0])
}

// groupNormStreamCUDA takes the moments of chunks, joins them, and computes y.
func groupNormStreamCUDA(q *gpu.Queue, c *kernels.Call) error {
	s, t, partials := forwardStream(c, q.Library.Props().SMs)
	x := c.In[0]
	part := func(m cuda.Mode) cuda.Operand { return gpu.UseBytes(c.Scratch, 0, partials, m) }
	err := q.Launch(gpu.Launch{Module: "group_norm", Kernel: "group_norm_moments_" + t.suffix, Grid: t.grid(&s, x.N), Block: cuda.Dim3{X: streamThreads},
		Shared: 8 * streamThreads / 32 * planeFloats(&s, t.lanes), Args: []any{s, gpu.Ptr(x), gpu.Ptr(c.Scratch)},
		Operands: []cuda.Operand{gpu.Use(x, cuda.Read), part(cuda.Write)}})
	if err != nil {
		return err
	}
	if err := launchFinish(q, c, s, gpu.Ptr(c.Scratch), 2*s.Blocks*s.Channels, part(cuda.Read), partials); err != nil {
		return err
	}
	return launchApply(q, c, s, t, partials)
}

func groupNormGivenSupports(c *kernels.Call, _ kernels.Props) error {
	if gpu.In(c.In, 4) == nil {
		return errors.New("no statistics are given")
	}
	return indexed(c.In[0])
}

func groupNormGivenScratch(c *kernels.Call, _ kernels.Props) int64 { return affineBytes(c.In[0]) }

// groupNormGivenCUDA joins channelStats, which has an image for its only chunk, and computes y.
func groupNormGivenCUDA(q *gpu.Queue, c *kernels.Call) error {
	s, t, _ := forwardStream(c, q.Library.Props().SMs)
	given, whole := c.In[4], s
	whole.Blocks, whole.Rows = 1, s.Pixels
	if err := launchFinish(q, c, whole, gpu.Ptr(given), int32(given.Pitch), gpu.Use(given, cuda.Read), 0); err != nil {
		return err
	}
	return launchApply(q, c, s, t, 0)
}

// launchFinish joins moments, of images pitch floats apart, to the statistics and to the affine map at a byte of the scratch memory.
func launchFinish(q *gpu.Queue, c *kernels.Call, s normShape, moments cuda.DevicePtr, pitch int32, use cuda.Operand, affine int64) error {
	x, ss := c.In[0], gpu.In(c.In, 3)
	uses := []cuda.Operand{use, gpu.Use(c.In[1], cuda.Read), gpu.Use(c.In[2], cuda.Read), gpu.Use(c.Out[1], cuda.Write), useAffine(c, affine, cuda.Write)}
	if ss != nil {
		uses = append(uses, gpu.Use(ss, cuda.Read))
	}
	return q.Launch(gpu.Launch{Module: "group_norm", Kernel: "group_norm_finish_" + gpu.Suffix(x.DType), Operands: uses,
		Grid: cuda.Dim3{X: gpu.Ceil(x.N*int(s.Groups), finishWarps)}, Block: cuda.Dim3{X: 32 * finishWarps},
		Args: []any{s, int32(x.N), moments, pitch, gpu.Ptr(c.In[1]), gpu.Ptr(c.In[2]), gpu.Ptr(ss), gpu.Ptr(c.Out[1]), gpu.Ptr(c.Scratch) + cuda.DevicePtr(affine)}})
}

// launchApply computes y.
func launchApply(q *gpu.Queue, c *kernels.Call, s normShape, t stream, affine int64) error {
	x, y := c.In[0], c.Out[0]
	return q.Launch(gpu.Launch{Module: "group_norm", Kernel: "group_norm_apply_" + t.suffix, Grid: t.grid(&s, x.N), Block: cuda.Dim3{X: streamThreads},
		Shared: 8 * planeFloats(&s, t.lanes), Args: []any{q.State, s, gpu.Ptr(x), gpu.Ptr(c.Scratch) + cuda.DevicePtr(affine), gpu.Ptr(y)},
		Operands: []cuda.Operand{gpu.Use(x, cuda.Read), useAffine(c, affine, cuda.Read), gpu.Use(y, cuda.Write)}})
}

// useAffine declares the affine map, a scale and a shift a channel of each image.
func useAffine(c *kernels.Call, offset int64, m cuda.Mode) cuda.Operand {
	return gpu.UseBytes(c.Scratch, offset, affineBytes(c.In[0]), m)
}

func affineBytes(x *kernels.Operand) int64 { return 8 * int64(x.N) * int64(x.C) }

// finishWarps is the number of groups a block joins.
const finishWarps = 4
