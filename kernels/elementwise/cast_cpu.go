package elementwise

import "github.com/unnoise/unnoise/kernels"

func castReference[T kernels.Float](c *kernels.Call) {
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, x.At(n, h, w, ch)) })
}

// castCPU rounds: bf16 tensors lie in host memory as float32 values that bf16 can hold.
func castCPU(q kernels.Queue, c *kernels.Call) error {
	x, y := c.In[0], c.Out[0]
	Blocks(q, func(b Block) {
		in, out := b.Of(x), b.Of(y)
		for r := range b.Count {
			from, to := in.Data[r*in.Pitch:r*in.Pitch+b.C], out.Data[r*out.Pitch:r*out.Pitch+b.C]
			if y.DType == kernels.F32 {
				copy(to, from)
				continue
			}
			for i, v := range from {
				to[i] = kernels.RoundBF16(v)
			}
		}
	}, y, x)
	return nil
}
