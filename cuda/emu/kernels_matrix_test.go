package emu_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

func TestKernelTranspose(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {32, 32}, {33, 70}, {100, 5}} {
		height, width := shape[0], shape[1]
		in := normals(random(80), height*width, 1)
		want := make1(len(in), func(i int) float32 { return in[i%height*width+i/height] })
		for _, name := range []string{"transpose_naive", "transpose_conflict", "transpose_padded"} {
			d, f := kernel(t, "transpose", name)
			out := emutest.Out[float32](d, "out", len(in))
			d.Run(f, tiles2(width, height, 32, 32, cuda.Dim3{X: 32, Y: 8}), int32(height), int32(width), emutest.In(d, "in", in), out)
			emutest.Equal(t, fmt.Sprintf("%s %dx%d", name, height, width), out.Get(), want)
		}
	}
}

// tiles2 covers an extent with tiles.
func tiles2(x, y, tileX, tileY int, block cuda.Dim3) emutest.Spec {
	return emutest.Spec{Grid: cuda.Dim3{X: (x + tileX - 1) / tileX, Y: (y + tileY - 1) / tileY}, Block: block}
}

func TestKernelGemmF32(t *testing.T) {
	for _, shape := range [][3]int{{1, 1, 1}, {64, 64, 32}, {70, 33, 50}} {
		m, n, k := shape[0], shape[1], shape[2]
		r := random(81)
		a, b := normals(r, m*k, 1), normals(r, k*n, 1)
		want := make1(m*n, func(i int) float32 {
			var sum float32
			for j := range k {
				sum = emutest.FMA32(a[i/n*k+j], b[j*n+i%n], sum)
			}
			return sum
		})
		d, f := kernel(t, "gemm_f32", "gemm_f32")
		c := emutest.Out[float32](d, "C", m*n)
		d.Run(f, tiles2(n, m, 64, 64, cuda.Dim3{X: 16, Y: 16}), int32(m), int32(n), int32(k), emutest.In(d, "A", a), emutest.In(d, "B", b), c)
		emutest.Equal(t, fmt.Sprintf("C %dx%dx%d", m, n, k), c.Get(), want)
	}
}

// product is A B in float64 and the sum of |a b|, by which errors of float32
// sums are measured.
func product(m, n, k int, a, b func(i, j int) float64) (c, scale []float64) {
	c, scale = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			for l := range k {
				p := a(i, l) * b(l, j)
				c[i*n+j] += p
				scale[i*n+j] += math.Abs(p)
			}
		}
	}
	return c, scale
}

// sumError bounds a float32 sum of exact products in any order that rounds or
// truncates every partial sum: the depth of the sums in use stays below 2^-19 in all tests.
const sumError = 0x1p-19

func TestKernelGemmBF16(t *testing.T) {
	for _, shape := range [][3]int{{64, 64, 32}, {1, 8, 8}, {70, 72, 40}, {128, 64, 200}} {
		m, n, k := shape[0], shape[1], shape[2]
		r := random(82)
		a, b := make1(m*k, func(int) uint16 { return bf16(r.NormFloat64()) }), make1(k*n, func(int) uint16 { return bf16(r.NormFloat64()) })
		want, scale := product(m, n, k, func(i, j int) float64 { return fromBF16(a[i*k+j]) }, func(i, j int) float64 { return fromBF16(b[i*n+j]) })
		d, f := kernel(t, "gemm_bf16", "gemm_bf16")
		c := emutest.Out[float32](d, "C", m*n)
		spec := tiles2(n, m, 64, 64, cuda.Dim3{X: 128})
		spec.Shared = 3 * 8192
		d.Run(f, spec, int32(m), int32(n), int32(k), emutest.In(d, "A", a), emutest.In(d, "B", b), c)
		emutest.Close(t, fmt.Sprintf("C %dx%dx%d", m, n, k), c.Get(), want, func(i int) float64 { return sumError * scale[i] })
	}
}

// tf32 rounds to 10 bits of fraction, ties away from zero (cvt.rna.tf32).
func tf32(x float32) float64 {
	return float64(math.Float32frombits((math.Float32bits(x) + 0x1000) &^ 0x1fff))
}

func TestKernelGemmTF32(t *testing.T) {
	for _, shape := range [][3]int{{64, 64, 16}, {1, 4, 4}, {70, 68, 36}} {
		m, n, k := shape[0], shape[1], shape[2]
		r := random(83)
		a, b := normals(r, m*k, 1), normals(r, k*n, 1)
		want, scale := product(m, n, k, func(i, j int) float64 { return tf32(a[i*k+j]) }, func(i, j int) float64 { return tf32(b[i*n+j]) })
		d, f := kernel(t, "gemm_tf32", "gemm_tf32")
		c := emutest.Out[float32](d, "C", m*n)
		d.Run(f, tiles2(n, m, 64, 64, cuda.Dim3{X: 128}), int32(m), int32(n), int32(k), emutest.In(d, "A", a), emutest.In(d, "B", b), c)
		emutest.Close(t, fmt.Sprintf("C %dx%dx%d", m, n, k), c.Get(), want, func(i int) float64 { return sumError * scale[i] })
	}
}

func TestKernelGemmF16(t *testing.T) {
	const m, n, k = 32, 48, 64
	r := random(84)
	a, b := make1(m*k, func(int) uint16 { return f16(r.NormFloat64()) }), make1(n*k, func(int) uint16 { return f16(r.NormFloat64()) })
	want, scale := product(m, n, k, func(i, j int) float64 { return fromF16(a[i*k+j]) }, func(i, j int) float64 { return fromF16(b[j*k+i]) })
	d, f := kernel(t, "gemm_f16", "gemm_f16_nt")
	c := emutest.Out[uint16](d, "C", m*n)
	d.Run(f, tiles2(n, m, 16, 16, cuda.Dim3{X: 32}), int32(m), int32(n), int32(k), emutest.In(d, "A", a), emutest.In(d, "B", b), c)
	got := make1(m*n, func(int) float64 { return 0 })
	for i, v := range c.Get() {
		got[i] = fromF16(v)
	}
	emutest.Close64(t, "C", got, want, func(i int) float64 { return sumError*scale[i] + 0x1p-11*math.Abs(want[i]) + 0x1p-25 })
}

// TestKernelMMAShapes places the fragments by hand, as the figures of the PTX
// ISA do ("Matrix Fragments for mma.m16n8k4, k8, k16"): g = lane / 4, t = lane % 4.
func TestKernelMMAShapes(t *testing.T) {
	r := random(85)
	c := normals(r, 128, 1)
	for _, shape := range []string{"bf16 k8", "tf32 k4", "f16 k16"} {
		halves := func(f func(float64) uint16, n int) []uint32 {
			return make1(n, func(int) uint32 { return uint32(f(r.NormFloat64())) | uint32(f(r.NormFloat64()))<<16 })
		}
		var a, b []uint32
		var k int
		var elementA, elementB func(i, j int) float64
		half := func(words []uint32, word, lane, which int) uint16 { return uint16(words[word*32+lane] >> (16 * which)) }
		switch shape {
		case "bf16 k8":
			a, b, k = halves(bf16, 128), halves(bf16, 64), 8
			elementA = func(i, j int) float64 { return fromBF16(half(a, i/8, i%8*4+j/2, j%2)) }
			elementB = func(i, j int) float64 { return fromBF16(half(b, 0, j*4+i/2, i%2)) }
		case "tf32 k4":
			word := func(int) uint32 { return math.Float32bits(float32(tf32(float32(r.NormFloat64())))) }
			a, b, k = make1(128, word), make1(64, word), 4
			elementA = func(i, j int) float64 { return float64(math.Float32frombits(a[i/8*32+i%8*4+j])) }
			elementB = func(i, j int) float64 { return float64(math.Float32frombits(b[j*4+i])) }
		case "f16 k16":
			a, b, k = halves(f16, 128), halves(f16, 64), 16
			elementA = func(i, j int) float64 { return fromF16(half(a, j/8*2+i/8, i%8*4+j%8/2, j%2)) }
			elementB = func(i, j int) float64 { return fromF16(half(b, i/8, j*4+i%8/2, i%2)) }
		}
		want, scale := product(16, 8, k, elementA, elementB)
		d, f := kernel(t, "gemm_f16", "mma_shapes")
		d32, e32, h := emutest.Out[float32](d, "bf16_k8", 128), emutest.Out[float32](d, "tf32_k4", 128), emutest.Out[uint32](d, "f16_sums", 64)
		d.Run(f, emutest.Grid1(32, 32), emutest.In(d, "a", a), emutest.In(d, "b", b), emutest.In(d, "c", c), d32, e32, h)
		got, wants, tolerance := make([]float64, 128), make([]float64, 128), make([]float64, 128)
		for i := range 16 {
			for j := range 8 {
				at := i*8 + j
				word, lane := i/8*2+j%2, i%8*4+j/2
				wants[at], tolerance[at] = want[at]+float64(c[word*32+lane]), sumError*(scale[at]+math.Abs(float64(c[word*32+lane])))
				switch shape {
				case "bf16 k8":
					got[at] = float64(d32.Get()[word*32+lane])
				case "tf32 k4":
					got[at] = float64(e32.Get()[word*32+lane])
				case "f16 k16":
					got[at] = fromF16(half(h.Get(), i/8, lane, j%2))
					wants[at], tolerance[at] = want[at], 0x1p-10*scale[at]
				}
			}
		}
		emutest.Close64(t, shape, got, wants, func(i int) float64 { return tolerance[i] })
	}
}

// convolution is the direct 3x3 convolution in float64 with zero padding, NHWC and OHWI, and the sum of |x w|.
func convolution(n, h, w, c, o int, x, weight func(i int) float64, bias []float32) (y, scale []float64) {
	for p := range n * h * w {
		for k := range o {
			sum, size := float64(bias[k]), math.Abs(float64(bias[k]))
			for tap := range 9 {
				row, column := p/w%h+tap/3-1, p%w+tap%3-1
				if row < 0 || row >= h || column < 0 || column >= w {
					continue
				}
				pixel := p + (tap/3-1)*w + tap%3 - 1
				for ci := range c {
					v := x(pixel*c+ci) * weight((k*9+tap)*c+ci)
					sum += v
					size += math.Abs(v)
				}
			}
			y, scale = append(y, sum), append(scale, size)
		}
	}
	return y, scale
}

func TestKernelConvolution(t *testing.T) {
	for _, s := range [][5]int{{1, 1, 1, 1, 1}, {2, 9, 11, 5, 6}, {1, 8, 8, 16, 4}} {
		n, h, w, c, o := s[0], s[1], s[2], s[3], s[4]
		r := random(86)
		x, weight, bias := normals(r, n*h*w*c, 1), normals(r, o*9*c, 0.3), normals(r, o, 1)
		want, scale := convolution(n, h, w, c, o, func(i int) float64 { return float64(x[i]) }, func(i int) float64 { return float64(weight[i]) }, bias)
		d, f := kernel(t, "conv3x3", "conv3x3")
		y := emutest.Out[float32](d, "y", len(want))
		spec := emutest.Spec{Grid: cuda.Dim3{X: (h + 7) / 8 * ((w + 7) / 8), Y: (o + 3) / 4, Z: n}, Block: cuda.Dim3{X: 8, Y: 8, Z: 4}}
		d.Run(f, spec, int32(h), int32(w), int32(c), int32(o), emutest.In(d, "x", x), emutest.In(d, "weight", weight), emutest.In(d, "bias", bias), y)
		emutest.Close(t, fmt.Sprint("y ", s), y.Get(), want, func(i int) float64 { return sumError * scale[i] })
	}
}

func TestKernelConvolutionImplicitGemm(t *testing.T) {
	for _, s := range [][5]int{{1, 1, 1, 8, 2}, {2, 5, 7, 40, 34}, {1, 8, 8, 16, 32}} {
		n, h, w, c, o := s[0], s[1], s[2], s[3], s[4]
		r := random(87)
		x, weight := make1(n*h*w*c, func(int) uint16 { return bf16(r.NormFloat64()) }), make1(o*9*c, func(int) uint16 { return bf16(r.NormFloat64() * 0.3) })
		bias := normals(r, o, 1)
		want, scale := convolution(n, h, w, c, o, func(i int) float64 { return fromBF16(x[i]) }, func(i int) float64 { return fromBF16(weight[i]) }, bias)
		d, f := kernel(t, "conv3x3_igemm", "conv3x3_igemm")
		y := emutest.Out[uint16](d, "y", len(want))
		d.Run(f, tiles2(n*h*w, o, 64, 32, cuda.Dim3{X: 128}), int32(n), int32(h), int32(w), int32(c), int32(o),
			emutest.In(d, "x", x), emutest.In(d, "weight", weight), emutest.In(d, "bias", bias), y)
		got := make([]float64, len(want))
		for i, v := range y.Get() {
			got[i] = fromBF16(v)
		}
		emutest.Close64(t, fmt.Sprint("y ", s), got, want, func(i int) float64 { return sumError*scale[i] + 0x1p-8*math.Abs(want[i]) })
	}
}

// TestKernelTransposeCounters tells the three transposes apart: 128 warps each
// load and store 32 floats.
func TestKernelTransposeCounters(t *testing.T) {
	const n, warps = 64, 128
	for _, c := range []struct {
		name                         string
		loadSectors, storeSectors    int64
		sharedLoads, sharedLoadWaves int64
	}{
		{"transpose_naive", 4 * warps, 32 * warps, 0, 0},
		{"transpose_conflict", 4 * warps, 4 * warps, warps, 32 * warps},
		{"transpose_padded", 4 * warps, 4 * warps, warps, warps},
	} {
		d, f := kernel(t, "transpose", c.name)
		in, out := emutest.In(d, "in", make([]float32, n*n)), emutest.Out[float32](d, "out", n*n)
		p := d.Device.(cuda.Profiler)
		p.StartCounting()
		d.Run(f, tiles2(n, n, 32, 32, cuda.Dim3{X: 32, Y: 8}), int32(n), int32(n), in, out)
		l := p.StopCounting()[0]
		got := []int64{l.Global.LoadSectors, l.Global.StoreSectors, l.Global.LoadBytes, l.Global.StoreBytes, l.Shared.LoadAccesses, l.Shared.LoadWavefronts, l.Shared.LoadIdeal}
		want := []int64{c.loadSectors, c.storeSectors, 4 * n * n, 4 * n * n, c.sharedLoads, c.sharedLoadWaves, c.sharedLoads}
		emutest.Equal(t, c.name, got, want)
	}
}
