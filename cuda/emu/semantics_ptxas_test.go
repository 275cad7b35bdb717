package emu_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// findPtxas returns NVIDIA's assembler: from the toolkit that scripts/toolkit.sh unpacks, or from the path.
func findPtxas() string {
	if p, err := filepath.Abs("../../build/cuda/usr/bin/ptxas"); err == nil {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	p, _ := exec.LookPath("ptxas")
	return p
}

// TestPtxasAcceptsTables: the opcodes in the semantics tables, and with them those of the support page, are what NVIDIA's assembler
// takes for the targets that they claim.
func TestPtxasAcceptsTables(t *testing.T) {
	ptxas := findPtxas()
	if ptxas == "" || testing.Short() {
		t.Skip("needs ptxas of CUDA 12.4, and time")
	}
	const atOnce = 600
	for name, table := range map[string][]semantic{"integer": integerTable(), "float": floatTable(), "half": halfTable(), "conversion": dropMissing(conversions()),
		"comparison": comparisonTable(), "memory": memoryTable(), "warp": warpTable(), "address": addressTable(), "barrier": dropMissing(barrierTable())} {
		kernels := map[int][]string{}
		for i := range table {
			for _, k := range table[i].tasks(false) {
				if spaceOf(k.op) == "param" && name == "memory" { // of a call in progress, which the assembler does not let be read
					continue
				}
				target := 80
				if formsByOpcode()[k.op].MinSM > 80 {
					target = 90
				}
				var b strings.Builder
				k.kernel(&b, fmt.Sprintf("k%d", len(kernels[target])))
				kernels[target] = append(kernels[target], b.String())
			}
		}
		for target, list := range kernels {
			for first := 0; first < len(list); first += atOnce {
				text := fmt.Sprintf(".version 8.4\n.target sm_%d\n.address_size 64\n%s", target, constantDecl()) + strings.Join(list[first:min(first+atOnce, len(list))], "")
				file := filepath.Join(t.TempDir(), "table.ptx")
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command(ptxas, fmt.Sprintf("-arch=sm_%d", target), "-O0", "-o", os.DevNull, file).CombinedOutput()
				if err != nil {
					t.Errorf("%s, from kernel %d: %v\n%s", name, first, err, out[:min(len(out), 2000)])
				}
			}
		}
	}
}
