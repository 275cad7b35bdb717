package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// resampleGradCUDA uses the kernels of resample.cu: the mean's gradient is spread, nearest's is summed.
func resampleGradCUDA(q *gpu.Queue, c *kernels.Call) error {
	if c.Op.(ResampleGrad).Kind == AvgPool2 {
		return resize(q, c, "spread", 0.25)
	}
	return resize(q, c, "pool", 1)
}
