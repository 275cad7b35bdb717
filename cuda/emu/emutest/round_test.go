package emutest

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestRoundIsGosConversion holds Round against the conversion of the language.
func TestRoundIsGosConversion(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		x := math.Ldexp(r.Float64()*2-1, r.IntN(320)-170)
		if got, want := Float32.Round(Exact(x), big.ToNearestEven), float64(float32(x)); got != want {
			t.Fatalf("%g rounds to %g, want %g", x, got, want)
		}
	}
}

func TestRoundDirected(t *testing.T) {
	for _, c := range []struct {
		f    Format
		x    float64
		mode big.RoundingMode
		want float64
	}{
		{Float16, 65519, big.ToNearestEven, 65504},
		{Float16, 65520, big.ToNearestEven, math.Inf(1)},
		{Float16, 65535, big.ToZero, 65504},
		{Float16, -65505, big.ToPositiveInf, -65504},
		{Float16, -65505, big.ToNegativeInf, math.Inf(-1)},
		{Float16, 1.5 * 0x1p-25, big.ToNearestEven, 0x1p-24},
		{Float16, 0x1p-25, big.ToNearestEven, 0},
		{Float16, 0x1p-30, big.ToPositiveInf, 0x1p-24},
		{Float16, -0x1p-30, big.ToNegativeInf, -0x1p-24},
		{Float16, 3 * 0x1p-25, big.ToNearestEven, 2 * 0x1p-24},
		{BFloat16, 1 + 0x1p-8, big.ToNearestEven, 1},
		{BFloat16, 1 + 3*0x1p-8, big.ToNearestEven, 1 + 0x1p-6},
		{Float32, 1 + 0x1p-30, big.ToPositiveInf, 1 + 0x1p-23},
	} {
		if got := c.f.Round(Exact(c.x), c.mode); got != c.want {
			t.Errorf("%v: %g in mode %v is %g, want %g", c.f, c.x, c.mode, got, c.want)
		}
	}
}

// TestFMA32 holds the sum rounded to odd against exact arithmetic, close to
// ties above all.
func TestFMA32(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for i := range 30000 {
		a, b := math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32())
		c := math.Float32frombits(r.Uint32())
		if i%2 == 0 {
			a, b = 1+float32(r.IntN(8))*0x1p-12, 1+float32(r.IntN(8))*0x1p-12
			c = float32(math.Ldexp(r.Float64()-0.5, -20-r.IntN(40)))
		}
		if a != a || b != b || c != c || math.IsInf(float64(a*b+c), 0) {
			continue
		}
		exact := new(big.Float).SetPrec(4400).Mul(Exact(float64(a)), Exact(float64(b)))
		exact.Add(exact, Exact(float64(c)))
		want := float32(Float32.Round(exact, big.ToNearestEven))
		if got := FMA32(a, b, c); got != want && want != 0 {
			t.Fatalf("fma(%g, %g, %g) = %g, want %g", a, b, c, got, want)
		}
	}
}
