package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The fields of simd.AdamWParams in memory order.
const (
	gradScale = iota
	beta1
	beta2
	oneMinus1
	oneMinus2
	decay
	stepSize
	invRoot2
	epsilon
	oneMinusEMA
	fields
)

func adamW() {
	TEXT("adamWAVX2", NOSPLIT, "func(p *float32, m *float32, v *float32, ema *float32, grad *float32, n int, k *float32)")
	Pragma("noescape")
	Doc("adamWAVX2 is one step of AdamW and the moving average of the parameters; k points to the fields of AdamWParams.")
	p, m, v := Load(Param("p"), GP64()), Load(Param("m"), GP64()), Load(Param("v"), GP64())
	ema, g, n := Load(Param("ema"), GP64()), Load(Param("grad"), GP64()), Load(Param("n"), GP64())
	params := Load(Param("k"), GP64())
	var k [fields]VecVirtual
	for i := range k {
		k[i] = YMM()
		VBROADCASTSS(Mem{Base: params, Disp: 4 * i}, k[i])
	}
	blocks(n, 1, func(index Register, _ int, mask VecVirtual) {
		load := func(base Register) VecVirtual {
			r := YMM()
			if mask != nil {
				VMASKMOVPS(at(base, index, 0), mask, r)
			} else {
				VMOVUPS(at(base, index, 0), r)
			}
			return r
		}
		store := func(r VecVirtual, base Register) {
			if mask != nil {
				VMASKMOVPS(r, mask, at(base, index, 0))
			} else {
				VMOVUPS(r, at(base, index, 0))
			}
		}
		d := load(g)
		VMULPS(k[gradScale], d, d)
		mean := load(m)
		VMULPS(k[beta1], mean, mean)
		VFMADD231PS(k[oneMinus1], d, mean)
		store(mean, m)
		VMULPS(d, d, d)
		square := load(v)
		VMULPS(k[beta2], square, square)
		VFMADD231PS(k[oneMinus2], d, square)
		store(square, v)
		VSQRTPS(square, square)
		VFMADD213PS(k[epsilon], k[invRoot2], square)
		VMULPS(k[stepSize], mean, mean)
		VDIVPS(square, mean, mean)
		weight := load(p)
		VFMSUB132PS(k[decay], mean, weight)
		store(weight, p)
		average := load(ema)
		VSUBPS(average, weight, weight)
		VFMADD231PS(k[oneMinusEMA], weight, average)
		store(average, ema)
	})
	VZEROUPPER()
	RET()
}
