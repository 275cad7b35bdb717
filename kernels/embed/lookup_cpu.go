package embed

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
)

func lookupReference[T kernels.Float](c *kernels.Call) {
	ids, table, y := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	for n := range y.N {
		id := ids.Int(n, 0, 0, 0)
		for ch := range y.C {
			v := math.NaN()
			if id >= 0 && id < table.N {
				v = table.At(id, 0, 0, ch)
			}
			y.Set(n, 0, 0, ch, v)
		}
	}
}

func lookupCPU(_ kernels.Queue, c *kernels.Call) error {
	ids, table, y := c.In[0], c.In[1], c.Out[0]
	for n := range y.N {
		id := int(ids.I32[n*ids.Pitch])
		if id < 0 || id >= table.N {
			return fmt.Errorf("lookup: %s of sample %d is %d, expected 0..%d", ids.Name, n, id, table.N-1)
		}
		copy(y.F32[n*y.Pitch:n*y.Pitch+y.C], table.F32[id*table.Pitch:id*table.Pitch+y.C])
	}
	return nil
}
