package conv

import (
	"errors"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

// The fast variants gather the inputs of a block of output pixels into rows of KH*KW*Ci (im2col), small enough to stay in the
// second-level cache, and leave the sums to one matrix product a block.

// blockFloats is the size of a block of gathered rows: 512 KiB.
const blockFloats = 128 << 10

// float32Only is the condition of all variants here.
func float32Only(c *kernels.Call) error {
	for _, ops := range [2][]*kernels.Operand{c.In, c.Out} {
		for _, o := range ops {
			if o != nil && (o.F32 == nil || o.DType != kernels.F32) {
				return errors.New("the fast CPU variant takes float32 tensors only")
			}
		}
	}
	return nil
}

// columns describes the gathering of one convolution.
type columns struct {
	Geometry
	x      *kernels.Operand
	oh, ow int
	k      int // KH*KW*Ci
	rows   int // output rows (of ow pixels) a block
	blocks int
	direct bool // 1x1, stride 1: the input itself is the matrix
	// tapRow[oh*KH+r] and tapCol[ow*KW+s] are the input rows and columns, -1 in the padding
	tapRow, tapCol []int32
}

func newColumns(g Geometry, x *kernels.Operand) *columns {
	cl := &columns{Geometry: g, x: x, k: g.KH * g.KW * x.C}
	cl.oh, cl.ow = g.Size(x.H, x.W)
	cl.direct = g.KH == 1 && g.KW == 1 && g.stride() == 1 && !g.Upsample2x && cl.oh == x.H && cl.ow == x.W
	cl.rows = max(1, blockFloats/(cl.k*cl.ow))
	cl.blocks = (x.N*cl.oh + cl.rows - 1) / cl.rows
	cl.tapRow = taps(g, cl.oh, g.KH, g.PadTop, x.H)
	cl.tapCol = taps(g, cl.ow, g.KW, g.PadLeft, x.W)
	return cl
}

func taps(g Geometry, outputs, k, pad, size int) []int32 {
	t := make([]int32, outputs*k)
	for o := range outputs {
		for r := range k {
			t[o*k+r] = -1
			if i, ok := g.source(o, r, pad, size); ok {
				t[o*k+r] = int32(i)
			}
		}
	}
	return t
}

// floats is the scratch that a worker needs for gathered rows.
func (cl *columns) floats() int {
	if cl.direct {
		return 0
	}
	return cl.rows * cl.ow * cl.k
}

// span returns the output rows lo..hi of a block, over all images.
func (cl *columns) span(block int) (lo, hi int) {
	return block * cl.rows, min((block+1)*cl.rows, cl.x.N*cl.oh)
}

// gather fills buf with the rows of output rows lo..hi and returns the matrix and its row distance.
func (cl *columns) gather(buf []float32, lo, hi int) ([]float32, int) {
	if cl.direct {
		return cl.x.F32[lo*cl.ow*cl.x.Pitch:], cl.x.Pitch
	}
	at := 0
	for row := lo; row < hi; row++ {
		n, oh := row/cl.oh, row%cl.oh
		image := cl.x.F32[n*cl.x.H*cl.x.W*cl.x.Pitch:]
		for ow := range cl.ow {
			cl.pixel(buf[at:at+cl.k], image, cl.tapRow[oh*cl.KH:(oh+1)*cl.KH], cl.tapCol[ow*cl.KW:(ow+1)*cl.KW])
			at += cl.k
		}
	}
	return buf, cl.k
}

// pixel gathers one output pixel's inputs; runs of neighbouring columns are copied at once.
func (cl *columns) pixel(dst, image []float32, rows, cols []int32) {
	ci, pitch, w := cl.x.C, cl.x.Pitch, cl.x.W
	run := pitch == ci && cols[0] >= 0 && int(cols[len(cols)-1]-cols[0]) == len(cols)-1 && !cl.Circular && !cl.Upsample2x
	seg := cl.KW * ci
	for r, ih := range rows {
		out := dst[r*seg : (r+1)*seg]
		if ih < 0 {
			clear(out)
			continue
		}
		line := int(ih) * w
		if run {
			copy(out, image[(line+int(cols[0]))*pitch:])
			continue
		}
		for s, iw := range cols {
			if iw < 0 {
				clear(out[s*ci : (s+1)*ci])
				continue
			}
			copy(out[s*ci:(s+1)*ci], image[(line+int(iw))*pitch:])
		}
	}
}

// packWeights makes dense (O, KH*KW*I) rows of weights whose pitch is wider than I.
func packWeights(dst []float32, w *kernels.Operand) {
	for r := range w.Rows() {
		copy(dst[r*w.C:(r+1)*w.C], w.F32[r*w.Pitch:])
	}
}

// addends are the optional operands of a convolution.
type addends struct{ bias, image, residual *kernels.Operand }

func (a addends) any() bool { return a.bias != nil || a.image != nil || a.residual != nil }

// fill writes the sum of the addends into output rows lo..hi.
func (a addends) fill(y *kernels.Operand, lo, hi int) {
	for p := lo * y.W; p < hi*y.W; p++ {
		out := y.F32[p*y.Pitch : p*y.Pitch+y.C]
		switch {
		case a.residual != nil:
			copy(out, a.residual.F32[p*a.residual.Pitch:])
			if a.bias != nil {
				simd.AddTo(out, a.bias.F32[:y.C])
			}
		case a.bias != nil:
			copy(out, a.bias.F32)
		default:
			clear(out)
		}
		if a.image != nil {
			n := p / (y.H * y.W)
			simd.AddTo(out, a.image.F32[n*a.image.Pitch:n*a.image.Pitch+y.C])
		}
	}
}

// product computes y = columns(x) * weights^T + addends; weights is (Co, k), dense. buf holds cl.floats() for each worker.
func product(q *cpu.Queue, cl *columns, weights []float32, add addends, y *kernels.Operand, buf []float32) {
	q.Tasks(cl.blocks, func(block, worker int) {
		lo, hi := cl.span(block)
		a, lda := cl.gather(buf[worker*cl.floats():(worker+1)*cl.floats()], lo, hi)
		beta := float32(0)
		if add.any() {
			add.fill(y, lo, hi)
			beta = 1
		}
		blas.Gemm(false, true, (hi-lo)*cl.ow, y.C, cl.k, 1, a, lda, weights, cl.k, beta, y.F32[lo*cl.ow*y.Pitch:], y.Pitch)
	})
}
