package emu

import (
	"math"

	"github.com/unnoise/unnoise/cuda/emu/num"
	"github.com/unnoise/unnoise/cuda/ptx"
)

func f32(b uint64) float32 { return math.Float32frombits(uint32(b)) }
func f64(b uint64) float64 { return math.Float64frombits(b) }

// bits32 gives the bits of a result, NaN made canonical.
func bits32(x float32) uint64 { return uint64(num.Bits(x)) }
func bits64(x float64) uint64 { return math.Float64bits(x) }

// modeOf returns the rounding mode named by the modifiers; to nearest if none is.
func modeOf(in *ptx.Inst) num.Mode {
	for _, m := range in.Mods {
		switch m {
		case "rz", "rzi":
			return num.RZ
		case "rm", "rmi":
			return num.RM
		case "rp", "rpi":
			return num.RP
		case "rna":
			return num.RNA
		}
	}
	return num.RN
}

// f32Scalar returns the single-precision instructions of PTX ISA 9.7.3; nil if there is none of that name.
func f32Scalar(in *ptx.Inst) scalar {
	var f func(a, b, c float32) float32
	mode := modeOf(in)
	switch in.Op {
	case "add":
		f = func(a, b, _ float32) float32 { return num.Add(a, b, mode) }
	case "sub":
		f = func(a, b, _ float32) float32 { return num.Add(a, -b, mode) }
	case "mul":
		f = func(a, b, _ float32) float32 { return num.Mul(a, b, mode) }
	case "fma", "mad":
		f = func(a, b, c float32) float32 { return num.FMAMode(a, b, c, mode) }
	case "div":
		f = func(a, b, _ float32) float32 { return num.Div(a, b, mode) }
		if in.Has("approx") {
			f = func(a, b, _ float32) float32 { return num.DivApprox(a, b) }
		}
	case "rcp":
		f = func(a, _, _ float32) float32 { return num.Div(1, a, mode) }
	case "sqrt":
		f = func(a, _, _ float32) float32 { return num.Sqrt(a, mode) }
	case "rsqrt":
		f = func(a, _, _ float32) float32 { return num.Rsqrt(a) }
	case "sin":
		f = func(a, _, _ float32) float32 { return num.Sin(a) }
	case "cos":
		f = func(a, _, _ float32) float32 { return num.Cos(a) }
	case "lg2":
		f = func(a, _, _ float32) float32 { return num.Lg2(a) }
	case "ex2":
		f = func(a, _, _ float32) float32 { return num.Ex2(a) }
	case "tanh":
		f = func(a, _, _ float32) float32 { return num.Tanh(a) }
	case "min":
		f = func(a, b, _ float32) float32 { return num.Min(a, b) }
	case "max":
		f = func(a, b, _ float32) float32 { return num.Max(a, b) }
	case "abs":
		return signOp(in, func(a uint32) uint32 { return a &^ (1 << 31) })
	case "neg":
		return signOp(in, func(a uint32) uint32 { return a ^ 1<<31 })
	case "copysign":
		return func(a, b, _ uint64) uint64 { return a&(1<<31) | b&(1<<31-1) }
	case "testp":
		return func(a, _, _ uint64) uint64 { return testp(in.Mods[0], uint64(uint32(a)), num.F32) }
	default:
		return nil
	}
	if in.Has("NaN") {
		g := f
		f = func(a, b, c float32) float32 {
			if a != a || b != b {
				return math.Float32frombits(num.NaN32)
			}
			return g(a, b, c)
		}
	}
	return f32Modifiers(in, f)
}

// f32Modifiers wraps f in flushing of subnormals and saturation.
func f32Modifiers(in *ptx.Inst, f func(a, b, c float32) float32) scalar {
	ftz, sat := in.Has("ftz"), in.Has("sat")
	return func(a, b, c uint64) uint64 {
		x, y, z := f32(a), f32(b), f32(c)
		if ftz {
			x, y, z = num.FTZ(x), num.FTZ(y), num.FTZ(z)
		}
		r := f(x, y, z)
		if sat {
			r = num.Sat(r)
		}
		if ftz {
			r = num.FTZ(r)
		}
		return bits32(r)
	}
}

// signOp is neg or abs: NaN becomes canonical, .ftz flushes.
func signOp(in *ptx.Inst, f func(uint32) uint32) scalar {
	ftz := in.Has("ftz")
	return func(a, _, _ uint64) uint64 {
		x := f32(a)
		if ftz {
			x = num.FTZ(x)
		}
		if x != x {
			return uint64(num.NaN32)
		}
		return uint64(f(math.Float32bits(x)))
	}
}

// testp classifies a value (PTX ISA 9.7.3.1).
func testp(what string, b uint64, f num.Format) uint64 {
	exp := b >> f.Frac & (1<<f.Exp - 1)
	frac := b & (1<<f.Frac - 1)
	special := exp == 1<<f.Exp-1
	switch what {
	case "finite":
		return boolBit(!special)
	case "infinite":
		return boolBit(special && frac == 0)
	case "number":
		return boolBit(!special || frac == 0)
	case "notanumber":
		return boolBit(special && frac != 0)
	case "normal":
		return boolBit(!special && exp != 0)
	}
	return boolBit(exp == 0 && frac != 0)
}

// f64Scalar returns the double-precision instructions.
func f64Scalar(in *ptx.Inst) scalar {
	var f func(a, b, c float64) float64
	mode := modeOf(in)
	switch in.Op {
	case "add":
		f = func(a, b, _ float64) float64 { return num.Add64(a, b, mode) }
	case "sub":
		f = func(a, b, _ float64) float64 { return num.Add64(a, -b, mode) }
	case "mul":
		f = func(a, b, _ float64) float64 { return num.Mul64(a, b, mode) }
	case "fma", "mad":
		f = func(a, b, c float64) float64 { return num.FMA64(a, b, c, mode) }
	case "div":
		f = func(a, b, _ float64) float64 { return num.Div64(a, b, mode) }
	case "sqrt":
		f = func(a, _, _ float64) float64 { return num.Sqrt64(a, mode) }
	case "rcp":
		f = func(a, _, _ float64) float64 { return num.Div64(1, a, mode) }
		if in.Has("approx") {
			f = func(a, _, _ float64) float64 { return num.Rcp64(a) }
		}
	case "rsqrt":
		f = func(a, _, _ float64) float64 { return num.Rsqrt64(a) }
		if in.Has("ftz") {
			f = func(a, _, _ float64) float64 { return num.RsqrtFTZ64(a) }
		}
	case "min":
		f = func(a, b, _ float64) float64 { return num.Min64(a, b) }
	case "max":
		f = func(a, b, _ float64) float64 { return num.Max64(a, b) }
	case "abs":
		return func(a, _, _ uint64) uint64 { return a &^ (1 << 63) }
	case "neg":
		return func(a, _, _ uint64) uint64 { return a ^ 1<<63 }
	case "copysign":
		return func(a, b, _ uint64) uint64 { return a&(1<<63) | b&(1<<63-1) }
	case "testp":
		return func(a, _, _ uint64) uint64 { return testp(in.Mods[0], a, num.F64) }
	default:
		return nil
	}
	return func(a, b, c uint64) uint64 { return bits64(f(f64(a), f64(b), f64(c))) }
}

// halfScalar returns the f16 and bf16 instructions of PTX ISA 9.7.4, for one value.
func halfScalar(in *ptx.Inst, h num.Half) scalar {
	var f func(a, b, c uint16) uint16
	switch in.Op {
	case "add":
		f = func(a, b, _ uint16) uint16 { return h.Add(a, b) }
	case "sub":
		f = func(a, b, _ uint16) uint16 { return h.Add(a, b^0x8000) }
	case "mul":
		f = func(a, b, _ uint16) uint16 { return h.Mul(a, b) }
	case "fma":
		f = h.FMA
	case "min":
		f = func(a, b, _ uint16) uint16 { return h.Min(a, b) }
	case "max":
		f = func(a, b, _ uint16) uint16 { return h.Max(a, b) }
	case "abs":
		f = func(a, _, _ uint16) uint16 { return a &^ 0x8000 }
	case "neg":
		f = func(a, _, _ uint16) uint16 { return a ^ 0x8000 }
	case "tanh":
		f = func(a, _, _ uint16) uint16 { return h.From(num.Tanh(h.To(a))) }
	case "ex2":
		f = func(a, _, _ uint16) uint16 { return h.From(num.Ex2(h.To(a))) }
	default:
		return nil
	}
	nan, ftz, sat, relu := in.Has("NaN"), in.Has("ftz"), in.Has("sat"), in.Has("relu")
	isNaN := func(a uint16) bool { v := h.To(a); return v != v }
	sign := in.Op == "neg" || in.Op == "abs"
	return func(a, b, c uint64) uint64 {
		x, y, z := uint16(a), uint16(b), uint16(c)
		if ftz {
			x, y, z = h.FTZ(x), h.FTZ(y), h.FTZ(z)
		}
		if nan && (isNaN(x) || isNaN(y)) || sign && isNaN(x) {
			return h.Fmt.NaN()
		}
		r := f(x, y, z)
		if sat {
			r = h.Sat(r)
		}
		if ftz {
			r = h.FTZ(r)
		}
		if relu && !isNaN(r) && r&0x8000 != 0 {
			r = 0
		}
		return uint64(r)
	}
}

// pairs applies a 16-bit operation to both halves of 32-bit registers.
func pairs(f scalar) scalar {
	return func(a, b, c uint64) uint64 {
		return f(a&0xffff, b&0xffff, c&0xffff) | f(a>>16&0xffff, b>>16&0xffff, c>>16&0xffff)<<16
	}
}

// floatScalar returns the arithmetic of a floating-point type; nil if there is none of that name.
func floatScalar(in *ptx.Inst, t ptx.Type) scalar {
	switch t {
	case ptx.F32:
		return f32Scalar(in)
	case ptx.F64:
		return f64Scalar(in)
	case ptx.F16:
		return halfScalar(in, num.HalfF16)
	case ptx.BF16:
		return halfScalar(in, num.HalfBF16)
	case ptx.F16x2:
		if f := halfScalar(in, num.HalfF16); f != nil {
			return pairs(f)
		}
	case ptx.BF16x2:
		if f := halfScalar(in, num.HalfBF16); f != nil {
			return pairs(f)
		}
	}
	return nil
}
