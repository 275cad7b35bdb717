package emu

import (
	"unsafe"
)

// lane widths: what a register pointer points to.
const (
	wPred = 1
	w32   = 4
	w64   = 8
)

// readWord and writeWord access one lane of a register of any width.
func readWord(p unsafe.Pointer, w uint8, lane int) uint64 {
	switch w {
	case w32:
		return uint64((*[warpSize]uint32)(p)[lane])
	case w64:
		return (*[warpSize]uint64)(p)[lane]
	case wPred:
		return uint64(*(*uint32)(p) >> uint(lane) & 1)
	}
	return 0
}

// lanes turns the meaning for one thread into a lane function, given the widths of the registers. A destination of 16 bits is
// cut to them.
func lanes(f scalar, d regRef, a, b, c uint8) laneFn {
	mask := widthMask(uint(max(d.bits, 1)))
	switch {
	case d.w == wPred:
		return func(dp, ap, bp, cp unsafe.Pointer) {
			var out uint32
			for i := range warpSize {
				out |= uint32(f(readWord(ap, a, i), readWord(bp, b, i), readWord(cp, c, i))&1) << uint(i)
			}
			*(*uint32)(dp) = out
		}
	case d.w == w64:
		return func(dp, ap, bp, cp unsafe.Pointer) {
			out := (*[warpSize]uint64)(dp)
			for i := range warpSize {
				out[i] = f(readWord(ap, a, i), readWord(bp, b, i), readWord(cp, c, i))
			}
		}
	case a == w32 && b == w32 && c == w32:
		return func(dp, ap, bp, cp unsafe.Pointer) {
			out, x, y, z := lanes4(dp, ap, bp, cp)
			for i := range warpSize {
				out[i] = uint32(f(uint64(x[i]), uint64(y[i]), uint64(z[i])) & mask)
			}
		}
	}
	return func(dp, ap, bp, cp unsafe.Pointer) {
		out := (*[warpSize]uint32)(dp)
		for i := range warpSize {
			out[i] = uint32(f(readWord(ap, a, i), readWord(bp, b, i), readWord(cp, c, i)) & mask)
		}
	}
}

func lanes4(d, a, b, c unsafe.Pointer) (_, _, _, _ *[warpSize]uint32) {
	return (*[warpSize]uint32)(d), (*[warpSize]uint32)(a), (*[warpSize]uint32)(b), (*[warpSize]uint32)(c)
}

// relation turns a comparison into a lane function that sets a predicate.
func relation(rel func(a, b uint64) bool, a, b uint8) laneFn {
	return func(dp, ap, bp, _ unsafe.Pointer) {
		var out uint32
		for i := range warpSize {
			if rel(readWord(ap, a, i), readWord(bp, b, i)) {
				out |= 1 << uint(i)
			}
		}
		*(*uint32)(dp) = out
	}
}
