package ptx

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCompilerOutput(t *testing.T) {
	files, _ := filepath.Glob("../emu/testdata/kernels/*.ptx")
	if len(files) == 0 {
		t.Fatal("no PTX files found")
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(filepath.Base(name), src)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, f := range m.Funcs {
			t.Logf("%s: %s: %d instructions, %d blocks, %d registers", m.Name, f.Name, len(f.Body), len(f.Blocks), len(f.Regs))
		}
	}
}
