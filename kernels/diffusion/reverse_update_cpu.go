package diffusion

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// coefficients is a row of ReverseUpdate's table.
type coefficients [Sigma + 1]float64

// clean returns the estimate of x_0, and whether it was left unclipped.
func (k *coefficients) clean(x, out, clip float64) (float64, bool) {
	x0 := k[X0FromX]*x + k[X0FromOut]*out
	switch {
	case clip > 0 && x0 > clip:
		return clip, false
	case clip > 0 && x0 < -clip:
		return -clip, false
	}
	return x0, true
}

// coefficientsOf reads the table's row of this step; NaN outside the table.
func coefficientsOf[T kernels.Float](table kernels.View[T], s *kernels.StepState) *coefficients {
	k := new(coefficients)
	for i := range k {
		k[i] = math.NaN()
		if int(s.ChainIndex) < table.N {
			k[i] = table.At(int(s.ChainIndex), 0, 0, i)
		}
	}
	return k
}

func reverseUpdateReference[T kernels.Float](c *kernels.Call) {
	o := c.Op.(ReverseUpdate)
	x, out, z, prev := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 3), kernels.Out[T](c, 0)
	k := coefficientsOf(kernels.In[T](c, 2), c.State)
	elementwise.Each(x.Spec, func(n, h, w, ch int) {
		x0, _ := k.clean(x.At(n, h, w, ch), out.At(n, h, w, ch), o.Clip)
		y := k[C0]*x0 + k[CX]*x.At(n, h, w, ch)
		switch {
		case z.Ok():
			y += k[Sigma] * z.At(n, h, w, ch)
		case k[Sigma] != 0:
			y += k[Sigma] * normalAt(c.State, o.Stream, n, (h*x.W+w)*x.C+ch)
		}
		prev.Set(n, h, w, ch, y)
	})
}

func reverseUpdateWorkspace(c *kernels.Call, p kernels.Props) int64 {
	if optional(c, 3) != nil {
		return 0
	}
	return sampleWorkspace(c.In[0].Spec, p)
}

// rowOf reads the table's row of this step.
func rowOf(name string, table *kernels.Operand, s *kernels.StepState) (*coefficients, error) {
	if int(s.ChainIndex) >= table.N {
		return nil, fmt.Errorf("%s: chain index %d, but %s has rows 0..%d", name, s.ChainIndex, table.Name, table.N-1)
	}
	k := new(coefficients)
	for i := range k {
		k[i] = float64(table.F32[int(s.ChainIndex)*table.Pitch+i])
	}
	return k, nil
}

func reverseUpdateCPU(q kernels.Queue, c *kernels.Call) error {
	o, x, out, prev, given := c.Op.(ReverseUpdate), c.In[0], c.In[1], c.Out[0], optional(c, 3)
	k, err := rowOf(o.Name(), c.In[2], c.State)
	if err != nil {
		return err
	}
	eachSample(q, x.Spec, func(n, worker int) {
		state, net, to := rowsOf(x, n), rowsOf(out, n), rowsOf(prev, n)
		z := rows{}
		noisy := given != nil || k[Sigma] != 0
		if noisy {
			z = noise(c, given, o.Stream, n, worker)
		}
		for p := range x.H * x.W {
			a, b, y := state.at(p, x.C), net.at(p, x.C), to.at(p, x.C)
			if !noisy {
				k.update(y, a, b, o.Clip)
				continue
			}
			k.updateNoisy(y, a, b, z.at(p, x.C), o.Clip)
		}
	})
	return nil
}

func (k *coefficients) update(y, x, out []float32, clip float64) {
	for i, v := range x {
		x0, _ := k.clean(float64(v), float64(out[i]), clip)
		y[i] = float32(k[C0]*x0 + k[CX]*float64(v))
	}
}

func (k *coefficients) updateNoisy(y, x, out, z []float32, clip float64) {
	for i, v := range x {
		x0, _ := k.clean(float64(v), float64(out[i]), clip)
		y[i] = float32(k[C0]*x0 + k[CX]*float64(v) + k[Sigma]*float64(z[i]))
	}
}
