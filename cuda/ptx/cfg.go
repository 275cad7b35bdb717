package ptx

import "slices"

// maxDominatorSteps bounds the work on graphs that no compiler makes.
const maxDominatorSteps = 1 << 27

// buildCFG splits the body into basic blocks and finds post-dominators. It
// returns false where the graph is too complex.
func (f *Func) buildCFG() bool {
	f.splitBlocks()
	f.connect()
	return f.postDominators()
}

// endsBlock tells whether control can leave the straight line after in.
func endsBlock(in *Inst) bool {
	switch in.Op {
	case "bra", "brx", "ret", "exit", "trap":
		return true
	}
	return false
}

func (f *Func) splitBlocks() {
	n := len(f.Body)
	leader := make([]bool, n+1)
	leader[0] = true
	mark := func(i int) { leader[i] = true }
	for i := range f.Body {
		in := &f.Body[i]
		if !endsBlock(in) {
			continue
		}
		mark(i + 1)
		in.eachTarget(mark)
	}
	f.BlockOf = make([]int, n)
	for i := range n {
		if leader[i] {
			f.Blocks = append(f.Blocks, Block{Start: i})
		}
		b := &f.Blocks[len(f.Blocks)-1]
		b.End = i + 1
		f.BlockOf[i] = len(f.Blocks) - 1
	}
}

// eachTarget calls do with the instruction index of every branch target.
func (i *Inst) eachTarget(do func(int)) {
	switch i.Op {
	case "bra":
		do(i.Operands[0].Target)
	case "brx":
		for _, t := range i.Operands[1].Targets.Labels {
			do(t)
		}
	}
}

// connect fills in successors and predecessors.
func (f *Func) connect() {
	blockAt := func(i int) int {
		if i >= len(f.Body) {
			return Exit
		}
		return f.BlockOf[i]
	}
	for k := range f.Blocks {
		b := &f.Blocks[k]
		last := &f.Body[b.End-1]
		add := func(to int) { b.Succs = append(b.Succs, to) }
		last.eachTarget(func(i int) { add(blockAt(i)) })
		switch last.Op {
		case "ret", "exit", "trap":
			add(Exit)
		}
		if !endsBlock(last) || last.Guard != nil {
			add(blockAt(b.End))
		}
		slices.Sort(b.Succs)
		b.Succs = slices.Compact(b.Succs)
		for _, s := range b.Succs {
			if s != Exit {
				f.Blocks[s].Preds = append(f.Blocks[s].Preds, k)
			}
		}
	}
}

// postDominators finds Block.PostDom by the iterative algorithm of Cooper,
// Harvey and Kennedy on the reversed graph. Edges over which threads only leave
// (see earlyExits) do not count: those threads never meet the others again, and
// without them the others meet as early as they can.
func (f *Func) postDominators() bool {
	n := len(f.Blocks)
	succs := f.earlyExits()
	order := postOrder(n, succs)
	number := make([]int, n+1)
	for i, b := range order {
		number[b] = i
	}
	idom := make([]int, n+1) // n stands for Exit
	for i := range idom {
		idom[i] = -1
	}
	idom[n] = n
	steps := 0
	intersect := func(a, b int) int {
		for a != b && steps < maxDominatorSteps {
			steps++
			if number[a] < number[b] {
				a = idom[a]
			} else {
				b = idom[b]
			}
		}
		return a
	}
	for changed := true; changed && steps < maxDominatorSteps; {
		changed = false
		steps += len(order)
		for i := len(order) - 2; i >= 0; i-- {
			b, dom := order[i], -1
			for _, s := range succs[b] {
				switch {
				case idom[s] < 0:
				case dom < 0:
					dom = s
				default:
					dom = intersect(dom, s)
				}
			}
			if dom != idom[b] {
				idom[b], changed = dom, true
			}
		}
	}
	for b := range f.Blocks {
		f.Blocks[b].PostDom = idom[b]
		if idom[b] == n {
			f.Blocks[b].PostDom = Exit
		}
	}
	return steps < maxDominatorSteps
}

// postOrder numbers the blocks by a depth-first walk from the exit n against
// the edges; the exit comes last. Blocks that no path leads to the exit from, in loops
// without end, get an edge to it, the last block first.
func postOrder(n int, succs [][]int) []int {
	preds := make([][]int, n+1)
	for b, list := range succs {
		for _, s := range list {
			preds[s] = append(preds[s], b)
		}
	}
	seen := make([]bool, n+1)
	var order []int
	walk := func(root int) {
		type frame struct{ block, next int }
		stack := []frame{{root, 0}}
		seen[root] = true
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next < len(preds[top.block]) {
				p := preds[top.block][top.next]
				top.next++
				if !seen[p] {
					seen[p] = true
					stack = append(stack, frame{p, 0})
				}
				continue
			}
			order = append(order, top.block)
			stack = stack[:len(stack)-1]
		}
	}
	seen[n] = true
	for _, p := range preds[n] {
		if !seen[p] {
			walk(p)
		}
	}
	for b := n - 1; b >= 0; b-- {
		if !seen[b] {
			succs[b] = append(succs[b], n)
			walk(b)
		}
	}
	return append(order, n)
}

// maxExitRegion bounds the search for regions that end in leaving.
const maxExitRegion = 64

// earlyExits returns the successor lists with Exit as len(Blocks), without the
// edges of a conditional branch over which threads leave and meet nobody again: to
// the exit itself, to a block that only leaves, or into a region that nothing
// else enters and that only leaves. One edge of a block always stays, and so do all
// edges of blocks that could not reach the exit otherwise.
func (f *Func) earlyExits() [][]int {
	n := len(f.Blocks)
	full := make([][]int, n)
	trimmed := make([][]int, n)
	for k := range f.Blocks {
		var keep []int
		for _, s := range f.Blocks[k].Succs {
			if s == Exit {
				full[k] = append(full[k], n)
			} else {
				full[k] = append(full[k], s)
			}
		}
		for _, s := range full[k] {
			if !f.leaves(s) {
				keep = append(keep, s)
			}
		}
		if len(keep) > 1 {
			keep = slices.DeleteFunc(slices.Clone(keep), func(s int) bool { return f.closedExit(k, s) })
			if len(keep) == 0 {
				keep = full[k]
			}
		}
		if len(keep) == 0 {
			keep = full[k]
		}
		trimmed[k] = keep
	}
	return restoreExits(n, full, trimmed)
}

// leaves tells whether block s is the exit or does nothing but leave.
func (f *Func) leaves(s int) bool {
	if s == len(f.Blocks) {
		return true
	}
	b := &f.Blocks[s]
	last := &f.Body[b.End-1]
	if last.Guard != nil {
		return false
	}
	return last.Op == "trap" || b.End == b.Start+1 && (last.Op == "ret" || last.Op == "exit")
}

// closedExit tells whether everything reachable from s is entered only through
// the edge from k to s.
func (f *Func) closedExit(k, s int) bool {
	region := map[int]bool{s: true}
	work := []int{s}
	for len(work) > 0 {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		for _, t := range f.Blocks[b].Succs {
			if t == Exit || region[t] || f.leaves(t) {
				continue
			}
			if t == k || len(region) == maxExitRegion {
				return false
			}
			region[t] = true
			work = append(work, t)
		}
	}
	for b := range region {
		for _, p := range f.Blocks[b].Preds {
			if !region[p] && !(b == s && p == k) {
				return false
			}
		}
	}
	return true
}

// restoreExits gives blocks that can not reach the exit over the trimmed edges
// their full edges back.
func restoreExits(n int, full, trimmed [][]int) [][]int {
	preds := make([][]int, n+1)
	for b, list := range trimmed {
		for _, s := range list {
			preds[s] = append(preds[s], b)
		}
	}
	reach := make([]bool, n+1)
	reach[n] = true
	for work := []int{n}; len(work) > 0; {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		for _, p := range preds[b] {
			if !reach[p] {
				reach[p] = true
				work = append(work, p)
			}
		}
	}
	for b := range n {
		if !reach[b] {
			trimmed[b] = slices.Clone(full[b])
		}
	}
	return trimmed
}
