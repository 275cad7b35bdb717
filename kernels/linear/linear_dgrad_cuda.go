package linear

import (
	"github.com/unnoise/unnoise/kernels"
)

// linearDgradProduct is dx = dy w + residual.
func linearDgradProduct(c *kernels.Call) product {
	dy, w, dx := c.In[0], c.In[1], c.Out[0]
	return product{module: "linear_dgrad", prefix: "linear_dgrad", m: dy.Rows(), n: dx.C, k: dy.C, batch: 1, a: dy, b: w, out: dx,
		residual: operand(c.In, 2), alpha: 1}
}
