package graph

import (
	"fmt"
	"slices"
	"sort"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// piece is the gradient of a channel range of a value.
type piece struct {
	offset int
	grad   kernels.Value
}

type backward struct {
	g      *Graph
	grads  map[int]kernels.Value // value -> gradient so far
	pieces map[int][]piece
	// pending counts, by gradient, the values that the operator at hand has still to hand it to.
	pending map[int]int
	unit    int // the output whose gradient is 1 and has no tensor; 0 if there is none
}

// Backward emits the gradients of a scalar with respect to the given values and returns them in that order; a value that the
// scalar does not depend on gets an absent one. The gradient of the scalar itself is 1: its operator reads an absent gradient so.
func (g *Graph) Backward(loss kernels.Value, wrt []kernels.Value) []kernels.Value {
	return g.backward(&backward{g: g, grads: map[int]kernels.Value{}, unit: loss.ID}, wrt)
}

// VectorJacobian emits the gradients of sum_i <outs[i], seeds[i]>.
func (g *Graph) VectorJacobian(outs, seeds, wrt []kernels.Value) []kernels.Value {
	b := &backward{g: g, grads: map[int]kernels.Value{}}
	for i, o := range outs {
		b.grads[o.ID] = seeds[i]
	}
	return g.backward(b, wrt)
}

func (g *Graph) backward(b *backward, wrt []kernels.Value) []kernels.Value {
	res := make([]kernels.Value, len(wrt))
	if g.err != nil {
		return res
	}
	g.Phase("backward")
	b.pieces, b.pending = map[int][]piece{}, map[int]int{}
	for i := len(g.nodes) - 1; i >= 0 && g.err == nil; i-- {
		n := g.nodes[i]
		switch n.kind {
		case slice:
			b.slice(n)
		case concat:
			b.concat(n)
		default:
			b.apply(n)
		}
	}
	for i, v := range wrt {
		res[i] = b.of(v.ID)
	}
	return res
}

// of returns a value's whole gradient, joining the pieces that its slices got.
func (b *backward) of(id int) kernels.Value {
	ps := b.pieces[id]
	if len(ps) == 0 {
		return b.grads[id]
	}
	delete(b.pieces, id)
	sort.Slice(ps, func(i, j int) bool { return ps[i].offset < ps[j].offset })
	spec := b.g.values[id].spec
	var parts []kernels.Value
	at := 0
	fill := func(c int) {
		if c > 0 {
			parts = append(parts, b.g.Emit(elementwise.Fill{N: spec.N, H: spec.H, W: spec.W, C: c, DType: ps[0].grad.Spec.DType})[0])
		}
	}
	for _, p := range ps {
		if p.offset < at {
			b.g.Fail(fmt.Errorf("overlapping slices of %s", b.g.values[id].name))
			return kernels.Value{}
		}
		fill(p.offset - at)
		parts = append(parts, p.grad)
		at = p.offset + p.grad.Spec.C
	}
	fill(spec.C - at)
	b.add(id, b.g.Concat(parts...))
	return b.grads[id]
}

// add adds a contribution to a value's gradient, as the residual operand of the operator that has just produced it where
// there is one, else by the add operator.
func (b *backward) add(id int, d kernels.Value) {
	if !d.Ok() || b.g.err != nil {
		return
	}
	if !d.Spec.SameShape(b.g.values[id].spec) {
		b.g.Fail(fmt.Errorf("gradient of %s %s has shape %s", b.g.values[id].name, b.g.values[id].spec, d.Spec))
		return
	}
	have, ok := b.grads[id]
	if !ok {
		b.grads[id] = d
		return
	}
	if b.fuse(id, have, d) {
		b.grads[id] = d
		return
	}
	if b.fuse(id, d, have) {
		return
	}
	b.grads[id] = b.g.Emit(elementwise.Add{Alpha: 1, Beta: 1}, have, d)[0]
}

// shared reports whether a gradient is also that of another value than id: an operator may pass one on to several inputs.
func (b *backward) shared(id int, d kernels.Value) bool {
	if b.pending[d.ID] > 0 {
		return true
	}
	for other, v := range b.grads {
		if other != id && v.ID == d.ID {
			return true
		}
	}
	for _, ps := range b.pieces {
		for _, p := range ps {
			if p.grad.ID == d.ID {
				return true
			}
		}
	}
	return false
}

// fuse makes have the residual operand of d's producer, if that is allowed: the operand is free, d is its output 0, read by
// nobody yet and the gradient of nothing but value id, and have exists before it runs.
func (b *backward) fuse(id int, have, d kernels.Value) bool {
	g := b.g
	p := g.values[d.ID].producer
	if p < 0 || g.nodes[p].kind != apply || g.nodes[p].out[0] != d.ID || g.values[have.ID].producer >= p {
		return false
	}
	if g.values[d.ID].root != d.ID || g.uses(d.ID) > 0 || b.shared(id, d) {
		return false
	}
	op, ok := g.nodes[p].op.(kernels.ResidualOperator)
	if !ok {
		return false
	}
	r := op.ResidualIndex()
	in := append([]int(nil), g.nodes[p].in...)
	for len(in) <= r {
		in = append(in, 0)
	}
	if in[r] != 0 || g.values[have.ID].spec.DType != g.values[d.ID].spec.DType {
		return false
	}
	in[r] = have.ID
	g.nodes[p].in = in
	return true
}

func (b *backward) slice(n node) {
	d := b.of(n.out[0])
	if !d.Ok() || !b.g.values[n.in[0]].grad {
		return
	}
	in, out := b.g.values[n.in[0]], b.g.values[n.out[0]]
	b.pieces[n.in[0]] = append(b.pieces[n.in[0]], piece{out.offset - in.offset, d})
}

func (b *backward) concat(n node) {
	d := b.of(n.out[0])
	if !d.Ok() {
		return
	}
	at := 0
	for _, id := range n.in {
		c := b.g.values[id].spec.C
		if b.g.values[id].grad {
			b.add(id, b.g.Slice(d, at, c))
		}
		at += c
	}
}

func (b *backward) apply(n node) {
	g := b.g
	dout := make([]kernels.Value, len(n.out))
	reached := false
	for i, id := range n.out {
		dout[i] = b.of(id)
		reached = reached || dout[i].Ok() || id == b.unit
	}
	need := make([]bool, len(n.in))
	any := false
	kn := kernels.Node{Op: n.op, In: make([]kernels.Value, len(n.in)), Out: make([]kernels.Value, len(n.out))}
	for i, id := range n.in {
		kn.In[i] = kernels.Value{ID: id, Spec: g.values[id].spec}
		need[i] = id != 0 && g.values[id].grad
		any = any || need[i]
	}
	for i, id := range n.out {
		kn.Out[i] = kernels.Value{ID: id, Spec: g.values[id].spec}
	}
	if !reached || !any {
		return
	}
	ds := n.op.Grad(g, kn, dout, need)
	if n.out[0] == b.unit && absent(ds) && absent(dout) {
		g.Fail(fmt.Errorf("operator %s cannot begin a backward pass: it does not read an absent gradient as 1", n.op.Name()))
		return
	}
	for i, d := range ds {
		if i < len(need) && need[i] && d.Ok() {
			b.pending[d.ID]++
		}
	}
	for i, d := range ds {
		if i < len(need) && need[i] && d.Ok() {
			b.pending[d.ID]--
			b.add(n.in[i], d)
		}
	}
}

// absent reports whether none of the values is there.
func absent(vs []kernels.Value) bool {
	return !slices.ContainsFunc(vs, kernels.Value.Ok)
}
