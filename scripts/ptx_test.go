package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLowerPTX runs ptx.awk on PTX as nvcc 12.4 writes it.
func TestLowerPTX(t *testing.T) {
	awk, err := exec.LookPath("awk")
	if err != nil {
		t.Skip("this system has no awk, which only kernel authors need")
	}
	const compiled = `.version 8.4
.target sm_80
.visible .entry f(
{
	.loc	1 7 0
	mov.u32 	%r1, 1;
	.loc	2 264 1, function_name $L__info_string0, inlined_at 1 20 5
	mov.u32 	%r2, 2;
	.loc	2 634 5, function_name $L__info_string1, inlined_at 1 21 5
	.loc	2 595 1, function_name $L__info_string2, inlined_at 2 634 5
	mov.u32 	%r3, _ZN28_INTERNAL_9040113f_5_st_cu_f30_GLOBAL__N__9040113f_5_st_cu_f1kE;
	.loc	3 8 9, function_name $L__info_string3, inlined_at 1 21 5
	mov.u32 	%r4, 4;
	.loc	1 0 5
	.loc	2 12 1
	ret;
}
	.file	1 "/home/someone/unnoise/kernels/norm/a.cu"
	.file	2 "/home/someone/unnoise/build/cuda/usr/include/cuda_bf16.hpp"
	.file	3 "/home/someone/unnoise/kernels/include/b.cuh"
	.file	4 "/usr/include/math.h"
	.section	.debug_str
	{
$L__info_string0:
.b8 95,0

	}
`
	const want = `.version 7.0
.target sm_80
.visible .entry f(
{
	.loc	1 7 0
	mov.u32 	%r1, 1;
	.loc	1 20 5
	mov.u32 	%r2, 2;
	.loc	1 21 5
	mov.u32 	%r3, _ZN28_INTERNAL_00000000_5_st_cu_f30_GLOBAL__N__00000000_5_st_cu_f1kE;
	.loc	3 8 9
	mov.u32 	%r4, 4;
	.loc	1 0 5
	ret;
}
	.file	1 "kernels/norm/a.cu"
	.file	3 "kernels/include/b.cuh"
`
	path := filepath.Join(t.TempDir(), "a.ptx")
	if err := os.WriteFile(path, []byte(compiled), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(awk, "-v", "root=/home/someone/unnoise", "-v", "version=7.0", "-f", "ptx.awk", path, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(out), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestResources runs resources.awk on what ptxas -v says of three kernels; the occupancies are those of NVIDIA's calculator.
func TestResources(t *testing.T) {
	awk, err := exec.LookPath("awk")
	if err != nil {
		t.Skip("this system has no awk, which only kernel authors need")
	}
	const said = `ptxas info    : Compiling entry function 'few' for 'sm_80'
ptxas info    : Function properties for few
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 18 registers, 392 bytes cmem[0]
ptxas info    : Compiling entry function 'many' for 'sm_80'
ptxas info    : Used 97 registers, 4096 bytes smem, 392 bytes cmem[0]
ptxas info    : Compiling entry function 'shared' for 'sm_80'
ptxas info    : Used 40 registers, 33024 bytes smem, 392 bytes cmem[0]
`
	const code = ".visible .entry few(\n)\n.maxntid 256, 1, 1\n{\n}\n.visible .entry many(\n)\n.maxntid 128, 1, 1\n{\n}\n" +
		".visible .entry shared(\n)\n.maxntid 512, 1, 1\n.minnctapersm 1\n{\n}\n"
	const want = "m\tfew\t18\t0\t256\t64\nm\tmany\t97\t4096\t128\t16\nm\tshared\t40\t33024\t512\t48\n"
	dir := t.TempDir()
	for name, text := range map[string]string{"said": said, "code": code} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(awk, "-v", "module=m", "-v", "arch=sm_80", "-f", "resources.awk", filepath.Join(dir, "said"), filepath.Join(dir, "code")).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(out), "\n")
	slices.Sort(lines)
	if diff := cmp.Diff(want, strings.Join(lines, "")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestScriptsRefuse checks that wrong use ends with a message that says what is wrong.
func TestScriptsRefuse(t *testing.T) {
	for _, c := range []struct {
		command []string
		want    string
	}{
		{[]string{"./toolkit.sh", "--bogus"}, "unknown argument --bogus"},
		{[]string{"./ptx.sh"}, "no .cu file given"},
		{[]string{"./ptx.sh", "--bogus"}, "unknown option --bogus"},
		{[]string{"./ptx.sh", "missing.cu"}, "no such file or folder: missing.cu"},
		{[]string{"./ptx.sh", "README.md"}, "neither a folder nor a .cu file"},
		{[]string{"./ptx.sh", "/"}, "outside the repository"},
		{[]string{"env", "CUDA_PREFIX=/nonexistent", "./ptx.sh", "../cuda/emu/testdata/kernels/saxpy.cu"}, "scripts/toolkit.sh"},
		{[]string{"env", "CUDA_PREFIX=/nonexistent", "./toolkit.sh", "--check"}, "no toolkit"},
	} {
		out, err := exec.Command(c.command[0], c.command[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v, %q; want a failure that says %q", strings.Join(c.command, " "), err, out, c.want)
		}
	}
}
