package nn

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
)

// WeightsBuffer is the persistent buffer of the weights that programs read; EMABuffer holds their moving average.
const (
	WeightsBuffer = "weights"
	EMABuffer     = "ema"
)

// RoundedBuffer is the persistent bf16 copy of a buffer of weights, which matrix products read in bf16 mode.
func RoundedBuffer(buffer string) string { return buffer + "_bf16" }

// Params gives the layers of a graph their weights: those of a persistent buffer, or, in a first pass,
// places that stand for them while the set is being collected.
type Params struct {
	set     *ParamSet
	collect bool
	arena   kernels.Value
	rounded kernels.Value // the weights rounded to bf16; absent in float32 mode
	used    map[*region]kernels.Value
}

// collectParams begins a set.
func collectParams() *Params { return &Params{set: newParamSet(), collect: true} }

// readParams reads a set from a buffer, matrices from its rounded copy where the precision is BF16.
func readParams(g *graph.Graph, set *ParamSet, buffer string, p Precision) *Params {
	ps := &Params{set: set, used: map[*region]kernels.Value{},
		arena: g.Persistent(buffer, kernels.Vector(kernels.F32, set.Size()))}
	if p == BF16 {
		ps.rounded = g.Persistent(RoundedBuffer(buffer), kernels.Vector(kernels.BF16, set.Size()))
	}
	return ps
}

// trainable returns the trainable regions that the graph uses, with each one's place in the arena.
func (ps *Params) trainable() (values []kernels.Value, offsets []int) {
	for _, r := range ps.set.regions {
		if v, ok := ps.used[r]; ok && r.params[0].Trainable {
			values = append(values, v)
			offsets = append(offsets, r.offset)
		}
	}
	return values, offsets
}

// value returns the weights of a region of the set, which is found by the name of its first parameter.
func (ps *Params) value(g *graph.Graph, declared *region) (kernels.Value, error) {
	first := declared.params[0]
	r := ps.set.byName[first.Name]
	if ps.collect {
		if r == nil || r.spec != declared.spec || first.Trainable { // a constant may be read twice
			if err := ps.set.add(declared); err != nil {
				return kernels.Value{}, err
			}
		}
		return g.Persistent("param/"+first.Name, declared.spec), nil
	}
	if r == nil {
		return kernels.Value{}, fmt.Errorf("parameter %q is unknown", first.Name)
	}
	if v, ok := ps.used[r]; ok {
		return v, nil
	}
	from, s := ps.arena, r.spec
	if ps.rounded.Ok() && len(first.Shape) > 1 {
		from, s.DType = ps.rounded, kernels.BF16
	}
	v := g.View(from, first.Name, r.offset, s, first.Trainable)
	ps.used[r] = v
	return v, nil
}
