package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// matrixKernels writes the inner kernels of the matrix product: for each number of rows up to the most that fit in
// registers,
//
//	func gemmR6AVX2(a *float32, rowStride, step int, b, c *float32, pitch, k, add int)
//
// C (rows x 2 vectors, rows pitch bytes apart) = or += sum over k of A[r][p] * B[p]: element (r, p) of A lies at
// r*rowStride + p*step bytes, B is packed, two vectors for each p.
func matrixKernels() {
	for rows := 1; rows <= 6; rows++ {
		matrixKernel(fmt.Sprintf("gemmR%dAVX2", rows), rows, 32, YMM)
	}
	for rows := 1; rows <= 12; rows++ {
		matrixKernel(fmt.Sprintf("gemmR%dAVX512", rows), rows, 64, ZMM)
	}
	transpose()
	matrixVector()
}

// matrixKernel writes the kernel for a number of rows and vectors of width bytes.
func matrixKernel(name string, rows, width int, vector func() VecVirtual) {
	TEXT(name, NOSPLIT, "func(a *float32, rowStride int, step int, b *float32, c *float32, pitch int, k int, add int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes %d rows of two vectors of a matrix product.", name, rows))
	a, rowStride, step := Load(Param("a"), GP64()), Load(Param("rowStride"), GP64()), Load(Param("step"), GP64())
	b, c := Load(Param("b"), GP64()), Load(Param("c"), GP64())
	pitch, k := Load(Param("pitch"), GP64()), Load(Param("k"), GP64())

	// Three rows share a base: base, base + stride, base + 2 stride.
	bases := []Register{a}
	for r := 3; r < rows; r += 3 {
		next := GP64()
		LEAQ(Mem{Base: bases[len(bases)-1], Index: rowStride, Scale: 2}, next)
		ADDQ(rowStride, next)
		bases = append(bases, next)
	}
	element := func(r int) Mem {
		m := Mem{Base: bases[r/3]}
		if r%3 > 0 {
			m.Index, m.Scale = rowStride, uint8(r%3)
		}
		return m
	}
	var acc [][2]VecVirtual
	for range rows {
		pair := [2]VecVirtual{vector(), vector()}
		for _, v := range pair {
			clearVector(v, width)
		}
		acc = append(acc, pair)
	}
	Label("step")
	b0, b1 := vector(), vector()
	VMOVUPS(Mem{Base: b}, b0)
	VMOVUPS(Mem{Base: b, Disp: width}, b1)
	for r := range rows {
		x := vector()
		VBROADCASTSS(element(r), x)
		VFMADD231PS(b0, x, acc[r][0])
		VFMADD231PS(b1, x, acc[r][1])
	}
	ADDQ(U32(2*width), b)
	for _, base := range bases {
		ADDQ(step, base)
	}
	DECQ(k)
	JNZ(LabelRef("step"))

	CMPQ(address("add"), U8(0))
	JE(LabelRef("store"))
	row := GP64()
	MOVQ(c, row)
	for r := range rows {
		VADDPS(Mem{Base: row}, acc[r][0], acc[r][0])
		VADDPS(Mem{Base: row, Disp: width}, acc[r][1], acc[r][1])
		ADDQ(pitch, row)
	}
	Label("store")
	for r := range rows {
		VMOVUPS(acc[r][0], Mem{Base: c})
		VMOVUPS(acc[r][1], Mem{Base: c, Disp: width})
		ADDQ(pitch, c)
	}
	VZEROUPPER()
	RET()
}

func clearVector(v VecVirtual, width int) {
	if width == 64 {
		VPXORD(v, v, v)
		return
	}
	VXORPS(v, v, v)
}

// transpose writes func transpose8AVX2(dst *float32, dstPitch int, src *float32, srcPitch int, blocks int): blocks squares of
// 8 x 8, side by side in src and one below the other in dst. Pitches are in bytes.
func transpose() {
	TEXT("transpose8AVX2", NOSPLIT, "func(dst *float32, dstPitch int, src *float32, srcPitch int, blocks int)")
	Pragma("noescape")
	Doc("transpose8AVX2 transposes 8 rows of 8*blocks columns into 8*blocks rows of 8 columns.")
	dst, dstPitch := Load(Param("dst"), GP64()), Load(Param("dstPitch"), GP64())
	src, srcPitch, blocks := Load(Param("src"), GP64()), Load(Param("srcPitch"), GP64()), Load(Param("blocks"), GP64())
	Label("square")
	row := GP64()
	MOVQ(src, row)
	var in [8]VecVirtual
	for i := range in {
		in[i] = YMM()
		VMOVUPS(Mem{Base: row}, in[i])
		ADDQ(srcPitch, row)
	}
	var pairs, quads [8]VecVirtual
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VUNPCKLPS(in[i+1], in[i], pairs[i])
		VUNPCKHPS(in[i+1], in[i], pairs[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for h := range 2 {
			quads[i+2*h], quads[i+2*h+1] = YMM(), YMM()
			VSHUFPS(U8(0x44), pairs[i+2+h], pairs[i+h], quads[i+2*h])
			VSHUFPS(U8(0xee), pairs[i+2+h], pairs[i+h], quads[i+2*h+1])
		}
	}
	for _, selector := range []uint8{0x20, 0x31} {
		for i := range 4 {
			out := YMM()
			VPERM2F128(U8(selector), quads[4+i], quads[i], out)
			VMOVUPS(out, Mem{Base: dst})
			ADDQ(dstPitch, dst)
		}
	}
	ADDQ(U8(32), src)
	DECQ(blocks)
	JNZ(LabelRef("square"))
	VZEROUPPER()
	RET()
}

// matrixVector writes func matrixVectorAVX2(dst *float32, dstPitch int, a *float32, aPitch int, x *float32, rows, k int,
// alpha float32): dst[r] += alpha * sum of a[r][p] x[p]. Pitches are in bytes.
func matrixVector() {
	TEXT("matrixVectorAVX2", NOSPLIT, "func(dst *float32, dstPitch int, a *float32, aPitch int, x *float32, rows int, k int, alpha float32)")
	Pragma("noescape")
	Doc("matrixVectorAVX2 adds alpha times the product of a matrix and a vector to a column.")
	dst, a, x := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("x"), GP64())
	rows, k := Load(Param("rows"), GP64()), Load(Param("k"), GP64())
	scale := XMM()
	VMOVSS(address("alpha"), scale)
	Label("row")
	acc := zeros(4)
	blocks(k, len(acc), func(index Register, i int, mask VecVirtual) {
		v := YMM()
		if mask == nil {
			VMOVUPS(at(a, index, i), v)
			VFMADD231PS(at(x, index, i), v, acc[i])
			return
		}
		w := YMM()
		VMASKMOVPS(at(a, index, i), mask, v)
		VMASKMOVPS(at(x, index, i), mask, w)
		VFMADD231PS(w, v, acc[i])
	})
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	upper, s := XMM(), acc[0].AsX()
	VEXTRACTF128(U8(1), acc[0], upper)
	VADDPS(upper, s, s)
	VHADDPS(s, s, s)
	VHADDPS(s, s, s)
	VMULSS(scale, s, s)
	VADDSS(Mem{Base: dst}, s, s)
	VMOVSS(s, Mem{Base: dst})
	ADDQ(address("dstPitch"), dst)
	ADDQ(address("aPitch"), a)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
