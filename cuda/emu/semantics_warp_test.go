package emu_test

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
	"strings"
	"testing"
)

// Warp-wide instructions run twice: with all threads, and with the first 20 only, under a predicate. Threads that do not take part
// keep what $d held before, marked below.
const (
	absent  = uint64(0xabcd)
	someLow = 20
)

// guarded wraps an instruction so that only the first lanes execute it; members is its mask.
func guarded(some bool, op, operands string) string {
	if !some {
		return fmt.Sprintf("mov.u32 %%y, 0xffffffff; %s %s, %%y;\n", op, operands)
	}
	return fmt.Sprintf("mov.u32 %%y, %%laneid; setp.lt.u32 %%p8, %%y, %d; mov.u32 %%y, %d;\n@%%p8 %s %s, %%y;\n", someLow, 1<<someLow-1, op, operands)
}

// members are the lanes that execute.
func members(some bool) int {
	if some {
		return someLow
	}
	return 32
}

// voteText ends with a 32-bit or predicate result in $d.
func warpText(some bool, operands string) func(op string) string {
	return func(op string) string {
		clear := "mov.u32 $d, 0xabcd;\n"
		if strings.HasSuffix(op, ".pred") {
			clear = "setp.ne.u32 $d, %i, %i;\n"
		}
		return clear + guarded(some, op, operands)
	}
}

func warpModel(some bool, model func(op string, lane, n int, in [][]uint64) uint64) func(op string, lane int, in [][]uint64) result {
	return func(op string, lane int, in [][]uint64) result {
		n := members(some)
		if lane >= n {
			if strings.HasSuffix(op, ".pred") {
				return exact(0)
			}
			return exact(absent)
		}
		return exact(model(op, lane, n, in))
	}
}

// modelVote covers vote.sync (PTX ISA 9.7.12.7).
func modelVote(op string, _, n int, in [][]uint64) uint64 {
	var ballot uint64
	for i := range n {
		ballot |= in[i][0] & 1 << i
	}
	count := bits.OnesCount64(ballot)
	switch {
	case has(op, "all"):
		return oneIf(count == n)
	case has(op, "any"):
		return oneIf(count > 0)
	case has(op, "uni"):
		return oneIf(count == 0 || count == n)
	}
	return ballot
}

// modelMatch covers match (PTX ISA 9.7.12.8): the mask of lanes with the same value, or of all if all have it.
func modelMatch(op string, lane, n int, in [][]uint64) uint64 {
	var same uint64
	for i := range n {
		if in[i][0] == in[lane][0] {
			same |= 1 << i
		}
	}
	if has(op, "all") && bits.OnesCount64(same) != n {
		return 0
	}
	return same
}

// modelRedux covers redux.sync (PTX ISA 9.7.12.10).
func modelRedux(op string, _, n int, in [][]uint64) uint64 {
	typ := lastType(op)
	r := integer(in[0][0], typ)
	for i := 1; i < n; i++ {
		v := integer(in[i][0], typ)
		switch {
		case has(op, "add"):
			r = new(big.Int).Add(r, v)
		case has(op, "and"):
			r = new(big.Int).And(r, v)
		case has(op, "or"):
			r = new(big.Int).Or(r, v)
		case has(op, "xor"):
			r = new(big.Int).Xor(r, v)
		case (v.Cmp(r) < 0) == has(op, "min"):
			r = v
		}
	}
	return cut(r, 32)
}

// shuffleText gives the value and, in the upper word, the predicate. $b is the lane operand, $c makes up the clamp and segment mask.
func shuffleText(op string) string {
	return "and.b32 %y, $c, 3; mov.u32 %x, 0; setp.eq.u32 %p8, %y, 1; selp.u32 %x, 0x1800, %x, %p8; setp.eq.u32 %p8, %y, 2; selp.u32 %x, 0x1e00, %x, %p8;\n" +
		map[bool]string{true: "", false: "or.b32 %x, %x, 31;\n"}[has(op, "up")] +
		op + " %y|%p8, $a, $b, %x, -1; selp.u32 %x, 1, 0, %p8; mov.b64 $d, {%y, %x};"
}

// modelShuffle follows the pseudocode of PTX ISA 9.7.8.6.
func modelShuffle(op string, lane int, in [][]uint64) result {
	mask := map[uint64]int{1: 0x18, 2: 0x1e}[in[lane][2]&3]
	clamp := 31
	if has(op, "up") {
		clamp = 0
	}
	b := int(in[lane][1] & 31)
	highest, lowest := lane&mask|clamp&^mask, lane&mask
	var j int
	var inside bool
	switch part(op, 2) {
	case "up":
		j = lane - b
		inside = j >= highest
	case "down":
		j = lane + b
		inside = j <= highest
	case "bfly":
		j = lane ^ b
		inside = j <= highest
	default:
		j = lowest | b&^mask
		inside = j <= highest
	}
	if !inside {
		j = lane
	}
	return exact(in[j][0] | oneIf(inside)<<32)
}

func warpTable() []semantic {
	var table []semantic
	for _, some := range []bool{false, true} {
		table = append(table,
			semantic{patterns: []string{"vote.sync.{all|any|uni}.pred"}, dst: "pred", src: []string{"pred"}, text: warpText(some, "$d, $a"), warp: warpModel(some, modelVote)},
			semantic{patterns: []string{"vote.sync.ballot.b32"}, dst: "b32", src: []string{"pred"}, text: warpText(some, "$d, $a"), warp: warpModel(some, modelVote)},
			semantic{patterns: []string{"match.{any|all}.sync.b32"}, dst: "b32", src: []string{"shift3"}, text: warpText(some, "$d, $a"), warp: warpModel(some, modelMatch)},
			semantic{patterns: []string{"redux.sync.{add|min|max}.{u32|s32}", "redux.sync.{and|or|xor}.b32"}, dst: "b32", src: []string{"T"}, text: warpText(some, "$d, $a"), warp: warpModel(some, modelRedux)},
			semantic{patterns: []string{"activemask.b32"}, dst: "b32", src: []string{"u32"}, text: activeText(some),
				warp: warpModel(some, func(_ string, _, n int, _ [][]uint64) uint64 { return 1<<n - 1 })})
	}
	return append(table,
		semantic{patterns: []string{"match.{any|all}.sync.b64"}, dst: "b32", src: []string{"wide pred"}, text: warpText(false, "$d, $a"), warp: warpModel(false, modelMatch)},
		semantic{patterns: []string{"shfl.sync.{up|down|bfly|idx}.b32"}, dst: "b64", src: []string{"u32", "shift31", "shift3"}, text: shuffleText, warp: modelShuffle})
}

func activeText(some bool) func(op string) string {
	return func(op string) string {
		text := guarded(some, op, "$d")
		return "mov.u32 $d, 0xabcd;\n" + strings.Replace(text, "$d, %y;", "$d;", 1)
	}
}

func TestWarpSemantics(t *testing.T) { runSemantics(t, warpTable()) }

// addressTable covers cvta and isspacep: a generic address leads back to the same place, and only its own space claims it.
func addressTable() []semantic {
	places := map[string][2]string{"global": {"", "mov.b64 %d5, %in;"}, "local": {".local .align 8 .b8 there[8]; ", "mov.u64 %d5, there;"},
		"shared": {".shared .align 8 .b8 there[4096]; ", "mov.u64 %d5, there; mul.wide.u32 %v, %i, 8; add.s64 %d5, %d5, %v;"}}
	var table []semantic
	for space, place := range places {
		decl, address := place[0], place[1]
		table = append(table, semantic{patterns: []string{"cvta." + space + ".u64"}, dst: "u64", src: []string{"u64"},
			text: func(op string) string { // stores through the generic address, loads through the space
				return decl + address + op + " %d6, %d5; st.u64 [%d6], $a; ld." + space + ".u64 $d, [%d5];"
			}, model: func(_ string, in []uint64) result { return exact(in[0]) }})
		table = append(table, semantic{patterns: []string{"cvta.to." + space + ".u64"}, dst: "u64", src: []string{"u64"},
			text: func(op string) string {
				return decl + address + "cvta." + space + ".u64 %d6, %d5; " + op + " %d7, %d6; st." + space + ".u64 [%d7], $a; ld.u64 $d, [%d6];"
			}, model: func(_ string, in []uint64) result { return exact(in[0]) }})
		table = append(table, semantic{patterns: []string{"isspacep.{global|shared|local|const}"}, dst: "pred", src: []string{"u64"},
			text:  func(op string) string { return decl + address + "cvta." + space + ".u64 %d6, %d5; " + op + " $d, %d6;" },
			model: func(op string, _ []uint64) result { return exact(oneIf(part(op, 1) == space)) }})
	}
	return append(table,
		semantic{patterns: []string{"cvta.const.u64"}, dst: "u64", src: []string{"u64"},
			text: func(op string) string { return "mov.u64 %d5, constants; " + op + " %d6, %d5; ld.u64 $d, [%d6+8];" }, model: constantWord},
		semantic{patterns: []string{"cvta.to.const.u64"}, dst: "u64", src: []string{"u64"},
			text: func(op string) string {
				return "mov.u64 %d5, constants; cvta.const.u64 %d6, %d5; " + op + " %d7, %d6; ld.const.u64 $d, [%d7+8];"
			},
			model: constantWord})
}

// constantWord is the second word of the constant variable.
func constantWord(string, []uint64) result {
	return exact(binary.LittleEndian.Uint64(constantBytes[8:]))
}

func TestAddressSemantics(t *testing.T) { runSemantics(t, addressTable()) }

// effectless are instructions that change no value; they must be accepted where a kernel has them.
func effectlessTable() []semantic {
	same := func(_ string, in []uint64) result { return exact(in[0]) }
	plain := func(operands string) func(op string) string {
		return func(op string) string { return op + " " + operands + "; mov.u64 $d, $a;" }
	}
	src := []string{"u64"}
	return []semantic{
		{patterns: []string{"membar.{cta|gl|sys}", "fence{.sc|.acq_rel|}.{cta|gpu|sys}"}, dst: "u64", src: src, text: plain(""), model: same},
		{patterns: []string{"prefetch{.global|}.{L1|L2}"}, dst: "u64", src: src, text: plain("[%in]"), model: same},
		{patterns: []string{"nanosleep.u32"}, dst: "u64", src: src, text: plain("100"), model: same},
		{patterns: []string{"bar.warp.sync"}, dst: "u64", src: src, text: plain("-1"), model: same},
		{patterns: []string{"{bar|barrier}{.cta|}.sync{.aligned|}"}, dst: "u64", src: src, text: plain("0"), model: same},
	}
}

func TestEffectlessSemantics(t *testing.T) { runSemantics(t, dropMissing(effectlessTable())) }

// barrierTable covers bar.red over a whole block (PTX ISA 9.7.12.1): its predicate depends on the thread's number only.
func barrierTable() []semantic {
	const multiple = 5
	text := func(op string) string {
		return fmt.Sprintf("rem.u32 %%x, %%i, %d; setp.eq.u32 %%p8, %%x, 0; %s $d, 1, %%p8;", multiple, op)
	}
	return []semantic{
		{patterns: []string{"{bar|barrier}{.cta|}.red.popc{.aligned|}.u32"}, dst: "u32", src: []string{"u32"}, text: text,
			model: func(string, []uint64) result { return exact(uint64((sampleCount() + multiple - 1) / multiple)) }},
		{patterns: []string{"{bar|barrier}{.cta|}.red.{and|or}{.aligned|}.pred"}, dst: "pred", src: []string{"u32"}, text: text,
			model: func(op string, _ []uint64) result { return exact(oneIf(has(op, "or"))) }},
	}
}

func TestBarrierReductionSemantics(t *testing.T) { runSemantics(t, dropMissing(barrierTable())) }
