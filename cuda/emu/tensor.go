package emu

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/lane"
	"github.com/unnoise/unnoise/cuda/emu/num"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// matrixLoad is ldmatrix (PTX ISA 9.7.13.4.15): lane 8i+r gives the address of row r of matrix i, eight 16-bit values.
type matrixLoad struct {
	dst   []regRef
	trans bool
}

func (o *matrixLoad) exec(w *warp, in *inst, mask uint32) *fault {
	m, b := in.mem, w.blk
	if mask != allLanes {
		return w.fault(cuda.BarrierDivergence, in, firstLane(mask), "ldmatrix needs all threads of the warp")
	}
	if w.taint {
		if f := w.checkAddress(in, uint32(uint64(1)<<(8*len(o.dst))-1)); f != nil {
			return f
		}
	}
	w.addresses(m)
	c := &w.wk.ctr.Shared
	c.LoadAccesses++
	for k, r := range o.dst {
		var rows [8]*[8]uint16
		var bad uint32 // undefined rows
		for i := range rows {
			off := w.addr[8*k+i]
			shadow, f := w.sharedRead(in, 8*k+i, off, 16)
			if f != nil {
				return f
			}
			if !allDefined(shadow) {
				bad |= 1 << i
			}
			rows[i] = (*[8]uint16)(unsafe.Pointer(&b.shared[off]))
		}
		fronts, ideal := rowFronts((*[8]uint64)(w.addr[8*k:]))
		c.LoadBytes += 128
		c.LoadIdeal += ideal
		c.LoadWavefronts += fronts
		d := w.reg32(r.off)
		if o.trans {
			for l := range d {
				j, g := 2*(l%4), l/4
				d[l] = uint32(rows[j][g]) | uint32(rows[j+1][g])<<16
			}
		} else {
			for g, row := range rows { // lanes 4g to 4g+3 get the words of row g
				copy(d[4*g:4*g+4], (*[4]uint32)(unsafe.Pointer(row))[:])
			}
		}
		if bad != 0 || w.taint {
			o.markUndef(w, r, bad)
		}
	}
	return nil
}

// rowFronts is bankCount for eight aligned rows of 16 bytes: each lies in one of eight groups of four banks.
func rowFronts(off *[8]uint64) (fronts, ideal int64) {
	var group [8]int64
	words := int64(0)
next:
	for i, x := range off {
		for _, y := range off[:i] {
			if x == y {
				continue next
			}
		}
		g := x >> 4 & 7
		group[g]++
		words += 4
		fronts = max(fronts, group[g])
	}
	return fronts, (words + warpSize - 1) / warpSize
}

// markUndef marks the lanes that got values of undefined rows.
func (o *matrixLoad) markUndef(w *warp, r regRef, rows uint32) {
	var undef uint32
	for l := range warpSize {
		touched := uint32(1) << (l / 4)
		if o.trans {
			touched = 3 << (2 * (l % 4))
		}
		if rows&touched != 0 {
			undef |= 1 << l
		}
	}
	w.setUndef(r.off, allLanes, undef)
	w.taint = w.taint || undef != 0
}

// mmaOp is mma.sync (PTX ISA 9.7.13.4.14) of shape m16n8k: products are exact, sums in single precision in the order of k.
type mmaOp struct {
	elem       ptx.Type // of A and B
	k          int
	d, a, b, c []regRef
	half       bool // f16 accumulators
}

func (o *mmaOp) constants(fix func(*uint32)) {
	for _, s := range [][]regRef{o.a, o.b, o.c} {
		for i := range s {
			fix(&s[i].off)
		}
	}
}

func (o *mmaOp) exec(w *warp, in *inst, mask uint32) *fault {
	if mask != allLanes {
		return w.fault(cuda.BarrierDivergence, in, firstLane(mask), "mma needs all threads of the warp")
	}
	if o.elem == ptx.BF16 && o.k == 16 && lane.MultiplyBF16 != nil {
		o.multiplyBF16(w)
	} else {
		o.multiply(w)
	}
	if w.taint {
		o.markUndef(w)
	}
	return nil
}

// multiplyBF16 has the frequent shape done in assembly.
func (o *mmaOp) multiplyBF16(w *warp) {
	p := w.wk.fragments[:0]
	for _, set := range [...][]regRef{o.d, o.a, o.b, o.c} {
		for i := range set {
			p = append(p, unsafe.Add(w.base, set[i].off))
		}
	}
	lane.MultiplyBF16(&w.wk.fragments, &w.wk.products)
}

// multiply computes any shape.
func (o *mmaOp) multiply(w *warp) {
	var a [16][16]float32
	var b [16][8]float32
	var c [16][8]float32
	o.gather(w, &a, &b, &c)
	for i := range c {
		multiplyRow(a[i][:o.k], &b, &c[i])
	}
	for l := range warpSize {
		g, t := l/4, 2*(l%4)
		if o.half {
			w.reg32(o.d[0].off)[l] = uint32(num.F32ToF16(c[g][t])) | uint32(num.F32ToF16(c[g][t+1]))<<16
			w.reg32(o.d[1].off)[l] = uint32(num.F32ToF16(c[g+8][t])) | uint32(num.F32ToF16(c[g+8][t+1]))<<16
			continue
		}
		w.reg32(o.d[0].off)[l] = num.Bits(c[g][t])
		w.reg32(o.d[1].off)[l] = num.Bits(c[g][t+1])
		w.reg32(o.d[2].off)[l] = num.Bits(c[g+8][t])
		w.reg32(o.d[3].off)[l] = num.Bits(c[g+8][t+1])
	}
}

// multiplyRow adds a[k]*b[k][n] to c[n], k rising.
func multiplyRow(a []float32, b *[16][8]float32, c *[8]float32) {
	c0, c1, c2, c3, c4, c5, c6, c7 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	for k, x := range a {
		r := &b[k&15]
		c0 += float32(x * r[0])
		c1 += float32(x * r[1])
		c2 += float32(x * r[2])
		c3 += float32(x * r[3])
		c4 += float32(x * r[4])
		c5 += float32(x * r[5])
		c6 += float32(x * r[6])
		c7 += float32(x * r[7])
	}
	c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7] = c0, c1, c2, c3, c4, c5, c6, c7
}

// gather takes the matrices from the registers. Each lane holds row or column l/4; pairs of 16-bit values lie at 2*(l%4).
func (o *mmaOp) gather(w *warp, a *[16][16]float32, b *[16][8]float32, c *[16][8]float32) {
	if o.elem == ptx.TF32 {
		for i, r := range o.a {
			for l, v := range w.reg32(r.off) {
				a[l/4+8*(i&1)][l%4+4*(i>>1)] = num.TF32Value(v)
			}
		}
		for i, r := range o.b {
			for l, v := range w.reg32(r.off) {
				b[l%4+4*i][l/4] = num.TF32Value(v)
			}
		}
	} else {
		widen := num.BF16ToF32
		if o.elem == ptx.F16 {
			widen = num.F16ToF32
		}
		for i, r := range o.a {
			for l, v := range w.reg32(r.off) {
				row, col := l/4+8*(i&1), 2*(l%4)+8*(i>>1)
				a[row][col], a[row][col+1] = widen(uint16(v)), widen(uint16(v>>16))
			}
		}
		for i, r := range o.b {
			for l, v := range w.reg32(r.off) {
				k := 2*(l%4) + 8*i
				b[k][l/4], b[k+1][l/4] = widen(uint16(v)), widen(uint16(v>>16))
			}
		}
	}
	for i, r := range o.c {
		for l, v := range w.reg32(r.off) {
			row, col := l/4, 2*(l%4)
			if o.half {
				c[row+8*i][col], c[row+8*i][col+1] = num.F16ToF32(uint16(v)), num.F16ToF32(uint16(v>>16))
			} else {
				c[row+8*(i>>1)][col+i&1] = f32(uint64(v))
			}
		}
	}
}

// markUndef marks results whose row of A, column of B or addend is undefined.
func (o *mmaOp) markUndef(w *warp) {
	var rows [16]bool
	var cols [8]bool
	for i, r := range o.a {
		for u := w.undefOf(r.off); u != 0; u &= u - 1 {
			rows[bits.TrailingZeros32(u)/4+8*(i&1)] = true
		}
	}
	for _, r := range o.b {
		for u := w.undefOf(r.off); u != 0; u &= u - 1 {
			cols[bits.TrailingZeros32(u)/4] = true
		}
	}
	undef := make([]uint32, len(o.d))
	for i := range o.d {
		undef[i] = w.undefOf(o.c[i].off)
		for l := range warpSize {
			row, t := l/4+8*(i>>1), 2*(l%4)
			bad := rows[row&15] || cols[t+i&1]
			if o.half {
				bad = rows[l/4+8*i] || cols[t] || cols[t+1]
			}
			if bad {
				undef[i] |= 1 << l
			}
		}
	}
	for i, r := range o.d {
		w.setUndef(r.off, allLanes, undef[i])
	}
}

// tensor decodes ldmatrix and mma.
func (d *decoder) tensor(in *ptx.Inst) error {
	if in.Op == "ldmatrix" {
		return d.loadMatrix(in)
	}
	if err := want(in, 4, 4); err != nil {
		return err
	}
	o := &mmaOp{elem: in.Types[1], half: in.Types[0] == ptx.F16}
	if _, err := fmt.Sscanf(in.Mods[2], "m16n8k%d", &o.k); err != nil {
		return fmt.Errorf("shape %s: %w", in.Mods[2], err)
	}
	per := 2 // values in a register
	info := &opInfo{clTensor, unTensorBF16, int64(2*16*8*o.k) / warpSize}
	switch o.elem {
	case ptx.TF32:
		per, info.unit = 1, unTensorTF32
	case ptx.F16:
		info.unit = unTensorF16
	}
	nc := 4
	if o.half {
		nc = 2
	}
	for i, want := range []int{nc, 16 * o.k / warpSize / per, 8 * o.k / warpSize / per, nc} {
		regs, err := d.vector(&in.Operands[i], want, i > 0)
		if err != nil {
			return err
		}
		*[]*[]regRef{&o.d, &o.a, &o.b, &o.c}[i] = regs
	}
	d.emit(inst{kind: kOther, x: o}, info)
	return nil
}

// vector returns the n 32-bit registers of a vector operand.
func (d *decoder) vector(o *ptx.Operand, n int, source bool) ([]regRef, error) {
	elems := []ptx.Operand{*o}
	if o.Kind == ptx.OpVec {
		elems = o.Elems
	}
	if len(elems) != n {
		return nil, fmt.Errorf("%d registers, %d expected", len(elems), n)
	}
	var regs []regRef
	for i := range elems {
		var r regRef
		var err error
		if source {
			r, err = d.operand(&elems[i], ptx.B32)
		} else {
			r, err = d.dest(&elems[i])
		}
		if err != nil {
			return nil, err
		}
		if err := fits(r, ptx.B32); err != nil {
			return nil, err
		}
		regs = append(regs, r)
	}
	return regs, nil
}

func (d *decoder) loadMatrix(in *ptx.Inst) error {
	if err := want(in, 2, 2); err != nil {
		return err
	}
	n := map[bool]int{in.Has("x1"): 1, in.Has("x2"): 2, in.Has("x4"): 4}[true]
	regs, err := d.vector(&in.Operands[0], n, false)
	if err != nil {
		return err
	}
	m := &memOp{space: ptx.Shared, size: 16, vec: 1, total: 16, align: 15}
	if m.base, m.off, err = d.address(&in.Operands[1], ptx.Shared); err != nil {
		return err
	}
	d.narrow(ptx.Shared, 16)
	d.emit(inst{kind: kOther, x: &matrixLoad{dst: regs, trans: in.Has("trans")}, mem: m}, &opInfo{class: clLoad})
	return nil
}
