package num

import "math"

// RoundInt rounds x to an integral value in mode m.
func RoundInt(x float64, m Mode) float64 {
	switch m {
	case RZ:
		return math.Trunc(x)
	case RM:
		return math.Floor(x)
	case RP:
		return math.Ceil(x)
	}
	return math.RoundToEven(x)
}

// ToInt converts to a signed or unsigned integer of width bits, rounding in mode m. Out-of-range values clamp. NaN gives 0,
// but if the source is f64 or the destination has 64 bits, which from64 says, it gives the highest bit alone (PTX ISA
// 9.7.8.20, notes). The result is the integer's two's complement, cut to the width.
func ToInt(x float64, width uint, signed, from64 bool, m Mode) uint64 {
	if math.IsNaN(x) {
		if from64 || width == 64 {
			return 1 << (width - 1)
		}
		return 0
	}
	r := RoundInt(x, m)
	if !signed {
		switch {
		case r <= 0:
			return 0
		case r >= math.Ldexp(1, int(width)):
			return 1<<(width-1)<<1 - 1
		}
		return toUint64(r)
	}
	limit := math.Ldexp(1, int(width)-1)
	var v int64
	switch {
	case r >= limit:
		v = int64(1<<(width-1) - 1)
	case r < -limit:
		v = -1 << (width - 1)
	default:
		v = int64(r)
	}
	return uint64(v) & (1<<(width-1)<<1 - 1)
}

// toUint64 converts r in [0, 2^64) whatever the host does above 2^63.
func toUint64(r float64) uint64 {
	if r < 1<<63 {
		return uint64(int64(r))
	}
	return uint64(int64(r-1<<63)) + 1<<63
}

// FromInt rounds an integer to format f; v holds it sign- or zero-extended to 64 bits.
func FromInt(v uint64, signed bool, f Format, m Mode) uint64 {
	neg := signed && int64(v) < 0
	if neg {
		v = -v
	}
	if v == 0 {
		return 0
	}
	return Round(neg, v, 0, false, f, m)
}

// SatInt clamps an integer (sign- or zero-extended to 64 bits as srcSigned says) to the range of the destination type.
func SatInt(v uint64, srcSigned bool, width uint, signed bool) uint64 {
	mask := uint64(1)<<(width-1)<<1 - 1
	if srcSigned && int64(v) < 0 {
		if !signed {
			return 0
		}
		if min := int64(-1) << (width - 1); int64(v) < min {
			v = uint64(min)
		}
		return v & mask
	}
	max := mask
	if signed {
		max >>= 1
	}
	if v > max {
		return max
	}
	return v
}
