package emu

import (
	"math/bits"
	"slices"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// unwritten finds the registers that some path reads before it has written them. They begin as undefined; the others need no
// such care.
func (d *decoder) unwritten() {
	ast := d.f.ast
	words := (len(ast.Regs) + 63) / 64
	if words == 0 || len(ast.Blocks) == 0 {
		return
	}
	gen := make([][]uint64, len(ast.Blocks)) // written in the block, whatever the guard
	for i := range ast.Blocks {
		gen[i] = make([]uint64, words)
		for j := ast.Blocks[i].Start; j < ast.Blocks[i].End; j++ {
			if in := &ast.Body[j]; in.Guard == nil {
				eachReg(in, true, func(r *ptx.Reg) { gen[i][r.ID/64] |= 1 << (r.ID % 64) })
			}
		}
	}
	in := d.assigned(gen, words)
	seen := make([]uint64, words)
	for i := range ast.Blocks {
		have := append([]uint64(nil), in[i]...)
		for j := ast.Blocks[i].Start; j < ast.Blocks[i].End; j++ {
			x := &ast.Body[j]
			eachReg(x, false, func(r *ptx.Reg) {
				bit := uint64(1) << (r.ID % 64)
				if (have[r.ID/64]|seen[r.ID/64])&bit == 0 {
					seen[r.ID/64] |= bit
					d.f.zero = append(d.f.zero, d.regs[r.ID])
				}
			})
			if x.Guard == nil {
				eachReg(x, true, func(r *ptx.Reg) { have[r.ID/64] |= 1 << (r.ID % 64) })
			}
		}
	}
}

// assigned computes which registers are written on every path to the start of each block.
func (d *decoder) assigned(gen [][]uint64, words int) [][]uint64 {
	ast := d.f.ast
	in := make([][]uint64, len(ast.Blocks))
	for i := range in {
		in[i] = make([]uint64, words)
		if i > 0 {
			for k := range in[i] {
				in[i][k] = ^uint64(0)
			}
		}
	}
	order := postOrder(ast.Blocks)
	slices.Reverse(order)
	for changed := true; changed; {
		changed = false
		for _, i := range order {
			if i == 0 {
				continue // nothing is written where the function begins
			}
			for _, p := range ast.Blocks[i].Preds {
				for k := range in[i] {
					if v := in[i][k] & (in[p][k] | gen[p][k]); v != in[i][k] {
						in[i][k] = v
						changed = true
					}
				}
			}
		}
	}
	return in
}

// pressure returns how many 32-bit registers are alive at once, at most: a lower bound of what a compiler must allocate.
func (d *decoder) pressure() int {
	ast := d.f.ast
	words := (len(ast.Regs) + 63) / 64
	live := make([][]uint64, len(ast.Blocks)) // at the start of each block
	for i := range live {
		live[i] = make([]uint64, words)
	}
	now := make([]uint64, words)
	most := 0
	// scan goes backwards through a block; the peak is only wanted once the sets are final.
	scan := func(i int, peak bool) {
		clear(now)
		for _, s := range ast.Blocks[i].Succs {
			if s >= 0 {
				for k := range now {
					now[k] |= live[s][k]
				}
			}
		}
		for j := ast.Blocks[i].End - 1; j >= ast.Blocks[i].Start; j-- {
			in := &ast.Body[j]
			if in.Guard == nil {
				eachReg(in, true, func(r *ptx.Reg) { now[r.ID/64] &^= 1 << (r.ID % 64) })
			}
			eachReg(in, false, func(r *ptx.Reg) { now[r.ID/64] |= 1 << (r.ID % 64) })
			if peak {
				most = max(most, d.weight(now))
			}
		}
	}
	order := postOrder(ast.Blocks)
	for changed := true; changed; {
		changed = false
		for _, i := range order {
			scan(i, false)
			for k, v := range now {
				if live[i][k] != v {
					live[i][k] = v
					changed = true
				}
			}
		}
	}
	for i := range live {
		scan(i, true)
	}
	return most
}

// postOrder lists the blocks that control can reach, each after its successors but for the edges that close a loop: the order in
// which facts that travel backwards settle soonest, and in reverse those that travel forwards.
func postOrder(blocks []ptx.Block) []int {
	type visit struct{ block, next int }
	seen := make([]bool, len(blocks))
	order := make([]int, 0, len(blocks))
	seen[0] = true
	for stack := []visit{{}}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		if succs := blocks[top.block].Succs; top.next < len(succs) {
			s := succs[top.next]
			top.next++
			if s >= 0 && !seen[s] {
				seen[s] = true
				stack = append(stack, visit{block: s})
			}
			continue
		}
		order = append(order, top.block)
		stack = stack[:len(stack)-1]
	}
	return order
}

// weight adds up the 32-bit registers that a set of virtual registers needs; predicates have their own.
func (d *decoder) weight(set []uint64) int {
	n := 0
	for k, v := range set {
		for ; v != 0; v &= v - 1 {
			switch r := d.regs[64*k+bits.TrailingZeros64(v)]; r.w {
			case w32:
				n++
			case w64:
				n += 2
			}
		}
	}
	return n
}

// eachReg calls f for the registers that an instruction writes, or those that it reads.
func eachReg(in *ptx.Inst, writes bool, f func(*ptx.Reg)) {
	var walk func(o *ptx.Operand)
	walk = func(o *ptx.Operand) {
		if o.Reg != nil && (!writes || o.Kind == ptx.OpReg) {
			f(o.Reg)
		}
		for i := range o.Elems {
			walk(&o.Elems[i])
		}
	}
	if in.Guard != nil && !writes {
		f(in.Guard)
	}
	for i := range in.Operands {
		if (i == 0 && hasDestination(in)) == writes {
			walk(&in.Operands[i])
		}
	}
}

// hasDestination tells whether the first operand is written.
func hasDestination(in *ptx.Inst) bool {
	switch in.Op {
	case "st", "red", "bra", "brx", "call", "ret", "exit", "trap", "membar", "fence", "cp", "prefetch", "prefetchu", "nanosleep":
		return false
	case "bar", "barrier":
		return in.Has("red")
	}
	return true
}
