package attention

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// attentionCall is AttentionCall of kernels/include/attention.cuh.
type attentionCall struct {
	Q, K, V, O, DOut, Out, DQ, DK, DV, LSE, Delta                 cuda.DevicePtr
	Queries, Keys, Heads, Width                                   int32
	LDQ, LDK, LDV, LDO, LDDOut, LDOut, LDDQ, LDDK, LDDV, LSEPitch int32
	Scale                                                         float32
}

// The variants: 16-byte rows, or anything.
const (
	chunked  = 1
	anyPitch = 2
)

const (
	maxTokens = 1024 // pixels of an image
	maxWidth  = 256  // channels of a head: the sums of one are kept in registers
	maxGrid   = 65535
)

// variants makes the CUDA variants of one of the two operators.
func variants(shared func(s shape) int, scratch func(c *kernels.Call, p kernels.Props) int64,
	run func(q *gpu.Queue, c *kernels.Call, s shape) error) []kernels.Variant {
	variant := func(number int, name, doc string) kernels.Variant {
		return gpu.Kernel(number, name, doc,
			func(c *kernels.Call, p kernels.Props) error { return supports(c, p, number, shared) }, scratch,
			func(q *gpu.Queue, c *kernels.Call) error { return run(q, c, shapeOf(c, number)) })
	}
	return []kernels.Variant{
		variant(chunked, "vector", "16-byte rows, scores in registers; bf16 on tensor cores, panels copied while others are used"),
		variant(anyPitch, "any_pitch", "any pitch, alignment and head size, element-wise copies"),
	}
}

func supports(c *kernels.Call, p kernels.Props, variant int, shared func(s shape) int) error {
	s := shapeOf(c, variant)
	name := c.Op.Name()
	switch {
	case s.queries > maxTokens || s.keys > maxTokens:
		return fmt.Errorf("%s: %d queries and %d keys an image, at most %d run on a device: put attention at a smaller resolution, or run on the CPU",
			name, s.queries, s.keys, maxTokens)
	case s.width > maxWidth:
		return fmt.Errorf("%s: heads of %d channels, at most %d run on a device: use more heads", name, s.width, maxWidth)
	case c.In[0].N > maxGrid || s.heads > maxGrid:
		return fmt.Errorf("%s: %d images and %d heads, at most %d of each go to a device at once: split the batch", name, c.In[0].N, s.heads, maxGrid)
	case variant == chunked && !s.chunked:
		return fmt.Errorf("%s: rows or heads are not made of 16-byte chunks: variant %d takes them", name, anyPitch)
	case shared(s) > p.Shared:
		return fmt.Errorf("%s: heads of %d channels in %s take %d bytes of shared memory, a block has %d: use more heads", name, s.width, s.dtype, shared(s), p.Shared)
	}
	return nil
}

// shape is what the choice of a kernel depends on.
type shape struct {
	dtype                kernels.DType
	variant              int
	queries, keys, heads int
	width, padded        int // channels of a head, and what they are padded to
	chunked              bool
}

func shapeOf(c *kernels.Call, variant int) shape {
	q := c.In[0]
	s := shape{dtype: q.DType, variant: variant, queries: q.H * q.W, keys: c.In[1].H * c.In[1].W}
	tensors := append([]*kernels.Operand(nil), c.In[:3]...)
	switch op := c.Op.(type) {
	case Attention:
		s.heads, tensors = op.Heads, append(tensors, c.Out[0])
	case AttentionGrad:
		s.heads, tensors = op.Heads, append(append(tensors, c.In[3], c.In[5]), c.Out...)
	}
	s.width = q.C / s.heads
	n := 16 / s.dtype.Size()
	s.chunked = (s.heads == 1 || s.width%n == 0) && gpu.Aligned(n, tensors...)
	for s.padded = 32; s.padded < s.width; s.padded *= 2 {
	}
	if variant == anyPitch {
		s.padded = 64
		if s.width > 64 {
			s.padded = maxWidth
		}
	}
	return s
}

// rows is the number of rows that a block owns.
func (s shape) rows() int {
	if s.dtype == kernels.BF16 {
		return 64
	}
	return 32
}

// stages is the number of panels in flight.
func (s shape) stages() int {
	if s.dtype == kernels.BF16 && s.variant == chunked {
		return 2
	}
	return 1
}

// panels is the shared memory of `own` panels of the block's rows and the ring of pairs of panels of streamed rows.
func (s shape) panels(own, streamed int) int {
	row := s.padded * s.dtype.Size()
	return own*s.rows()*row + s.stages()*2*streamed*row
}

// spill is the shared memory through which scores go to a second product: float32 only.
func (s shape) spill(streamed int) int {
	if s.dtype == kernels.BF16 {
		return 0
	}
	if streamed%32 != 8 {
		streamed += 8
	}
	return s.rows() * streamed * 4
}

// finished is the shared memory of finished rows, which take the place of the panels.
func (s shape) finished() int { return s.rows() * (s.padded + 8) * 4 }

// streamed is the number of rows of a panel: n, or wide for heads of more than 128 channels.
func (s shape) streamed(n, wide int) int {
	if s.padded == maxWidth {
		return wide
	}
	return n
}

// kernel is the name of a kernel for this shape.
func (s shape) kernel(stem string) string {
	if s.variant == anyPitch {
		stem += "_any"
	}
	return fmt.Sprintf("%s_%d_%s", stem, s.padded, gpu.Suffix(s.dtype))
}

// grid is one block for every few of `tokens` rows of every head.
func (s shape) grid(tokens, images int) cuda.Dim3 {
	return cuda.Dim3{X: gpu.Ceil(tokens, s.rows()), Y: s.heads, Z: images}
}

// arguments fills what both operators need.
func (s shape) arguments(c *kernels.Call, scale float64) attentionCall {
	return attentionCall{Q: gpu.Ptr(c.In[0]), K: gpu.Ptr(c.In[1]), V: gpu.Ptr(c.In[2]), Queries: int32(s.queries), Keys: int32(s.keys),
		Heads: int32(s.heads), Width: int32(s.width), LDQ: int32(c.In[0].Pitch), LDK: int32(c.In[1].Pitch), LDV: int32(c.In[2].Pitch),
		Scale: float32(scale)}
}

const attentionThreads = 128

// forwardStreamed is the number of keys in a panel.
func forwardStreamed(s shape) int {
	if s.dtype == kernels.F32 {
		return s.streamed(32, 16)
	}
	return 32
}

func attentionShared(s shape) int {
	n := forwardStreamed(s)
	return max(s.panels(1, n)+s.spill(n), s.finished())
}

func attentionCUDA(q *gpu.Queue, c *kernels.Call, s shape) error {
	o, lse := c.Out[0], c.Out[1]
	a := s.arguments(c, c.Op.(Attention).scale(s.width))
	a.Out, a.LDOut, a.LSE, a.LSEPitch = gpu.Ptr(o), int32(o.Pitch), gpu.Ptr(lse), int32(lse.Pitch)
	return q.Launch(gpu.Launch{Module: "attention", Kernel: s.kernel("attention"), Grid: s.grid(s.queries, o.N), Block: cuda.Dim3{X: attentionThreads},
		Shared: attentionShared(s), Args: []any{a}, Operands: gpu.Uses(c)})
}
