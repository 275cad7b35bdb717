package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Layout of the scratch memory: A as 16 rows of 16 float32, then B as 16 rows of 8.
const (
	rowBytes = 16 * 4
	bAt      = 16 * rowBytes
)

// columnOrder is the order of B's and C's columns in a vector: the even ones are in the even registers of C.
var columnOrder = [8]int{0, 2, 4, 6, 1, 3, 5, 7}

// mma is mma.m16n8k16 with bfloat16 operands: C += A B with k rising, every product and every sum rounded to float32.
func mma() {
	TEXT("mmaBF16AVX2", NOSPLIT, "func(registers *[14]uintptr, scratch *[384]float32)")
	stubs.WriteString("\n// mmaBF16AVX2 is mma.m16n8k16.f32.bf16.bf16.f32; registers are d, a, b and c in the order of the instruction.\n//\n//go:noescape\n" +
		"func mmaBF16AVX2(registers *[14]unsafe.Pointer, scratch *[384]float32)\n")
	table, scratch := Load(Param("registers"), GP64()), Load(Param("scratch"), GP64())
	register := func(i int) Register {
		r := GP64()
		MOVQ(Mem{Base: table, Disp: 8 * i}, r)
		return r
	}
	for i := range 4 {
		a := register(4 + i)
		for g := range 8 {
			VMOVUPS(widened(Mem{Base: a, Disp: 16 * g}), Mem{Base: scratch, Disp: (g+8*(i&1))*rowBytes + 32*(i>>1)})
		}
	}
	for i := range 2 {
		b := register(8 + i)
		var column [8]VecVirtual
		for j, n := range columnOrder {
			column[j] = widened(Mem{Base: b, Disp: 16 * n})
		}
		for k, row := range transposed(column) {
			VMOVUPS(row, Mem{Base: scratch, Disp: bAt + 32*(8*i+k)})
		}
	}
	var c, d [4]Register
	for i := range 4 {
		d[i], c[i] = register(i), register(10+i)
	}
	rows, offset := GP64(), GP64()
	MOVQ(scratch, rows)
	XORQ(offset, offset)
	Label("fourRows")
	var sum [4]VecVirtual
	place := func(base Register, i int) Mem { return Mem{Base: base, Index: offset, Scale: 1, Disp: 16 * (i & 1)} }
	for i := range sum {
		low := XMM()
		sum[i] = low.AsY().(VecVirtual)
		VMOVUPS(place(c[i>>1*2], i), low)
		VINSERTF128(U8(1), place(c[i>>1*2+1], i), sum[i], sum[i])
	}
	for k := range 16 {
		b := YMM()
		VMOVUPS(Mem{Base: scratch, Disp: bAt + 32*k}, b)
		for i := range sum {
			x := YMM()
			VBROADCASTSS(Mem{Base: rows, Disp: (i&1+8*(i>>1))*rowBytes + 4*k}, x)
			VMULPS(b, x, x)
			VADDPS(x, sum[i], sum[i])
		}
	}
	for i := range sum {
		v := canonical(sum[i])
		VMOVUPS(v.AsX(), place(d[i>>1*2], i))
		VEXTRACTF128(U8(1), v, place(d[i>>1*2+1], i))
	}
	ADDQ(U8(2*rowBytes), rows)
	ADDQ(U8(32), offset)
	CMPQ(offset, U8(128))
	JB(LabelRef("fourRows"))
	end()
}

// widened is eight bfloat16 as float32.
func widened(m Mem) VecVirtual {
	v := YMM()
	VPMOVZXWD(m, v)
	VPSLLD(U8(16), v, v)
	return v
}

// transposed exchanges rows and columns of 8 x 8 float32.
func transposed(r [8]VecVirtual) (out [8]VecVirtual) {
	var pairs, quads [8]VecVirtual
	for i := range 4 {
		pairs[2*i], pairs[2*i+1] = YMM(), YMM()
		VUNPCKLPS(r[2*i+1], r[2*i], pairs[2*i])
		VUNPCKHPS(r[2*i+1], r[2*i], pairs[2*i+1])
	}
	for i := range 2 {
		for j := range 2 {
			low, high := pairs[4*i+j], pairs[4*i+2+j]
			quads[4*i+2*j], quads[4*i+2*j+1] = YMM(), YMM()
			VSHUFPS(U8(0x44), high, low, quads[4*i+2*j])
			VSHUFPS(U8(0xee), high, low, quads[4*i+2*j+1])
		}
	}
	for i := range 4 {
		out[i], out[i+4] = YMM(), YMM()
		VPERM2F128(U8(0x20), quads[i+4], quads[i], out[i])
		VPERM2F128(U8(0x31), quads[i+4], quads[i], out[i+4])
	}
	return out
}
