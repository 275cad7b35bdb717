package emu_test

import (
	"math"
	"math/big"
)

// format is a binary floating-point format: bits of precision, exponents of the smallest and largest normal number.
type format struct{ prec, emin, emax int }

// exactPrec holds every sum and product of three float64 exactly.
const exactPrec = 6000

func (f format) fraction() uint { return uint(f.prec - 1) }
func (f format) width() uint {
	switch f.emax {
	case 15:
		return 16
	case 1023:
		return 64
	}
	if f.prec == 8 {
		return 16
	}
	return 32
}

// shift is the position of the fraction's last bit: tf32 lies in the upper bits of a float32.
func (f format) shift() uint {
	if f.prec == 11 && f.emax == 127 {
		return 13
	}
	return 0
}
func (f format) sign() uint64    { return 1 << (f.width() - 1) }
func (f format) inf() uint64     { return uint64(2*f.emax+1) << f.fraction() << f.shift() }
func (f format) oneBits() uint64 { return uint64(f.emax) << f.fraction() << f.shift() }

func (f format) isNaN(b uint64) bool { return b&^f.sign() > f.inf() }
func (f format) isInf(b uint64) bool { return b&^f.sign() == f.inf() }
func (f format) isZero(b uint64) bool {
	return b&^f.sign() == 0
}
func (f format) isSubnormal(b uint64) bool {
	return !f.isZero(b) && b&^f.sign() < 1<<f.fraction()<<f.shift()
}

// flush turns subnormal numbers into zero, sign kept.
func (f format) flush(b uint64) uint64 {
	if f.isSubnormal(b) {
		return b & f.sign()
	}
	return b
}

// big is the number that finite bits stand for.
func (f format) big(b uint64) *big.Float {
	v := new(big.Float).SetPrec(exactPrec)
	m := b &^ f.sign() >> f.shift()
	e := int(m >> f.fraction())
	m &= 1<<f.fraction() - 1
	if e == 0 {
		e = 1
	} else {
		m |= 1 << f.fraction()
	}
	v.SetUint64(m)
	v.SetMantExp(v, e-f.emax-int(f.fraction()))
	if b&f.sign() != 0 {
		v.Neg(v)
	}
	return v
}

// value is what bits stand for, infinities and NaN included; exact for all formats.
func (f format) value(b uint64) float64 {
	switch {
	case f.isNaN(b):
		return math.NaN()
	case f.isInf(b):
		return math.Inf(1 - 2*int(b>>(f.width()-1)))
	}
	v, _ := f.big(b).Float64()
	if b == f.sign() {
		return math.Copysign(0, -1)
	}
	return v
}

// bits rounds a number that is not zero; overflow gives infinity or the largest number, as the mode wants.
// Zero gives +0.
func (f format) bits(v *big.Float, mode string) uint64 {
	if v.Sign() == 0 {
		return 0
	}
	neg := v.Sign() < 0
	a := new(big.Float).SetPrec(exactPrec).Abs(v)
	exp := max(a.MantExp(nil)-1, f.emin)
	quantum := exp - int(f.fraction())
	scaled := new(big.Float).SetPrec(exactPrec).SetMantExp(a, -quantum)
	n := roundInteger(scaled, mode, neg).Uint64() // at most 2^prec
	var b uint64
	if exp == f.emin && n < 1<<f.fraction() {
		b = n
	} else {
		if n == 1<<uint(f.prec) {
			n >>= 1
			exp++
		}
		if exp > f.emax {
			b = f.inf() >> f.shift()
			if mode == "rz" || mode == "rm" && !neg || mode == "rp" && neg {
				b--
			}
		} else {
			b = uint64(exp+f.emax)<<f.fraction() | n&(1<<f.fraction()-1)
		}
	}
	b <<= f.shift()
	if neg {
		b |= f.sign()
	}
	return b
}

// roundInteger rounds a positive number to an integer; neg says that its sign was taken off. Modes are rn (ties to
// even), rna (ties away), rz, rm, rp.
func roundInteger(v *big.Float, mode string, neg bool) *big.Int {
	n, _ := v.Int(nil)
	rest := new(big.Float).SetPrec(exactPrec).Sub(v, new(big.Float).SetPrec(exactPrec).SetInt(n))
	if rest.Sign() == 0 {
		return n
	}
	up := false
	switch mode {
	case "rn", "rna":
		half := rest.Cmp(big.NewFloat(0.5))
		up = half > 0 || half == 0 && (mode == "rna" || n.Bit(0) == 1)
	case "rm":
		up = neg
	case "rp":
		up = !neg
	}
	if up {
		n.Add(n, big.NewInt(1))
	}
	return n
}

// specials are bit patterns at the edges of the format.
func (f format) specials() []uint64 {
	one, inf, s := f.oneBits(), f.inf(), f.shift()
	list := []uint64{0, 1 << s, 3 << s, 1<<f.fraction()<<s - 1<<s, 1 << f.fraction() << s, one, one + 1<<s, one - 1<<s, one + 1<<f.fraction()<<s, inf - 1<<s,
		inf, inf | 1<<(f.fraction()-1)<<s, inf | 1<<s, f.bits(big.NewFloat(0.3), "rn"), f.bits(big.NewFloat(2.5), "rn"), f.bits(big.NewFloat(200), "rn")}
	for _, b := range list[:len(list):len(list)] {
		list = append(list, b|f.sign())
	}
	return list
}

// fma is a*b + c, rounded once.
func (f format) fma(a, b, c uint64, mode string) uint64 {
	switch {
	case f.isNaN(a) || f.isNaN(b) || f.isNaN(c):
		return f.inf() | 1
	case f.isInf(a) || f.isInf(b):
		return f.specialBits(f.value(a)*f.value(b)+f.value(c), a, b, c)
	case f.isInf(c):
		return c
	}
	p := new(big.Float).SetPrec(exactPrec).Mul(f.big(a), f.big(b))
	v := new(big.Float).SetPrec(exactPrec).Add(p, f.big(c))
	if v.Sign() != 0 {
		return f.bits(v, mode)
	}
	productSign := (a ^ b) & f.sign()
	exactlyZero := p.Sign() == 0
	switch {
	case exactlyZero && productSign == c&f.sign():
		return productSign
	case mode == "rm":
		return f.sign()
	}
	return 0
}

// specialBits turns the float64 result of an operation with infinities or NaN into bits.
func (f format) specialBits(v float64, operands ...uint64) uint64 {
	for _, o := range operands {
		if f.isNaN(o) {
			return f.inf() | 1
		}
	}
	switch {
	case math.IsInf(v, 1):
		return f.inf()
	case math.IsInf(v, -1):
		return f.inf() | f.sign()
	case math.IsNaN(v):
		return f.inf() | 1
	}
	b := f.bits(new(big.Float).SetFloat64(v), "rn")
	if v == 0 && math.Signbit(v) {
		b = f.sign()
	}
	return b
}

func (f format) add(a, b uint64, mode string) uint64 {
	if f.isNaN(a) || f.isNaN(b) || f.isInf(a) || f.isInf(b) {
		return f.specialBits(f.value(a)+f.value(b), a, b)
	}
	v := new(big.Float).SetPrec(exactPrec).Add(f.big(a), f.big(b))
	switch {
	case v.Sign() != 0:
		return f.bits(v, mode)
	case f.isZero(a) && a == b:
		return a
	case mode == "rm":
		return f.sign()
	}
	return 0
}

func (f format) mul(a, b uint64, mode string) uint64 {
	if f.isNaN(a) || f.isNaN(b) || f.isInf(a) || f.isInf(b) {
		return f.specialBits(f.value(a)*f.value(b), a, b)
	}
	v := new(big.Float).SetPrec(exactPrec).Mul(f.big(a), f.big(b))
	if v.Sign() != 0 {
		return f.bits(v, mode)
	}
	return (a ^ b) & f.sign()
}

func (f format) div(a, b uint64, mode string) uint64 {
	if f.isNaN(a) || f.isNaN(b) || f.isInf(a) || f.isInf(b) || f.isZero(b) {
		v := f.value(a) / f.value(b)
		return f.specialBits(v, a, b)
	}
	if f.isZero(a) {
		return (a ^ b) & f.sign()
	}
	q := new(big.Float).SetPrec(400).SetMode(big.ToZero).Quo(f.big(a), f.big(b))
	return f.bits(sticky(q, q.Acc() != big.Exact), mode)
}

func (f format) sqrt(a uint64, mode string) uint64 {
	if f.isNaN(a) || f.isInf(a) || f.isZero(a) || a&f.sign() != 0 {
		return f.specialBits(math.Sqrt(f.value(a)), a)
	}
	// An irrational root is far from any number and any midpoint of the format, so 400 bits of it round as the root does.
	return f.bits(new(big.Float).SetPrec(400).Sqrt(f.big(a)), mode)
}

// sticky adds a trace to a truncated number that is not exact, so that it rounds as the exact one would.
func sticky(q *big.Float, inexact bool) *big.Float {
	v := new(big.Float).SetPrec(exactPrec).Set(q)
	if inexact {
		v.Add(v, new(big.Float).SetMantExp(big.NewFloat(float64(q.Sign())), q.MantExp(nil)-450))
	}
	return v
}
