package num

import "math"

// The approximations of PTX ISA 9.7.3 are computed in float64 and rounded once to float32, which is within every documented
// error. Subnormal inputs and results are kept unless the instruction says .ftz. Products are converted explicitly, which
// keeps compilers from fusing them with sums: the bits are the same on every machine.

// exp2Coef is the Taylor expansion of 2^r = e^(r ln 2): terms (ln 2)^k / k!.
var exp2Coef = func() (c [14]float64) {
	c[0] = 1
	for k := 1; k < len(c); k++ {
		c[k] = c[k-1] * math.Ln2 / float64(k)
	}
	return c
}()

// exp2 returns 2^x to about 1e-15 relative for |x| < 1000; it saturates to 0 and infinity outside.
func exp2(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 1000:
		return math.Inf(1)
	case x < -1000:
		return 0
	}
	n := math.RoundToEven(x)
	r := x - n
	c := &exp2Coef
	p := c[11]
	for k := 10; k >= 0; k-- {
		p = float64(p*r) + c[k]
	}
	return p * math.Float64frombits(uint64(int64(n)+1023)<<52)
}

// Taylor coefficients after the first, the highest power first: of 1/2 ln((1+s)/(1-s)), of sin and of cos.
var (
	atanhCoef = [...]float64{1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3}
	sinCoef   = [...]float64{-1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6}
	cosCoef   = [...]float64{1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5}
)

// horner evaluates a polynomial. Every product is rounded by a conversion, so that no build fuses it with the sum.
func horner(z float64, c []float64) float64 {
	p := c[0]
	for _, k := range c[1:] {
		p = float64(p*z) + k
	}
	return p
}

// log2 returns the base-2 logarithm of a normal positive float64: x = 2^e m with m in [sqrt(1/2), sqrt 2), and
// ln m = 2 atanh((m-1)/(m+1)).
func log2(x float64) float64 {
	b := math.Float64bits(x)
	e := int(b>>52) - 1023
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52)
	if m > math.Sqrt2 {
		m *= 0.5
		e++
	}
	s := (m - 1) / (m + 1)
	z := s * s
	p := horner(z, atanhCoef[:])
	return float64(e) + float64(2*math.Log2E*(s+float64(float64(s*z)*p)))
}

// Ex2 is ex2.approx.f32.
func Ex2(x float32) float32 { return float32(exp2(float64(x))) }

// Lg2 is lg2.approx.f32.
func Lg2(x float32) float32 {
	switch {
	case x != x || x < 0:
		return math.Float32frombits(NaN32)
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	}
	return float32(log2(float64(x)))
}

const (
	pio2Hi  = 1.5707963267341256 // 33 bits of pi/2, so that n*pio2Hi is exact for |n| < 2^20
	pio2Mid = 6.077100506303966e-11
	pio2Lo  = 2.0222662487959506e-21
)

// sincos returns sine and cosine of x; up to 2^20 by its own reduction and Taylor series, beyond by the library.
func sincos(x float64) (float64, float64) {
	if !(math.Abs(x) < 1<<20) {
		return math.Sincos(x)
	}
	n := math.RoundToEven(x * (2 / math.Pi))
	r := ((x - float64(n*pio2Hi)) - float64(n*pio2Mid)) - float64(n*pio2Lo)
	z := r * r
	s := r + float64(float64(r*z)*horner(z, sinCoef[:]))
	c := 1 + float64(z*horner(z, cosCoef[:]))
	switch int64(n) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	}
	return -c, s
}

// Sin is sin.approx.f32.
func Sin(x float32) float32 {
	if x == 0 {
		return x
	}
	s, _ := sincos(float64(x))
	return float32(s)
}

// Cos is cos.approx.f32.
func Cos(x float32) float32 {
	_, c := sincos(float64(x))
	return float32(c)
}

// Rcp is rcp.approx.f32 and rcp.rn.f32: both are within 1 ulp, and the rounded quotient is.
func Rcp(x float32) float32 { return float32(1 / float64(x)) }

// Rsqrt is rsqrt.approx.f32.
func Rsqrt(x float32) float32 { return float32(Rsqrt64(float64(x))) }

// Rsqrt64 is rsqrt.approx.f64.
func Rsqrt64(x float64) float64 {
	if x == 0 {
		return 1 / x
	}
	return 1 / math.Sqrt(x)
}

// Tanh is tanh.approx.f32.
func Tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

// DivApprox is div.approx.f32: a divisor in (2^126, 2^128) gives 0, or NaN for an infinite dividend (PTX ISA 9.7.3.8).
func DivApprox(a, b float32) float32 {
	if ab := math.Abs(float64(b)); ab > 0x1p126 && ab < 0x1p128 {
		if math.IsInf(float64(a), 0) {
			return math.Float32frombits(NaN32)
		}
		neg := (math.Float32bits(a)^math.Float32bits(b))>>31 == 1
		if a != a {
			return a
		}
		if neg {
			return math.Float32frombits(1 << 31)
		}
		return 0
	}
	return float32(float64(a) / float64(b))
}

// Rcp64 is rcp.approx.ftz.f64: it reads the upper 32 bits of x and gives the upper 32 bits of the reciprocal, with
// subnormals taken and given as zero (PTX ISA 9.7.3.14).
func Rcp64(x float64) float64 {
	b := math.Float64bits(x) &^ 0xffffffff
	if b&0x7ff0000000000000 == 0 {
		return math.Inf(1 - 2*int(b>>63))
	}
	r := math.Float64bits(1 / math.Float64frombits(b))
	switch {
	case r&0x7ff0000000000000 == 0:
		return math.Float64frombits(r & (1 << 63))
	case r&0x7ff0000000000000 == 0x7ff0000000000000:
		if r&(1<<52-1) != 0 {
			return math.Float64frombits(F64.NaN())
		}
		return math.Float64frombits(r)
	}
	return math.Float64frombits((r + 1<<31) &^ 0xffffffff)
}

// RsqrtFTZ64 is rsqrt.approx.ftz.f64, with the same 32-bit interface as Rcp64.
func RsqrtFTZ64(x float64) float64 {
	b := math.Float64bits(x) &^ 0xffffffff
	if b&0x7ff0000000000000 == 0 {
		return math.Inf(1 - 2*int(b>>63))
	}
	r := math.Float64bits(1 / math.Sqrt(math.Float64frombits(b)))
	if r&0x7ff0000000000000 == 0x7ff0000000000000 {
		return math.Float64frombits(r)
	}
	return math.Float64frombits((r + 1<<31) &^ 0xffffffff)
}
