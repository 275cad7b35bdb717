package emu_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

func TestKernelWidenRows(t *testing.T) {
	const rows, columns, pitch = 5, 24, 32
	r := random(100)
	x := make1(rows*pitch, func(int) uint16 { return bf16(r.NormFloat64()) })
	d, f := kernel(t, "vector_io", "widen_rows")
	in, y := emutest.In(d, "x", x), emutest.Out[float32](d, "y", rows*columns)
	spec := emutest.Spec{Grid: cuda.Dim3{X: 1, Y: 2}, Block: cuda.Dim3{X: 8, Y: 4},
		Operands: []cuda.Operand{cuda.Rows("x", in.Ptr(), rows, 2*columns, 2*pitch, cuda.Read)}}
	d.Run(f, spec, int32(rows), int32(columns), int32(pitch), in.Ptr(), y)
	emutest.Equal(t, "y", y.Get(), make1(rows*columns, func(i int) float32 { return float32(2 * fromBF16(x[i/columns*pitch+i%columns])) }))
}

func TestKernelCacheOperators(t *testing.T) {
	const n = 70
	x := make1(n, func(i int) int32 { return int32(i*i - 1000) })
	d, f := kernel(t, "vector_io", "cache_operators")
	y := emutest.Out[int32](d, "y", 4*n)
	d.Run(f, emutest.Grid1(n, 64), int32(n), emutest.In(d, "x", x), y)
	emutest.Equal(t, "y", y.Get(), make1(4*n, func(i int) int32 { return 6*x[i/4] + int32(i%4) }))
}

func TestKernelSmallCopies(t *testing.T) {
	r := random(101)
	word := func(int) int32 { return int32(r.IntN(1000)) }
	a, b, c := make1(64, word), make1(128, word), make1(256, word)
	d, f := kernel(t, "vector_io", "small_copies")
	y := emutest.Out[int32](d, "y", 64)
	d.Run(f, emutest.Grid1(64, 64), emutest.In(d, "a", a), emutest.In(d, "b", b), emutest.In(d, "c", c), y)
	// The last word of each 16 bytes is not copied but filled with zero.
	emutest.Equal(t, "y", y.Get(), make1(64, func(i int) int32 {
		from := c[(i+1)%64*4:]
		return (a[63-i]+b[2*(63-i)+1])*10 + from[0] + from[1] + from[2]
	}))
}

func TestKernelMatrixLoads(t *testing.T) {
	r := random(102)
	tile := make1(128, func(int) uint16 { return uint16(r.Uint32()) })
	at := func(row, column int) uint32 { return uint32(tile[8*row+column]) }
	plain := func(matrix, lane int) uint32 {
		row, column := 8*matrix+lane/4, lane%4*2
		return at(row, column) | at(row, column+1)<<16
	}
	transposed := func(matrix, lane int) uint32 {
		row, column := 8*matrix+lane%4*2, lane/4
		return at(row, column) | at(row+1, column)<<16
	}
	var want []uint32
	for l := range 32 {
		want = append(want, plain(0, l), transposed(0, l), plain(0, l), plain(1, l), transposed(0, l), transposed(1, l))
	}
	d, f := kernel(t, "vector_io", "matrices_x2")
	out := emutest.Out[uint32](d, "out", len(want))
	d.Run(f, emutest.Grid1(32, 32), emutest.In(d, "tile", tile), out)
	emutest.Equal(t, "out", out.Get(), want)
}

// adamwStep is the struct Step of adamw.cu.
type adamwStep struct {
	Rate, B1, B2, C1, C2, Epsilon, Decay, Keep, Clip float32
	Bad                                              int32
}

func TestKernelAdamW(t *testing.T) {
	const n, decayed = 300, 200
	r := random(103)
	step := adamwStep{1e-3, 0.9, 0.999, 1 - 0.9*0.9, 1 - 0.999*0.999, 1e-8, 0.01, 0.995, 0.5, 0}
	g, w, m, ema := normals(r, n, 1), normals(r, n, 1), normals(r, n, 0.1), normals(r, n, 1)
	v := make1(n, func(int) float32 { return float32(r.Float64()) })
	for _, bad := range []int32{0, 1} {
		step.Bad = bad
		var s bytes.Buffer
		if err := binary.Write(&s, binary.LittleEndian, step); err != nil {
			t.Fatal(err)
		}
		d, f := kernel(t, "adamw", "adamw")
		dw, dm, dv, de := emutest.InOut(d, "w", w), emutest.InOut(d, "m", m), emutest.InOut(d, "v", v), emutest.InOut(d, "ema", ema)
		dc := emutest.InOut(d, "copy", make([]uint16, n))
		d.Run(f, emutest.Grid1(n, 128), int32(n), int32(decayed), emutest.In(d, "step", s.Bytes()), emutest.In(d, "gradient", g), dw, dm, dv, de, dc)
		if bad != 0 {
			emutest.Equal(t, "w of a bad step", dw.Get(), w)
			emutest.Equal(t, "copy of a bad step", dc.Get(), make([]uint16, n))
			continue
		}
		wantW, wantM, wantV, wantE := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		b1, b2 := float64(step.B1), float64(step.B2)
		for i := range n {
			gi, wi := float64(g[i])*float64(step.Clip), float64(w[i])
			wantM[i] = b1*float64(m[i]) + (1-b1)*gi
			wantV[i] = b2*float64(v[i]) + (1-b2)*gi*gi
			update := wantM[i] / float64(step.C1) / (math.Sqrt(wantV[i]/float64(step.C2)) + float64(step.Epsilon))
			if i < decayed {
				update += float64(step.Decay) * wi
			}
			wantW[i] = wi - float64(step.Rate)*update
			wantE[i] = float64(ema[i]) + (1-float64(step.Keep))*(wantW[i]-float64(ema[i]))
		}
		// A few float32 roundings each; 1 - b2 alone is exact only to 2^-24 / 0.001.
		near := func(want []float64) func(i int) float64 {
			return func(i int) float64 { return 4e-7 * (1 + math.Abs(want[i])) }
		}
		emutest.Close(t, "m", dm.Get(), wantM, near(wantM))
		emutest.Close(t, "v", dv.Get(), wantV, near(wantV))
		got := dw.Get()
		emutest.Close(t, "w", got, wantW, near(wantW))
		emutest.Close(t, "ema", de.Get(), wantE, near(wantE))
		emutest.Equal(t, "copy", dc.Get(), make1(n, func(i int) uint16 { return bf16(float64(got[i])) }))
	}
}

func TestKernelAttention(t *testing.T) {
	for _, T := range []int{1, 64, 75} {
		const heads, width = 2, 64
		scale := float32(0.125)
		r := random(104)
		pick := func(int) uint16 { return bf16(r.NormFloat64()) }
		q, k, v := make1(heads*T*width, pick), make1(heads*T*width, pick), make1(heads*T*width, pick)
		want, size := make([]float64, len(q)), make([]float64, len(q))
		for row := range heads * T {
			first := row / T * T
			p, total, top := make([]float64, T), 0.0, math.Inf(-1)
			for j := range p {
				for c := range width {
					p[j] += fromBF16(q[row*width+c]) * fromBF16(k[(first+j)*width+c]) * float64(scale)
				}
				top = max(top, p[j])
			}
			for j := range p {
				p[j] = math.Exp(p[j] - top)
				total += p[j]
			}
			for j := range p {
				for c := range width {
					x := p[j] / total * fromBF16(v[(first+j)*width+c])
					want[row*width+c] += x
					size[row*width+c] += math.Abs(x)
				}
			}
		}
		d, f := kernel(t, "attention", "attention")
		out := emutest.Out[uint16](d, "out", len(q))
		d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: (T + 63) / 64, Y: heads}, Block: cuda.Dim3{X: 128}}, int32(T), scale,
			emutest.In(d, "q", q), emutest.In(d, "k", k), emutest.In(d, "v", v), out)
		got := make1(len(q), func(int) float64 { return 0 })
		for i, b := range out.Get() {
			got[i] = fromBF16(b)
		}
		// Probabilities and results are each rounded to 8 bits.
		emutest.Close64(t, "out", got, want, func(i int) float64 { return 1.1 * (0x1p-9*size[i] + 0x1p-9*math.Abs(want[i])) })
	}
}
