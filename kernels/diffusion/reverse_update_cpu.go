package diffusion

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// linear is a combination of ReverseUpdate: coefficients of x_0, x, z, the network's output and the slots.
type linear struct {
	x0, x, z, out float64
	h             []float64
	slot          int // that is written; -1: none
}

// coefficients is a row of ReverseUpdate's table.
type coefficients struct {
	fromX, fromOut float64
	prev           linear
	writes         []linear // those that name a slot
}

// bound is what an estimate of x_0 is clamped to, and divided by.
type bound struct {
	most  float64 // 0: no clamping
	scale float64
}

// boundOf returns the bound of sample n: its limit where there are limits.
func boundOf(clip float64, limit func(n int) float64, n int) bound {
	if limit == nil {
		return bound{clip, 1}
	}
	s := limit(n)
	return bound{s, s}
}

// coefficientsAt makes a row from its elements.
func coefficientsAt(at func(column int) float64, slots int) *coefficients {
	read := func(combination int) linear {
		c := Column(combination, slots)
		l := linear{x0: at(c), x: at(c + 1), z: at(c + 2), out: at(c + 3), slot: -1}
		for k := range slots {
			l.h = append(l.h, at(SlotColumn(combination, k, slots)))
		}
		return l
	}
	k := &coefficients{fromX: at(X0FromX), fromOut: at(X0FromOut), prev: read(0)}
	if slots == 0 {
		return k
	}
	for w := range 2 {
		if slot := at(Write1 + w); slot >= 1 && slot <= float64(slots) {
			l := read(1 + w)
			l.slot = int(slot) - 1
			k.writes = append(k.writes, l)
		}
	}
	return k
}

// coefficientsOf reads the table's row of this step; NaN outside the table.
func coefficientsOf[T kernels.Float](table kernels.View[T], s *kernels.StepState, slots int) *coefficients {
	return coefficientsAt(func(column int) float64 {
		if int(s.ChainIndex) >= table.N {
			return math.NaN()
		}
		return table.At(int(s.ChainIndex), 0, 0, column)
	}, slots)
}

// clean returns the estimate of x_0, and whether it was left unclipped.
func (k *coefficients) clean(x, out float64, b bound) (float64, bool) {
	x0 := k.fromX*x + k.fromOut*out
	switch {
	case b.most > 0 && x0 > b.most:
		return b.most / b.scale, false
	case b.most > 0 && x0 < -b.most:
		return -b.most / b.scale, false
	}
	return x0 / b.scale, true
}

// noisy reports whether the step needs z.
func (k *coefficients) noisy() bool {
	for _, w := range k.writes {
		if w.z != 0 {
			return true
		}
	}
	return k.prev.z != 0
}

// at returns the combination; slot reads the history. Terms whose coefficient is 0 are left out.
func (l *linear) at(x0, x, z, out float64, slot func(k int) float64) float64 {
	y := l.x0*x0 + l.x*x
	if l.out != 0 {
		y += l.out * out
	}
	for k, h := range l.h {
		if h != 0 {
			y += h * slot(k)
		}
	}
	if l.z != 0 {
		y += l.z * z
	}
	return y
}

func reverseUpdateReference[T kernels.Float](c *kernels.Call) {
	o := c.Op.(ReverseUpdate)
	x, out, z, prev := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, inZ), kernels.Out[T](c, 0)
	old, history, limits := kernels.In[T](c, inHistory), kernels.Out[T](c, 1), kernels.In[T](c, inLimit)
	var limit func(n int) float64
	if limits.Ok() {
		limit = func(n int) float64 { return limits.At(n, 0, 0, 0) }
	}
	k := coefficientsOf(kernels.In[T](c, 2), c.State, old.N/x.N)
	noisy := k.noisy()
	elementwise.Each(x.Spec, func(n, h, w, ch int) {
		a, b, noise := x.At(n, h, w, ch), out.At(n, h, w, ch), 0.0
		switch {
		case z.Ok():
			noise = z.At(n, h, w, ch)
		case noisy:
			noise = normalAt(c.State, o.Stream, n, (h*x.W+w)*x.C+ch)
		}
		slot := func(k int) float64 { return old.At(k*x.N+n, h, w, ch) }
		x0, _ := k.clean(a, b, boundOf(o.Clip, limit, n))
		y := k.prev.at(x0, a, noise, b, slot)
		var written [2]float64
		for i := range k.writes {
			written[i] = k.writes[i].at(x0, a, noise, b, slot)
		}
		for i, l := range k.writes {
			history.Set(l.slot*x.N+n, h, w, ch, written[i])
		}
		prev.Set(n, h, w, ch, y)
	})
}

func reverseUpdateWorkspace(c *kernels.Call, p kernels.Props) int64 {
	if optional(c, inZ) != nil {
		return 0
	}
	return sampleWorkspace(c.In[0].Spec, p)
}

// rowOf reads the table's row of this step.
func rowOf(name string, table *kernels.Operand, s *kernels.StepState, slots int) (*coefficients, error) {
	if int(s.ChainIndex) >= table.N {
		return nil, fmt.Errorf("%s: chain index %d, but %s has rows 0..%d", name, s.ChainIndex, table.Name, table.N-1)
	}
	row := table.F32[int(s.ChainIndex)*table.Pitch:]
	return coefficientsAt(func(column int) float64 { return float64(row[column]) }, slots), nil
}

func reverseUpdateCPU(q kernels.Queue, c *kernels.Call) error {
	o, x, given, history := c.Op.(ReverseUpdate), c.In[0], optional(c, inZ), optional(c, inHistory)
	slots := 0
	if history != nil {
		slots = history.N / x.N
	}
	k, err := rowOf(o.Name(), c.In[2], c.State, slots)
	if err != nil {
		return err
	}
	var limit func(n int) float64
	if l := optional(c, inLimit); l != nil {
		limit = func(n int) float64 { return float64(l.F32[n*l.Pitch]) }
	}
	noisy := k.noisy()
	eachSample(q, x.Spec, func(n, worker int) {
		s := updateRows{coefficients: k, bound: boundOf(o.Clip, limit, n)}
		state, net, to := rowsOf(x, n), rowsOf(c.In[1], n), rowsOf(c.Out[0], n)
		z := rows{}
		if noisy {
			z = noise(c, given, o.Stream, n, worker)
		}
		slot := make([]rows, slots)
		for i := range slot {
			slot[i] = rowsOf(history, i*x.N+n)
		}
		s.slots = make([][]float32, slots)
		for p := range x.H * x.W {
			s.x, s.out, s.y = state.at(p, x.C), net.at(p, x.C), to.at(p, x.C)
			if noisy {
				s.z = z.at(p, x.C)
			}
			for i := range slot {
				s.slots[i] = slot[i].at(p, x.C)
			}
			s.run()
		}
	})
	return nil
}

// updateRows is one row of every operand.
type updateRows struct {
	*coefficients
	bound
	x, out, z, y []float32 // z is empty where no coefficient needs it
	slots        [][]float32
}

func (s *updateRows) run() {
	switch {
	case len(s.writes) > 0:
		s.written()
	case s.z == nil && s.prev.out == 0 && len(s.slots) == 0:
		for i, v := range s.x {
			x0, _ := s.clean(float64(v), float64(s.out[i]), s.bound)
			s.y[i] = float32(s.prev.x0*x0 + s.prev.x*float64(v))
		}
	case s.prev.out == 0 && len(s.slots) == 0:
		for i, v := range s.x {
			x0, _ := s.clean(float64(v), float64(s.out[i]), s.bound)
			s.y[i] = float32(s.prev.x0*x0 + s.prev.x*float64(v) + s.prev.z*float64(s.z[i]))
		}
	default:
		s.written()
	}
}

// written computes x_prev and the slots that are written, element by element.
func (s *updateRows) written() {
	i := 0
	slot := func(k int) float64 { return float64(s.slots[k][i]) }
	for ; i < len(s.x); i++ {
		x, out, z := float64(s.x[i]), float64(s.out[i]), 0.0
		if s.z != nil {
			z = float64(s.z[i])
		}
		x0, _ := s.clean(x, out, s.bound)
		y := s.prev.at(x0, x, z, out, slot)
		var values [2]float64
		for w := range s.writes {
			values[w] = s.writes[w].at(x0, x, z, out, slot)
		}
		for w, l := range s.writes {
			s.slots[l.slot][i] = float32(values[w])
		}
		s.y[i] = float32(y)
	}
}
