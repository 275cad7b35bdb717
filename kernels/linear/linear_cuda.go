package linear

import (
	"github.com/unnoise/unnoise/kernels"
)

// linearProduct is y = x w^T + bias + residual; kernels whose y is wider than x have a name of their own.
func linearProduct(c *kernels.Call) product {
	x, w, y := c.In[0], c.In[1], c.Out[0]
	prefix := "linear"
	if y.DType != x.DType {
		prefix = "linear_widen"
	}
	return product{module: "linear", prefix: prefix, m: x.Rows(), n: y.C, k: x.C, batch: 1, a: x, b: w, out: y,
		bias: operand(c.In, 2), residual: operand(c.In, 3), alpha: 1}
}
