package kerneltest

import (
	"slices"
	"strings"
	"testing"
)

// TestChanges holds the changes of each form of instruction to what they should be.
func TestChanges(t *testing.T) {
	for in, want := range map[string][]string{
		"bar.sync 	0;": {""},
		"ld.global.nc.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd7];": {"ld.global.nc.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd7+16];"},
		"st.shared.u16 	[%r4+-2], %rs1;":                     {"st.shared.u16 	[%r4+0], %rs1;"},
		"@%p1 st.global.f32 	[%rd7+8], %f1;":                 {"@%p1 st.global.f32 	[%rd7+12], %f1;"},
		"cp.async.cg.shared.global [%r1], [%rd2], 16, %r3;":  {"cp.async.cg.shared.global [%r1], [%rd2+16], 16, %r3;"},
		"ld.param.u64 	%rd6, [k_param_0];":                   nil,
		"mul.wide.s32 	%rd1, %r2, 4;":                        {"mul.wide.s32 	%rd1, %r2, 8;"},
		"shl.b64 	%rd1, %rd2, 3;":                            {"shl.b64 	%rd1, %rd2, 4;"},
		"shl.b32 	%r1, %r2, 16;":                             nil,
		"add.f32 	%f1, %f2, %f3;":                            {"sub.f32 	%f1, %f2, %f3;"},
		"add.f32 	%f1, %f2, 0f00000000;":                     nil,
		"sub.rn.f32 	%f1, 0f3F800000, %f3;":                  {"add.rn.f32 	%f1, 0f3F800000, %f3;", "sub.rn.f32 	%f1, 0f3FA00000, %f3;"},
		"fma.rn.f32 	%f1, %f2, %f3, %f4;":                    {"{ .reg .f32 %negated; neg.f32 %negated, %f2; fma.rn.f32 %f1, %negated, %f3, %f4; }"},
		"mul.f32 	%f1, 0f3F000000, %f3;":                     {"{ .reg .f32 %negated; neg.f32 %negated, %f3; mul.f32 %f1, 0f3F000000, %negated; }", "mul.f32 	%f1, 0f3F200000, %f3;"},
		"fma.rn.f32 	%f1, %f2, 0f32A57060, %f4;":             nil,
		"max.f32 	%f1, %f2, %f3;":                            {"min.f32 	%f1, %f2, %f3;"},
		"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1,%f2,%f3,%f4}, {%r1,%r2,%r3,%r4}, {%r5,%r6}, {%f1,%f2,%f3,%f4};": {
			"{ .reg .b32 %negated; xor.b32 %negated, %r1, -2147450880; mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1,%f2,%f3,%f4}, {%negated,%r2,%r3,%r4}, {%r5,%r6}, {%f1,%f2,%f3,%f4}; }"},
	} {
		var got []string
		for _, c := range (constants{}).changes(in) {
			got = append(got, c.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s becomes\n%s\nexpected\n%s", in, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestChoose spreads the mutants over sorts and instructions.
func TestChoose(t *testing.T) {
	var all []mutant
	for i := range 10 {
		all = append(all, mutant{sort: index, line: i}, mutant{sort: term, line: i})
	}
	all = append(all, mutant{sort: barrier, line: 4})
	var lines []int
	for _, m := range choose(all, 6) {
		lines = append(lines, m.line)
	}
	if want := []int{1, 5, 8, 2, 7, 4}; !slices.Equal(lines, want) {
		t.Errorf("lines %v, expected %v", lines, want)
	}
	if n := len(choose(all, 100)); n != len(all) {
		t.Errorf("%d of %d mutants", n, len(all))
	}
}
