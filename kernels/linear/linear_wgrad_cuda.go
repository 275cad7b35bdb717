package linear

import (
	"github.com/unnoise/unnoise/kernels"
)

// linearWgradProduct is dw = dy^T x; the sums of dy's columns are db.
func linearWgradProduct(c *kernels.Call) product {
	x, dy, dw := c.In[0], c.In[1], c.Out[0]
	return product{module: "linear_wgrad", prefix: "linear_wgrad", m: dy.C, n: x.C, k: x.Rows(), batch: 1, a: dy, b: x, out: dw,
		sums: operand(c.Out, 1), alpha: 1}
}
