package diffusion

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/rng"
)

// normalAt draws one normal straight from the definition of the counter.
func normalAt(s *kernels.StepState, stream uint32, n, element int) float64 {
	group := rng.Philox4x32(rng.Counter(uint64(element), s.SampleBase+uint32(n), s.Step, stream), rng.Key(s.Seed))
	return float64(rng.Normal4(group)[element%4])
}

func noisingReference[T kernels.Float](c *kernels.Call) {
	o := c.Op.(Noising)
	x0, t, table, eps := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.In[T](c, 3)
	xt, target := kernels.Out[T](c, 0), kernels.Out[T](c, 1)
	elementwise.Each(x0.Spec, func(n, h, w, ch int) {
		k := [4]float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
		if row := t.Int(n, 0, 0, 0); row >= 0 && row < table.N {
			for i := range k {
				k[i] = table.At(row, 0, 0, i)
			}
		}
		if o.Transpose {
			k[1], k[2] = k[2], k[1]
		}
		x, e := x0.At(n, h, w, ch), 0.0
		if eps.Ok() {
			e = eps.At(n, h, w, ch)
		} else {
			e = normalAt(c.State, o.Stream, n, (h*x0.W+w)*x0.C+ch)
		}
		xt.Set(n, h, w, ch, k[0]*x+k[1]*e)
		target.Set(n, h, w, ch, k[2]*x+k[3]*e)
	})
}

// optional returns input i, nil where it is absent.
func optional(c *kernels.Call, i int) *kernels.Operand {
	if i < len(c.In) {
		return c.In[i]
	}
	return nil
}

// sampleWorkspace is room for one sample's noise for each worker.
func sampleWorkspace(s kernels.Spec, p kernels.Props) int64 {
	return 4 * int64(p.Workers) * int64(s.H*s.W*s.C)
}

func noisingWorkspace(c *kernels.Call, p kernels.Props) int64 {
	if optional(c, 3) != nil {
		return 0
	}
	return sampleWorkspace(c.In[0].Spec, p)
}

// rows is one image's rows: pixel p's C values start at data[p*pitch].
type rows struct {
	data  []float32
	pitch int
}

// rowsOf returns image n of an operand.
func rowsOf(o *kernels.Operand, n int) rows {
	return rows{o.F32[n*o.H*o.W*o.Pitch:], o.Pitch}
}

// at returns the c values of pixel p.
func (r rows) at(p, c int) []float32 { return r.data[p*r.pitch : p*r.pitch+c] }

// noise returns image n of the given noise, or draws it into the worker's part of the workspace.
func noise(c *kernels.Call, given *kernels.Operand, stream uint32, n, worker int) rows {
	if given != nil {
		return rowsOf(given, n)
	}
	x, s := c.In[0], c.State
	size := x.H * x.W * x.C
	buf := c.Workspace[worker*size : (worker+1)*size]
	rng.FillNormal(buf, s.Seed, s.SampleBase+uint32(n), s.Step, stream)
	return rows{buf, x.C}
}

// taskElements is about how many elements a task takes: several small samples together.
const taskElements = 2048

// eachSample calls fn for every sample of x, spread over the queue's workers.
func eachSample(q kernels.Queue, x kernels.Spec, fn func(n, worker int)) {
	grain := max(1, taskElements/(x.H*x.W*x.C))
	cpu.Of(q).Tasks((x.N+grain-1)/grain, func(i, worker int) {
		for n := i * grain; n < min((i+1)*grain, x.N); n++ {
			fn(n, worker)
		}
	})
}

func noisingCPU(q kernels.Queue, c *kernels.Call) error {
	o, x0, t, table := c.Op.(Noising), c.In[0], c.In[1], c.In[2]
	for n := range x0.N {
		if row := int(t.I32[n*t.Pitch]); row < 0 || row >= table.N {
			return fmt.Errorf("noising: %s of sample %d is %d, expected 0..%d", t.Name, n, row, table.N-1)
		}
	}
	eachSample(q, x0.Spec, func(n, worker int) {
		k := table.F32[int(t.I32[n*t.Pitch])*table.Pitch:]
		k0, k1, k2, k3 := k[0], k[1], k[2], k[3]
		if o.Transpose {
			k1, k2 = k2, k1
		}
		x, e := rowsOf(x0, n), noise(c, optional(c, 3), o.Stream, n, worker)
		xt, target := rowsOf(c.Out[0], n), rowsOf(c.Out[1], n)
		for p := range x0.H * x0.W {
			in, eps, noisy, want := x.at(p, x0.C), e.at(p, x0.C), xt.at(p, x0.C), target.at(p, x0.C)
			for i, v := range in {
				noisy[i] = k0*v + k1*eps[i]
				want[i] = k2*v + k3*eps[i]
			}
		}
	})
	return nil
}
