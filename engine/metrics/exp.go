package metrics

import "math"

// exp is e^x for x in about [-700, 700] with a relative error below 3e-13: several
// times the speed of math.Exp, small enough to inline. With x = (64 k + j) ln2/64 + r,
// |r| <= ln2/128, it is 2^k * 2^(j/64) * (1 + r + r^2/2 + r^3/6 + r^4/24).
func exp(x float64) float64 {
	const shift = 0x1.8p52 // adding it rounds to an integer, held in the low bits
	k := x*(64/math.Ln2) + shift
	bits := math.Float64bits(k)
	r := x - (k-shift)*(math.Ln2/64)
	p := 1 + r*(1+r*(1./2+r*(1./6+r*(1./24))))
	return p * math.Float64frombits(expTable[bits%64]+bits>>6<<52)
}

// expTable holds the bits of 2^(j/64).
var expTable = func() (t [64]uint64) {
	for j := range t {
		t[j] = math.Float64bits(math.Exp2(float64(j) / 64))
	}
	return
}()
