package emu_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// function is a library function with its error in units in the last place,
// from the CUDA C++ Programming Guide, "Mathematical Functions", and an absolute
// error. The guide measures from the correctly rounded result, which itself
// lies up to half a unit from the exact one; -0.5 asks for the exact result.
type function struct {
	name     string
	of       func(x, p float64) float64
	ulp      float64
	absolute float64
}

// checkFunctions compares the results of a kernel that writes len(fs) values a thread.
func checkFunctions(t *testing.T, fs []function, x, got []float32) {
	t.Helper()
	for k, f := range fs {
		column, want := make([]float32, len(x)), make([]float64, len(x))
		for i, v := range x {
			p := float64(float32(math.Abs(float64(v))) + float32(1e-6))
			column[i] = got[i*len(fs)+k]
			want[i] = f.of(float64(v), p)
			if math.Abs(want[i]) > math.MaxFloat32 {
				want[i] = math.Inf(int(want[i]))
			}
		}
		emutest.Close(t, f.name, column, want, func(i int) float64 { return (f.ulp+0.5)*emutest.ULP32(want[i]) + f.absolute })
	}
}

func TestKernelMath(t *testing.T) {
	const n = 1000
	r := random(70)
	x := normals(r, n, 3)
	x[0], x[1], x[2], x[3] = 0, 1, -1, 1e-4
	fs := []function{
		{"expf", func(x, _ float64) float64 { return math.Exp(x) }, 2, 0},
		{"logf", func(_, p float64) float64 { return math.Log(p) }, 1, 0},
		{"tanhf", func(x, _ float64) float64 { return math.Tanh(x) }, 2, 0},
		{"erff", func(x, _ float64) float64 { return math.Erf(x) }, 2, 0},
		{"exp2f", func(x, _ float64) float64 { return math.Exp2(x) }, 2, 0},
		{"log2f", func(_, p float64) float64 { return math.Log2(p) }, 1, 0},
		{"log1pf", func(_, p float64) float64 { return math.Log1p(p) }, 1, 0},
		{"expm1f", func(x, _ float64) float64 { return math.Expm1(x) }, 1, 0},
		{"rsqrtf", func(_, p float64) float64 { return 1 / math.Sqrt(p) }, 2, 0},
		{"cbrtf", func(x, _ float64) float64 { return math.Cbrt(x) }, 1, 0},
		{"erfcf", func(x, _ float64) float64 { return math.Erfc(x) }, 4, 0},
		{"atanf", func(x, _ float64) float64 { return math.Atan(x) }, 2, 0},
		{"powf", func(_, p float64) float64 { return math.Pow(p, float64(float32(1.3))) }, 4, 0},
		{"hypotf", func(x, _ float64) float64 { return math.Hypot(x, 2.5) }, 3, 0},
		{"sinhf", func(x, _ float64) float64 { return math.Sinh(x) }, 3, 0},
		{"log10f", func(_, p float64) float64 { return math.Log10(p) }, 2, 0},
		{"fmodf", func(x, _ float64) float64 { return math.Mod(x, float64(float32(0.7))) }, -0.5, 0},
		{"normcdff", func(x, _ float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }, 5, 0},
		{"atan2f", func(x, _ float64) float64 { return math.Atan2(x, 0.75) }, 3, 0},
		{"sqrtf quotient", func(_, p float64) float64 { return math.Sqrt(p) / p }, 1, 0},
	}
	d, f := kernel(t, "math", "unary")
	out := emutest.Out[float32](d, "out", n*len(fs))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), out)
	checkFunctions(t, fs, x, out.Get())
}

func TestKernelIntrinsics(t *testing.T) {
	const n = 1000
	r := random(71)
	x := make1(n, func(int) float32 { return float32((r.Float64()*2 - 1) * math.Pi) })
	fs := []function{
		{"__expf", func(x, _ float64) float64 { return math.Exp(x) }, 2 + 1.173*math.Pi, 0},
		{"__logf", func(_, p float64) float64 { return math.Log(p) }, 3, 0x1p-21},
		{"__sinf", func(x, _ float64) float64 { return math.Sin(x) }, 0, 0x1p-21},
		{"__cosf", func(x, _ float64) float64 { return math.Cos(x) }, 0, 0x1p-21},
		{"__powf", func(_, p float64) float64 { return math.Pow(p, float64(float32(1.3))) }, 16, 0x1p-20},
		{"__fdividef", func(x, p float64) float64 { return x / float64(float32(p)+1) }, 2, 0},
		{"__frsqrt_rn", func(_, p float64) float64 { return float64(float32(1 / math.Sqrt(p))) }, 0, 0},
		{"tanh.approx", func(x, _ float64) float64 { return math.Tanh(x) }, 0, 0x1p-10},
	}
	d, f := kernel(t, "math", "intrinsics")
	out := emutest.Out[float32](d, "out", n*len(fs))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), out)
	checkFunctions(t, fs, x, out.Get())
}

// TestKernelTrigonometry includes arguments that need the long reduction by
// the digits of 2/pi, which works in local memory.
func TestKernelTrigonometry(t *testing.T) {
	const n = 600
	r := random(72)
	x := make1(n, func(i int) float32 { return float32(math.Ldexp(r.Float64()*2-1, i/6)) })
	fs := []function{
		{"sinf", func(x, _ float64) float64 { return math.Sin(x) }, 2, 0},
		{"cosf", func(x, _ float64) float64 { return math.Cos(x) }, 2, 0},
		{"sincosf sine", func(x, _ float64) float64 { return math.Sin(x) }, 2, 0},
		{"sincosf cosine", func(x, _ float64) float64 { return math.Cos(x) }, 2, 0},
		{"tanf", func(x, _ float64) float64 { return math.Tan(x) }, 4, 0},
		{"sinpif", func(x, _ float64) float64 { return math.Sin(math.Pi * math.Mod(x/8, 2)) }, 2, 1e-7},
	}
	d, f := kernel(t, "math", "trigonometry")
	out := emutest.Out[float32](d, "out", n*len(fs))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), out)
	checkFunctions(t, fs, x, out.Get())
}

// doubleOperations is what the kernel double_arithmetic writes for one pair.
func doubleOperations(a, b float64) []float64 {
	round := func(m big.RoundingMode, op string, x ...float64) float64 {
		return rounded(emutest.Float64, m, op, x...)
	}
	near := big.ToNearestEven
	return []float64{
		round(near, "+", a, b), round(near, "*", a, b), round(near, "fma", a, b, a), round(near, "/", a, b), round(near, "sqrt", math.Abs(a)),
		minNumber(a, b), float64(float32(a)),
		math.Floor(a) + math.Ceil(b)*2 + math.Trunc(a)*4 + math.RoundToEven(b)*8,
		round(big.ToPositiveInf, "+", a, b), round(big.ToNegativeInf, "*", a, b), round(big.ToZero, "/", a, b), math.Copysign(a, b),
	}
}

func TestKernelDouble(t *testing.T) {
	const n = 300
	r := random(73)
	pick := func(i int) float64 {
		if i%9 == 0 {
			return []float64{0, math.Copysign(0, -1), 1, -2.5, 1e-310, 5e-324, 1e300}[r.IntN(7)]
		}
		return math.Ldexp(r.NormFloat64(), r.IntN(60)-30)
	}
	x, y := make1(n, pick), make1(n, func(int) float64 { return math.Ldexp(r.NormFloat64(), r.IntN(8)-4) })
	var want []float64
	for i := range x {
		want = append(want, doubleOperations(x[i], y[i])...)
	}
	d, f := kernel(t, "double", "double_arithmetic")
	out := emutest.Out[float64](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), emutest.In(d, "y", y), out)
	emutest.Equal(t, "out (12 a thread)", out.Get(), want)

	a := make1(n, func(int) float64 { return r.NormFloat64() * 5 })
	fs := []func(x float64) float64{
		math.Exp, func(x float64) float64 { return math.Log(math.Abs(x) + 1e-3) }, math.Sin, math.Cos, math.Tanh,
		func(x float64) float64 { return math.Pow(math.Abs(x), 1.7) },
	}
	out = emutest.Out[float64](d, "out", n*len(fs))
	d.Run(d.Function(emutest.KernelPath(kernelFolder, "double"), "double_math"), emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", a), out)
	exact := make1(n*len(fs), func(i int) float64 { return fs[i%len(fs)](a[i/len(fs)]) })
	// 2 ulp for the device's functions, 1 for Go's.
	emutest.Close64(t, "double_math", out.Get(), exact, func(i int) float64 { return 3 * emutest.ULP64(exact[i]) })
}

func TestKernelMathLibrary(t *testing.T) {
	const n = 500
	r := random(74)
	x := make1(n, func(int) float32 { return float32(r.Float64()*1.9 - 0.95) })
	class := func(x, _ float64) float64 {
		if math.Signbit(x) {
			return 12
		}
		return 8
	}
	fs := []function{
		{"rcbrtf", func(x, _ float64) float64 { return 1 / math.Cbrt(x) }, 1, 0},
		{"norm3df", func(x, _ float64) float64 { return math.Sqrt(x*x + 5) }, 3, 0},
		{"lgammaf", func(x, _ float64) float64 { v, _ := math.Lgamma(x); return v }, 6, 0},
		{"tgammaf", func(x, _ float64) float64 { return math.Gamma(x) }, 5, 0},
		{"erfinvf", func(x, _ float64) float64 { return math.Erfinv(x) }, 2, 0},
		{"erfcxf", func(x, _ float64) float64 { return math.Exp(x*x) * math.Erfc(x) }, 4, 0},
		{"coshf", func(x, _ float64) float64 { return math.Cosh(x) }, 2, 0},
		{"asinf", func(x, _ float64) float64 { return math.Asin(x) }, 2, 0},
		{"acosf", func(x, _ float64) float64 { return math.Acos(x) }, 2, 0},
		{"ldexpf", func(x, _ float64) float64 { return 8 * x }, -0.5, 0},
		{"frexpf", func(x, _ float64) float64 { f, _ := math.Frexp(x); return f }, -0.5, 0},
		{"frexpf exponent", func(x, _ float64) float64 { _, e := math.Frexp(x); return float64(e) }, -0.5, 0},
		{"modff", func(x, _ float64) float64 { _, f := math.Modf(8 * x); return f }, -0.5, 0},
		{"modff whole", func(x, _ float64) float64 { w, _ := math.Modf(8 * x); return w }, -0.5, 0},
		{"nextafterf", func(x, _ float64) float64 { return float64(math.Nextafter32(float32(x), 2)) }, -0.5, 0},
		{"remainderf", func(x, _ float64) float64 { return math.Remainder(x, float64(float32(0.3))) }, 0, 0},
		{"roundf", func(x, _ float64) float64 { return math.Round(8 * x) }, -0.5, 0},
		{"lrintf", func(x, _ float64) float64 { return math.RoundToEven(8 * x) }, -0.5, 0},
		{"exp10f", func(x, _ float64) float64 { return math.Pow(10, x) }, 2, 0},
		{"asinhf", func(x, _ float64) float64 { return math.Asinh(x) }, 3, 0},
		{"acoshf", func(x, _ float64) float64 { return math.Acosh(float64(float32(x) + 2)) }, 4, 0},
		{"atanhf", func(x, _ float64) float64 { return math.Atanh(x) }, 3, 0},
		{"logbf", func(x, _ float64) float64 { return math.Logb(x) }, -0.5, 0},
		{"ilogbf", func(x, _ float64) float64 { return float64(math.Ilogb(x)) }, -0.5, 0},
		{"fdimf", func(x, _ float64) float64 { return math.Max(x-0.5, 0) }, 0, 0},
		{"cospif", func(x, _ float64) float64 { return math.Cos(math.Pi * x) }, 1, 1e-16},
		{"normcdfinvf", func(x, _ float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*math.Abs(x)) }, 5, 0},
		{"rnorm3df", func(x, _ float64) float64 { return 1 / math.Sqrt(x*x+5) }, 2, 0},
		{"rhypotf", func(x, _ float64) float64 { return 1 / math.Hypot(x, 3) }, 2, 0},
		{"class", class, -0.5, 0},
		{"scalbnf", func(x, _ float64) float64 { return float64(float32(math.Ldexp(x, -130))) }, -0.5, 0},
		{"fmaf", func(x, _ float64) float64 { return float64(emutest.FMA32(float32(x), float32(x), -1)) }, -0.5, 0},
	}
	d, f := kernel(t, "math_library", "library")
	out := emutest.Out[float32](d, "out", n*len(fs))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), out)
	checkFunctions(t, fs, x, out.Get())
}
