package linear

import (
	"github.com/unnoise/unnoise/kernels"
)

// matmulProduct is c = Alpha op(a) op(b) for every matrix of the batch; n and t in the kernels' names say what is transposed.
func matmulProduct(c *kernels.Call) product {
	op := c.Op.(Matmul)
	a, b, out := c.In[0], c.In[1], c.Out[0]
	m, n, k := op.dims(&a.Spec, &b.Spec)
	layout := map[bool]string{false: "n", true: "t"}
	return product{module: "matmul", prefix: "matmul_" + layout[op.TransA] + layout[op.TransB], m: m, n: n, k: k, batch: a.N,
		a: a, b: b, out: out, alpha: op.Alpha, whole: true}
}
