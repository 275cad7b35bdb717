package emu_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// fragment says which element of a matrix lies in piece i of a lane's registers ("Matrix Fragments for mma", PTX ISA 9.7.13.4).
type fragment func(lane, i int) (row, col int)

// shape is the layout of one mma instruction: pieces per lane, elements to a 32-bit register.
type shape struct {
	k              int
	a, b           fragment
	aCount, bCount int
	packed         int
}

func fragmentC(lane, i int) (row, col int) { return lane/4 + i/2*8, lane%4*2 + i%2 }

var shapes = map[string]shape{
	"half m16n8k16": {16, func(l, i int) (int, int) { return l/4 + i/2%2*8, l%4*2 + i%2 + i/4*8 }, func(l, i int) (int, int) { return l%4*2 + i%2 + i/2*8, l / 4 }, 8, 4, 2},
	"half m16n8k8":  {8, func(l, i int) (int, int) { return l/4 + i/2*8, l%4*2 + i%2 }, func(l, i int) (int, int) { return l%4*2 + i, l / 4 }, 4, 2, 2},
	"tf32 m16n8k4":  {4, func(l, i int) (int, int) { return l/4 + i*8, l % 4 }, func(l, _ int) (int, int) { return l % 4, l / 4 }, 2, 1, 1},
	"tf32 m16n8k8":  {8, func(l, i int) (int, int) { return l/4 + i%2*8, l%4 + i/2*4 }, func(l, i int) (int, int) { return l%4 + i*4, l / 4 }, 4, 2, 1},
}

// matrix is dense, in float64.
type matrix struct {
	cols int
	v    []float64
}

func (m matrix) at(i, j int) float64 { return m.v[i*m.cols+j] }

func randomMatrix(r *rand.Rand, rows, cols int, f format, small bool) matrix {
	m := matrix{cols, make([]float64, rows*cols)}
	for i := range m.v {
		x := r.NormFloat64()
		if small {
			x = float64(r.IntN(17) - 8)
		}
		m.v[i] = f.value(f.bits(big.NewFloat(x), "rn"))
	}
	return m
}

// registers packs a matrix into the registers of a warp: [lane][register].
func (m matrix) registers(place fragment, pieces, packed int, f format) []uint32 {
	var out []uint32
	for lane := range 32 {
		for i := 0; i < pieces; i += packed {
			var w uint64
			for p := range packed {
				w |= f.bits(big.NewFloat(m.at(place(lane, i+p))), "rn") << (16 * p)
			}
			out = append(out, uint32(w))
		}
	}
	return out
}

// list writes n registers as a vector operand.
func list(prefix string, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%%%s%d", prefix, i)
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// mmaKernel loads the fragments of each lane, multiplies and stores the result.
func mmaKernel(op string, a, b, c int) string {
	var s strings.Builder
	s.WriteString(checkHeader + ".visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d)\n{\n.reg .b32 %t, %a<8>, %b<8>, %c<8>, %d<8>; .reg .b64 %p, %o;\nmov.u32 %t, %laneid;\n")
	for name, n := range map[string]int{"a": a, "b": b, "c": c} {
		fmt.Fprintf(&s, "ld.param.u64 %%p, [%s]; mul.wide.u32 %%o, %%t, %d; add.s64 %%p, %%p, %%o;\n", name, 4*n)
		for i := range n {
			fmt.Fprintf(&s, "ld.global.u32 %%%s%d, [%%p+%d];\n", name, i, 4*i)
		}
	}
	fmt.Fprintf(&s, "%s %s, %s, %s, %s;\nld.param.u64 %%p, [d]; mul.wide.u32 %%o, %%t, %d; add.s64 %%p, %%p, %%o;\n", op, list("d", c), list("a", a), list("b", b), list("c", c), 4*c)
	for i := range c {
		fmt.Fprintf(&s, "st.global.u32 [%%p+%d], %%d%d;\n", 4*i, i)
	}
	s.WriteString("ret;\n}\n")
	return s.String()
}

// TestMatrixSemantics: mma over small integers is exact; over any numbers its error stays below a bound relative to the sum of
// |a b|, as exact products and float32 sums have it in any order, truncated or rounded.
func TestMatrixSemantics(t *testing.T) {
	r := random(30)
	for op, form := range formsByOpcode() {
		if form.Family != "Tensor cores" || part(op, 0) != "mma" {
			continue
		}
		parts := strings.Split(op, ".")
		dstType, inType := parts[len(parts)-4], parts[len(parts)-3]
		key := "half " + parts[3]
		if inType == "tf32" {
			key = "tf32 " + parts[3]
		}
		sh, ok := shapes[key]
		if !ok {
			t.Errorf("%s: no layout", op)
			continue
		}
		for _, small := range []bool{true, false} {
			sh.check(t, r, op, formats[inType], formats[dstType], small)
		}
	}
}

func (sh shape) check(t *testing.T, r *rand.Rand, op string, in, out format, small bool) {
	a, b, c := randomMatrix(r, 16, sh.k, in, small), randomMatrix(r, sh.k, 8, in, small), randomMatrix(r, 16, 8, out, small)
	packed := 32 / int(out.width())
	d := emutest.Open(t)
	m, err := d.LoadModule("mma.ptx", []byte(mmaKernel(op, sh.aCount/sh.packed, sh.bCount/sh.packed, 4/packed)))
	if err != nil {
		t.Errorf("%s: %v", op, err)
		return
	}
	f, err := m.Function("k")
	if err != nil {
		t.Fatal(err)
	}
	result := emutest.Out[uint32](d, "d", 32*4/packed)
	d.Run(f, emutest.Spec{Block: cuda.Dim3{X: 32}}, emutest.In(d, "a", a.registers(sh.a, sh.aCount, sh.packed, in)),
		emutest.In(d, "b", b.registers(sh.b, sh.bCount, sh.packed, in)), emutest.In(d, "c", c.registers(fragmentC, 4, packed, out)), result)
	words := result.Get()
	for lane := range 32 {
		for i := range 4 {
			row, col := fragmentC(lane, i)
			want := c.at(row, col)
			scale := math.Abs(want)
			for k := range sh.k {
				want += a.at(row, k) * b.at(k, col)
				scale += math.Abs(a.at(row, k) * b.at(k, col))
			}
			word := uint64(words[lane*4/packed+i/packed]) >> (32 / packed * (i % packed))
			got := out.value(word & (1<<out.width() - 1))
			tolerance := 0.0
			if !small {
				tolerance = scale*0x1p-20 + math.Abs(want)*math.Ldexp(1, -out.prec)
			}
			if !(math.Abs(got-want) <= tolerance) {
				t.Errorf("%s: element (%d,%d) is %g, want %g within %g", op, row, col, got, want, tolerance)
				return
			}
		}
	}
}

// TestLoadMatrixSemantics: ldmatrix gives lane l the two elements 2(l%4) of row l/4 of each matrix, or of its transpose; the rows
// lie where the lanes say (PTX ISA 9.7.13.4.15).
func TestLoadMatrixSemantics(t *testing.T) {
	r := random(31)
	for op, form := range formsByOpcode() {
		if form.Family != "Tensor cores" || part(op, 0) != "ldmatrix" {
			continue
		}
		n := int(op[strings.Index(op, ".x")+2] - '0')
		var s strings.Builder
		s.WriteString(checkHeader + ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n.reg .b32 %t, %x, %y, %d<4>; .reg .b64 %p, %q, %o;\n.shared .align 16 .b8 tile[512];\n" +
			"mov.u32 %t, %laneid; ld.param.u64 %p, [in]; mul.wide.u32 %o, %t, 16; add.s64 %p, %p, %o; mov.u32 %x, tile; mad.lo.u32 %y, %t, 16, %x;\n" +
			"{ .reg .b32 %v<4>; ld.global.v4.u32 {%v0, %v1, %v2, %v3}, [%p]; st.shared.v4.u32 [%y], {%v0, %v1, %v2, %v3}; }\nbar.warp.sync -1;\n" +
			"mul.lo.u32 %y, %t, 5; and.b32 %y, %y, 31; mad.lo.u32 %y, %y, 16, %x;\n") // lane l points at row 5l mod 32
		fmt.Fprintf(&s, "%s %s, [%%y];\nld.param.u64 %%q, [out]; mul.wide.u32 %%o, %%t, %d; add.s64 %%q, %%q, %%o;\n", op, list("d", n), 4*n)
		for i := range n {
			fmt.Fprintf(&s, "st.global.u32 [%%q+%d], %%d%d;\n", 4*i, i)
		}
		s.WriteString("ret;\n}\n")
		d := emutest.Open(t)
		m, err := d.LoadModule("ldmatrix.ptx", []byte(s.String()))
		if err != nil {
			t.Errorf("%s: %v", op, err)
			continue
		}
		f, err := m.Function("k")
		if err != nil {
			t.Fatal(err)
		}
		data := make1(256, func(int) uint16 { return uint16(r.Uint32()) })
		out := emutest.Out[uint32](d, "out", 32*n)
		d.Run(f, emutest.Spec{Block: cuda.Dim3{X: 32}}, emutest.In(d, "in", data), out)
		got := out.Get()
		element := func(matrix, row, col int) uint32 { return uint32(data[(matrix*8+row)*5%32*8+col]) }
		for lane := range 32 {
			for i := range n {
				row, col := lane/4, lane%4*2
				want := element(i, row, col) | element(i, row, col+1)<<16
				if has(op, "trans") {
					want = element(i, col, row) | element(i, col+1, row)<<16
				}
				if got[lane*n+i] != want {
					t.Fatalf("%s: register %d of lane %d is %#x, want %#x", op, i, lane, got[lane*n+i], want)
				}
			}
		}
	}
}
