package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

func resampleReference[T kernels.Float](c *kernels.Call) {
	k := c.Op.(Resample).Kind
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) {
		if k == Nearest2 {
			y.Set(n, h, w, ch, x.At(n, h/2, w/2, ch))
			return
		}
		sum := x.At(n, 2*h, 2*w, ch) + x.At(n, 2*h, 2*w+1, ch) + x.At(n, 2*h+1, 2*w, ch) + x.At(n, 2*h+1, 2*w+1, ch)
		y.Set(n, h, w, ch, sum/4)
	})
}

func resampleCPU(q kernels.Queue, c *kernels.Call) error {
	x, y := c.In[0], c.Out[0]
	if c.Op.(Resample).Kind == AvgPool2 {
		poolSum(q, y, x, 0.25)
	} else {
		spread(q, y, x, 1)
	}
	return nil
}

// lines is how many lines of an image a task takes.
func lines(o *kernels.Operand) int { return max(1, blockElements/(o.W*o.C)) }

// line returns the pixels of line r (image and height counted together) from column w on, step pixels apart.
func line(o *kernels.Operand, r, w, step int) simd.Rows {
	return simd.Rows{Data: o.F32[(r*o.W+w)*o.Pitch:], Pitch: o.Pitch * step}
}

// poolSum computes dst = factor * the sum of the 2 x 2 pixels of src that each pixel of dst covers.
func poolSum(q kernels.Queue, dst, src *kernels.Operand, factor float32) {
	cpu.Of(q).Range(dst.N*dst.H, lines(dst), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			out, top := line(dst, r, 0, 1), r/dst.H*src.H+r%dst.H*2
			simd.AddRows(out, line(src, top, 0, 2), line(src, top, 1, 2), dst.W, dst.C)
			simd.AddRows(out, out, line(src, top+1, 0, 2), dst.W, dst.C)
			simd.AddRows(out, out, line(src, top+1, 1, 2), dst.W, dst.C)
			if factor != 1 {
				simd.ScaleRows(out, factor, out, dst.W, dst.C)
			}
		}
	})
}

// spread computes the 2 x 2 pixels of dst for each pixel of src as factor * that pixel; what an odd size leaves over is 0.
func spread(q kernels.Queue, dst, src *kernels.Operand, factor float32) {
	cpu.Of(q).Range(dst.N*dst.H, lines(dst), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			h := r % dst.H / 2
			if h >= src.H {
				zero(line(dst, r, 0, 1), dst.W, dst.C)
				continue
			}
			in := line(src, r/dst.H*src.H+h, 0, 1)
			simd.ScaleRows(line(dst, r, 0, 2), factor, in, src.W, src.C)
			simd.ScaleRows(line(dst, r, 1, 2), factor, in, src.W, src.C)
			if rest := dst.W - 2*src.W; rest > 0 {
				zero(line(dst, r, 2*src.W, 1), rest, dst.C)
			}
		}
	})
}

func zero(m simd.Rows, rows, c int) {
	for r := range rows {
		clear(m.Data[r*m.Pitch : r*m.Pitch+c])
	}
}
