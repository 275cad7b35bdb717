//go:build unix

package emu_test

import (
	"math"
	"os"
	"syscall"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// cpuTime is the processor time of this process in seconds, which other work
// on the machine disturbs less than the clock.
func cpuTime(tb testing.TB) float64 {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// launches runs a kernel b.N times and reports processor time, and thread
// instructions a second of it, as the counters have them. All checks are on.
func launches(b *testing.B, d *emutest.Device, run func()) {
	b.Helper()
	p, ok := d.Device.(cuda.Profiler)
	if !ok {
		b.Fatal("the emulator counts nothing")
	}
	p.StartCounting()
	run()
	instructions := int64(0)
	for _, l := range p.StopCounting() {
		c := l.Instructions.Thread
		instructions += c.Integer + c.Float32 + c.Half + c.Float64 + c.Tensor + c.Convert + c.Move + c.Predicate + c.Special +
			c.Load + c.Store + c.Atomic + c.Barrier + c.Branch + c.Cross + c.Other
	}
	b.ResetTimer()
	start := cpuTime(b)
	for range b.N {
		run()
	}
	spent := cpuTime(b) - start
	b.ReportMetric(spent*1e3/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(instructions)*float64(b.N)/spent/1e9, "Ginstr/cpu-s")
}

// productBF16 is the product of two 256 x 256 bfloat16 matrices through mma.sync.
func productBF16(tb testing.TB) (*emutest.Device, func()) {
	const n = 256
	r := random(90)
	d, f := kernel(tb, "gemm_bf16", "gemm_bf16")
	x := emutest.In(d, "A", make1(n*n, func(int) uint16 { return bf16(r.NormFloat64()) }))
	y := emutest.In(d, "B", make1(n*n, func(int) uint16 { return bf16(r.NormFloat64()) }))
	c := emutest.Out[float32](d, "C", n*n)
	spec := tiles2(n, n, 64, 64, cuda.Dim3{X: 128})
	spec.Shared = 3 * 8192
	return d, func() { d.Run(f, spec, int32(n), int32(n), int32(n), x, y, c) }
}

func BenchmarkGemmBF16(b *testing.B) {
	d, run := productBF16(b)
	launches(b, d, run)
}

// BenchmarkGemmF32 is the same product in float32 through shared memory.
func BenchmarkGemmF32(b *testing.B) {
	const n = 256
	r := random(91)
	d, f := kernel(b, "gemm_f32", "gemm_f32")
	x, y, c := emutest.In(d, "A", normals(r, n*n, 1)), emutest.In(d, "B", normals(r, n*n, 1)), emutest.Out[float32](d, "C", n*n)
	spec := tiles2(n, n, 64, 64, cuda.Dim3{X: 16, Y: 16})
	launches(b, d, func() { d.Run(f, spec, int32(n), int32(n), int32(n), x, y, c) })
}

// noising adds noise to 2^20 elements: Philox, Box-Muller, x_t and eps.
func noising(tb testing.TB) (*emutest.Device, func()) {
	const samples, elements = 64, 1 << 14
	r := random(92)
	d, f := kernel(tb, "noise", "noise")
	x := emutest.In(d, "x0", normals(r, samples*elements, 1))
	k := emutest.In(d, "coefficients", normals(r, 2*samples, 1))
	xt, eps := emutest.Out[float32](d, "xt", samples*elements), emutest.Out[float32](d, "eps", samples*elements)
	spec := emutest.Grid1(elements/4, 256)
	spec.Grid.Y = samples
	return d, func() { d.Run(f, spec, int32(elements), x, k, seed2([2]uint32{1, 2}), uint32(3), uint32(4), xt, eps) }
}

func BenchmarkNoise(b *testing.B) {
	d, run := noising(b)
	launches(b, d, run)
}

// BenchmarkSilu is x / (1 + exp(-x)) over 2^20 elements.
func BenchmarkSilu(b *testing.B) {
	const n = 1 << 20
	d, f := kernel(b, "silu", "silu")
	x, y := emutest.In(d, "x", normals(random(93), n, 1)), emutest.Out[float32](d, "y", n)
	launches(b, d, func() { d.Run(f, emutest.Grid1(n, 256), int32(n), x, y) })
}

// BenchmarkSiluBF16 is the same over 2^20 bfloat16, two a thread.
func BenchmarkSiluBF16(b *testing.B) {
	const pairs = 1 << 19
	r := random(96)
	d, f := kernel(b, "silu", "silu_bf16")
	x, y := emutest.In(d, "x", make1(2*pairs, func(int) uint16 { return bf16(r.NormFloat64()) })), emutest.Out[uint16](d, "y", 2*pairs)
	launches(b, d, func() { d.Run(f, emutest.Grid1(pairs, 256), int32(pairs), x, y) })
}

// BenchmarkGroupNorm normalises 4 samples of 32 x 32 pixels and 64 channels in 8 groups.
func BenchmarkGroupNorm(b *testing.B) {
	const samples, pixels, channels, groups = 4, 1024, 64, 8
	r := random(97)
	d, f := kernel(b, "group_norm", "group_norm_silu")
	x, y := emutest.In(d, "x", normals(r, samples*pixels*channels, 1)), emutest.Out[float32](d, "y", samples*pixels*channels)
	gamma, beta := emutest.In(d, "gamma", normals(r, channels, 1)), emutest.In(d, "beta", normals(r, channels, 1))
	spec := emutest.Spec{Grid: cuda.Dim3{X: groups, Y: samples}, Block: cuda.Dim3{X: 256}}
	launches(b, d, func() {
		d.Run(f, spec, int32(pixels), int32(channels), int32(groups), float32(1e-5), x, gamma, beta, y)
	})
}

// BenchmarkConvolution is a 3 x 3 convolution of 16 x 16 pixels from 64 to 64 channels on tensor cores.
func BenchmarkConvolution(b *testing.B) {
	const h, c = 16, 64
	r := random(98)
	d, f := kernel(b, "conv3x3_igemm", "conv3x3_igemm")
	x := emutest.In(d, "x", make1(h*h*c, func(int) uint16 { return bf16(r.NormFloat64()) }))
	weight := emutest.In(d, "weight", make1(9*c*c, func(int) uint16 { return bf16(r.NormFloat64()) }))
	bias, y := emutest.In(d, "bias", normals(r, c, 1)), emutest.Out[uint16](d, "y", h*h*c)
	spec := tiles2(h*h, c, 64, 32, cuda.Dim3{X: 128})
	launches(b, d, func() { d.Run(f, spec, int32(1), int32(h), int32(h), int32(c), int32(c), x, weight, bias, y) })
}

// BenchmarkAttention is one head of 64 channels over 256 positions.
func BenchmarkAttention(b *testing.B) {
	const T, width = 256, 64
	r := random(99)
	d, f := kernel(b, "attention", "attention")
	values := func(name string) *emutest.Buffer[uint16] {
		return emutest.In(d, name, make1(T*width, func(int) uint16 { return bf16(r.NormFloat64()) }))
	}
	q, k, v, out := values("q"), values("k"), values("v"), emutest.Out[uint16](d, "out", T*width)
	spec := emutest.Spec{Grid: cuda.Dim3{X: T / 64, Y: 1}, Block: cuda.Dim3{X: 128}}
	launches(b, d, func() { d.Run(f, spec, int32(T), float32(0.125), q, k, v, out) })
}

// BenchmarkSaxpy is a x + y over 2^20 elements.
func BenchmarkSaxpy(b *testing.B) {
	const n = 1 << 20
	d, f := kernel(b, "saxpy", "saxpy")
	x, y := emutest.In(d, "x", normals(random(94), n, 1)), emutest.InOut(d, "y", normals(random(95), n, 1))
	launches(b, d, func() { d.Run(f, emutest.Grid1(n, 256), int32(n), float32(0.5), x, y) })
}

// load reads and decodes the longest test kernel.
func load(tb testing.TB) func() {
	text, err := os.ReadFile(emutest.KernelPath(kernelFolder, "gemm_bf16"))
	if err != nil {
		tb.Fatal(err)
	}
	d := emutest.Open(tb)
	return func() {
		m, err := d.LoadModule("gemm_bf16.ptx", text)
		if err != nil {
			tb.Fatal(err)
		}
		if err := m.Close(); err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	run := load(b)
	start := cpuTime(b)
	for b.Loop() {
		run()
	}
	b.ReportMetric((cpuTime(b)-start)*1e3/float64(b.N), "cpu-ms/op")
}

// TestSpeed holds the emulator, all checks on, to what its users can wait for: processor time of the best of a few runs.
// GODEBUG=cpu.avx2=off measures the portable code.
func TestSpeed(t *testing.T) {
	if testing.Short() {
		t.Skip("measures processor time")
	}
	_, product := productBF16(t)
	_, addNoise := noising(t)
	for _, c := range []struct {
		name  string
		run   func()
		limit float64 // seconds
	}{
		{"256 x 256 x 256 bfloat16 product", product, 0.050},
		{"noising of 2^20 elements", addNoise, 0.250},
		{"loading a kernel", load(t), 0.020},
	} {
		best := math.Inf(1)
		for range 5 {
			start := cpuTime(t)
			c.run()
			best = min(best, cpuTime(t)-start)
		}
		if best > c.limit {
			t.Errorf("%s took %.1f ms, at most %.1f are allowed", c.name, best*1e3, c.limit*1e3)
		}
	}
}
