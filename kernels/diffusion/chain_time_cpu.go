package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

func chainTimeReference(c *kernels.Call) {
	table, t := c.In[0], c.Out[0]
	for n := range t.N {
		t.I32[n*t.Pitch] = table.I32[int(c.State.ChainIndex)*table.Pitch]
	}
}

func chainTimeCPU(_ kernels.Queue, c *kernels.Call) error {
	if int(c.State.ChainIndex) >= c.In[0].N {
		return fmt.Errorf("chain index %d of a table of %d steps", c.State.ChainIndex, c.In[0].N)
	}
	chainTimeReference(c)
	return nil
}
