package ptx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// checkFunc checks what every control-flow graph must satisfy.
func checkFunc(t testing.TB, name string, f *Func) {
	t.Helper()
	if len(f.BlockOf) != len(f.Body) {
		t.Fatalf("%s: %s: BlockOf has %d entries for %d instructions", name, f.Name, len(f.BlockOf), len(f.Body))
	}
	next := 0
	for k, b := range f.Blocks {
		if b.Start != next || b.End <= b.Start || b.End > len(f.Body) {
			t.Fatalf("%s: %s: block %d is [%d,%d), want a start of %d", name, f.Name, k, b.Start, b.End, next)
		}
		next = b.End
		for i := b.Start; i < b.End; i++ {
			if f.BlockOf[i] != k {
				t.Fatalf("%s: %s: instruction %d is in block %d, want %d", name, f.Name, i, f.BlockOf[i], k)
			}
			if i < b.End-1 && endsBlock(&f.Body[i]) {
				t.Fatalf("%s: %s: instruction %d ends a block inside block %d", name, f.Name, i, k)
			}
		}
		if len(b.Succs) == 0 {
			t.Fatalf("%s: %s: block %d has no successor", name, f.Name, k)
		}
		for _, s := range b.Succs {
			if s != Exit && !slices.Contains(f.Blocks[s].Preds, k) {
				t.Fatalf("%s: %s: edge %d-%d is missing in Preds", name, f.Name, k, s)
			}
		}
		if b.PostDom != Exit && (b.PostDom < 0 || b.PostDom >= len(f.Blocks)) {
			t.Fatalf("%s: %s: block %d has post-dominator %d", name, f.Name, k, b.PostDom)
		}
	}
	if next != len(f.Body) {
		t.Fatalf("%s: %s: blocks end at %d, the body at %d", name, f.Name, next, len(f.Body))
	}
}

func TestPostDominatorsOfCompilerOutput(t *testing.T) {
	for name, src := range compilerOutput(t) {
		m, err := Parse(name, src)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Funcs {
			comparePostDoms(t, name+": "+f.Name, f)
		}
	}
}

// graph builds a function from edges: block i branches to its list; an empty list returns.
func graph(t *testing.T, edges [][]int) *Func {
	t.Helper()
	var s strings.Builder
	s.WriteString(".entry k() {\n.reg .pred p; .reg .b32 r;\n")
	for i, list := range edges {
		fmt.Fprintf(&s, "B%d: mov.u32 r, %d;\n", i, i)
		switch len(list) {
		case 0:
			s.WriteString("ret;\n")
		case 1:
			fmt.Fprintf(&s, "bra B%d;\n", list[0])
		case 2:
			fmt.Fprintf(&s, "@p bra B%d;\nbra B%d;\n", list[0], list[1])
		}
	}
	return parse(t, s.String()+"}").Func("k")
}

// blockOf returns the block that holds node i of a graph.
func blockOf(f *Func, i int) int {
	for _, l := range f.Labels {
		if l.Name == fmt.Sprintf("B%d", i) {
			return f.BlockOf[l.Index]
		}
	}
	return Exit
}

func labelled(f *Func, block int) bool {
	return slices.ContainsFunc(f.Labels, func(l Label) bool { return l.Index == f.Blocks[block].Start })
}

func TestPostDominators(t *testing.T) {
	for _, c := range []struct {
		name  string
		edges [][]int
		meet  map[int]int // node to node; Exit for none
	}{
		{"if", [][]int{{1, 2}, {2}, {}}, map[int]int{0: 2}},
		{"if else", [][]int{{1, 2}, {3}, {3}, {}}, map[int]int{0: 3}},
		{"nested", [][]int{{1, 4}, {2, 3}, {3}, {5}, {5}, {}}, map[int]int{0: 5, 1: 3}},
		{"loop", [][]int{{1}, {1, 2}, {}}, map[int]int{1: 2}},
		{"loop with break", [][]int{{1}, {4, 2}, {4, 3}, {1}, {}}, map[int]int{1: 4, 2: 4}},
		{"loop with continue", [][]int{{1}, {2, 3}, {3}, {1, 4}, {}}, map[int]int{1: 3, 3: 4}},
		{"nested loops", [][]int{{1}, {2}, {2, 3}, {1, 4}, {}}, map[int]int{2: 3, 3: 4}},
		{"early return inside an if", [][]int{{1, 3}, {2, 3}, {}, {}}, map[int]int{0: 3}},
		{"both sides return", [][]int{{1, 2}, {}, {}}, map[int]int{0: Exit}},
		{"loop without end", [][]int{{1, 2}, {2}, {0}}, map[int]int{0: 2}},
		{"loop left only by return", [][]int{{1, 2}, {3}, {3}, {4, 0}, {}}, map[int]int{0: 3}},
		{"unreachable block", [][]int{{2}, {2}, {}}, map[int]int{0: 2}},
		{"irreducible", [][]int{{1, 2}, {2, 3}, {1, 3}, {}}, map[int]int{0: 3, 1: 3, 2: 3}},
	} {
		f := graph(t, c.edges)
		checkFunc(t, c.name, f)
		for from, to := range c.meet {
			b := blockOf(f, from)
			want := Exit
			if to != Exit {
				want = blockOf(f, to)
			}
			got := f.Blocks[b].PostDom
			for got != Exit && !labelled(f, got) {
				got = f.Blocks[got].Succs[0] // the branch after a conditional one
			}
			if got != want {
				t.Errorf("%s: node %d meets at block %d, want node %d (block %d)", c.name, from, got, to, want)
			}
		}
	}
}

func TestReconverge(t *testing.T) {
	f := body(t, `.reg .pred p; .reg .b32 r;
	@p bra L;
	mov.u32 r, 1;
	@p ret;
	mov.u32 r, 2;
	L: mov.u32 r, 3;
	@p bra M;
	M: ret;`)
	if got := f.Reconverge(0); got != 4 {
		t.Errorf("the first branch meets at instruction %d, want 4", got)
	}
	if got := f.Reconverge(5); got != 6 {
		t.Errorf("the last branch meets at instruction %d, want 6", got)
	}
}

func TestPostDominatorsOfRandomGraphs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 2 + r.IntN(12)
		edges := make([][]int, n)
		for i := range edges[:n-1] {
			for range 1 + r.IntN(2) {
				edges[i] = append(edges[i], r.IntN(n))
			}
		}
		f := graph(t, edges)
		checkFunc(t, fmt.Sprint(edges), f)
		comparePostDoms(t, fmt.Sprint(edges), f)
	}
}

func comparePostDoms(t *testing.T, name string, f *Func) {
	t.Helper()
	for b, want := range slowPostDoms(f) {
		if got := f.Blocks[b].PostDom; got != want {
			t.Errorf("%s: block %d has post-dominator %d, want %d", name, b, got, want)
		}
	}
}

// slowPostDoms computes post-dominators by definition on the trimmed edges: d
// post-dominates b if the exit is out of reach without d. It returns nil if a block
// can not reach the exit at all.
func slowPostDoms(f *Func) []int {
	n := len(f.Blocks)
	succs := f.earlyExits()
	reaches := func(from, without int) bool {
		seen := make([]bool, n+1)
		work := []int{from}
		for len(work) > 0 {
			b := work[len(work)-1]
			work = work[:len(work)-1]
			if b == without || seen[b] {
				continue
			}
			if seen[b] = true; b == n {
				return true
			}
			work = append(work, succs[b]...)
		}
		return false
	}
	out := make([]int, n)
	for b := range n {
		if !reaches(b, -1) {
			return nil
		}
		var doms []int
		for d := range n {
			if d != b && !reaches(b, d) {
				doms = append(doms, d)
			}
		}
		out[b] = Exit
		for _, d := range doms { // the immediate one is post-dominated by all others
			if !slices.ContainsFunc(doms, func(o int) bool { return o != d && reaches(d, o) }) {
				out[b] = d
			}
		}
	}
	return out
}
