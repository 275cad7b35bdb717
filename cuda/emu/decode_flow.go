package emu

import (
	"fmt"
	"slices"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// flow decodes branches, calls and ends (PTX ISA 9.7.11).
func (d *decoder) flow(in *ptx.Inst) error {
	info := &opInfo{class: clBranch}
	switch in.Op {
	case "bra":
		if err := want(in, 1, 1); err != nil {
			return err
		}
		if in.Operands[0].Kind != ptx.OpLabel {
			return fmt.Errorf("the target must be a label")
		}
		meet := 0
		if in.Guard != nil {
			meet = d.f.ast.Reconverge(d.index())
		}
		d.emit(inst{kind: kBranch, target: int32(in.Operands[0].Target), meet: int32(meet)}, info)
	case "brx":
		return d.branchIndex(in, info)
	case "call":
		return d.call(in, info)
	case "ret":
		d.emit(inst{kind: kRet}, info)
	case "exit":
		d.emit(inst{kind: kExit}, info)
	case "trap":
		d.emit(inst{kind: kOther, x: trapOp{}}, info)
	}
	return nil
}

// index is the position of the instruction being decoded.
func (d *decoder) index() int { return len(d.start) - 1 }

type trapOp struct{}

func (trapOp) exec(w *warp, in *inst, mask uint32) *fault {
	return w.fault(cuda.Trap, in, firstLane(mask), "")
}

// branchIndexOp is brx.idx: a branch through a table.
type branchIndexOp struct {
	index   regRef
	targets []int32
}

func (d *decoder) branchIndex(in *ptx.Inst, info *opInfo) error {
	if err := want(in, 2, 2); err != nil {
		return err
	}
	t := in.Operands[1].Targets
	if t == nil || len(t.Labels) == 0 {
		return fmt.Errorf("a list of branch targets is expected")
	}
	if in.Guard != nil {
		return fmt.Errorf("a guarded brx.idx is not supported")
	}
	op := &branchIndexOp{}
	for _, l := range t.Labels {
		op.targets = append(op.targets, int32(l))
	}
	var err error
	if op.index, err = d.operand(&in.Operands[0], ptx.U32); err != nil {
		return err
	}
	if err := fits(op.index, ptx.U32); err != nil {
		return err
	}
	d.emit(inst{kind: kBranchIndex, x: op, meet: int32(d.f.ast.Reconverge(d.index()))}, info)
	return nil
}

func (o *branchIndexOp) constants(fix func(*uint32)) { fix(&o.index.off) }

// exec sends every group of threads with one index on its way.
func (o *branchIndexOp) exec(w *warp, in *inst, mask uint32) *fault {
	if u := w.undefOf(o.index.off) & mask; u != 0 {
		return w.fault(cuda.Uninitialized, in, firstLane(u), "the branch index depends on a value that nobody wrote")
	}
	idx := w.reg32(o.index.off)
	for i := range warpSize {
		if mask>>i&1 == 1 && idx[i] >= uint32(len(o.targets)) {
			return w.fault(cuda.InvalidArgument, in, i, fmt.Sprintf("branch index %d of %d targets", idx[i], len(o.targets)))
		}
	}
	var paths []path
	for rest := mask; rest != 0; {
		target := o.targets[idx[firstLane(rest)]]
		var same uint32
		for i := range warpSize {
			if rest>>i&1 == 1 && o.targets[idx[i]] == target {
				same |= 1 << i
			}
		}
		rest &^= same
		paths = append(paths, path{target, in.meet, same})
	}
	if len(paths) == 1 {
		w.pc = paths[0].pc
		return nil
	}
	w.wk.ctr.DivergentBranches++
	if w.meet != in.meet {
		w.stack = append(w.stack, path{in.meet, w.meet, w.mask})
	}
	paths = slices.DeleteFunc(paths, func(p path) bool { return p.pc == in.meet })
	last := paths[len(paths)-1]
	w.stack = append(w.stack, paths[:len(paths)-1]...)
	w.pc, w.meet, w.mask = last.pc, last.meet, last.mask
	return nil
}

// call decodes direct and indirect calls.
func (d *decoder) call(in *ptx.Inst, info *opInfo) error {
	op := &callOp{}
	var results, args []ptx.Operand
	rest := in.Operands
	if len(rest) > 0 && rest[0].Kind == ptx.OpList {
		results, rest = rest[0].Elems, rest[1:]
	}
	if len(rest) == 0 {
		return fmt.Errorf("no function to call")
	}
	target := &rest[0]
	rest = rest[1:]
	if len(rest) > 0 && rest[0].Kind == ptx.OpList {
		args = rest[0].Elems
	}
	var err error
	if op.results, err = paramVars(results); err != nil {
		return err
	}
	if op.args, err = paramVars(args); err != nil {
		return err
	}
	switch target.Kind {
	case ptx.OpFunc:
		if target.Func.Name == "__assertfail" {
			d.emit(inst{kind: kOther, x: assertOp{}}, info)
			return nil
		}
		op.fn = d.mod.byFunc[target.Func]
		if op.fn == nil {
			return fmt.Errorf("function %s is not defined in this module", target.Func.Name)
		}
		if target.Func.Entry || len(op.args) != len(target.Func.Params) || len(op.results) != len(target.Func.Returns) {
			return fmt.Errorf("the arguments do not fit function %s", target.Func.Name)
		}
		d.f.callees = append(d.f.callees, op.fn)
	case ptx.OpReg:
		op.target = d.regs[target.Reg.ID]
		if op.target.w != w64 {
			return fmt.Errorf("the address of a function has 64 bits")
		}
		d.f.indirectCalls = true
	default:
		return fmt.Errorf("this kind of call is not supported")
	}
	d.emit(inst{kind: kCall, x: op}, info)
	return nil
}

// paramVars returns the .param variables of an argument list.
func paramVars(list []ptx.Operand) ([]*ptx.Var, error) {
	var vars []*ptx.Var
	for i := range list {
		o := &list[i]
		if o.Kind != ptx.OpVar || o.Var.Space != ptx.Param || o.Offset != 0 {
			return nil, fmt.Errorf("arguments and results of calls must be .param variables")
		}
		vars = append(vars, o.Var)
	}
	return vars, nil
}

// assertOp is a call of __assertfail, which the assert macro makes.
type assertOp struct{}

func (assertOp) exec(w *warp, in *inst, mask uint32) *fault {
	return w.fault(cuda.DeviceAssert, in, firstLane(mask), "")
}

// barrier decodes bar, barrier, membar and fence (PTX ISA 9.7.12).
func (d *decoder) barrier(in *ptx.Inst) error {
	info := &opInfo{class: clBarrier}
	switch {
	case in.Op == "membar" || in.Op == "fence":
		d.emit(inst{kind: kOther, x: fenceOp{wide: !in.Has("cta")}}, info)
		return want(in, 0, 0)
	case in.Has("warp"):
		if err := want(in, 1, 1); err != nil {
			return err
		}
		op := &warpSyncOp{}
		var err error
		if op.members, err = d.reg32(&in.Operands[0], ptx.B32); err != nil {
			return err
		}
		d.emit(inst{kind: kOther, x: op}, info)
		return nil
	}
	op := &barrierOp{mode: "sync"}
	ops := in.Operands
	var err error
	switch {
	case in.Has("arrive"):
		op.mode = "arrive"
	case in.Has("red"):
		op.mode, op.red = "red", map[bool]string{in.Has("popc"): "popc", in.Has("and"): "and", in.Has("or"): "or"}[true]
		if err := want(in, 3, 4); err != nil {
			return err
		}
		if op.dst, err = d.dest(&ops[0]); err != nil {
			return err
		}
		if op.pred, op.not, err = d.predicate(&ops[len(ops)-1]); err != nil {
			return err
		}
		if isPred := op.dst.w == wPred; isPred != (op.red != "popc") {
			return fmt.Errorf("the destination has the wrong type")
		}
		ops = ops[1 : len(ops)-1]
	}
	if len(ops) < 1 || len(ops) > 2 || op.mode == "arrive" && len(ops) != 2 {
		return fmt.Errorf("%d operands", len(in.Operands))
	}
	if op.id, err = d.reg32(&ops[0], ptx.U32); err != nil {
		return err
	}
	if len(ops) == 2 {
		if op.threads, err = d.reg32(&ops[1], ptx.U32); err != nil {
			return err
		}
	}
	d.emit(inst{kind: kBarrier, x: op}, info)
	return nil
}

func (o *barrierOp) constants(fix func(*uint32)) {
	fix(&o.id.off)
	fix(&o.threads.off)
}

// reg32 returns a source register of 32 bits.
func (d *decoder) reg32(o *ptx.Operand, t ptx.Type) (regRef, error) {
	r, err := d.operand(o, t)
	if err != nil {
		return r, err
	}
	return r, fits(r, t)
}
