package emu

import (
	"math"

	"github.com/unnoise/unnoise/cuda/emu/num"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// formatOf returns the binary format of a scalar floating-point type.
func formatOf(t ptx.Type) num.Format {
	switch t {
	case ptx.F16, ptx.F16x2:
		return num.F16
	case ptx.BF16, ptx.BF16x2:
		return num.BF16
	case ptx.TF32:
		return num.TF32
	case ptx.F64:
		return num.F64
	}
	return num.F32
}

// toFloat widens a register of type t.
func toFloat(b uint64, t ptx.Type) float64 {
	switch t {
	case ptx.F16:
		return float64(num.F16ToF32(uint16(b)))
	case ptx.BF16:
		return float64(num.BF16ToF32(uint16(b)))
	case ptx.F32:
		return float64(f32(b))
	}
	return f64(b)
}

// fromFloat rounds to a register of type t.
func fromFloat(x float64, t ptx.Type, m num.Mode) uint64 {
	switch {
	case t == ptx.F64:
		return bits64(x)
	case t == ptx.F32 && m == num.RN:
		return bits32(float32(x))
	case t == ptx.TF32:
		if math.IsNaN(x) {
			return uint64(num.NaN32)
		}
		return num.FromF64(x, num.TF32, m) << 13
	}
	return num.FromF64(x, formatOf(t), m)
}

// cvtScalar returns a conversion (PTX ISA 9.7.8.20); the destination comes sign- or zero-extended to 64 bits.
func cvtScalar(in *ptx.Inst) scalar {
	to, from := in.Types[0], in.Types[1]
	mode, sat, ftz := modeOf(in), in.Has("sat"), in.Has("ftz")
	switch {
	case !to.Float() && !from.Float():
		return cvtInt(to, from, sat)
	case !to.Float():
		return cvtToInt(to, from, mode, ftz)
	case !from.Float():
		return cvtFromInt(to, from, mode, sat)
	case to == ptx.F16x2 || to == ptx.BF16x2:
		half := ptx.F16
		if to == ptx.BF16x2 {
			half = ptx.BF16
		}
		one := cvtFloat(in, half, from, mode)
		return func(a, b, _ uint64) uint64 { return one(a, 0, 0)<<16 | one(b, 0, 0) }
	}
	return cvtFloat(in, to, from, mode)
}

func cvtInt(to, from ptx.Type, sat bool) scalar {
	w, s, fw, fs := uint(to.Bits()), to.Signed(), uint(from.Bits()), from.Signed()
	return func(a, _, _ uint64) uint64 {
		v := ext(a, fw, fs)
		if sat {
			v = num.SatInt(v, fs, w, s)
		}
		return ext(v, w, s)
	}
}

func cvtToInt(to, from ptx.Type, mode num.Mode, ftz bool) scalar {
	w, s := uint(to.Bits()), to.Signed()
	ftz = ftz && from == ptx.F32
	return func(a, _, _ uint64) uint64 {
		if ftz {
			a = uint64(math.Float32bits(num.FTZ(f32(a))))
		}
		return ext(num.ToInt(toFloat(a, from), w, s, from == ptx.F64, mode), w, s)
	}
}

func cvtFromInt(to, from ptx.Type, mode num.Mode, sat bool) scalar {
	w, s, f := uint(from.Bits()), from.Signed(), formatOf(to)
	return func(a, _, _ uint64) uint64 {
		r := num.FromInt(ext(a, w, s), s, f, mode)
		if sat {
			r = fromFloat(saturate(toFloat(r, to)), to, num.RN)
		}
		return r
	}
}

func saturate(x float64) float64 {
	switch {
	case !(x > 0):
		return 0
	case x > 1:
		return 1
	}
	return x
}

// cvtFloat converts between floating-point types, to the same one with .rni and its kin (rounding to integral) or .sat.
func cvtFloat(in *ptx.Inst, to, from ptx.Type, mode num.Mode) scalar {
	sat, ftz, relu := in.Has("sat"), in.Has("ftz"), in.Has("relu")
	integral := in.Has("rni") || in.Has("rzi") || in.Has("rmi") || in.Has("rpi")
	return func(a, _, _ uint64) uint64 {
		x := toFloat(a, from)
		if ftz && from == ptx.F32 {
			x = float64(num.FTZ(float32(x)))
		}
		if integral {
			x = num.RoundInt(x, mode)
		}
		if sat {
			x = saturate(x)
		}
		if relu && x <= 0 {
			x = 0
		}
		r := fromFloat(x, to, mode)
		if ftz && to == ptx.F32 {
			r = uint64(math.Float32bits(num.FTZ(f32(r))))
		}
		return r
	}
}
