package emutest

import (
	"fmt"
	"math"
	"testing"
)

// maxReported limits how many wrong elements a comparison lists.
const maxReported = 5

// Equal compares integers, or the bits of floating-point numbers; any two NaN
// are equal. label names the result, width elements belong to one index.
func Equal[T Element](tb testing.TB, label string, got, want []T) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("%s: %d elements, want %d", label, len(got), len(want))
	}
	report(tb, label, len(got), func(i int) string {
		if sameBits(got[i], want[i]) {
			return ""
		}
		return fmt.Sprintf("%s, want %s", show(got[i]), show(want[i]))
	})
}

// Close compares numbers with tolerance(i), an absolute error. NaN equals
// NaN only and an infinity only itself.
func Close(tb testing.TB, label string, got []float32, want []float64, tolerance func(i int) float64) {
	tb.Helper()
	wide := make([]float64, len(got))
	for i, v := range got {
		wide[i] = float64(v)
	}
	Close64(tb, label, wide, want, tolerance)
}

// Close64 is Close for float64.
func Close64(tb testing.TB, label string, got, want []float64, tolerance func(i int) float64) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("%s: %d elements, want %d", label, len(got), len(want))
	}
	report(tb, label, len(got), func(i int) string {
		g, w := got[i], want[i]
		if math.IsNaN(g) || math.IsNaN(w) || math.IsInf(g, 0) || math.IsInf(w, 0) {
			if g == w || math.IsNaN(g) && math.IsNaN(w) {
				return ""
			}
			return fmt.Sprintf("%g, want %g", g, w)
		}
		if d, tol := math.Abs(g-w), tolerance(i); !(d <= tol) {
			return fmt.Sprintf("%.9g, want %.9g: off by %.3g, allowed %.3g", g, w, d, tol)
		}
		return ""
	})
}

// report fails the test with the first wrong elements and their number.
func report(tb testing.TB, label string, n int, wrong func(i int) string) {
	tb.Helper()
	count := 0
	for i := range n {
		text := wrong(i)
		if text == "" {
			continue
		}
		if count++; count <= maxReported {
			tb.Errorf("%s[%d] = %s", label, i, text)
		}
	}
	if count > maxReported {
		tb.Errorf("%s: %d of %d elements are wrong", label, count, n)
	}
}

func sameBits[T Element](a, b T) bool {
	switch x := any(a).(type) {
	case float32:
		y := any(b).(float32)
		return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
	case float64:
		y := any(b).(float64)
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	}
	return a == b
}

func show[T Element](v T) string {
	switch x := any(v).(type) {
	case float32:
		return fmt.Sprintf("%.9g (%#08x)", x, math.Float32bits(x))
	case float64:
		return fmt.Sprintf("%.17g (%#016x)", x, math.Float64bits(x))
	}
	return fmt.Sprint(v)
}

// ULP32 is the distance between neighbouring float32 at |x|.
func ULP32(x float64) float64 {
	return Float32.ulp(x)
}

// ULP64 is the distance between neighbouring float64 at |x|.
func ULP64(x float64) float64 {
	return Float64.ulp(x)
}

func (f Format) ulp(x float64) float64 {
	x = math.Abs(x)
	e := f.MinExp
	if x > 0 {
		e = max(e, math.Ilogb(x))
	}
	return math.Ldexp(1, e+1-int(f.Precision))
}
