package emu_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// A node is a basic block of a random program: it mixes its number into a thread's state, burns fuel, and goes on to one of its
// targets, chosen by bits of the state.
type node struct {
	kind    nodeKind
	mul     uint32
	targets []int
	callee  int
}

type nodeKind int

const (
	jump      nodeKind = iota // to targets[0]
	branch                    // to targets[0] or targets[1]
	leave                     // return or exit
	leaveSome                 // some threads return, others go to targets[0]
	table                     // brx.idx over four targets
	callThen                  // calls a function, then goes to targets[0]
	callSome                  // some threads call it
	nodeKinds                 // number of kinds
)

// routine is a function with an unstructured graph of nodes; program a kernel (the last routine) with functions that call those before them.
type routine []node
type program []routine

func randomProgram(r *rand.Rand) program {
	var p program
	for f := range 1 + r.IntN(3) {
		n := 2 + r.IntN(14)
		rt := make(routine, n)
		for i := range rt {
			nd := node{kind: nodeKind(r.IntN(int(nodeKinds))), mul: r.Uint32() | 1, callee: f - 1 - r.IntN(f+1)}
			if nd.callee < 0 && (nd.kind == callThen || nd.kind == callSome) {
				nd.kind = branch
			}
			for range 4 {
				nd.targets = append(nd.targets, r.IntN(n))
			}
			if r.IntN(3) > 0 { // mostly forward, as compilers emit
				nd.targets[0] = min(i+1+r.IntN(3), n-1)
			}
			rt[i] = nd
		}
		p = append(p, rt)
	}
	return p
}

// step mixes a node into the state of a thread.
func (nd *node) step(i int, state uint32) uint32 { return state*nd.mul + uint32(i) }

// run is what one thread does: it returns the state at the end. Fuel is shared by all calls.
func (p program) run(f int, state uint32, fuel *int) uint32 {
	i := 0
	for {
		nd := &p[f][i]
		state = nd.step(i, state)
		*fuel--
		if *fuel <= 0 || nd.kind == leave {
			return state
		}
		bits := state >> 20
		next := nd.targets[0]
		switch nd.kind {
		case branch:
			if bits&1 == 0 {
				next = nd.targets[1]
			}
		case leaveSome:
			if bits&3 == 0 {
				return state
			}
		case table:
			next = nd.targets[bits&3]
		case callThen:
			state = p.run(nd.callee, state, fuel)
		case callSome:
			if bits&1 == 0 {
				state = p.run(nd.callee, state, fuel)
			}
		}
		i = next
	}
}

// text writes the program as PTX. Functions take and return state and fuel as a struct of two words.
func (p program) text() string {
	var b strings.Builder
	b.WriteString(checkHeader)
	for f, rt := range p {
		last := f == len(p)-1
		end := "st.param.v2.b32 [out], {%s, %f}; ret;"
		if last {
			b.WriteString(".visible .entry k(.param .u64 in, .param .u64 out)\n{\n.reg .b64 %a, %b, %c;\n")
			end = "st.global.u32 [%b], %s; ret;"
		} else {
			fmt.Fprintf(&b, ".func (.param .align 8 .b8 out[8]) f%d(.param .align 8 .b8 in[8])\n{\n", f)
		}
		b.WriteString(".reg .b32 %s, %f, %t, %u; .reg .pred %p, %q;\n")
		if last {
			b.WriteString("ld.param.u64 %a, [in]; ld.param.u64 %b, [out]; mov.u32 %t, %tid.x; mul.wide.u32 %c, %t, 4; add.s64 %a, %a, %c; add.s64 %b, %b, %c;\n" +
				"ld.global.u32 %s, [%a]; mov.u32 %f, 60;\n")
		} else {
			b.WriteString("ld.param.v2.b32 {%s, %f}, [in];\n")
		}
		for i := range rt {
			rt[i].write(&b, i)
		}
		fmt.Fprintf(&b, "END: %s\n}\n", end)
	}
	return b.String()
}

func (nd *node) write(b *strings.Builder, i int) {
	fmt.Fprintf(b, "N%d: mad.lo.u32 %%s, %%s, %d, %d; sub.s32 %%f, %%f, 1; setp.le.s32 %%p, %%f, 0;\n@%%p bra END;\nshr.u32 %%t, %%s, 20;\n", i, nd.mul, i)
	bit := "and.b32 %%t, %%t, %d; setp.eq.u32 %%q, %%t, 0;\n"
	call := fmt.Sprintf("{ .param .align 8 .b8 i[8]; .param .align 8 .b8 o[8]; st.param.v2.b32 [i], {%%s, %%f}; call (o), f%d, (i); ld.param.v2.b32 {%%s, %%f}, [o]; }\n", nd.callee)
	switch nd.kind {
	case branch:
		fmt.Fprintf(b, bit+"@%%q bra N%d;\n", 1, nd.targets[1])
	case leave:
		b.WriteString("bra END;\n")
		return
	case leaveSome:
		fmt.Fprintf(b, bit+"@%%q bra END;\n", 3)
	case table:
		fmt.Fprintf(b, "and.b32 %%t, %%t, 3;\nT%d: .branchtargets N%d, N%d, N%d, N%d;\nbrx.idx %%t, T%d;\n", i, nd.targets[0], nd.targets[1], nd.targets[2], nd.targets[3], i)
		return
	case callThen:
		b.WriteString(call)
	case callSome:
		fmt.Fprintf(b, bit+"@!%%q bra S%d;\n%sS%d:\n", 1, i, call, i)
	}
	fmt.Fprintf(b, "bra N%d;\n", nd.targets[0])
}

// TestRandomControlFlow runs random programs with divergent branches, early returns, jump tables and calls, and compares each
// thread's result with that of a thread that runs alone.
func TestRandomControlFlow(t *testing.T) {
	rounds := 600
	if testing.Short() {
		rounds = 120
	}
	r := random(40)
	d := emutest.Open(t)
	const threads = 80
	start := make1(threads, func(i int) uint32 { return uint32(i) * 2654435761 })
	in := emutest.In(d, "in", start)
	for round := range rounds {
		p := randomProgram(r)
		m, err := d.LoadModule("random.ptx", []byte(p.text()))
		if err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, p.text())
		}
		f, err := m.Function("k")
		if err != nil {
			t.Fatal(err)
		}
		out := emutest.Out[uint32](d, "out", threads)
		if err := d.Try(f, emutest.Spec{Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: threads}}, in, out); err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, p.text())
		}
		got := out.Get()
		for i := range threads {
			fuel := 60
			if want := p.run(len(p)-1, start[i], &fuel); got[i] != want {
				t.Fatalf("round %d: thread %d ends with %#x, want %#x\n%s", round, i, got[i], want, p.text())
			}
		}
		out.Free()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
