package emu

const (
	famInt   = "Integer arithmetic"
	famLogic = "Logic and shifts"
	famF32   = "Single precision"
	famF64   = "Double precision"
	famHalf  = "Half precision (f16, bf16)"
	famCmp   = "Comparison and selection"
	famMove  = "Moves and conversions"
	famMem   = "Memory"
	famAsync = "Asynchronous copies"
	famAtom  = "Atomics"
	famSync  = "Barriers and fences"
	famWarp  = "Warp-wide"
	famMMA   = "Tensor cores"
	famFlow  = "Control flow"

	noteApprox = "computed in double precision and rounded once"
)

var forms = []Form{
	{famInt, "9.7.1.1", "{add|sub}.{u16|u32|u64|s16|s32|s64}", 0, ""},
	{famInt, "9.7.1.1", "{add|sub}.sat.s32", 0, ""},
	{famInt, "9.7.1.3", "mul.{lo|hi}.{u16|u32|u64|s16|s32|s64}", 0, ""},
	{famInt, "9.7.1.3", "mul.wide.{u16|u32|s16|s32}", 0, ""},
	{famInt, "9.7.1.4", "mad.{lo|hi}.{u16|u32|u64|s16|s32|s64}", 0, ""},
	{famInt, "9.7.1.4", "mad.wide.{u16|u32|s16|s32}", 0, ""},
	{famInt, "9.7.1.5", "mul24.{lo|hi}.{u32|s32}", 0, ""},
	{famInt, "9.7.1.6", "mad24.{lo|hi}.{u32|s32}", 0, ""},
	{famInt, "9.7.1.7", "sad.{u16|u32|u64|s16|s32|s64}", 0, ""},
	{famInt, "9.7.1.8", "{div|rem}.{u16|u32|u64|s16|s32|s64}", 0, "division by zero gives all ones, a remainder by zero the dividend"},
	{famInt, "9.7.1.10", "{abs|neg}.{s16|s32|s64}", 0, ""},
	{famInt, "9.7.1.12", "{min|max}.{u16|u32|u64|s16|s32|s64}", 0, ""},
	{famInt, "9.7.1.14", "{popc|clz|brev}.{b32|b64}", 0, ""},
	{famInt, "9.7.1.16", "bfind{.shiftamt|}.{u32|u64|s32|s64}", 0, ""},
	{famInt, "9.7.1.19", "bfe.{u32|u64|s32|s64}", 0, ""},
	{famInt, "9.7.1.20", "bfi.{b32|b64}", 0, ""},
	{famInt, "9.7.1.23", "dp4a{.u32|.s32}{.u32|.s32}", 61, ""},
	{famInt, "9.7.1.24", "dp2a{.lo|.hi}{.u32|.s32}{.u32|.s32}", 61, ""},
	{famInt, "9.7.16.2", "vabsdiff4.u32.u32.u32{.add|}", 0, "without selectors and masks"},
	{famInt, "9.7.2.1", "{add|sub}.cc.{u32|s32|u64|s64}", 0, ""},
	{famInt, "9.7.2.2", "{addc|subc}{.cc|}.{u32|s32|u64|s64}", 0, ""},
	{famInt, "9.7.2.5", "mad{.lo|.hi}.cc.{u32|s32|u64|s64}", 0, ""},
	{famInt, "9.7.2.6", "madc{.lo|.hi}{.cc|}.{u32|s32|u64|s64}", 0, ""},

	{famLogic, "9.7.7.1", "{and|or|xor|not}.{pred|b16|b32|b64}", 0, ""},
	{famLogic, "9.7.7.5", "cnot.{b16|b32|b64}", 0, ""},
	{famLogic, "9.7.7.6", "lop3.b32", 0, ""},
	{famLogic, "9.7.7.7", "shf.{l|r}.{wrap|clamp}.b32", 0, ""},
	{famLogic, "9.7.7.8", "shl.{b16|b32|b64}", 0, ""},
	{famLogic, "9.7.7.9", "shr.{b16|b32|b64|u16|u32|u64|s16|s32|s64}", 0, ""},
	{famLogic, "9.7.8.7", "prmt.b32{.f4e|.b4e|.rc8|.ecl|.ecr|.rc16|}", 0, ""},

	{famF32, "9.7.3.3", "{add|sub|mul}{.rn|.rz|.rm|.rp|}{.ftz|}{.sat|}.f32", 0, ""},
	{famF32, "9.7.3.6", "fma{.rn|.rz|.rm|.rp}{.ftz|}{.sat|}.f32", 0, ""},
	{famF32, "9.7.3.7", "mad{.rn|.rz|.rm|.rp}{.ftz|}{.sat|}.f32", 0, ""},
	{famF32, "9.7.3.8", "div{.rn|.rz|.rm|.rp|.approx|.full}{.ftz|}.f32", 0, noteApprox},
	{famF32, "9.7.3.9", "{abs|neg}{.ftz|}.f32", 0, ""},
	{famF32, "9.7.3.11", "{min|max}{.ftz|}{.NaN|}.f32", 0, ""},
	{famF32, "9.7.3.13", "rcp{.rn|.rz|.rm|.rp|.approx}{.ftz|}.f32", 0, noteApprox},
	{famF32, "9.7.3.15", "sqrt{.rn|.rz|.rm|.rp|.approx}{.ftz|}.f32", 0, noteApprox},
	{famF32, "9.7.3.16", "{rsqrt|sin|cos|lg2|ex2}.approx{.ftz|}.f32", 0, noteApprox},
	{famF32, "9.7.3.22", "tanh.approx.f32", 75, noteApprox},
	{famF32, "9.7.3.1", "testp.{finite|infinite|number|notanumber|normal|subnormal}.{f32|f64}", 0, ""},
	{famF32, "9.7.3.2", "copysign.{f32|f64}", 0, ""},

	{famF64, "9.7.3.3", "{add|sub|mul}{.rn|.rz|.rm|.rp|}.f64", 0, ""},
	{famF64, "9.7.3.6", "fma{.rn|.rz|.rm|.rp}.f64", 0, ""},
	{famF64, "9.7.3.7", "mad{.rn|.rz|.rm|.rp}.f64", 0, ""},
	{famF64, "9.7.3.8", "div{.rn|.rz|.rm|.rp}.f64", 0, ""},
	{famF64, "9.7.3.13", "{rcp|sqrt}{.rn|.rz|.rm|.rp}.f64", 0, ""},
	{famF64, "9.7.3.14", "{rcp|rsqrt}.approx.ftz.f64", 0, "reads and gives the upper 32 bits"},
	{famF64, "9.7.3.17", "rsqrt.approx.f64", 0, noteApprox},
	{famF64, "9.7.3.9", "{abs|neg|min|max}.f64", 0, ""},

	{famHalf, "9.7.4.1", "{add|sub|mul}{.rn|}{.ftz|}{.sat|}.{f16|f16x2}", 53, ""},
	{famHalf, "9.7.4.1", "{add|sub|mul}{.rn|}.{bf16|bf16x2}", 90, ""},
	{famHalf, "9.7.4.4", "fma.rn{.ftz|}{.sat|}.{f16|f16x2}", 53, ""},
	{famHalf, "9.7.4.4", "fma.rn{.ftz|}.relu.{f16|f16x2}", 80, ""},
	{famHalf, "9.7.4.4", "fma.rn{.relu|}.{bf16|bf16x2}", 80, ""},
	{famHalf, "9.7.4.5", "{neg|abs}{.ftz|}.{f16|f16x2}", 53, ""},
	{famHalf, "9.7.4.5", "{neg|abs}.{bf16|bf16x2}", 80, ""},
	{famHalf, "9.7.4.7", "{min|max}{.ftz|}{.NaN|}.{f16|f16x2}", 80, ""},
	{famHalf, "9.7.4.7", "{min|max}{.NaN|}.{bf16|bf16x2}", 80, ""},
	{famHalf, "9.7.4.9", "{tanh|ex2}.approx.{f16|f16x2}", 75, noteApprox},
	{famHalf, "9.7.4.9", "tanh.approx.{bf16|bf16x2}", 90, noteApprox},
	{famHalf, "9.7.4.10", "ex2.approx.ftz.{bf16|bf16x2}", 90, noteApprox},

	{famCmp, "9.7.6.2", "setp.{eq|ne|lt|le|gt|ge}{.and|.or|.xor|}.{b16|b32|b64|u16|u32|u64|s16|s32|s64}", 0, ""},
	{famCmp, "9.7.6.2", "setp.{lo|ls|hi|hs}{.and|.or|.xor|}.{u16|u32|u64}", 0, ""},
	{famCmp, "9.7.6.2", "setp.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}{.and|.or|.xor|}{.ftz|}.f32", 0, ""},
	{famCmp, "9.7.6.2", "setp.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}{.and|.or|.xor|}.f64", 0, ""},
	{famCmp, "9.7.6.4", "setp.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}{.and|.or|.xor|}{.ftz|}.{f16|f16x2}", 53, ""},
	{famCmp, "9.7.6.4", "setp.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}{.and|.or|.xor|}.{bf16|bf16x2}", 90, ""},
	{famCmp, "9.7.6.1", "set.{eq|ne|lt|le|gt|ge}.{u32|s32|f32}.{b16|b32|b64|u16|u32|u64|s16|s32|s64}", 0, ""},
	{famCmp, "9.7.6.1", "set.{lo|ls|hi|hs}.{u32|s32|f32}.{u16|u32|u64}", 0, ""},
	{famCmp, "9.7.6.1", "set.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}{.ftz|}.{u32|s32|f32}.f32", 0, ""},
	{famCmp, "9.7.6.1", "set.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}.{u32|s32|f32}.f64", 0, ""},
	{famCmp, "9.7.6.1", "set.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}{.ftz|}.{u16|s16|u32|s32|f16}.f16", 53, ""},
	{famCmp, "9.7.6.1", "set.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}{.ftz|}.{u32|s32|f16x2}.f16x2", 53, ""},
	{famCmp, "9.7.6.1", "set.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}.{u16|s16|u32|s32|bf16}.bf16", 80, ""},
	{famCmp, "9.7.6.1", "set.{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}.{u32|s32|bf16x2}.bf16x2", 80, ""},
	{famCmp, "9.7.6.3", "selp.{b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64}", 0, ""},
	{famCmp, "9.7.6.4", "slct.{b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64}.s32", 0, ""},
	{famCmp, "9.7.6.4", "slct{.ftz|}.{b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64}.f32", 0, ""},

	{famMove, "9.7.8.3", "mov.{pred|b16|b32|b64|u16|u32|u64|s16|s32|s64|f16|bf16|f32|f64}", 0, ""},
	{famMove, "9.7.8.18", "cvta{.to|}.{global|shared|local|const}.u64", 0, ""},
	{famMove, "9.7.8.19", "isspacep.{global|shared|local|const}", 0, ""},
	{famMove, "9.7.8.20", "cvt{.sat|}.{u8|u16|u32|u64|s8|s16|s32|s64}.{u8|u16|u32|u64|s8|s16|s32|s64}", 0, ""},
	{famMove, "9.7.8.20", "cvt{.rn|.rz|.rm|.rp}{.sat|}.{f16|f32|f64}.{u8|u16|u32|u64|s8|s16|s32|s64}", 0, ""},
	{famMove, "9.7.8.20", "cvt{.rn|.rz|.rm|.rp}.bf16.{u8|u16|u32|u64|s8|s16|s32|s64}", 90, ""},
	{famMove, "9.7.8.20", "cvt{.rni|.rzi|.rmi|.rpi}{.ftz|}{.sat|}.{u8|u16|u32|u64|s8|s16|s32|s64}.{f16|f32|f64}", 0, ""},
	{famMove, "9.7.8.20", "cvt{.rni|.rzi|.rmi|.rpi}.{u8|u16|u32|u64|s8|s16|s32|s64}.bf16", 90, ""},
	{famMove, "9.7.8.20", "cvt{.rn|.rz|.rm|.rp}{.ftz|}{.sat|}.{f16.f32|f16.f64|f32.f64}", 0, ""},
	{famMove, "9.7.8.20", "cvt{.ftz|}{.sat|}.{f32.f16|f64.f16|f64.f32|f32.f32|f16.f16|f64.f64}", 0, ""},
	{famMove, "9.7.8.20", "cvt{.rni|.rzi|.rmi|.rpi}{.ftz|}{.sat|}.{f32.f32|f64.f64|f16.f16}", 0, ""},
	{famMove, "9.7.8.20", "cvt.{f32.bf16|f64.bf16|f16.bf16}", 90, ""},
	{famMove, "9.7.8.20", "cvt{.rn|.rz}.relu.f16.f32", 80, ""},
	{famMove, "9.7.8.20", "cvt{.rn|.rz}{.relu|}.bf16.f32", 80, ""},
	{famMove, "9.7.8.20", "cvt{.rn|.rz}{.relu|}.{f16x2|bf16x2}.f32", 80, ""},
	{famMove, "9.7.8.20", "cvt.rna.tf32.f32", 80, ""},
	{famMove, "9.7.8.20", "cvt{.rn|.rz}{.relu|}.tf32.f32", 90, ""},

	{famMem, "9.7.8.8", "ld{.weak|}{.global|.local|}{.ca|.cg|.cs|.lu|.cv|}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.8", "ld{.weak|}{.shared|.const|.param}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.8", "ld.volatile{.global|.shared|.local|}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.8", "ld{.relaxed|.acquire}{.cta|.gpu|.sys}{.global|.shared|}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 70, ""},
	{famMem, "9.7.8.9", "ld.global{.ca|.cg|.cs|}.nc{.L1::evict_normal|.L1::evict_first|.L1::evict_last|.L1::no_allocate|}{.L2::64B|.L2::128B|.L2::256B|}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.10", "ldu.global{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.11", "st{.weak|}{.global|.local|}{.wb|.cg|.cs|.wt|}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.11", "st{.weak|}{.shared|.param}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.11", "st.volatile{.global|.shared|.local|}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 0, ""},
	{famMem, "9.7.8.11", "st{.relaxed|.release}{.cta|.gpu|.sys}{.global|.shared|}{.v2|.v4|}.{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}", 70, ""},
	{famMem, "9.7.8.15", "prefetch{.global|.local|}.{L1|L2}", 0, "no effect"},
	{famMem, "9.7.8.15", "prefetchu.L1", 0, "no effect"},

	{famAsync, "9.7.8.22", "cp.async.ca.shared{::cta|}.global{.L2::64B|.L2::128B|.L2::256B|}", 80, "copied at the wait"},
	{famAsync, "9.7.8.22", "cp.async.cg.shared{::cta|}.global{.L2::64B|.L2::128B|.L2::256B|}", 80, "copied at the wait"},
	{famAsync, "9.7.8.22", "cp.async.{commit_group|wait_group|wait_all}", 80, ""},

	{famAtom, "9.7.12.4", "atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.{and|or|xor|exch|cas}.{b32|b64}", 0, ""},
	{famAtom, "9.7.12.4", "atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.cas.b16", 70, ""},
	{famAtom, "9.7.12.4", "atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.add.{u32|s32|u64|f32|f64}", 0, ""},
	{famAtom, "9.7.12.4", "atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.add.noftz.{f16|f16x2}", 70, ""},
	{famAtom, "9.7.12.4", "atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.add.noftz.{bf16|bf16x2}", 90, ""},
	{famAtom, "9.7.12.4", "atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.{inc|dec}.u32", 0, ""},
	{famAtom, "9.7.12.4", "atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.{min|max}.{u32|s32|u64|s64}", 0, ""},
	{famAtom, "9.7.12.5", "red{.relaxed|.release|}{.cta|.gpu|.sys|}{.global|.shared|}.{and|or|xor}.{b32|b64}", 0, ""},
	{famAtom, "9.7.12.5", "red{.relaxed|.release|}{.cta|.gpu|.sys|}{.global|.shared|}.add.{u32|s32|u64|f32|f64}", 0, ""},
	{famAtom, "9.7.12.5", "red{.relaxed|.release|}{.cta|.gpu|.sys|}{.global|.shared|}.add.noftz.{f16|f16x2}", 70, ""},
	{famAtom, "9.7.12.5", "red{.relaxed|.release|}{.cta|.gpu|.sys|}{.global|.shared|}.add.noftz.{bf16|bf16x2}", 90, ""},
	{famAtom, "9.7.12.5", "red{.relaxed|.release|}{.cta|.gpu|.sys|}{.global|.shared|}.{inc|dec}.u32", 0, ""},
	{famAtom, "9.7.12.5", "red{.relaxed|.release|}{.cta|.gpu|.sys|}{.global|.shared|}.{min|max}.{u32|s32|u64|s64}", 0, ""},

	{famAtom, "9.7.12.4", "atom.{add|min|max}{.relaxed|.acquire|.release|.acq_rel}{.cta|.gpu|.sys}.{u32|s32|u64}", 0, "order of libcu++"},
	{famAtom, "9.7.12.4", "atom.{and|or|xor|exch|cas}{.relaxed|.acquire|.release|.acq_rel}{.cta|.gpu|.sys}.{b32|b64}", 0, "order of libcu++"},
	{famAtom, "9.7.12.4", "atom.add{.relaxed|.acquire|.release|.acq_rel}{.cta|.gpu|.sys}.{f32|f64}", 0, "order of libcu++"},

	{famSync, "9.7.12.1", "{bar|barrier}{.cta|}.{sync|arrive}{.aligned|}", 0, "all threads of a warp must reach a barrier together"},
	{famSync, "9.7.12.1", "{bar|barrier}{.cta|}.red.popc{.aligned|}.u32", 0, ""},
	{famSync, "9.7.12.1", "{bar|barrier}{.cta|}.red.{and|or}{.aligned|}.pred", 0, ""},
	{famSync, "9.7.12.2", "bar.warp.sync", 0, "the threads named must have met"},
	{famSync, "9.7.12.3", "membar.{cta|gl|sys}", 0, ""},
	{famSync, "9.7.12.3", "fence{.sc|.acq_rel|}.{cta|gpu|sys}", 70, ""},

	{famWarp, "9.7.8.6", "shfl.sync.{up|down|bfly|idx}.b32", 0, ""},
	{famWarp, "9.7.12.7", "vote.sync.{all|any|uni}.pred", 0, ""},
	{famWarp, "9.7.12.7", "vote.sync.ballot.b32", 0, ""},
	{famWarp, "9.7.12.8", "match.{any|all}.sync.{b32|b64}", 70, ""},
	{famWarp, "9.7.12.9", "activemask.b32", 0, ""},
	{famWarp, "9.7.12.10", "redux.sync.{add|min|max}.{u32|s32}", 80, ""},
	{famWarp, "9.7.12.10", "redux.sync.{and|or|xor}.b32", 80, ""},

	{famMMA, "9.7.13.4.15", "ldmatrix.sync.aligned.m8n8.{x1|x2|x4}{.trans|}.shared{::cta|}.b16", 75, ""},
	{famMMA, "9.7.13.4.14", "mma.sync.aligned.{m16n8k8|m16n8k16}.row.col.f32.{bf16.bf16|f16.f16}.f32", 80, "products exact, sums in single precision in the order of k"},
	{famMMA, "9.7.13.4.14", "mma.sync.aligned.{m16n8k8|m16n8k16}.row.col.f16.f16.f16.f16", 80, "sums in single precision, rounded once"},
	{famMMA, "9.7.13.4.14", "mma.sync.aligned.{m16n8k4|m16n8k8}.row.col.f32.tf32.tf32.f32", 80, "products exact, sums in single precision in the order of k"},

	{famFlow, "9.7.11.1", "bra{.uni|}", 0, ""},
	{famFlow, "9.7.11.2", "brx.idx{.uni|}", 0, ""},
	{famFlow, "9.7.11.5", "call{.uni|}", 0, "direct, recursive and through prototypes"},
	{famFlow, "9.7.11.6", "ret{.uni|}", 0, ""},
	{famFlow, "9.7.11.7", "exit", 0, ""},
	{famFlow, "9.7.15.4", "trap", 0, "reported"},
	{famFlow, "9.7.15.2", "nanosleep.u32", 0, "no effect"},
}
