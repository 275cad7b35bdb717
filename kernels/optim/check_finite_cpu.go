package optim

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
)

// checkFiniteReference raises the flag as CheckFinite documents.
func checkFiniteReference[T kernels.Float](c *kernels.Call) {
	loss, norm, flag, out := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.Out[T](c, 0)
	out.SetInt(0, 0, 0, 0, raise(flag.Int(0, 0, 0, 0), loss.At(0, 0, 0, 0), norm.At(0, 0, 0, 0)))
}

func raise(flag int, loss, norm float64) int {
	switch {
	case flag != FlagGood:
		return flag
	case !finite(loss):
		return FlagBadLoss
	case !finite(norm):
		return FlagBadNorm
	}
	return FlagGood
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func checkFiniteCPU(_ kernels.Queue, c *kernels.Call) error {
	flag := raise(int(c.In[2].I32[0]), float64(c.In[0].F32[0]), float64(c.In[1].F32[0]))
	c.Out[0].I32[0] = int32(flag)
	return nil
}
