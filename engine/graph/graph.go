// Package graph builds a computation from operators: values, nodes, gradients; it plans memory and makes programs, flat lists
// of operator calls with fixed buffers, which executors (package exec) run.
package graph

import (
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Kind says who owns a buffer.
type Kind uint8

// The buffer kinds. Persistent buffers are shared by all programs of an executor and survive runs; inputs and outputs belong to
// a program and are reached by name; temporaries live in the arena between their first and last use.
const (
	Temporary Kind = iota
	Persistent
	Input
	Output
)

func (k Kind) String() string {
	return [...]string{"temporary", "persistent", "input", "output"}[k]
}

type value struct {
	name     string
	spec     kernels.Spec
	root     int // the value that owns the memory; itself for a root
	offset   int // elements from the root's first element
	kind     Kind
	producer int  // node, or -1
	grad     bool // a trainable value is among its ancestors
}

type nodeKind uint8

const (
	apply nodeKind = iota
	slice
	concat
)

type node struct {
	kind       nodeKind
	op         kernels.Operator
	in, out    []int // values; 0 is an absent operand
	accumulate []bool
	phase      string
}

// Graph is a computation under construction. The first error is kept; what follows it yields absent values.
type Graph struct {
	values []value // values[0] is the absent value
	nodes  []node
	phase  string
	names  map[string]int // persistent, input and output values
	err    error
}

// New returns an empty graph.
func New() *Graph {
	return &Graph{values: make([]value, 1), names: map[string]int{}, phase: "forward"}
}

// Err returns the first error.
func (g *Graph) Err() error { return g.err }

// Fail records an error; the first one stays.
func (g *Graph) Fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// Phase names the part of the program that the next nodes belong to, for dumps.
func (g *Graph) Phase(name string) { g.phase = name }

func (g *Graph) add(v value) kernels.Value {
	id := len(g.values)
	if v.root == 0 {
		v.root = id
	}
	g.values = append(g.values, v)
	return kernels.Value{ID: id, Spec: v.spec}
}

// declare makes a named root.
func (g *Graph) declare(kind Kind, name string, s kernels.Spec) kernels.Value {
	if g.err != nil {
		return kernels.Value{}
	}
	if err := s.Valid(); err != nil {
		g.Fail(fmt.Errorf("%s %q: %w", kind, name, err))
		return kernels.Value{}
	}
	if id, ok := g.names[name]; ok {
		if g.values[id].spec != s || g.values[id].kind != kind {
			g.Fail(fmt.Errorf("%s %q declared twice, as %s and %s", kind, name, g.values[id].spec, s))
			return kernels.Value{}
		}
		return kernels.Value{ID: id, Spec: s}
	}
	v := g.add(value{name: name, spec: s, kind: kind, producer: -1})
	g.names[name] = v.ID
	return v
}

// Persistent declares a buffer that all programs of an executor share.
func (g *Graph) Persistent(name string, s kernels.Spec) kernels.Value {
	return g.declare(Persistent, name, s)
}

// Input declares a tensor that the caller fills before a run.
func (g *Graph) Input(name string, s kernels.Spec) kernels.Value { return g.declare(Input, name, s) }

// View returns a tensor inside a persistent buffer, at an offset in elements. A trainable view gets a gradient.
func (g *Graph) View(base kernels.Value, name string, offset int, s kernels.Spec, trainable bool) kernels.Value {
	if g.err != nil {
		return kernels.Value{}
	}
	b := g.values[base.ID]
	if offset < 0 || offset+s.Extent() > b.spec.Extent() {
		g.Fail(fmt.Errorf("view %q %s at %d lies outside %q %s", name, s, offset, b.name, b.spec))
		return kernels.Value{}
	}
	return g.add(value{name: name, spec: s, root: b.root, offset: b.offset + offset, kind: b.kind, producer: -1, grad: trainable})
}

// Emit implements kernels.Builder.
func (g *Graph) Emit(op kernels.Operator, in ...kernels.Value) []kernels.Value {
	if g.err != nil {
		return make([]kernels.Value, 4)
	}
	specs := make([]*kernels.Spec, len(in))
	ids := make([]int, len(in))
	grad := false
	for i, v := range in {
		ids[i] = v.ID
		if v.Ok() {
			s := g.values[v.ID].spec
			specs[i] = &s
			grad = grad || g.values[v.ID].grad
		}
	}
	outs, err := op.Infer(specs)
	if err != nil {
		g.Fail(fmt.Errorf("operator %s on %s: %w", op.Name(), list(specs), err))
		return make([]kernels.Value, 4)
	}
	n := node{op: op, in: ids, accumulate: make([]bool, len(outs)), phase: g.phase}
	inPlace, _ := op.(kernels.InPlaceOperator)
	res := make([]kernels.Value, len(outs))
	for i, s := range outs {
		v := value{name: fmt.Sprintf("%s.%d", op.Name(), len(g.nodes)), spec: s, producer: len(g.nodes), grad: grad}
		if inPlace != nil && inPlace.Alias(i) >= 0 {
			src := g.values[ids[inPlace.Alias(i)]]
			v.root, v.offset, v.kind, v.spec = src.root, src.offset, src.kind, src.spec
		}
		res[i] = g.add(v)
		n.out = append(n.out, res[i].ID)
	}
	g.nodes = append(g.nodes, n)
	return res
}

func list(specs []*kernels.Spec) string {
	s := ""
	for i, p := range specs {
		if i > 0 {
			s += ", "
		}
		if p == nil {
			s += "absent"
			continue
		}
		s += p.String()
	}
	return s
}

// Slice returns channels c..c+n of a value, without work: consumers read it in place.
func (g *Graph) Slice(v kernels.Value, c, n int) kernels.Value {
	if g.err != nil || !v.Ok() {
		return kernels.Value{}
	}
	b := g.values[v.ID]
	if c < 0 || n < 1 || c+n > b.spec.C {
		g.Fail(fmt.Errorf("channels %d..%d of %s do not exist", c, c+n, b.spec))
		return kernels.Value{}
	}
	if c == 0 && n == b.spec.C {
		return v
	}
	s := b.spec
	s.C = n
	out := g.add(value{name: fmt.Sprintf("%s[%d:%d]", b.name, c, c+n), spec: s, root: b.root, offset: b.offset + c,
		kind: b.kind, producer: len(g.nodes), grad: b.grad})
	g.nodes = append(g.nodes, node{kind: slice, in: []int{v.ID}, out: []int{out.ID}, phase: g.phase})
	return out
}

// Concat joins values along the channels. Producers write their slice of one buffer; a value that cannot be placed there
// (it is persistent, placed elsewhere already, or would be misaligned) is copied by the copy operator.
func (g *Graph) Concat(vs ...kernels.Value) kernels.Value {
	if len(vs) == 1 {
		return vs[0]
	}
	if g.err != nil {
		return kernels.Value{}
	}
	s, total := g.values[vs[0].ID].spec, 0
	for _, v := range vs {
		o := g.values[v.ID].spec
		if !v.Ok() || o.N != s.N || o.H != s.H || o.W != s.W || o.DType != s.DType {
			g.Fail(fmt.Errorf("concat of %s and %s", s, o))
			return kernels.Value{}
		}
		total += o.C
	}
	out := g.add(value{name: fmt.Sprintf("concat.%d", len(g.nodes)), spec: kernels.Dense(s.DType, s.N, s.H, s.W, total)})
	ids, offset, grad := make([]int, len(vs)), 0, false
	for i, v := range vs {
		ids[i] = g.place(v.ID, out, offset)
		grad = grad || g.values[v.ID].grad
		offset += v.Spec.C
	}
	g.values[out.ID].grad = grad
	g.values[out.ID].producer = len(g.nodes)
	g.nodes = append(g.nodes, node{kind: concat, in: ids, out: []int{out.ID}, phase: g.phase})
	return out
}

// place makes a value a slice of dst at a channel offset, or copies it there; it returns the value that the slice is.
func (g *Graph) place(id int, dst kernels.Value, offset int) int {
	v := &g.values[id]
	free := v.root == id && v.kind == Temporary && v.producer >= 0 && offset%kernels.PitchMultiple == 0
	if free && g.nodes[v.producer].kind == apply {
		g.realias(id, dst.ID, offset)
		return id
	}
	src := kernels.Value{ID: id, Spec: v.spec}
	out := g.Emit(elementwise.Copy{}, src)[0]
	if g.err != nil {
		return id
	}
	g.realias(out.ID, dst.ID, offset)
	return out.ID
}

// realias moves a root temporary, with all views of it, into dst's memory at a channel offset.
func (g *Graph) realias(id, dst, offset int) {
	d := g.values[dst]
	for i := range g.values {
		if w := &g.values[i]; i != 0 && w.root == id {
			w.root, w.offset, w.kind = d.root, w.offset+d.offset+offset, d.kind
			w.spec.Pitch = d.spec.Pitch
		}
	}
}

// Assign writes a value into a tensor that exists already, a persistent one mostly. With accumulate set it is added in all
// micro-batches but the first. The producer writes there directly where nothing else reads the value.
func (g *Graph) Assign(dst, v kernels.Value, accumulate bool) {
	if g.err != nil {
		return
	}
	if !v.Ok() || !dst.Spec.SameShape(v.Spec) {
		g.Fail(fmt.Errorf("assignment of %s to %q %s", v.Spec, g.values[dst.ID].name, dst.Spec))
		return
	}
	if g.accumulated(v.ID) {
		g.Fail(fmt.Errorf("%s is added to %q already and assigned to %q too: assign a copy of it there", v.Spec, g.values[g.values[v.ID].root].name,
			g.values[dst.ID].name))
		return
	}
	if !g.ownable(v.ID, accumulate) || g.readFrom(g.values[dst.ID].root, g.values[v.ID].producer) {
		v = g.Emit(elementwise.Copy{}, v)[0]
		if g.err != nil {
			return
		}
	}
	p := &g.nodes[g.values[v.ID].producer]
	for i, o := range p.out {
		if o == v.ID {
			p.accumulate[i] = accumulate
		}
	}
	g.values[v.ID].spec.Pitch = g.values[dst.ID].spec.Pitch
	g.realiasExact(v.ID, dst.ID)
}

func (g *Graph) realiasExact(id, dst int) {
	d := g.values[dst]
	w := &g.values[id]
	w.root, w.offset, w.kind, w.spec.Pitch = d.root, d.offset, d.kind, d.spec.Pitch
}

// ownable reports whether a value's producer may write it elsewhere, with accumulation if asked.
func (g *Graph) ownable(id int, accumulate bool) bool {
	v := g.values[id]
	if v.root != id || v.kind != Temporary || v.producer < 0 || g.nodes[v.producer].kind != apply {
		return false
	}
	for i := range g.values {
		if i != id && g.values[i].root == id {
			return false
		}
	}
	if !accumulate {
		return true
	}
	p := g.nodes[v.producer]
	acc, ok := p.op.(kernels.AccumulatingOperator)
	if !ok {
		return false
	}
	for i, o := range p.out {
		if o == id && !acc.Accumulates(i) {
			return false
		}
	}
	return g.uses(id) == 0
}

// accumulated reports whether a value's producer adds it to what is there.
func (g *Graph) accumulated(id int) bool {
	v := g.values[id]
	if v.producer < 0 {
		return false
	}
	p := g.nodes[v.producer]
	for i, o := range p.out {
		if o == id && p.kind == apply && p.accumulate[i] {
			return true
		}
	}
	return false
}

// readFrom reports whether node first or a later one reads the memory of a root.
func (g *Graph) readFrom(root, first int) bool {
	for _, n := range g.nodes[max(first, 0):] {
		for _, id := range n.in {
			if id != 0 && n.kind == apply && g.values[id].root == root {
				return true
			}
		}
	}
	return false
}

// uses counts the nodes that read a value.
func (g *Graph) uses(id int) int {
	n := 0
	for _, nd := range g.nodes {
		for _, i := range nd.in {
			if i == id {
				n++
			}
		}
	}
	return n
}

// Output makes a value readable by name after a run.
func (g *Graph) Output(name string, v kernels.Value) {
	if g.err != nil {
		return
	}
	if !v.Ok() {
		g.Fail(fmt.Errorf("output %q is absent", name))
		return
	}
	if !g.ownable(v.ID, false) {
		v = g.Emit(elementwise.Copy{}, v)[0]
		if g.err != nil {
			return
		}
	}
	if _, ok := g.names[name]; ok {
		g.Fail(fmt.Errorf("output %q is declared already", name))
		return
	}
	g.values[v.ID].kind, g.values[v.ID].name = Output, name
	g.names[name] = v.ID
}

// Cost sums the costs of all nodes.
func (g *Graph) Cost() kernels.Cost {
	var sum kernels.Cost
	for _, n := range g.nodes {
		if n.kind == apply {
			sum = sum.Add(g.nodeCost(n))
		}
	}
	return sum
}

func (g *Graph) nodeCost(n node) kernels.Cost {
	in := make([]*kernels.Spec, len(n.in))
	for i, id := range n.in {
		if id != 0 {
			s := g.values[id].spec
			in[i] = &s
		}
	}
	out := make([]kernels.Spec, len(n.out))
	for i, id := range n.out {
		out[i] = g.values[id].spec
	}
	return n.op.Cost(in, out)
}

var errEmpty = errors.New("the program does nothing: no outputs and no persistent writes")
