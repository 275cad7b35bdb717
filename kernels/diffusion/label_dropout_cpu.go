package diffusion

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/rng"
)

func labelDropoutReference(c *kernels.Call) {
	o, labels, y, s := c.Op.(LabelDropout), c.In[0], c.Out[0], c.State
	for n := range y.N {
		group := rng.Philox4x32(rng.Counter(0, s.SampleBase+uint32(n), s.Step, o.Stream), rng.Key(s.Seed))
		label := labels.I32[n*labels.Pitch]
		if rng.Uniform(group[0]) < float32(o.Probability) {
			label = int32(o.Null)
		}
		y.I32[n*y.Pitch] = label
	}
}
