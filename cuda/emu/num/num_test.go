package num

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// specials are values at which rounding goes wrong first.
var specials = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1.5, 2, 3, 1.0 / 3, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32,
	-math.SmallestNonzeroFloat32, 0x1p-126, 0x1.fffffep-127, 0x1p-149, 0x1p-75, 0x1.000002p0, 0x1.fffffep0, 0x1p24, 0x1.000002p24, 65504, 65520, 0x1p-24,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// values gives special and random float32 of all magnitudes.
func values(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := append([]float32(nil), specials...)
	for len(out) < n {
		out = append(out, math.Float32frombits(r.Uint32()))
	}
	return out
}

var bigModes = map[Mode]big.RoundingMode{RN: big.ToNearestEven, RZ: big.ToZero, RM: big.ToNegativeInf, RP: big.ToPositiveInf, RNA: big.ToNearestAway}

// roundBig rounds an exact non-zero value to a format with math/big: it scales the value so that the format's last place is
// 1, and rounds to an integer.
func roundBig(x *big.Float, f Format, m Mode) uint64 {
	neg := x.Sign() < 0
	exp := max(x.MantExp(nil)-1, 1-f.bias())
	scaled := new(big.Float).SetMantExp(x, int(f.Frac)-exp)
	mode := bigModes[m]
	lead := scaled.MantExp(nil)
	var q uint64
	if lead <= 0 { // below the last place: nothing, or one half and more
		half := new(big.Float).SetFloat64(0.5)
		abs := new(big.Float).Abs(scaled)
		switch {
		case m == RP && !neg, m == RM && neg, (m == RN || m == RNA) && abs.Cmp(half) > 0, m == RNA && abs.Cmp(half) == 0:
			q = 1
		}
	} else {
		r := new(big.Float).SetPrec(uint(lead)).SetMode(mode).Set(scaled)
		q, _ = r.Abs(r).Uint64()
	}
	if q >= 2<<f.Frac {
		q, exp = q/2, exp+1
	}
	var b uint64
	switch {
	case exp > f.bias():
		b = f.Inf(false)
		if m == RZ || m == RM && !neg || m == RP && neg {
			b = f.Max(false)
		}
	case q < 1<<f.Frac:
		b = q
	default:
		b = uint64(exp+f.bias())<<f.Frac | q&(1<<f.Frac-1)
	}
	if neg {
		b |= 1 << (f.Frac + f.Exp)
	}
	return b
}

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(4400).SetFloat64(x) }

func finite32(xs ...float32) bool {
	for _, x := range xs {
		if x != x || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}

func TestRoundingOfFloat32(t *testing.T) {
	for name, f := range map[string]Format{"f16": F16, "bf16": BF16, "tf32": TF32} {
		for _, m := range []Mode{RN, RZ, RM, RP, RNA} {
			for _, x := range values(3000, 1) {
				if !finite32(x) || x == 0 {
					continue
				}
				want := uint32(roundBig(bigOf(float64(x)), f, m))
				if f == TF32 {
					want <<= 13
				}
				if got := F32To(x, f, m); got != want {
					t.Fatalf("%s mode %d of %g (%#x): got %#x, want %#x", name, m, x, math.Float32bits(x), got, want)
				}
			}
		}
	}
}

func TestHalvesSurviveWidening(t *testing.T) {
	for h := range 1 << 16 {
		for name, p := range map[string]Half{"f16": HalfF16, "bf16": HalfBF16} {
			x := p.To(uint16(h))
			if want := ToF64(uint64(h), p.Fmt); float64(x) != want && want == want {
				t.Fatalf("%s %#x is %g, want %g", name, h, x, want)
			}
			if back := p.From(x); x == x && back != uint16(h) {
				t.Fatalf("%s %#x comes back as %#x", name, h, back)
			} else if x != x && back != 0x7fff {
				t.Fatalf("%s NaN %#x comes back as %#x", name, h, back)
			}
		}
	}
}

func TestSingleArithmeticInAllModes(t *testing.T) {
	v := values(220, 2)
	r := rand.New(rand.NewPCG(3, 3))
	for range 40000 {
		a, b, c := v[r.IntN(len(v))], v[r.IntN(len(v))], v[r.IntN(len(v))]
		if !finite32(a, b, c) {
			continue
		}
		for _, m := range []Mode{RN, RZ, RM, RP} {
			x, y, z := bigOf(float64(a)), bigOf(float64(b)), bigOf(float64(c))
			p := new(big.Float).SetPrec(4400).Mul(x, y)
			check := func(name string, got float32, want *big.Float) {
				t.Helper()
				if want.Sign() == 0 {
					if got != 0 {
						t.Fatalf("%s mode %d of %g %g %g: got %g, want 0", name, m, a, b, c, got)
					}
					return
				}
				if w := uint32(roundBig(want, F32, m)); math.Float32bits(got) != w {
					t.Fatalf("%s mode %d of %g %g %g: got %#x, want %#x", name, m, a, b, c, math.Float32bits(got), w)
				}
			}
			check("mul", Mul(a, b, m), p)
			check("add", Add(a, b, m), new(big.Float).SetPrec(4400).Add(x, y))
			check("fma", FMAMode(a, b, c, m), new(big.Float).SetPrec(4400).Add(p, z))
			if b != 0 && a != 0 {
				check("div", Div(a, b, m), new(big.Float).SetPrec(400).Quo(x, y))
			}
			if a > 0 {
				check("sqrt", Sqrt(a, m), new(big.Float).SetPrec(400).Sqrt(x))
			}
		}
	}
}

// TestFMADoubleRounding aims at sums that lie on or next to a midpoint of float32, where rounding to float64 first goes wrong.
func TestFMADoubleRounding(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	plainWrong := 0
	for range 100000 {
		c := math.Float32frombits(r.Uint32()&0x807fffff | uint32(100+r.IntN(60))<<23)
		ulp := float64(math.Nextafter32(c, float32(math.Inf(1)))) - float64(c)
		a := float32(math.Ldexp(1+float64(r.IntN(3)-1)*0x1p-23, 12))
		b := float32(ulp / 2 / float64(a))
		want := math.Float32frombits(uint32(roundBig(new(big.Float).Add(new(big.Float).SetPrec(4400).Mul(bigOf(float64(a)), bigOf(float64(b))), bigOf(float64(c))), F32, RN)))
		if got := FMA(a, b, c); got != want {
			t.Fatalf("fma(%g, %g, %g) = %g, want %g", a, b, c, got, want)
		}
		if float32(float64(a)*float64(b)+float64(c)) != want {
			plainWrong++
		}
	}
	if plainWrong == 0 {
		t.Error("no case in which rounding twice differs: the test shows nothing")
	}
}

func TestDoubleArithmeticInAllModes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	pick := func() float64 {
		switch r.IntN(4) {
		case 0:
			return []float64{1, -1, 0x1p-1074, -0x1p-1074, math.MaxFloat64, 0x1p-1022, 3, 1.0 / 3}[r.IntN(8)]
		case 1:
			return math.Float64frombits(r.Uint64()&^(0x7ff<<52) | uint64(r.IntN(60))<<52)
		}
		return math.Float64frombits(r.Uint64()&^(0x7ff<<52) | uint64(960+r.IntN(120))<<52)
	}
	for range 3000 {
		a, b, c := pick(), pick(), pick()
		for _, m := range []Mode{RN, RZ, RM, RP} {
			x, y := bigOf(a), bigOf(b)
			p := new(big.Float).SetPrec(4400).Mul(x, y)
			for _, k := range []struct {
				name string
				got  float64
				want *big.Float
			}{
				{"add", Add64(a, b, m), new(big.Float).SetPrec(4400).Add(x, y)},
				{"mul", Mul64(a, b, m), p},
				{"fma", FMA64(a, b, c, m), new(big.Float).SetPrec(4400).Add(p, bigOf(c))},
				{"div", Div64(a, b, m), new(big.Float).SetPrec(800).Quo(x, y)},
				{"sqrt", Sqrt64(math.Abs(a), m), new(big.Float).SetPrec(800).Sqrt(bigOf(math.Abs(a)))},
			} {
				if k.want.Sign() == 0 {
					continue
				}
				if w := roundBig(k.want, F64, m); math.Float64bits(k.got) != w {
					t.Fatalf("%s mode %d of %g %g %g: got %#x, want %#x", k.name, m, a, b, c, math.Float64bits(k.got), w)
				}
			}
		}
	}
}

func TestHalfArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for name, h := range map[string]Half{"f16": HalfF16, "bf16": HalfBF16} {
		for range 60000 {
			a, b, c := uint16(r.Uint32()), uint16(r.Uint32()), uint16(r.Uint32())
			x, y, z := h.To(a), h.To(b), h.To(c)
			if !finite32(x, y, z) {
				continue
			}
			p := new(big.Float).SetPrec(4400).Mul(bigOf(float64(x)), bigOf(float64(y)))
			for op, k := range map[string]struct {
				got  uint16
				want *big.Float
			}{
				"add": {h.Add(a, b), new(big.Float).SetPrec(4400).Add(bigOf(float64(x)), bigOf(float64(y)))},
				"mul": {h.Mul(a, b), p},
				"fma": {h.FMA(a, b, c), new(big.Float).SetPrec(4400).Add(p, bigOf(float64(z)))},
			} {
				if k.want.Sign() == 0 {
					continue
				}
				if w := uint16(roundBig(k.want, h.Fmt, RN)); k.got != w {
					t.Fatalf("%s %s of %g %g %g: got %#x, want %#x", name, op, x, y, z, k.got, w)
				}
			}
		}
	}
}

func TestIntegersToFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 20000 {
		v := r.Uint64() >> r.IntN(64)
		for name, f := range map[string]Format{"f16": F16, "bf16": BF16, "f32": F32, "f64": F64} {
			for _, m := range []Mode{RN, RZ, RM, RP} {
				if v != 0 {
					if got, want := FromInt(v, false, f, m), roundBig(new(big.Float).SetPrec(64).SetUint64(v), f, m); got != want {
						t.Fatalf("u64 %d to %s mode %d: got %#x, want %#x", v, name, m, got, want)
					}
				}
				if s := int64(v); s != 0 {
					if got, want := FromInt(v, true, f, m), roundBig(new(big.Float).SetPrec(64).SetInt64(s), f, m); got != want {
						t.Fatalf("s64 %d to %s mode %d: got %#x, want %#x", s, name, m, got, want)
					}
				}
			}
		}
	}
}

func TestFloatsToIntegers(t *testing.T) {
	for _, c := range []struct {
		x      float64
		width  uint
		signed bool
		mode   Mode
		want   uint64
	}{
		{1.5, 32, true, RN, 2}, {2.5, 32, true, RN, 2}, {-1.5, 32, true, RZ, 0xffffffff}, {-1.5, 32, true, RM, 0xfffffffe}, {1.2, 32, true, RP, 2},
		{3e9, 32, true, RZ, 0x7fffffff}, {-3e9, 32, true, RZ, 0x80000000}, {-1, 32, false, RZ, 0}, {5e9, 32, false, RZ, 0xffffffff},
		{300, 8, false, RZ, 255}, {-200, 8, true, RZ, 0x80}, {1e30, 64, false, RZ, math.MaxUint64}, {1e30, 64, true, RZ, math.MaxInt64},
		{-1e30, 64, true, RZ, 1 << 63}, {0x1p63, 64, false, RZ, 1 << 63}, {math.Inf(1), 16, true, RZ, 0x7fff}, {math.Inf(-1), 16, true, RZ, 0x8000},
	} {
		if got := ToInt(c.x, c.width, c.signed, false, c.mode); got != c.want {
			t.Errorf("%g to %d bits (signed %v, mode %d): got %#x, want %#x", c.x, c.width, c.signed, c.mode, got, c.want)
		}
	}
	for _, c := range []struct {
		width  uint
		from64 bool
		want   uint64
	}{{32, false, 0}, {64, false, 1 << 63}, {32, true, 1 << 31}, {64, true, 1 << 63}} {
		if got := ToInt(math.NaN(), c.width, true, c.from64, RZ); got != c.want {
			t.Errorf("NaN to %d bits (from f64: %v): got %#x, want %#x", c.width, c.from64, got, c.want)
		}
	}
}

// TestApproximations holds every approximation to half a unit in the last place and a little more.
func TestApproximations(t *testing.T) {
	ulps := func(got float32, want float64) float64 {
		w := float32(want)
		ulp := math.Abs(float64(math.Nextafter32(w, float32(math.Inf(1)))) - float64(w))
		return math.Abs(float64(got)-want) / ulp
	}
	r := rand.New(rand.NewPCG(8, 8))
	for _, f := range []struct {
		name string
		got  func(float32) float32
		want func(float64) float64
		x    func() float32
	}{
		{"ex2", Ex2, math.Exp2, func() float32 { return float32(r.Float64()*240 - 120) }},
		{"lg2", Lg2, math.Log2, func() float32 { return float32(math.Exp(r.NormFloat64() * 20)) }},
		{"lg2 near 1", Lg2, math.Log2, func() float32 { return float32(1 + r.NormFloat64()*0.01) }},
		{"sin", Sin, math.Sin, func() float32 { return float32(r.NormFloat64() * 100) }},
		{"cos", Cos, math.Cos, func() float32 { return float32(r.NormFloat64() * 100) }},
		{"sin of large", Sin, math.Sin, func() float32 { return float32(r.NormFloat64() * 1e9) }},
		{"rcp", Rcp, func(x float64) float64 { return 1 / x }, func() float32 { return float32(r.NormFloat64()) }},
		{"rsqrt", Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, func() float32 { return float32(math.Abs(r.NormFloat64())) }},
		{"tanh", Tanh, math.Tanh, func() float32 { return float32(r.NormFloat64()) }},
	} {
		t.Run(f.name, func(t *testing.T) {
			for range 20000 {
				x := f.x()
				if e := ulps(f.got(x), f.want(float64(x))); !(e < 0.5001) {
					t.Fatalf("%s(%g) = %g, want %g: %.4f units in the last place", f.name, x, f.got(x), f.want(float64(x)), e)
				}
			}
		})
	}
}

func TestApproximationsAtTheEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), math.Float32frombits(NaN32)
	for _, c := range []struct {
		name      string
		got, want float32
	}{
		{"ex2(inf)", Ex2(inf), inf}, {"ex2(-inf)", Ex2(-inf), 0}, {"ex2(0)", Ex2(0), 1}, {"ex2(-149)", Ex2(-149), 0x1p-149}, {"ex2(128)", Ex2(128), inf},
		{"lg2(0)", Lg2(0), -inf}, {"lg2(inf)", Lg2(inf), inf}, {"lg2(-1)", Lg2(-1), nan}, {"lg2(2^-149)", Lg2(0x1p-149), -149},
		{"rsqrt(0)", Rsqrt(0), inf}, {"rsqrt(inf)", Rsqrt(inf), 0}, {"rsqrt(-1)", Rsqrt(-1), nan}, {"rcp(0)", Rcp(0), inf}, {"sin(inf)", Sin(inf), nan},
		{"div.approx by 2^127", DivApprox(3, 0x1p127), 0}, {"div.approx of inf by 2^127", DivApprox(inf, 0x1p127), nan}, {"div.approx", DivApprox(1, 4), 0.25},
	} {
		if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
			t.Errorf("%s = %g, want %g", c.name, c.got, c.want)
		}
	}
	if got := Rcp64(3); math.Abs(got*3-1) > 0x1p-20 || math.Float64bits(got)&0xffffffff != 0 {
		t.Errorf("rcp.approx.ftz.f64(3) = %x", math.Float64bits(got))
	}
	if got := Rcp64(0x1p-1060); !math.IsInf(got, 1) {
		t.Errorf("rcp.approx.ftz.f64 of a subnormal = %g", got)
	}
}
