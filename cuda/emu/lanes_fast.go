package emu

import (
	"math"
	"unsafe"

	"github.com/unnoise/unnoise/cuda/emu/lane"
	"github.com/unnoise/unnoise/cuda/emu/num"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// The lane functions here are the frequent instructions written out for 32 lanes; each must agree with the scalar meaning of
// the same name, which a test checks.

// integer is what the generic bodies compute with.
type integer interface {
	~uint32 | ~uint64 | ~int32 | ~int64
}

func addLanes[T integer](dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]T)(dp), (*[warpSize]T)(ap), (*[warpSize]T)(bp)
	for i := 0; i < warpSize; i += 8 {
		d[i] = a[i] + b[i]
		d[i+1] = a[i+1] + b[i+1]
		d[i+2] = a[i+2] + b[i+2]
		d[i+3] = a[i+3] + b[i+3]
		d[i+4] = a[i+4] + b[i+4]
		d[i+5] = a[i+5] + b[i+5]
		d[i+6] = a[i+6] + b[i+6]
		d[i+7] = a[i+7] + b[i+7]
	}
}

func subLanes[T integer](dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]T)(dp), (*[warpSize]T)(ap), (*[warpSize]T)(bp)
	for i := 0; i < warpSize; i += 4 {
		d[i] = a[i] - b[i]
		d[i+1] = a[i+1] - b[i+1]
		d[i+2] = a[i+2] - b[i+2]
		d[i+3] = a[i+3] - b[i+3]
	}
}

func mulLanes[T integer](dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]T)(dp), (*[warpSize]T)(ap), (*[warpSize]T)(bp)
	for i := 0; i < warpSize; i += 4 {
		d[i] = a[i] * b[i]
		d[i+1] = a[i+1] * b[i+1]
		d[i+2] = a[i+2] * b[i+2]
		d[i+3] = a[i+3] * b[i+3]
	}
}

func madLanes[T integer](dp, ap, bp, cp unsafe.Pointer) {
	d, a, b, c := (*[warpSize]T)(dp), (*[warpSize]T)(ap), (*[warpSize]T)(bp), (*[warpSize]T)(cp)
	for i := range d {
		d[i] = a[i]*b[i] + c[i]
	}
}

func minLanes[T integer](dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]T)(dp), (*[warpSize]T)(ap), (*[warpSize]T)(bp)
	for i := range d {
		d[i] = min(a[i], b[i])
	}
}

func maxLanes[T integer](dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]T)(dp), (*[warpSize]T)(ap), (*[warpSize]T)(bp)
	for i := range d {
		d[i] = max(a[i], b[i])
	}
}

func mulHiU32(dp, ap, bp, cp unsafe.Pointer) {
	d, a, b, _ := lanes4(dp, ap, bp, cp)
	for i := 0; i < warpSize; i += 4 {
		d[i] = uint32(uint64(a[i]) * uint64(b[i]) >> 32)
		d[i+1] = uint32(uint64(a[i+1]) * uint64(b[i+1]) >> 32)
		d[i+2] = uint32(uint64(a[i+2]) * uint64(b[i+2]) >> 32)
		d[i+3] = uint32(uint64(a[i+3]) * uint64(b[i+3]) >> 32)
	}
}

func mulWideS32(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]int64)(dp), (*[warpSize]int32)(ap), (*[warpSize]int32)(bp)
	for i := range d {
		d[i] = int64(a[i]) * int64(b[i])
	}
}

func mulWideU32(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]uint64)(dp), (*[warpSize]uint32)(ap), (*[warpSize]uint32)(bp)
	for i := range d {
		d[i] = uint64(a[i]) * uint64(b[i])
	}
}

func andLanes(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[16]uint64)(dp), (*[16]uint64)(ap), (*[16]uint64)(bp)
	for i := range d {
		d[i] = a[i] & b[i]
	}
}

func orLanes(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[16]uint64)(dp), (*[16]uint64)(ap), (*[16]uint64)(bp)
	for i := range d {
		d[i] = a[i] | b[i]
	}
}

func xorLanes(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[16]uint64)(dp), (*[16]uint64)(ap), (*[16]uint64)(bp)
	for i := range d {
		d[i] = a[i] ^ b[i]
	}
}

func notLanes(dp, ap, _, _ unsafe.Pointer) {
	d, a := (*[16]uint64)(dp), (*[16]uint64)(ap)
	for i := range d {
		d[i] = ^a[i]
	}
}

func shlU32(dp, ap, bp, cp unsafe.Pointer) {
	d, a, b, _ := lanes4(dp, ap, bp, cp)
	for i := range d {
		d[i] = a[i] << b[i]
	}
}

func shrU32(dp, ap, bp, cp unsafe.Pointer) {
	d, a, b, _ := lanes4(dp, ap, bp, cp)
	for i := range d {
		d[i] = a[i] >> b[i]
	}
}

func shrS32(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]int32)(dp), (*[warpSize]int32)(ap), (*[warpSize]uint32)(bp)
	for i := range d {
		d[i] = a[i] >> b[i]
	}
}

func shlU64(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]uint64)(dp), (*[warpSize]uint64)(ap), (*[warpSize]uint32)(bp)
	for i := range d {
		d[i] = a[i] << b[i]
	}
}

// nan32 makes a NaN result canonical.
func nan32(x float32) float32 {
	if x != x {
		return math.Float32frombits(num.NaN32)
	}
	return x
}

func addF32(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]float32)(dp), (*[warpSize]float32)(ap), (*[warpSize]float32)(bp)
	for i := range d {
		d[i] = nan32(a[i] + b[i])
	}
}

func subF32(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]float32)(dp), (*[warpSize]float32)(ap), (*[warpSize]float32)(bp)
	for i := range d {
		d[i] = nan32(a[i] - b[i])
	}
}

func mulF32(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]float32)(dp), (*[warpSize]float32)(ap), (*[warpSize]float32)(bp)
	for i := range d {
		d[i] = nan32(a[i] * b[i])
	}
}

func fmaF32(dp, ap, bp, cp unsafe.Pointer) {
	d, a, b, c := (*[warpSize]float32)(dp), (*[warpSize]float32)(ap), (*[warpSize]float32)(bp), (*[warpSize]float32)(cp)
	for i := range d {
		d[i] = nan32(num.FMA(a[i], b[i], c[i]))
	}
}

func divF32(dp, ap, bp, _ unsafe.Pointer) {
	d, a, b := (*[warpSize]float32)(dp), (*[warpSize]float32)(ap), (*[warpSize]float32)(bp)
	for i := range d {
		d[i] = nan32(a[i] / b[i])
	}
}

func ex2F32(dp, ap, _, _ unsafe.Pointer) {
	d, a := (*[warpSize]float32)(dp), (*[warpSize]float32)(ap)
	for i := range d {
		d[i] = nan32(num.Ex2(a[i]))
	}
}

func andPred(d, a, b, _ unsafe.Pointer) { *(*uint32)(d) = *(*uint32)(a) & *(*uint32)(b) }
func orPred(d, a, b, _ unsafe.Pointer)  { *(*uint32)(d) = *(*uint32)(a) | *(*uint32)(b) }
func xorPred(d, a, b, _ unsafe.Pointer) { *(*uint32)(d) = *(*uint32)(a) ^ *(*uint32)(b) }
func notPred(d, a, _, _ unsafe.Pointer) { *(*uint32)(d) = ^*(*uint32)(a) }

var fastLanes = map[string]laneFn{
	"add.u32": addLanes[uint32], "add.s32": addLanes[uint32], "add.u64": addLanes[uint64], "add.s64": addLanes[uint64],
	"sub.u32": subLanes[uint32], "sub.s32": subLanes[uint32], "sub.u64": subLanes[uint64], "sub.s64": subLanes[uint64],
	"mul.lo.u32": mulLanes[uint32], "mul.lo.s32": mulLanes[uint32], "mul.lo.u64": mulLanes[uint64], "mul.lo.s64": mulLanes[uint64],
	"mad.lo.u32": madLanes[uint32], "mad.lo.s32": madLanes[uint32], "mad.lo.s64": madLanes[uint64], "mad.lo.u64": madLanes[uint64],
	"min.u32": minLanes[uint32], "min.s32": minLanes[int32], "max.u32": maxLanes[uint32], "max.s32": maxLanes[int32],
	"min.u64": minLanes[uint64], "min.s64": minLanes[int64], "max.u64": maxLanes[uint64], "max.s64": maxLanes[int64],
	"mul.hi.u32": mulHiU32, "mul.wide.s32": mulWideS32, "mul.wide.u32": mulWideU32,
	"and.b32": andLanes, "or.b32": orLanes, "xor.b32": xorLanes, "not.b32": notLanes,
	"shl.b32": shlU32, "shr.b32": shrU32, "shr.u32": shrU32, "shr.s32": shrS32, "shl.b64": shlU64,
	"add.f32": addF32, "add.rn.f32": addF32, "sub.f32": subF32, "sub.rn.f32": subF32, "mul.f32": mulF32, "mul.rn.f32": mulF32,
	"fma.rn.f32": fmaF32, "mad.rn.f32": fmaF32, "div.rn.f32": divF32, "ex2.approx.f32": ex2F32,
	"and.pred": andPred, "or.pred": orPred, "xor.pred": xorPred, "not.pred": notPred,
}

// fastLane returns the lane function of an instruction, in assembly or written out, or nil.
func fastLane(in *ptx.Inst) laneFn {
	if f := lane.Of(in.Opcode()); f != nil {
		return f
	}
	return fastLanes[in.Opcode()]
}

// fastCvt returns the lane function of a conversion, in assembly or written out, or nil.
func fastCvt(in *ptx.Inst, dst, src regRef) laneFn {
	if f := lane.Of(in.Opcode()); f != nil && int(dst.bits) == in.Types[0].Bits() && int(src.bits) == in.Types[1].Bits() {
		return f
	}
	return portableCvt(in.Opcode(), dst, src)
}

// portableCvt returns the written-out lane function of a conversion, or nil.
func portableCvt(op string, dst, src regRef) laneFn {
	switch {
	case dst.w == w64 && src.w == w32 && op == "cvt.s64.s32":
		return func(dp, ap, _, _ unsafe.Pointer) {
			d, a := (*[warpSize]int64)(dp), (*[warpSize]int32)(ap)
			for i := range d {
				d[i] = int64(a[i])
			}
		}
	case dst.w == w64 && src.w == w32 && op == "cvt.u64.u32":
		return func(dp, ap, _, _ unsafe.Pointer) {
			d, a := (*[warpSize]uint64)(dp), (*[warpSize]uint32)(ap)
			for i := range d {
				d[i] = uint64(a[i])
			}
		}
	case dst.w == w32 && src.w == w64 && dst.bits == 32 && (op == "cvt.u32.u64" || op == "cvt.s32.s64"):
		return func(dp, ap, _, _ unsafe.Pointer) {
			d, a := (*[warpSize]uint32)(dp), (*[warpSize]uint64)(ap)
			for i := range d {
				d[i] = uint32(a[i])
			}
		}
	case dst.w == w32 && src.w == w32 && op == "cvt.rn.f32.s32":
		return func(dp, ap, _, _ unsafe.Pointer) {
			d, a := (*[warpSize]float32)(dp), (*[warpSize]int32)(ap)
			for i := range d {
				d[i] = float32(a[i])
			}
		}
	case dst.w == w32 && src.w == w32 && op == "cvt.rn.f32.u32":
		return func(dp, ap, _, _ unsafe.Pointer) {
			d, a := (*[warpSize]float32)(dp), (*[warpSize]uint32)(ap)
			for i := range d {
				d[i] = float32(a[i])
			}
		}
	}
	return nil
}

func compareLanes[T ~uint32 | ~uint64 | ~int32 | ~int64](less, equal bool) laneFn {
	// The relation a < b or a == b; the others are made of it by exchanging operands and negating.
	if less && equal {
		return func(dp, ap, bp, _ unsafe.Pointer) {
			a, b := (*[warpSize]T)(ap), (*[warpSize]T)(bp)
			var m uint32
			for i := range a {
				if a[i] <= b[i] {
					m |= 1 << i
				}
			}
			*(*uint32)(dp) = m
		}
	}
	if less {
		return func(dp, ap, bp, _ unsafe.Pointer) {
			a, b := (*[warpSize]T)(ap), (*[warpSize]T)(bp)
			var m uint32
			for i := range a {
				if a[i] < b[i] {
					m |= 1 << i
				}
			}
			*(*uint32)(dp) = m
		}
	}
	return func(dp, ap, bp, _ unsafe.Pointer) {
		a, b := (*[warpSize]T)(ap), (*[warpSize]T)(bp)
		var m uint32
		for i := range a {
			if a[i] == b[i] {
				m |= 1 << i
			}
		}
		*(*uint32)(dp) = m
	}
}

func negate(f laneFn) laneFn {
	return func(d, a, b, c unsafe.Pointer) {
		f(d, a, b, c)
		*(*uint32)(d) ^= allLanes
	}
}

// fastCompare returns the lane function of a comparison, in assembly or written out, or nil.
func fastCompare(cmp string, t ptx.Type, ftz bool) laneFn {
	if f := lane.Of("setp." + cmp + "." + t.String()); f != nil && !ftz {
		return f
	}
	return portableCompare(cmp, t)
}

// portableCompare returns the written-out lane function of a comparison of integers, or nil.
func portableCompare(cmp string, t ptx.Type) laneFn {
	var lt, le, eq laneFn
	switch t {
	case ptx.U32, ptx.B32:
		lt, le, eq = compareLanes[uint32](true, false), compareLanes[uint32](true, true), compareLanes[uint32](false, true)
	case ptx.S32:
		lt, le, eq = compareLanes[int32](true, false), compareLanes[int32](true, true), compareLanes[int32](false, true)
	case ptx.U64, ptx.B64:
		lt, le, eq = compareLanes[uint64](true, false), compareLanes[uint64](true, true), compareLanes[uint64](false, true)
	case ptx.S64:
		lt, le, eq = compareLanes[int64](true, false), compareLanes[int64](true, true), compareLanes[int64](false, true)
	default:
		return nil
	}
	switch cmp {
	case "eq":
		return eq
	case "ne":
		return negate(eq)
	case "lt", "lo":
		return lt
	case "le", "ls":
		return le
	case "gt", "hi":
		return negate(le)
	}
	return negate(lt)
}
