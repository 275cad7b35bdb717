package emu_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

func TestKernelSaxpy(t *testing.T) {
	forSizes(t, func(t *testing.T, n int) {
		r := random(1)
		const a = float32(1.7)
		x, y := normals(r, n, 1), normals(r, n, 1)
		want := make1(n, func(i int) float32 { return emutest.FMA32(a, x[i], y[i]) })
		for _, name := range []string{"saxpy", "saxpy_grid"} {
			d, f := kernel(t, "saxpy", name)
			s := emutest.Grid1(n, 128)
			if name == "saxpy_grid" {
				s.Grid.X = 2
			}
			out := emutest.InOut(d, "y", y)
			d.Run(f, s, int32(n), a, emutest.In(d, "x", x), out)
			emutest.Equal(t, name, out.Get(), want)
		}
	})
}

func silu64(x float64) float64 { return x / (1 + math.Exp(-x)) }

// TestKernelSilu allows expf 2 ulp, which enter the quotient once, and one ulp
// of its own for sum and division. The fast form adds the documented error of
// __expf, 2 + 1.173 |x| ulp, and 2 ulp of __fdividef.
func TestKernelSilu(t *testing.T) {
	r := random(2)
	x := normals(r, 1000, 4)
	x[0], x[1], x[2] = 0, -80, 80
	want := make1(len(x), func(i int) float64 { return silu64(float64(x[i])) })
	d, f := kernel(t, "silu", "silu")
	in, out := emutest.In(d, "x", x), emutest.Out[float32](d, "y", len(x))
	d.Run(f, emutest.Grid1(len(x), 256), int32(len(x)), in, out)
	emutest.Close(t, "silu", out.Get(), want, func(i int) float64 { return 4 * emutest.ULP32(want[i]) })

	fast := d.Function(emutest.KernelPath(kernelFolder, "silu"), "silu_fast")
	out = emutest.Out[float32](d, "y", len(x))
	d.Run(fast, emutest.Grid1(len(x), 256), int32(len(x)), in, out)
	emutest.Close(t, "silu_fast", out.Get(), want, func(i int) float64 {
		return (6 + 1.2*math.Abs(float64(x[i]))) * emutest.ULP32(want[i])
	})
}

func TestKernelSiluBF16(t *testing.T) {
	r := random(3)
	const pairs = 333
	x := make1(2*pairs, func(int) uint16 { return bf16(r.NormFloat64() * 3) })
	d, f := kernel(t, "silu", "silu_bf16")
	out := emutest.Out[uint16](d, "y", 2*pairs)
	d.Run(f, emutest.Grid1(pairs, 64), int32(pairs), emutest.In(d, "x", x), out)
	got, want := make([]float64, 2*pairs), make([]float64, 2*pairs)
	for i, v := range out.Get() {
		got[i], want[i] = fromBF16(v), silu64(fromBF16(x[i]))
	}
	// Half a bfloat16 ulp is 2^-9 of the value at most, float32's error is lost in it.
	emutest.Close64(t, "silu_bf16", got, want, func(i int) float64 { return 1.01 * 0x1p-9 * math.Abs(want[i]) * 2 })
}

// TestKernelNoise repeats the forward process in Go step by step: the bits must be equal.
func TestKernelNoise(t *testing.T) {
	for _, elements := range []int{3, 64, 333, 3 * 32 * 32} {
		const samples = 3
		r := random(4)
		seed, step, stream := [2]uint32{0xdeadbeef, 42}, uint32(17), uint32(0x811C9DC5)
		x0 := normals(r, samples*elements, 1)
		coefficients := []float32{0.8, 0.6, 0.1, 0.995, 1, 0}
		wantX, wantE := make([]float32, len(x0)), make([]float32, len(x0))
		for s := range samples {
			for q := 0; 4*q < elements; q++ {
				w := philox([4]uint32{uint32(q), uint32(s), step, stream}, seed)
				n0, n1 := boxMuller(w[0], w[1])
				n2, n3 := boxMuller(w[2], w[3])
				for j, n := range []float32{n0, n1, n2, n3} {
					if i := 4*q + j; i < elements {
						at := s*elements + i
						wantE[at] = n
						wantX[at] = float32(coefficients[2*s]*x0[at]) + float32(coefficients[2*s+1]*n)
					}
				}
			}
		}
		d, f := kernel(t, "noise", "noise")
		xt, eps := emutest.Out[float32](d, "xt", len(x0)), emutest.Out[float32](d, "eps", len(x0))
		spec := emutest.Grid1((elements+3)/4, 128)
		spec.Grid.Y = samples
		d.Run(f, spec, int32(elements), emutest.In(d, "x0", x0), emutest.In(d, "coefficients", coefficients), seed2(seed), step, stream, xt, eps)
		emutest.Equal(t, "eps", eps.Get(), wantE)
		emutest.Equal(t, "xt", xt.Get(), wantX)
	}
}

// seed2 is a uint2, which C aligns to 8 bytes.
func seed2(s [2]uint32) cuda.Raw {
	b := binary.LittleEndian.AppendUint32(nil, s[0])
	return cuda.Raw{Bytes: binary.LittleEndian.AppendUint32(b, s[1]), Align: 8}
}

// TestKernelPhilox holds the words against the known answers of Random123
// (counter 0, key 0) and against Go.
func TestKernelPhilox(t *testing.T) {
	const quads = 100
	d, f := kernel(t, "noise", "philox_words")
	for _, seed := range [][2]uint32{{0, 0}, {42, 0}, {0xffffffff, 0x12345678}} {
		out := emutest.Out[uint32](d, "words", 4*quads)
		d.Run(f, emutest.Grid1(quads, 64), int32(quads), seed2(seed), out)
		got := out.Get()
		want := make([]uint32, 0, 4*quads)
		for i := range quads {
			w := philox([4]uint32{uint32(i)}, seed)
			want = append(want, w[:]...)
		}
		emutest.Equal(t, "words", got, want)
		if seed == [2]uint32{} {
			emutest.Equal(t, "known answer", got[:8], []uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 0xf8e4cca4, 0x5cb200db, 0xb1a574eb, 0x097eff67})
		}
	}
}

// TestBoxMullerReference bounds the distance of the float32 steps to float64.
func TestBoxMullerReference(t *testing.T) {
	r := random(5)
	for range 20000 {
		w0, w1 := r.Uint32(), r.Uint32()
		c, s := boxMuller(w0, w1)
		radius := math.Sqrt(-2 * math.Log((float64(w0)+0.5)*0x1p-32))
		sine, cosine := math.Sincos(2 * math.Pi * (float64(w1) + 0.5) * 0x1p-32)
		if e := max(math.Abs(float64(c)-radius*cosine), math.Abs(float64(s)-radius*sine)); e > 2e-6 && w0 < 0xffff0000 {
			t.Fatalf("words %#x %#x: off by %g", w0, w1, e)
		}
	}
}

func philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	c := counter
	for range 10 {
		p0, p1 := uint64(0xD2511F53)*uint64(c[0]), uint64(0xCD9E8D57)*uint64(c[2])
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ key[0], uint32(p1), uint32(p0>>32) ^ c[3] ^ key[1], uint32(p0)}
		key[0] += 0x9E3779B9
		key[1] += 0xBB67AE85
	}
	return c
}

// horner evaluates a polynomial with every product and sum rounded to float32.
func horner(x float32, c ...float32) float32 {
	v := c[0]
	for _, k := range c[1:] {
		v = float32(v*x) + k
	}
	return v
}

// logRN is log_rn of philox.cuh.
func logRN(u float32) float32 {
	bits := int32(math.Float32bits(u))
	e := (bits - 0x3f400000) >> 23
	m := math.Float32frombits(uint32(bits - e<<23))
	s := float32(m-1) / float32(m+1)
	s2 := float32(s * s)
	p := horner(s2, 1.0/11, 1.0/9, 1.0/7, 1.0/5, 1.0/3)
	p = float32(float32(p*s2) * s)
	p = 2 * float32(p+s)
	return float32(float32(e)*float32(0.693147181)) + p
}

// boxMuller is box_muller of philox.cuh.
func boxMuller(w0, w1 uint32) (float32, float32) {
	u0 := float32(float32(float32(w0)+0.5) * 0x1p-32)
	radius := float32(math.Sqrt(float64(float32(-2 * logRN(u0)))))
	quadrant := (w1 + 0x20000000) >> 30
	rest := int32(w1 - quadrant<<30)
	a := float32(float32(float32(rest)+0.5) * float32(1.4629180792671596e-9))
	a2 := float32(a * a)
	sine := float32(float32(horner(a2, 1.0/362880, -1.0/5040, 1.0/120, -1.0/6)*a2)*a) + a
	cosine := horner(a2, -1.0/3628800, 1.0/40320, -1.0/720, 1.0/24, -0.5, 1)
	c, s := cosine, sine
	if quadrant&1 == 1 {
		c, s = sine, cosine
	}
	if quadrant == 1 || quadrant == 2 {
		c = -c
	}
	if quadrant >= 2 {
		s = -s
	}
	return float32(radius * c), float32(radius * s)
}

func TestKernelStructParameters(t *testing.T) {
	type tensor struct {
		Base       cuda.DevicePtr
		N, H, W, C int32
		Pitch      int64
	}
	type gains struct {
		Gain    [4]float32
		Enabled int16
		Bias    float64
	}
	const n, h, w, c, pitch = 2, 3, 5, 6, 8
	r := random(6)
	x := normals(r, n*h*w*pitch, 1)
	for _, enabled := range []int16{0, 1} {
		g := gains{[4]float32{0.5, -2, 3, 1.25}, enabled, 0.375}
		want := make([]float32, n*h*w*c)
		for i := range want {
			v := x[i/c*pitch+i%c]
			if enabled != 0 {
				v = emutest.FMA32(v, g.Gain[i%c%4], float32(g.Bias))
			}
			want[i] = -v
		}
		d, f := kernel(t, "struct_param", "strided_copy")
		in, out := emutest.In(d, "x", x), emutest.Out[float32](d, "y", len(want))
		spec := emutest.Spec{Grid: cuda.Dim3{X: 2}, Block: cuda.Dim3{X: 64},
			Operands: []cuda.Operand{cuda.Rows("x", in.Ptr(), n*h*w, 4*c, 4*pitch, cuda.Read)}}
		d.Run(f, spec, tensor{in.Ptr(), n, h, w, c, pitch}, uint8(1), g, out)
		emutest.Equal(t, "y", out.Get(), want)
	}
}

func TestKernelModuleVariables(t *testing.T) {
	d := emutest.Open(t)
	m := d.Module(emutest.KernelPath(kernelFolder, "constants"))
	f, err := m.Function("lookup")
	if err != nil {
		t.Fatal(err)
	}
	coefficients := []float32{1, -2, 3, -4, 0.5, 0.25, -0.125, 8}
	x := normals(random(7), 200, 3)
	address, size, err := m.Global("coefficients")
	if err != nil || size != 32 {
		t.Fatalf("coefficients: %d bytes, %v; want 32", size, err)
	}
	for round := range 2 {
		if round == 1 {
			coefficients[3] = 100
			if err := d.CopyToDevice(address, emutest.Bytes(coefficients)); err != nil {
				t.Fatal(err)
			}
		}
		want := make1(len(x), func(i int) float32 {
			ramp := float32(10)
			if x[i] < 0 {
				ramp = 20
			}
			return emutest.FMA32(coefficients[(i+3)%8], x[i], ramp)
		})
		y, first := emutest.Out[float32](d, "y", len(x)), emutest.Out[int32](d, "first", 1)
		d.Run(f, emutest.Grid1(len(x), 64), int32(len(x)), emutest.In(d, "x", x), y, first)
		emutest.Equal(t, "y", y.Get(), want)
		emutest.Equal(t, "first", first.Get(), []int32{38})
	}
	counter, size, err := m.Global("blocks_run")
	if err != nil || size != 4 {
		t.Fatalf("blocks_run: %d bytes, %v; want 4", size, err)
	}
	var blocks [1]uint32
	if err := d.CopyToHost(emutest.Bytes(blocks[:]), counter); err != nil {
		t.Fatal(err)
	}
	if blocks[0] != 8 {
		t.Errorf("blocks_run = %d after two launches of 4 blocks, want 8", blocks[0])
	}
}

func TestKernelNarrowTypes(t *testing.T) {
	const n = 300
	r := random(8)
	d := emutest.Open(t)
	path := emutest.KernelPath(kernelFolder, "narrow")
	a, b := make1(n, func(int) int8 { return int8(r.Uint32()) }), make1(n, func(int) uint8 { return uint8(r.Uint32()) })
	c, e := make1(n, func(int) int16 { return int16(r.Uint32()) }), make1(n, func(int) uint16 { return uint16(r.Uint32()) })
	out := emutest.Out[int32](d, "out", n)
	d.Run(d.Function(path, "widen"), emutest.Grid1(n, 128), int32(n), emutest.In(d, "a", a), emutest.In(d, "b", b), emutest.In(d, "c", c), emutest.In(d, "d", e), out)
	emutest.Equal(t, "widen", out.Get(), make1(n, func(i int) int32 { return int32(a[i]) + 3*int32(b[i]) + 5*int32(c[i]) + 7*int32(e[i]) }))

	p := make1(n, func(int) uint8 { return uint8(r.Uint32()) })
	mixed := emutest.Out[uint8](d, "out", n)
	d.Run(d.Function(path, "blend"), emutest.Grid1(n/4, 32), int32(n/4), int32(100), emutest.In(d, "a", b), emutest.In(d, "b", p), mixed)
	emutest.Equal(t, "blend", mixed.Get(), make1(n, func(i int) uint8 { return uint8(min(255, (int(b[i])*100+int(p[i])*156+128)>>8)) }))

	x := normals(r, n, 0.8)
	s, u := emutest.Out[int8](d, "s", n), emutest.Out[uint8](d, "u", n)
	d.Run(d.Function(path, "quantize"), emutest.Grid1(n, 64), int32(n), emutest.In(d, "x", x), s, u)
	emutest.Equal(t, "signed", s.Get(), make1(n, func(i int) int8 {
		return int8(min(max(math.RoundToEven(float64(float32(x[i]*127))), -128), 127))
	}))
	emutest.Equal(t, "unsigned", u.Get(), make1(n, func(i int) uint8 {
		v := min(max(emutest.FMA32(x[i], 0.5, 0.5), 0), 1)
		return uint8(emutest.FMA32(v, 255, 0.5))
	}))

	y, z := emutest.Out[int16](d, "y", n), emutest.Out[uint16](d, "z", n)
	d.Run(d.Function(path, "wrap16"), emutest.Grid1(n, 64), int32(n), emutest.In(d, "x", c), y, z)
	emutest.Equal(t, "wrap16 signed", y.Get(), make1(n, func(i int) int16 {
		v := (c[i]*7 + 1000) >> 3
		return max(v, -v)
	}))
	emutest.Equal(t, "wrap16 unsigned", z.Get(), make1(n, func(i int) uint16 {
		w := uint16(c[i]) * uint16(c[i])
		return w/3 + w>>5 - 12345
	}))
}

func TestKernelStencil(t *testing.T) {
	const h, w, k = 37, 29, float32(0.2)
	u := normals(random(9), h*w, 1)
	at := func(r, c int) float64 { return float64(u[min(max(r, 0), h-1)*w+min(max(c, 0), w-1)]) }
	d, f := kernel(t, "stencil", "stencil")
	in, out := emutest.In(d, "u", u), emutest.Out[float32](d, "next", h*w)
	d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: 2, Y: 3}, Block: cuda.Dim3{X: 16, Y: 16}}, int32(h), int32(w), k, in, out)
	emutest.Close(t, "stencil", out.Get(), make1(h*w, func(i int) float64 {
		r, c := i/w, i%w
		if r == 0 || r == h-1 || c == 0 || c == w-1 {
			return at(r, c)
		}
		return at(r, c) + float64(k)*(at(r, c-1)+at(r, c+1)+at(r-1, c)+at(r+1, c)-4*at(r, c))
	}), func(int) float64 { return 2e-6 })

	rows := d.Function(emutest.KernelPath(kernelFolder, "stencil"), "heat_rows")
	out = emutest.Out[float32](d, "next", h*w)
	d.Run(rows, emutest.Grid1(w, 32), int32(h), int32(w), k, in, out)
	emutest.Close(t, "heat_rows", out.Get(), make1(h*w, func(i int) float64 {
		r, c := i/w, i%w
		return at(r, c) + float64(k)*(at(r-1, c)-2*at(r, c)+at(r+1, c))
	}), func(int) float64 { return 2e-6 })
}
