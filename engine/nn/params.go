package nn

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/rng"
)

// Parameter is a weight tensor under its public name: shape [O,I,KH,KW] for convolutions, [out,in] for dense layers and
// [C] for biases and norms, as in checkpoint files.
type Parameter struct {
	Name      string
	Shape     []int
	Trainable bool
	Decay     bool         // weight decay applies: matrices, not biases or norms
	Spec      kernels.Spec // layout in the arena: O,KH,KW,I with pitch
	Offset    int          // elements from the start of the arena
	Init      Init         // how it starts
}

// Elements returns the number of public elements.
func (p *Parameter) Elements() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Init says how a parameter starts.
type Init struct {
	Kind  InitKind
	Scale float64 // Uniform: the bound; Gauss: the standard deviation
}

// InitKind is a distribution of initial values.
type InitKind uint8

// The initial distributions.
const (
	Zero InitKind = iota
	One
	Uniform
	Gauss
)

// XavierUniform is variance_scaling(scale, fan_avg, uniform) of Ho et al. 2020 (nn.py): bound
// sqrt(3*scale / ((fanIn+fanOut)/2)).
func XavierUniform(scale float64, fanIn, fanOut int) Init {
	return Init{Uniform, math.Sqrt(3 * scale / (float64(fanIn+fanOut) / 2))}
}

// region is memory that one or more parameters share: a packed matrix has several, row after row.
type region struct {
	spec   kernels.Spec
	decay  bool
	offset int
	params []*Parameter
}

// ParamSet is all parameters of a network and their places in one flat arena: the decayed matrices in layer order, then
// the rest, so that weight decay ends at one boundary.
type ParamSet struct {
	regions []*region
	byName  map[string]*region // by the first parameter's name
	list    []*Parameter
	size    int
	decayed int
}

func newParamSet() *ParamSet { return &ParamSet{byName: map[string]*region{}} }

// All lists the parameters in layer order.
func (s *ParamSet) All() []*Parameter { return s.list }

// Size returns the arena's length in elements, pads included.
func (s *ParamSet) Size() int { return s.size }

// Decayed returns the length of the arena's part that weight decay applies to.
func (s *ParamSet) Decayed() int { return s.decayed }

// Count returns the number of parameters' elements, as the literature counts them.
func (s *ParamSet) Count() int {
	n := 0
	for _, p := range s.list {
		if p.Trainable {
			n += p.Elements()
		}
	}
	return n
}

// Find returns a parameter by its public name, nil if there is none.
func (s *ParamSet) Find(name string) *Parameter {
	for _, p := range s.list {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (s *ParamSet) add(r *region) error {
	for _, p := range r.params {
		if s.Find(p.Name) != nil {
			return fmt.Errorf("parameter %q declared twice", p.Name)
		}
		s.list = append(s.list, p)
	}
	s.regions = append(s.regions, r)
	s.byName[r.params[0].Name] = r
	return nil
}

// layout places the regions.
func (s *ParamSet) layout() {
	at := 0
	for _, decay := range []bool{true, false} {
		for _, r := range s.regions {
			if r.decay != decay {
				continue
			}
			r.offset = at
			inner := at
			for _, p := range r.params {
				p.Offset = inner
				if r.spec.Rows() > 1 {
					inner += p.Spec.Span()
				} else {
					inner += p.Spec.C
				}
			}
			at += kernels.RoundUp(r.spec.Span())
		}
		if decay {
			s.decayed = at
		}
	}
	s.size = at
}

// Initialize fills an arena with the initial values. They depend on the seed and the parameter's name alone.
func (s *ParamSet) Initialize(arena []float32, seed uint64) {
	for _, p := range s.list {
		public := make([]float32, p.Elements())
		switch p.Init.Kind {
		case One:
			for i := range public {
				public[i] = 1
			}
		case Uniform:
			stream := rng.StreamID("init/" + p.Name)
			for i := range public {
				w := rng.Philox4x32(rng.Counter(uint64(i), 0, 0, stream), rng.Key(seed))[i%4]
				public[i] = float32(p.Init.Scale * (2*(float64(w)+0.5)/(1<<32) - 1))
			}
		case Gauss:
			rng.FillNormal(public, seed, 0, 0, rng.StreamID("init/"+p.Name))
			for i := range public {
				public[i] *= float32(p.Init.Scale)
			}
		}
		p.Put(arena, public)
	}
}

// Put writes public values into the arena.
func (p *Parameter) Put(arena, public []float32) {
	p.each(func(pub, at int) { arena[at] = public[pub] })
}

// Take reads the public values from an arena (of weights, gradients or moments).
func (p *Parameter) Take(arena, public []float32) {
	p.each(func(pub, at int) { public[pub] = arena[at] })
}

// each visits every element: its index in the public order and its place in the arena.
func (p *Parameter) each(fn func(public, at int)) {
	s := p.Spec
	if len(p.Shape) == 1 {
		for i := range p.Shape[0] {
			fn(i, p.Offset+i)
		}
		return
	}
	for o := range s.N {
		for kh := range s.H {
			for kw := range s.W {
				row := p.Offset + ((o*s.H+kh)*s.W+kw)*s.Pitch
				for i := range s.C {
					fn(((o*s.C+i)*s.H+kh)*s.W+kw, row+i)
				}
			}
		}
	}
}
