package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
)

// fault begins a report about an instruction and a thread of the warp.
func (w *warp) fault(check cuda.Check, in *inst, lane int, detail string) *fault {
	f := &fault{
		Check: check, Kernel: w.wk.l.fn.ast.Name, Label: w.wk.l.label,
		Block: w.blk.pos, Thread: w.threadPos(lane), Module: w.fn.mod.name, Detail: detail,
	}
	if in != nil && in.ast != nil {
		f.PTXLine = in.ast.Pos.Line
		f.Source, f.Line = in.ast.Loc.File, in.ast.Loc.Line
		f.Instruction = in.ast.Text()
	}
	return f
}

// globalFault reports an access to global memory and names what lies there.
func (w *warp) globalFault(check cuda.Check, in *inst, lane int, addr uint64, detail string) *fault {
	f := w.fault(check, in, lane, detail)
	f.Space, f.Address = "global", cuda.DevicePtr(addr)
	if in.mem != nil {
		f.Bytes = int(in.mem.total)
	}
	f.Object = w.wk.l.object(addr, uint64(f.Bytes))
	return f
}

// sharedFault reports an access to shared memory.
func (w *warp) sharedFault(check cuda.Check, in *inst, lane int, off, n uint64, detail string) *fault {
	f := w.fault(check, in, lane, detail)
	f.Space, f.Address, f.Bytes = "shared", cuda.DevicePtr(off), int(n)
	f.Object = w.wk.l.sharedObject(off, n)
	return f
}

// misaligned reports an address that is not a multiple of the access size.
func (w *warp) misaligned(in *inst, lane int, space string, addr, n uint64) *fault {
	f := w.fault(cuda.Misaligned, in, lane, fmt.Sprintf("not a multiple of %d", n))
	f.Space, f.Address, f.Bytes = space, cuda.DevicePtr(addr), int(n)
	switch space {
	case "global":
		f.Object = w.wk.l.object(addr, n)
	case "shared":
		f.Object = w.wk.l.sharedObject(addr, n)
	}
	return f
}

// addressFault reports an address at which there is no memory of the launch.
func (w *warp) addressFault(in *inst, lane int, addr uint64) *fault {
	a := w.wk.l.dev.mem.find(addr)
	switch {
	case a != nil && a.freed:
		return w.globalFault(cuda.UseAfterFree, in, lane, addr, "")
	case a != nil:
		return w.globalFault(cuda.OutsideOperand, in, lane, addr, "a variable of another module")
	}
	detail := "the address belongs to no allocation"
	switch addr >> idShift {
	case 0:
		if addr < 1<<20 {
			detail = "null pointer"
		}
	case sharedWindow:
		detail = "the address lies in shared memory"
	case localWindow:
		detail = "the address lies in local memory"
	case funcWindow:
		detail = "the address is that of a function"
	}
	return w.globalFault(cuda.OutOfBounds, in, lane, addr, detail)
}

// operandFault reports an access inside an allocation that the declared operands do not allow.
func (w *warp) operandFault(in *inst, lane int, v *view, addr, n uint64, mode cuda.Mode) *fault {
	if v.open {
		return w.globalFault(cuda.OperandMode, in, lane, addr, "stores to constant memory")
	}
	off := addr - v.a.base
	for i := range v.ranges {
		if r := &v.ranges[i]; r.allows(off, n) {
			verb := "loads from"
			if mode&cuda.Write != 0 {
				verb = "stores to"
			}
			return w.globalFault(cuda.OperandMode, in, lane, addr, fmt.Sprintf("%s a %s operand", verb, r.op.Mode))
		}
	}
	return w.globalFault(cuda.OutsideOperand, in, lane, addr, "")
}

// object names the operand, or else the allocation, that an address belongs to or is nearest to.
func (l *launch) object(addr, n uint64) string {
	a := l.dev.mem.find(addr)
	if a == nil {
		return ""
	}
	off := int64(addr - a.base)
	var best *opRange
	var dist int64
	for i := range l.ranges[a.id] {
		r := &l.ranges[a.id][i]
		d := max(int64(r.lo)-off, off-int64(r.hi)+1, 0)
		if best == nil || d < dist {
			best, dist = r, d
		}
	}
	if best == nil {
		return a.locate(addr, n)
	}
	rel := off - int64(best.lo)
	s := placement(fmt.Sprintf("operand %s (%d bytes)", best.op.Name, best.hi-best.lo), rel, int64(n), int64(best.hi-best.lo))
	if best.pitch != 0 && dist == 0 {
		if col := rel % int64(best.pitch); col+int64(n) > int64(best.rowBytes) {
			s += fmt.Sprintf(", in the gap behind row %d", rel/int64(best.pitch))
		}
	}
	return s + ", allocation " + a.label
}

// sharedObject names the shared variable at an offset.
func (l *launch) sharedObject(off, n uint64) string {
	for _, v := range l.fn.mod.sharedVars {
		if v.Func != nil && v.Func != l.fn.ast {
			continue
		}
		if at := l.fn.mod.sharedOff[v]; off >= uint64(at) && off < uint64(at+v.Size) {
			return placement(fmt.Sprintf("%s (%d bytes)", v.Name, v.Size), int64(off)-at, int64(n), v.Size)
		}
	}
	if static := uint64(l.fn.dynamicAt); off >= static && off < uint64(l.sharedBytes) {
		return placement(fmt.Sprintf("dynamic shared memory (%d bytes)", l.dynamic), int64(off-static), int64(n), l.dynamic)
	}
	return placement(fmt.Sprintf("the block's shared memory (%d bytes)", l.sharedBytes), int64(off), int64(n), l.sharedBytes)
}
