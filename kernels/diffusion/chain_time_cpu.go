package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

func chainTimeReference(c *kernels.Call) {
	table, t := c.In[0], c.Out[0]
	at := int32(-1)
	if i := int(c.State.ChainIndex); i < table.N {
		at = table.I32[i*table.Pitch]
	}
	for n := range t.N {
		t.I32[n*t.Pitch] = at
	}
}

func chainTimeCPU(_ kernels.Queue, c *kernels.Call) error {
	if int(c.State.ChainIndex) >= c.In[0].N {
		return fmt.Errorf("chain index %d of a table of %d steps", c.State.ChainIndex, c.In[0].N)
	}
	chainTimeReference(c)
	return nil
}
