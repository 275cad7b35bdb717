package lane

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go run ./gen -out asm_amd64.s -pkg lane

var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

var multiplyBF16 = func() func(*[14]unsafe.Pointer, *Scratch) {
	if !useAVX2 {
		return nil
	}
	return mmaBF16AVX2
}()

var bodies = func() map[string]Func {
	if !useAVX2 {
		return nil
	}
	return map[string]Func{
		"add.f32": addF32AVX2, "add.rn.f32": addF32AVX2, "sub.f32": subF32AVX2, "sub.rn.f32": subF32AVX2,
		"mul.f32": mulF32AVX2, "mul.rn.f32": mulF32AVX2, "div.rn.f32": divF32AVX2, "fma.rn.f32": fmaF32AVX2, "fma.rm.f32": fmaDownF32AVX2,
		"min.f32": minF32AVX2, "max.f32": maxF32AVX2, "neg.f32": negF32AVX2, "abs.f32": absF32AVX2,
		"sqrt.rn.f32": sqrtF32AVX2, "rcp.rn.f32": rcpF32AVX2, "ex2.approx.f32": ex2F32AVX2, "ex2.approx.ftz.f32": ex2FlushedF32AVX2,

		"add.s32": add32AVX2, "add.u32": add32AVX2, "sub.s32": sub32AVX2, "sub.u32": sub32AVX2,
		"mul.lo.s32": mul32AVX2, "mul.lo.u32": mul32AVX2, "mad.lo.s32": mad32AVX2, "mad.lo.u32": mad32AVX2, "mul.hi.u32": mulHighU32AVX2,
		"and.b32": and32AVX2, "or.b32": or32AVX2, "xor.b32": xor32AVX2,
		"min.s32": minS32AVX2, "max.s32": maxS32AVX2, "min.u32": minU32AVX2, "max.u32": maxU32AVX2,
		"shl.b32": shl32AVX2, "shr.b32": shrU32AVX2, "shr.u32": shrU32AVX2, "shr.s32": shrS32AVX2,

		"add.s64": add64AVX2, "add.u64": add64AVX2, "sub.s64": sub64AVX2, "sub.u64": sub64AVX2,
		"shl.b64": shl64AVX2, "shr.u64": shrU64AVX2, "shr.b64": shrU64AVX2,
		"mul.wide.s32": mulWideS32AVX2, "mul.wide.u32": mulWideU32AVX2, "mad.wide.s32": madWideS32AVX2, "mad.wide.u32": madWideU32AVX2,

		"cvt.s64.s32": extendS32AVX2, "cvt.u64.u32": extendU32AVX2, "cvt.u32.u64": narrow64AVX2, "cvt.s32.s64": narrow64AVX2,
		"cvt.rn.f32.s32": fromS32AVX2, "cvt.rn.f32.u32": fromU32AVX2, "cvt.sat.f32.f32": saturateF32AVX2,
		"cvt.rni.f32.f32": nearestF32AVX2, "cvt.rmi.f32.f32": floorF32AVX2, "cvt.rpi.f32.f32": ceilF32AVX2, "cvt.rzi.f32.f32": truncateF32AVX2,

		"cvt.rn.bf16.f32": toBF16AVX2, "cvt.rn.bf16x2.f32": toBF16PairAVX2, "pack.b16": pack16AVX2,

		"selp.b32": select32AVX2, "selp.f32": select32AVX2, "selp.s32": select32AVX2, "selp.u32": select32AVX2,
		"setp.eq.s32": eq32AVX2, "setp.ne.s32": ne32AVX2, "setp.eq.u32": eq32AVX2, "setp.ne.u32": ne32AVX2, "setp.eq.b32": eq32AVX2, "setp.ne.b32": ne32AVX2,
		"setp.lt.s32": ltS32AVX2, "setp.le.s32": leS32AVX2, "setp.gt.s32": gtS32AVX2, "setp.ge.s32": geS32AVX2,
		"setp.lt.u32": ltU32AVX2, "setp.le.u32": leU32AVX2, "setp.gt.u32": gtU32AVX2, "setp.ge.u32": geU32AVX2,
		"setp.eq.f32": eqF32AVX2, "setp.ne.f32": neF32AVX2, "setp.lt.f32": ltF32AVX2, "setp.le.f32": leF32AVX2, "setp.gt.f32": gtF32AVX2, "setp.ge.f32": geF32AVX2,
		"setp.equ.f32": equF32AVX2, "setp.neu.f32": neuF32AVX2, "setp.ltu.f32": ltuF32AVX2, "setp.leu.f32": leuF32AVX2, "setp.gtu.f32": gtuF32AVX2, "setp.geu.f32": geuF32AVX2,
		"setp.num.f32": numF32AVX2, "setp.nan.f32": nanF32AVX2,
	}
}()
