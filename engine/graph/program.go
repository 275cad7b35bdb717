package graph

import (
	"fmt"
	"sort"

	"github.com/unnoise/unnoise/kernels"
)

// Ref is an operand of a call: a tensor at an offset in a buffer.
type Ref struct {
	Buffer     int // index in Program.Buffers; -1 is an absent operand
	Offset     int // elements
	Spec       kernels.Spec
	Accumulate bool
}

// Step is one operator call of a program.
type Step struct {
	Op      kernels.Operator
	In, Out []Ref
	Phase   string
	Cost    kernels.Cost
}

// Buffer is memory that steps use. First and Last are the steps between which a temporary is alive.
type Buffer struct {
	Kind        Kind
	Name        string
	Spec        kernels.Spec
	First, Last int
}

// Elements returns the buffer's length, pads included.
func (b Buffer) Elements() int { return b.Spec.Span() }

// Program is a flat list of operator calls with fixed buffers.
type Program struct {
	Name    string
	Steps   []Step
	Buffers []Buffer
}

// Find returns the index of a named buffer, -1 if there is none.
func (p *Program) Find(kind Kind, name string) int {
	for i, b := range p.Buffers {
		if b.Kind == kind && b.Name == name {
			return i
		}
	}
	return -1
}

// Cost sums the steps' costs.
func (p *Program) Cost() kernels.Cost {
	var c kernels.Cost
	for _, s := range p.Steps {
		c = c.Add(s.Cost)
	}
	return c
}

// Compile turns the graph into a program: nodes that no output and no persistent buffer depends on are dropped.
func (g *Graph) Compile(name string) (*Program, error) {
	if g.err != nil {
		return nil, fmt.Errorf("program %s: %w", name, g.err)
	}
	live := g.live()
	p := &Program{Name: name}
	index := map[int]int{} // root value -> buffer
	buffer := func(root, at int) int {
		b, ok := index[root]
		if !ok {
			v := g.values[root]
			b = len(p.Buffers)
			p.Buffers = append(p.Buffers, Buffer{Kind: v.kind, Name: v.name, Spec: v.spec, First: at})
			index[root] = b
		}
		p.Buffers[b].Last = at
		return b
	}
	ref := func(id int, at int) Ref {
		if id == 0 {
			return Ref{Buffer: -1}
		}
		v := g.values[id]
		return Ref{Buffer: buffer(v.root, at), Offset: v.offset, Spec: v.spec}
	}
	for i, n := range g.nodes {
		if n.kind != apply || !live[i] {
			continue
		}
		s := Step{Op: n.op, Phase: n.phase, Cost: g.nodeCost(n)}
		at := len(p.Steps)
		for _, id := range n.in {
			s.In = append(s.In, ref(id, at))
		}
		for k, id := range n.out {
			r := ref(id, at)
			r.Accumulate = n.accumulate[k]
			s.Out = append(s.Out, r)
		}
		p.Steps = append(p.Steps, s)
	}
	if len(p.Steps) == 0 {
		return nil, fmt.Errorf("program %s: %w", name, errEmpty)
	}
	for root, v := range g.values { // inputs that nothing reads may still be filled
		if root != 0 && v.root == root && v.kind == Input {
			buffer(root, 0)
		}
	}
	return p, nil
}

// live marks the nodes that an output or a persistent write depends on, walking backwards over memory: a root is wanted if
// any live node reads it or if it is an output or persistent.
func (g *Graph) live() []bool {
	live := make([]bool, len(g.nodes))
	wanted := make([]bool, len(g.values))
	for i := len(g.nodes) - 1; i >= 0; i-- {
		n := g.nodes[i]
		if n.kind != apply {
			continue
		}
		for _, id := range n.out {
			root := g.values[id].root
			k := g.values[root].kind
			if k == Output || k == Persistent || wanted[root] {
				live[i] = true
			}
		}
		if !live[i] {
			continue
		}
		for _, id := range n.in {
			wanted[g.values[id].root] = true
		}
	}
	return live
}

// Layout is where the temporaries of a program lie in one arena.
type Layout struct {
	Offset []int64 // by buffer; -1 for buffers that are not in the arena
	Size   int64
}

// ArenaAlign is what temporaries are aligned to, in bytes: a cache line and a vector access on any device.
const ArenaAlign = 256

// Plan places the temporaries for which size answers more than zero bytes: the largest first, each at the lowest place
// where it meets no other that is alive at the same time.
func (p *Program) Plan(size func(b Buffer) int64) Layout {
	l := Layout{Offset: make([]int64, len(p.Buffers))}
	type item struct {
		b    int
		size int64
	}
	var items []item
	for i, b := range p.Buffers {
		l.Offset[i] = -1
		if b.Kind != Temporary {
			continue
		}
		if n := size(b); n > 0 {
			items = append(items, item{i, (n + ArenaAlign - 1) / ArenaAlign * ArenaAlign})
		}
	}
	sort.SliceStable(items, func(i, j int) bool { return items[i].size > items[j].size })
	var placed []item // sorted by offset
	for _, it := range items {
		at := int64(0)
		for _, o := range placed {
			if !overlap(p.Buffers[it.b], p.Buffers[o.b]) {
				continue
			}
			if at+it.size <= l.Offset[o.b] {
				break
			}
			at = max(at, l.Offset[o.b]+o.size)
		}
		l.Offset[it.b] = at
		l.Size = max(l.Size, at+it.size)
		k := sort.Search(len(placed), func(k int) bool { return l.Offset[placed[k].b] > at })
		placed = append(placed, item{})
		copy(placed[k+1:], placed[k:])
		placed[k] = it
	}
	return l
}

func overlap(a, b Buffer) bool { return a.First <= b.Last && b.First <= a.Last }
