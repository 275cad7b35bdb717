package emu

import "fmt"

// specialKind names a value that the executor puts into a register when a frame begins.
type specialKind uint8

const (
	spTidX specialKind = iota + 1
	spTidY
	spTidZ
	spNtidX
	spNtidY
	spNtidZ
	spCtaidX
	spCtaidY
	spCtaidZ
	spNctaidX
	spNctaidY
	spNctaidZ
	spLaneID
	spWarpID
	spNwarpID
	spSmID
	spNsmID
	spMaskEq
	spMaskLe
	spMaskLt
	spMaskGe
	spMaskGt
	spDynamicSize
	spTotalShared
	spLocal         // local address of a variable of the frame; arg is its offset
	spDynamicShared // offset of dynamic shared memory
)

var specialNames = map[string]specialKind{
	"%tid.x": spTidX, "%tid.y": spTidY, "%tid.z": spTidZ, "%ntid.x": spNtidX, "%ntid.y": spNtidY, "%ntid.z": spNtidZ,
	"%ctaid.x": spCtaidX, "%ctaid.y": spCtaidY, "%ctaid.z": spCtaidZ,
	"%nctaid.x": spNctaidX, "%nctaid.y": spNctaidY, "%nctaid.z": spNctaidZ,
	"%laneid": spLaneID, "%warpid": spWarpID, "%nwarpid": spNwarpID, "%smid": spSmID, "%nsmid": spNsmID,
	"%lanemask_eq": spMaskEq, "%lanemask_le": spMaskLe, "%lanemask_lt": spMaskLt, "%lanemask_ge": spMaskGe, "%lanemask_gt": spMaskGt,
	"%dynamic_smem_size": spDynamicSize, "%total_smem_size": spTotalShared,
}

// SpecialRegisters lists the special registers that kernels may read.
func SpecialRegisters() []string {
	var names []string
	for n := range specialNames {
		names = append(names, n)
	}
	return names
}

// fillSpecial computes the special registers that a frame uses.
func (w *warp) fillSpecial(f *function, fr *frame) {
	for _, s := range f.spec {
		if s.wide {
			r := w.reg64(s.off)
			v := uint64(w.specialValue(s, fr))
			for i := range r {
				r[i] = v
			}
			continue
		}
		r := w.reg32(s.off)
		switch s.what {
		case spTidX, spTidY, spTidZ:
			w.fillTid(s.what, r)
		case spLaneID, spMaskEq, spMaskLe, spMaskLt, spMaskGe, spMaskGt:
			for i := range r {
				r[i] = laneSpecial(s.what, uint32(i))
			}
		default:
			v := uint32(w.specialValue(s, fr))
			for i := range r {
				r[i] = v
			}
		}
	}
}

func (w *warp) fillTid(what specialKind, r *[warpSize]uint32) {
	d := w.wk.l.block
	if what == spTidX && d.Y == 1 && d.Z == 1 {
		for i := range r {
			r[i] = uint32(w.id*warpSize + i)
		}
		return
	}
	for i := range r {
		p := w.threadPos(i)
		r[i] = uint32([...]int{p.X, p.Y, p.Z}[what-spTidX])
	}
}

func laneSpecial(what specialKind, lane uint32) uint32 {
	eq := uint32(1) << lane
	switch what {
	case spMaskEq:
		return eq
	case spMaskLe:
		return eq<<1 - 1
	case spMaskLt:
		return eq - 1
	case spMaskGe:
		return ^(eq - 1)
	case spMaskGt:
		return ^(eq<<1 - 1)
	}
	return lane
}

// specialValue returns a value that all threads of a warp share.
func (w *warp) specialValue(s special, fr *frame) int64 {
	l, b := w.wk.l, w.blk
	switch s.what {
	case spNtidX:
		return int64(l.block.X)
	case spNtidY:
		return int64(l.block.Y)
	case spNtidZ:
		return int64(l.block.Z)
	case spCtaidX:
		return int64(b.pos.X)
	case spCtaidY:
		return int64(b.pos.Y)
	case spCtaidZ:
		return int64(b.pos.Z)
	case spNctaidX:
		return int64(l.grid.X)
	case spNctaidY:
		return int64(l.grid.Y)
	case spNctaidZ:
		return int64(l.grid.Z)
	case spWarpID:
		return int64(w.id)
	case spNwarpID:
		return int64((l.threads + warpSize - 1) / warpSize)
	case spSmID:
		return b.index % int64(l.dev.props.SMs)
	case spNsmID:
		return int64(l.dev.props.SMs)
	case spDynamicSize:
		return l.dynamic
	case spTotalShared:
		return l.sharedBytes
	case spLocal:
		return fr.local + s.arg
	case spDynamicShared:
		return l.fn.dynamicAt + s.arg
	}
	panic(fmt.Sprintf("emu: special register %d has no value", s.what))
}
