package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// grid returns inputs for the mathematical functions: dense around zero, far tails, and the special values.
func grid() []float32 {
	var x []float32
	for v := -110.0; v <= 110; v += 0.0137 {
		x = append(x, float32(v))
	}
	for e := -40; e < 7; e++ {
		for m := 1.0; m < 2; m += 0.07 {
			x = append(x, float32(math.Ldexp(m, e)), float32(-math.Ldexp(m, e)))
		}
	}
	inf := float32(math.Inf(1))
	return append(x, 0, float32(math.Copysign(0, -1)), float32(math.NaN()), inf, -inf, math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, 88.72, 88.73, -87.33, -87.34, -103.97, -104)
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func phi64(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// near holds got to want within rel*|want| + abs, NaN to NaN and infinities to infinities (or to values beyond float32).
func near(got float32, want, rel, abs float64) bool {
	g := float64(got)
	if math.IsNaN(want) || math.IsNaN(g) {
		return math.IsNaN(want) == math.IsNaN(g)
	}
	if math.IsInf(g, 0) || math.IsInf(want, 0) {
		return float32(want) == got || math.IsInf(g, int(math.Copysign(1, want))) && math.Abs(want) > math.MaxFloat32
	}
	return math.Abs(g-want) <= rel*math.Abs(want)+abs
}

func TestFunctions(t *testing.T) { bothPaths(t, testFunctions) }

func testFunctions(t *testing.T) {
	x := grid()
	ones := make([]float32, len(x))
	for i := range ones {
		ones[i] = 1
	}
	const tiny = 2e-45 // one step of the subnormals; the sigmoid flushes its subnormal tail
	tests := []struct {
		name     string
		f        func(dst, x []float32)
		want     func(x float64) float64
		rel, abs float64
	}{
		{"exp", Exp, math.Exp, 1.3e-7, tiny},
		{"sigmoid", Sigmoid, sigmoid64, 2.4e-7, 1.2e-38},
		{"silu", SiLU, func(x float64) float64 { return x * sigmoid64(x) }, 3e-7, 1e-36},
		{"silu gradient", func(d, x []float32) { SiLUGrad(d, x, ones) }, func(x float64) float64 {
			s := sigmoid64(x)
			return s + x*s*(1-s)
		}, 1e-6, 1e-7},
		{"gelu", GELU, func(x float64) float64 { return x * phi64(x) }, 1e-6, 1e-7},
		{"gelu gradient", func(d, x []float32) { GELUGrad(d, x, ones) }, func(x float64) float64 {
			return phi64(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
		}, 1e-6, 3e-7},
	}
	got := make([]float32, len(x))
	for _, tt := range tests {
		tt.f(got, x)
		for i, v := range x {
			if math.Abs(float64(v)) > 1e30 && tt.name != "exp" && tt.name != "sigmoid" {
				continue // products with 0 or Inf: what matters is that Inf and NaN do not turn into finite values
			}
			if want := tt.want(float64(v)); !near(got[i], want, tt.rel, tt.abs) {
				t.Errorf("%s(%g) = %.9g, want %.9g", tt.name, v, got[i], want)
				break
			}
		}
	}
}

// TestNotFinite holds the activations to propagating NaN: a bad step must be seen.
func TestNotFinite(t *testing.T) { bothPaths(t, testNotFinite) }

func testNotFinite(t *testing.T) {
	nan := float32(math.NaN())
	one := []float32{1}
	for name, f := range map[string]func(d, x []float32){
		"silu": SiLU, "gelu": GELU, "exp": Exp, "sigmoid": Sigmoid,
		"silu gradient": func(d, x []float32) { SiLUGrad(d, x, one) },
		"gelu gradient": func(d, x []float32) { GELUGrad(d, x, one) },
	} {
		d := []float32{0}
		if f(d, []float32{nan}); d[0] == d[0] {
			t.Errorf("%s(NaN) = %g", name, d[0])
		}
	}
	for n := range 40 {
		x := make([]float32, n+1)
		x[n/2] = nan
		if m := Max(x); m == m {
			t.Errorf("Max of %d elements with a NaN is %g", n+1, m)
		}
	}
}

func randn(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

const guardValue = -12345.5

// guarded returns rows x c values at a pitch of their own with a guard value in every pad.
func guarded(rows, c, pitch int, seed uint64) Rows {
	m := Rows{Data: make([]float32, rows*pitch+8), Pitch: pitch}
	for i := range m.Data {
		m.Data[i] = guardValue
	}
	for r := range rows {
		copy(m.row(r, c), randn(c, seed+uint64(r)))
	}
	return m
}

// operation is a function on Rows with up to five sources, checked element by element against float64.
type operation struct {
	name    string
	sources int
	f       func(dst Rows, s []Rows, rows, c int)
	want    func(dst float64, s []float64) float64
}

func operations() []operation {
	grad := func(x float64) float64 { s := sigmoid64(x); return s + x*s*(1-s) }
	return []operation{
		{"add", 2, func(d Rows, s []Rows, r, c int) { AddRows(d, s[0], s[1], r, c) }, func(_ float64, s []float64) float64 { return s[0] + s[1] }},
		{"mul", 2, func(d Rows, s []Rows, r, c int) { MulRows(d, s[0], s[1], r, c) }, func(_ float64, s []float64) float64 { return s[0] * s[1] }},
		{"muladd", 2, func(d Rows, s []Rows, r, c int) { MulAddRows(d, s[0], s[1], r, c) }, func(d float64, s []float64) float64 { return d + s[0]*s[1] }},
		{"scale", 1, func(d Rows, s []Rows, r, c int) { ScaleRows(d, 1.5, s[0], r, c) }, func(_ float64, s []float64) float64 { return 1.5 * s[0] }},
		{"combination", 2, func(d Rows, s []Rows, r, c int) { LinearCombinationRows(d, 1.5, s[0], -0.25, s[1], r, c) },
			func(_ float64, s []float64) float64 { return 1.5*s[0] - 0.25*s[1] }},
		{"exp", 1, func(d Rows, s []Rows, r, c int) { ExpRows(d, s[0], r, c) }, func(_ float64, s []float64) float64 { return math.Exp(s[0]) }},
		{"sigmoid", 1, func(d Rows, s []Rows, r, c int) { SigmoidRows(d, s[0], r, c) }, func(_ float64, s []float64) float64 { return sigmoid64(s[0]) }},
		{"silu", 1, func(d Rows, s []Rows, r, c int) { SiLURows(d, s[0], r, c) }, func(_ float64, s []float64) float64 { return s[0] * sigmoid64(s[0]) }},
		{"silugrad", 2, func(d Rows, s []Rows, r, c int) { SiLUGradRows(d, s[0], s[1], r, c) }, func(_ float64, s []float64) float64 { return s[1] * grad(s[0]) }},
		{"gelu", 1, func(d Rows, s []Rows, r, c int) { GELURows(d, s[0], r, c) }, func(_ float64, s []float64) float64 { return s[0] * phi64(s[0]) }},
		{"gelugrad", 2, func(d Rows, s []Rows, r, c int) { GELUGradRows(d, s[0], s[1], r, c) },
			func(_ float64, s []float64) float64 {
				return s[1] * (phi64(s[0]) + s[0]*math.Exp(-s[0]*s[0]/2)/math.Sqrt(2*math.Pi))
			}},
		{"affine", 3, func(d Rows, s []Rows, r, c int) { AffineRows(d, s[0], s[1], s[2], r, c) }, func(_ float64, s []float64) float64 { return s[0]*s[1] + s[2] }},
		{"affinesilu", 3, func(d Rows, s []Rows, r, c int) { AffineSiLURows(d, s[0], s[1], s[2], r, c) },
			func(_ float64, s []float64) float64 { z := s[0]*s[1] + s[2]; return z * sigmoid64(z) }},
		{"affinesilugrad", 4, func(d Rows, s []Rows, r, c int) { AffineSiLUGradRows(d, s[0], s[1], s[2], s[3], r, c) },
			func(_ float64, s []float64) float64 { return s[3] * grad(s[0]*s[1]+s[2]) }},
		{"affinesum", 5, func(d Rows, s []Rows, r, c int) { AffineSumRows(d, s[0], s[1], s[2], s[3], s[4], r, c) },
			func(_ float64, s []float64) float64 { return s[0]*s[1] + s[2]*s[3] + s[4] }},
	}
}

// TestRows checks every operation on lengths 0..70, one and several rows, pitches, repeated rows, and that nothing outside
// the rows is written.
func TestRows(t *testing.T) { bothPaths(t, testRows) }

func testRows(t *testing.T) {
	for _, op := range operations() {
		for c := 0; c <= 70; c++ {
			for _, rows := range []int{1, 3} {
				dst := guarded(rows, c, c+c%5, 1)
				before := append([]float32(nil), dst.Data...)
				var src []Rows
				for k := range op.sources {
					s := guarded(rows, c, c+k, uint64(10*k+2))
					if k%3 == 1 && rows > 1 {
						s = Row(randn(c, 99))
					}
					src = append(src, s)
				}
				op.f(dst, src, rows, c)
				checkRows(t, op, dst, Rows{before, dst.Pitch}, src, rows, c)
			}
		}
	}
}

func checkRows(t *testing.T, op operation, dst, before Rows, src []Rows, rows, c int) {
	t.Helper()
	for i, v := range dst.Data {
		r, k := rows, 0
		if dst.Pitch > 0 {
			r, k = i/dst.Pitch, i%dst.Pitch
		}
		if r >= rows || k >= c {
			if v != guardValue {
				t.Fatalf("%s %dx%d: element %d outside the rows written", op.name, rows, c, i)
			}
			continue
		}
		var s []float64
		for _, m := range src {
			s = append(s, float64(m.row(r, c)[k]))
		}
		if want := op.want(float64(before.Data[i]), s); !near(v, want, 1e-6, 5e-7) {
			t.Fatalf("%s %dx%d: element %d,%d is %.9g, want %.9g", op.name, rows, c, r, k, v, want)
		}
	}
}

func TestReductions(t *testing.T) { bothPaths(t, testReductions) }

func testReductions(t *testing.T) {
	for n := range 71 {
		for _, length := range []int{n, 1000*n + n} {
			a, b := randn(length, 1), randn(length, 2)
			var s, sq, d, diff, largest, e float64
			largest = math.Inf(-1)
			for i := range a {
				x, y := float64(a[i]), float64(b[i])
				s, sq, d = s+x, sq+x*x, d+x*y
				diff += float64(a[i]-b[i]) * float64(a[i]-b[i])
				largest = max(largest, x)
				e += math.Exp(x - 2)
			}
			dst := make([]float32, length)
			for name, v := range map[string][3]float64{
				"Sum": {Sum(a), s, float64(length)}, "SumSquares": {SumSquares(a), sq, sq}, "Dot": {Dot(a, b), d, sq},
				"SumSquaredDiff": {SumSquaredDiff(a, b), diff, diff}, "ExpSubSum": {ExpSubSum(dst, a, 2), e, 1e6 * e},
			} {
				if math.Abs(v[0]-v[1]) > 1e-12*v[2]+1e-15 {
					t.Errorf("%s of %d elements is %.17g, want %.17g", name, length, v[0], v[1])
				}
			}
			if length > 0 && float64(Max(a)) != largest {
				t.Errorf("Max of %d elements is %g, want %g", length, Max(a), largest)
			}
		}
	}
}

func TestColumns(t *testing.T) { bothPaths(t, testColumns) }

func testColumns(t *testing.T) {
	for _, rows := range []int{1, 2, 7, 1025, 2100} {
		for _, c := range []int{1, 5, 8, 31, 32, 33, 64, 70, 131} {
			x, y := guarded(rows, c, c+3, 1), guarded(rows, c, c, 7)
			s, q, s2, d, s3 := make([]float64, c), make([]float64, c), make([]float64, c), make([]float64, c), make([]float64, c)
			ColumnMoments(s, q, x, rows)
			ColumnDots(s2, d, x, y, rows)
			ColumnSums(s3, x, rows)
			for k := range c {
				var ws, wq, wd float64
				for r := range rows {
					a, b := float64(x.row(r, c)[k]), float64(y.row(r, c)[k])
					ws, wq, wd = ws+a, wq+a*a, wd+a*b
				}
				tol := 1e-6 * (wq + 1)
				if math.Abs(s[k]-ws) > tol || math.Abs(q[k]-wq) > tol || math.Abs(s2[k]-ws) > tol || math.Abs(d[k]-wd) > tol || s3[k] != s2[k] {
					t.Fatalf("%d rows of %d: column %d: %g %g %g %g %g, want %g %g %g", rows, c, k, s[k], q[k], s2[k], d[k], s3[k], ws, wq, wd)
				}
			}
		}
	}
}

func TestAdamW(t *testing.T) { bothPaths(t, testAdamW) }

func testAdamW(t *testing.T) {
	k := NewAdamWParams(0.5, 1e-3, 0.01, 0.9, 0.999, 1e-8, 0.1, 1e-3, 0.99)
	for n := range 71 {
		p, m, v, ema, g := randn(n, 1), randn(n, 2), randn(n, 3), randn(n, 4), randn(n, 5)
		Mul(v, v, v)
		p0, m0, v0, ema0 := append([]float32(nil), p...), append([]float32(nil), m...), append([]float32(nil), v...), append([]float32(nil), ema...)
		AdamW(p, m, v, ema, g, &k)
		for i := range p {
			d := 0.5 * float64(g[i])
			wm := 0.9*float64(m0[i]) + 0.1*d
			wv := 0.999*float64(v0[i]) + 0.001*d*d
			wp := (1-1e-5)*float64(p0[i]) - 1e-3/0.1*wm/(math.Sqrt(wv/1e-3)+1e-8)
			we := 0.99*float64(ema0[i]) + 0.01*wp
			for _, pair := range [][2]float64{{float64(m[i]), wm}, {float64(v[i]), wv}, {float64(p[i]), wp}, {float64(ema[i]), we}} {
				if math.Abs(pair[0]-pair[1]) > 5e-7*math.Abs(pair[1])+5e-7 {
					t.Fatalf("n=%d element %d: %g, want %g", n, i, pair[0], pair[1])
				}
			}
		}
	}
}

func TestShortOperandIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a source shorter than the destination was accepted")
		}
	}()
	Add(make([]float32, 9), make([]float32, 9), make([]float32, 8))
}
