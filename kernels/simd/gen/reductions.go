package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// reductions writes the sums over one array: four accumulators of four float64 lanes.
func reductions() {
	sum("sumAVX2", "sumAVX2 returns the sum of x.", []string{"x"}, func(in []VecVirtual) VecVirtual { return in[0] }, false)
	sum("dotAVX2", "dotAVX2 returns the sum of a*b.", []string{"a", "b"}, nil, false)
	sum("sumSquaredDiffAVX2", "sumSquaredDiffAVX2 returns the sum of (a-b)^2.", []string{"a", "b"},
		func(in []VecVirtual) VecVirtual { VSUBPS(in[1], in[0], in[0]); return in[0] }, true)
	expSubSum()
	maximum()
}

// widen converts the eight floats of v to two vectors of float64.
func widen(v VecVirtual) (lo, hi VecVirtual) {
	lo, hi = YMM(), YMM()
	upper := XMM()
	VEXTRACTF128(U8(1), v, upper)
	VCVTPS2PD(v.AsX(), lo)
	VCVTPS2PD(upper, hi)
	return lo, hi
}

// horizontal returns the sum of the float64 lanes of the accumulators.
func horizontal(acc []VecVirtual) VecVirtual {
	for step := len(acc) / 2; step > 0; step /= 2 {
		for i := range step {
			VADDPD(acc[i+step], acc[i], acc[i])
		}
	}
	upper := XMM()
	VEXTRACTF128(U8(1), acc[0], upper)
	s := acc[0].AsX()
	VADDPD(upper, s, s)
	VHADDPD(s, s, s)
	return acc[0]
}

// zeros returns n cleared registers.
func zeros(n int) []VecVirtual {
	var acc []VecVirtual
	for range n {
		v := YMM()
		VXORPS(v, v, v)
		acc = append(acc, v)
	}
	return acc
}

// sum writes func name(x *float32, ..., n int) float64. A nil body sums the products of the two sources; square sums the
// squares of the body.
func sum(name, doc string, sources []string, body func(in []VecVirtual) VecVirtual, square bool) {
	signature := "func("
	for _, s := range sources {
		signature += s + " *float32, "
	}
	TEXT(name, NOSPLIT, signature+"n int) float64")
	Pragma("noescape")
	Doc(doc)
	var base []Register
	for _, s := range sources {
		base = append(base, Load(Param(s), GP64()))
	}
	n := Load(Param("n"), GP64())
	acc := zeros(4)
	term := func(in []VecVirtual, acc []VecVirtual) {
		if body == nil {
			alo, ahi := widen(in[0])
			blo, bhi := widen(in[1])
			VFMADD231PD(alo, blo, acc[0])
			VFMADD231PD(ahi, bhi, acc[1])
			return
		}
		lo, hi := widen(body(in))
		if square {
			VFMADD231PD(lo, lo, acc[0])
			VFMADD231PD(hi, hi, acc[1])
			return
		}
		VADDPD(lo, acc[0], acc[0])
		VADDPD(hi, acc[1], acc[1])
	}
	load := func(index Register, k int, mask VecVirtual) []VecVirtual {
		var in []VecVirtual
		for _, b := range base {
			v := YMM()
			if mask != nil {
				VMASKMOVPS(at(b, index, k), mask, v)
			} else {
				VMOVUPS(at(b, index, k), v)
			}
			in = append(in, v)
		}
		return in
	}
	blocks(n, 2, func(index Register, k int, mask VecVirtual) { term(load(index, k, mask), acc[2*(k%2):]) })
	s := horizontal(acc)
	Store(s.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// blocks writes the loop over n elements: blocks of unroll vectors, of one, and a rest under a mask.
func blocks(n Register, unroll int, body func(index Register, k int, mask VecVirtual)) {
	index, next := GP64(), GP64()
	XORQ(index, index)
	for _, block := range blockSizes(unroll) {
		label := fmt.Sprintf("block%d", block)
		Label(label)
		LEAQ(Mem{Base: index, Disp: lanes * block}, next)
		CMPQ(next, n)
		JG(LabelRef(label + "end"))
		for k := range block {
			body(index, k, nil)
		}
		MOVQ(next, index)
		JMP(LabelRef(label))
		Label(label + "end")
	}
	CMPQ(index, n)
	JE(LabelRef("done"))
	rest := GP64()
	MOVQ(n, rest)
	SUBQ(index, rest)
	body(index, 0, tailMask(rest))
	Label("done")
}

func expSubSum() {
	TEXT("expSubSumAVX2", NOSPLIT, "func(dst *float32, x *float32, n int, max float32) float64")
	Pragma("noescape")
	Doc("expSubSumAVX2 computes dst = exp(x - max) and returns the sum of dst.")
	dst, x, n := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	largest := YMM()
	VBROADCASTSS(address("max"), largest)
	acc := zeros(4)
	blocks(n, 2, func(index Register, k int, mask VecVirtual) {
		v := YMM()
		if mask != nil {
			VMASKMOVPS(at(x, index, k), mask, v)
		} else {
			VMOVUPS(at(x, index, k), v)
		}
		VSUBPS(largest, v, v)
		e := exp(v)
		if mask != nil {
			VANDPS(mask, e, e)
			VMASKMOVPS(e, mask, at(dst, index, k))
		} else {
			VMOVUPS(e, at(dst, index, k))
		}
		lo, hi := widen(e)
		VADDPD(lo, acc[2*k], acc[2*k])
		VADDPD(hi, acc[2*k+1], acc[2*k+1])
	})
	s := horizontal(acc)
	Store(s.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func maximum() {
	TEXT("maximumAVX2", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	Doc("maximumAVX2 returns the largest element of x, NaN where x holds one.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	lowest := held(bits("minusInf", math.Float32bits(float32(math.Inf(-1)))))
	acc, unordered := YMM(), YMM()
	VMOVAPS(lowest, acc)
	VXORPS(unordered, unordered, unordered)
	blocks(n, 2, func(index Register, k int, mask VecVirtual) {
		v, nan := YMM(), YMM()
		if mask != nil {
			VMASKMOVPS(at(x, index, k), mask, v)
			VBLENDVPS(mask, v, lowest, v)
		} else {
			VMOVUPS(at(x, index, k), v)
		}
		VCMPPS(U8(3), v, v, nan)
		VORPS(nan, unordered, unordered)
		VMAXPS(v, acc, acc)
	})
	half, swapped := XMM(), XMM()
	VEXTRACTF128(U8(1), acc, half)
	m := acc.AsX()
	VMAXPS(half, m, m)
	VPERMILPS(U8(0x4e), m, swapped)
	VMAXPS(swapped, m, m)
	VPERMILPS(U8(0xb1), m, swapped)
	VMAXPS(swapped, m, m)
	found := GP32()
	VMOVMSKPS(unordered, found)
	TESTL(found, found)
	JZ(LabelRef("ordered"))
	VMOVUPS(bits("nan", 0x7fc00000), acc)
	Label("ordered")
	Store(acc.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// columnSums writes the sums over rows of each column of dy, and with dots of dy*x: blocks of 32 columns in registers, then
// of 8, the last under a mask. Pitches are in bytes.
func columnSums(name string, dots bool) {
	if dots {
		TEXT(name, NOSPLIT, "func(sum *float32, dot *float32, dy *float32, dyPitch int, x *float32, xPitch int, rows int, c int)")
		Doc(name + " adds the column sums of dy to sum and those of dy*x to dot.")
	} else {
		TEXT(name, NOSPLIT, "func(sum *float32, dy *float32, dyPitch int, rows int, c int)")
		Doc(name + " adds the column sums of dy to sum.")
	}
	Pragma("noescape")
	sum, dy := Load(Param("sum"), GP64()), Load(Param("dy"), GP64())
	var dot, x Register
	if dots {
		dot, x = Load(Param("dot"), GP64()), Load(Param("x"), GP64())
	}
	c := Load(Param("c"), GP64())
	index, next := GP64(), GP64()
	XORQ(index, index)
	for _, block := range blockSizes(4) {
		label := fmt.Sprintf("block%d", block)
		Label(label)
		LEAQ(Mem{Base: index, Disp: lanes * block}, next)
		CMPQ(next, c)
		JG(LabelRef(label + "end"))
		columnBlock(label, block, sum, dot, dy, x, index, nil)
		MOVQ(next, index)
		JMP(LabelRef(label))
		Label(label + "end")
	}
	CMPQ(index, c)
	JE(LabelRef("done"))
	rest := GP64()
	MOVQ(c, rest)
	SUBQ(index, rest)
	columnBlock("rest", 1, sum, dot, dy, x, index, tailMask(rest))
	Label("done")
	VZEROUPPER()
	RET()
}

// columnBlock sums block vectors of columns over all rows; dot and x are nil where only sums are wanted.
func columnBlock(label string, block int, sum, dot, dy, x, index Register, mask VecVirtual) {
	load := func(m Mem) VecVirtual {
		v := YMM()
		if mask != nil {
			VMASKMOVPS(m, mask, v)
		} else {
			VMOVUPS(m, v)
		}
		return v
	}
	store := func(v VecVirtual, m Mem) {
		if mask != nil {
			VMASKMOVPS(v, mask, m)
		} else {
			VMOVUPS(v, m)
		}
	}
	rows := Load(Param("rows"), GP64())
	row, other := GP64(), GP64()
	MOVQ(dy, row)
	if x != nil {
		MOVQ(x, other)
	}
	s, d := zeros(block), zeros(block)
	Label(label + "row")
	for k := range block {
		v := load(at(row, index, k))
		VADDPS(v, s[k], s[k])
		if x != nil {
			VFMADD231PS(load(at(other, index, k)), v, d[k])
		}
	}
	ADDQ(address("dyPitch"), row)
	if x != nil {
		ADDQ(address("xPitch"), other)
	}
	DECQ(rows)
	JNZ(LabelRef(label + "row"))
	for k := range block {
		VADDPS(load(at(sum, index, k)), s[k], s[k])
		store(s[k], at(sum, index, k))
		if x != nil {
			VADDPS(load(at(dot, index, k)), d[k], d[k])
			store(d[k], at(dot, index, k))
		}
	}
}
