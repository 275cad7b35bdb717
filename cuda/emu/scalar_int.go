package emu

import (
	"math/bits"

	"github.com/unnoise/unnoise/cuda/emu/num"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// scalar is the meaning of an instruction for one thread: registers come and go as bits, zero-extended to 64. It is total.
type scalar func(a, b, c uint64) uint64

func widthMask(w uint) uint64 { return 1<<(w-1)<<1 - 1 }

// sx sign-extends the low w bits.
func sx(v uint64, w uint) int64 { return int64(v<<(64-w)) >> (64 - w) }

// ext widens the low w bits as the type's signedness says.
func ext(v uint64, w uint, signed bool) uint64 {
	if signed {
		return uint64(sx(v, w))
	}
	return v & widthMask(w)
}

// intScalar returns the integer instructions of PTX ISA 9.7.1, and 9.7.7 with b types; nil if there is none of that name.
func intScalar(in *ptx.Inst, t ptx.Type) scalar {
	w, s := uint(t.Bits()), t.Signed()
	m := widthMask(w)
	switch in.Op {
	case "add":
		if in.Has("sat") {
			return func(a, b, _ uint64) uint64 { return num.SatInt(uint64(sx(a, 32)+sx(b, 32)), true, 32, true) }
		}
		return func(a, b, _ uint64) uint64 { return (a + b) & m }
	case "sub":
		if in.Has("sat") {
			return func(a, b, _ uint64) uint64 { return num.SatInt(uint64(sx(a, 32)-sx(b, 32)), true, 32, true) }
		}
		return func(a, b, _ uint64) uint64 { return (a - b) & m }
	case "mul", "mad":
		return mulScalar(in, w, s)
	case "mul24", "mad24":
		return mul24Scalar(in, s)
	case "sad":
		return func(a, b, c uint64) uint64 {
			x, y := ext(a, w, s), ext(b, w, s)
			if s && int64(x) < int64(y) || !s && x < y {
				x, y = y, x
			}
			return (x - y + c) & m
		}
	case "div", "rem":
		return divScalar(in.Op == "rem", w, s)
	case "abs":
		return func(a, _, _ uint64) uint64 {
			if v := sx(a, w); v < 0 {
				return uint64(-v) & m
			}
			return a & m
		}
	case "neg":
		return func(a, _, _ uint64) uint64 { return -a & m }
	case "min", "max":
		max := in.Op == "max"
		return func(a, b, _ uint64) uint64 {
			x, y := ext(a, w, s), ext(b, w, s)
			less := x < y
			if s {
				less = int64(x) < int64(y)
			}
			if less != max {
				return x & m
			}
			return y & m
		}
	case "dp4a", "dp2a":
		return dotScalar(in)
	case "vabsdiff4":
		return absDiff4(in)
	}
	return bitScalar(in, t)
}

func mulScalar(in *ptx.Inst, w uint, s bool) scalar {
	m := widthMask(w)
	var mul func(a, b uint64) uint64
	out := m
	switch {
	case in.Has("wide"):
		out = widthMask(2 * w)
		mul = func(a, b uint64) uint64 { return ext(a, w, s) * ext(b, w, s) & out }
	case in.Has("hi") && w == 64:
		mul = func(a, b uint64) uint64 {
			hi, _ := bits.Mul64(a, b)
			if s {
				hi -= a>>63*b + b>>63*a
			}
			return hi
		}
	case in.Has("hi"):
		mul = func(a, b uint64) uint64 { return ext(a, w, s) * ext(b, w, s) >> w & m }
	default:
		mul = func(a, b uint64) uint64 { return a * b & m }
	}
	if in.Op == "mul" {
		return func(a, b, _ uint64) uint64 { return mul(a, b) }
	}
	return func(a, b, c uint64) uint64 { return (mul(a, b) + c) & out }
}

func mul24Scalar(in *ptx.Inst, s bool) scalar {
	shift := uint(0)
	if in.Has("hi") {
		shift = 16
	}
	mad := in.Op == "mad24"
	return func(a, b, c uint64) uint64 {
		p := ext(a, 24, s) * ext(b, 24, s) >> shift
		if mad {
			p += c
		}
		return p & 0xffffffff
	}
}

// divScalar gives all ones for a division by zero, and the dividend for its remainder, as GPUs do.
func divScalar(rem bool, w uint, s bool) scalar {
	m := widthMask(w)
	return func(a, b, _ uint64) uint64 {
		x, y := ext(a, w, s), ext(b, w, s)
		switch {
		case y == 0 && rem:
			return a & m
		case y == 0:
			return m
		case s && int64(y) == -1: // the smallest number has no negative
			if rem {
				return 0
			}
			return -x & m
		case s && rem:
			return uint64(int64(x)%int64(y)) & m
		case s:
			return uint64(int64(x)/int64(y)) & m
		case rem:
			return x % y
		}
		return x / y
	}
}

// dotScalar is dp4a and dp2a.
func dotScalar(in *ptx.Inst) scalar {
	sa, sb := in.Types[0].Signed(), in.Types[1].Signed()
	if in.Op == "dp4a" {
		return func(a, b, c uint64) uint64 {
			for i := uint(0); i < 32; i += 8 {
				c += ext(a>>i, 8, sa) * ext(b>>i, 8, sb)
			}
			return c & 0xffffffff
		}
	}
	from := uint(0)
	if in.Has("hi") {
		from = 16
	}
	return func(a, b, c uint64) uint64 {
		c += ext(a, 16, sa) * ext(b>>from, 8, sb)
		c += ext(a>>16, 16, sa) * ext(b>>(from+8), 8, sb)
		return c & 0xffffffff
	}
}

// absDiff4 is vabsdiff4: the absolute differences of four bytes, or their sum added to c.
func absDiff4(in *ptx.Inst) scalar {
	sum := in.Has("add")
	return func(a, b, c uint64) uint64 {
		var out uint64
		for i := uint(0); i < 32; i += 8 {
			x, y := a>>i&0xff, b>>i&0xff
			d := max(x, y) - min(x, y)
			out |= d << i
			c += d
		}
		if sum {
			return c & 0xffffffff
		}
		return out
	}
}

// bitScalar returns the bit operations.
func bitScalar(in *ptx.Inst, t ptx.Type) scalar {
	w, s := uint(t.Bits()), t.Signed()
	m := widthMask(w)
	switch in.Op {
	case "and":
		return func(a, b, _ uint64) uint64 { return a & b }
	case "or":
		return func(a, b, _ uint64) uint64 { return a | b }
	case "xor":
		return func(a, b, _ uint64) uint64 { return a ^ b }
	case "not":
		return func(a, _, _ uint64) uint64 { return ^a & m }
	case "cnot":
		return func(a, _, _ uint64) uint64 { return boolBit(a == 0) }
	case "shl":
		return func(a, b, _ uint64) uint64 { return a << (b & 0xffffffff) & m }
	case "shr":
		if s {
			return func(a, b, _ uint64) uint64 { return uint64(sx(a, w)>>min(b&0xffffffff, 63)) & m }
		}
		return func(a, b, _ uint64) uint64 { return a >> (b & 0xffffffff) }
	case "popc":
		return func(a, _, _ uint64) uint64 { return uint64(bits.OnesCount64(a)) }
	case "clz":
		return func(a, _, _ uint64) uint64 { return uint64(bits.LeadingZeros64(a)) - uint64(64-w) }
	case "brev":
		return func(a, _, _ uint64) uint64 { return bits.Reverse64(a) >> (64 - w) }
	case "bfind":
		shift := in.Has("shiftamt")
		return func(a, _, _ uint64) uint64 {
			x := ext(a, w, s)
			if s && int64(x) < 0 {
				x = ^x
			}
			if x == 0 {
				return 0xffffffff
			}
			n := uint64(bits.Len64(x) - 1)
			if shift {
				n = uint64(w) - 1 - n
			}
			return n
		}
	case "bfe":
		return func(a, b, c uint64) uint64 { return bitExtract(a, b&0xff, c&0xff, w, s) }
	}
	return logicScalar(in)
}

// bitExtract is bfe: len bits of a from pos, extended by the sign bit of the field or of a where the field ends.
func bitExtract(a, pos, n uint64, w uint, s bool) uint64 {
	if n == 0 {
		return 0
	}
	top := min(pos+n-1, uint64(w)-1)
	var sign uint64
	if s {
		sign = a >> top & 1
	}
	var out uint64
	for i := uint64(0); i < uint64(w); i++ {
		bit := sign
		if i < n && pos+i < uint64(w) {
			bit = a >> (pos + i) & 1
		}
		out |= bit << i
	}
	return out
}

// bitInsert is bfi: n low bits of a into b at pos.
func bitInsert(a, b, pos, n uint64, w uint) uint64 {
	if pos >= uint64(w) || n == 0 {
		return b
	}
	var field uint64
	if n >= uint64(w) {
		field = widthMask(w)
	} else {
		field = 1<<n - 1
	}
	return b&^(field<<pos)&widthMask(w) | a&field<<pos&widthMask(w)
}

// logicScalar returns prmt, shf and lop3, whose fourth operand is a constant or comes in the high half of c.
func logicScalar(in *ptx.Inst) scalar {
	switch in.Op {
	case "prmt":
		mode := ""
		if len(in.Mods) > 1 {
			mode = in.Mods[1]
		}
		return func(a, b, c uint64) uint64 { return permute(mode, a, b, c) }
	case "shf":
		left, wrap := in.Mods[0] == "l", in.Mods[1] == "wrap"
		return func(a, b, c uint64) uint64 {
			n := c & 0xffffffff
			if wrap {
				n &= 31
			} else {
				n = min(n, 32)
			}
			v := b<<32 | a&0xffffffff
			if left {
				return v << n >> 32
			}
			return v >> n & 0xffffffff
		}
	}
	return nil
}

// permute is prmt (PTX ISA 9.7.8.7).
func permute(mode string, a, b, c uint64) uint64 {
	src := b<<32 | a&0xffffffff
	pick := func(sel uint64) uint64 {
		v := src >> (sel & 7 * 8) & 0xff
		if sel&8 != 0 {
			return v >> 7 * 0xff
		}
		return v
	}
	var out uint64
	for i := uint64(0); i < 4; i++ {
		var v uint64
		n := c & 3
		switch mode {
		case "f4e":
			v = pick((n + i) & 7)
		case "b4e":
			v = pick((n - i) & 7)
		case "rc8":
			v = pick(n)
		case "ecl":
			v = pick(max(n, i))
		case "ecr":
			v = pick(min(n, i))
		case "rc16":
			v = pick(n&1*2 + i&1)
		default:
			v = pick(c >> (4 * i) & 15)
		}
		out |= v << (8 * i)
	}
	return out
}

// lop3 applies an arbitrary function of three bits, given as its truth table.
func lop3(table uint64) scalar {
	return func(a, b, c uint64) uint64 {
		var out uint64
		for k := uint64(0); k < 8; k++ {
			if table>>k&1 == 0 {
				continue
			}
			x, y, z := a, b, c
			if k&4 == 0 {
				x = ^x
			}
			if k&2 == 0 {
				y = ^y
			}
			if k&1 == 0 {
				z = ^z
			}
			out |= x & y & z
		}
		return out & 0xffffffff
	}
}
