package diffusion

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
)

func chainTimeReference[T kernels.Float](c *kernels.Call) {
	table, t := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	at := math.NaN()
	if i := int(c.State.ChainIndex); i < table.N {
		at = table.At(i, 0, 0, 0)
	}
	for n := range t.N {
		t.Set(n, 0, 0, 0, at)
	}
}

func chainTimeCPU(_ kernels.Queue, c *kernels.Call) error {
	if int(c.State.ChainIndex) >= c.In[0].N {
		return fmt.Errorf("chain index %d of a table of %d steps", c.State.ChainIndex, c.In[0].N)
	}
	chainTimeReference[float32](c)
	return nil
}
