package cli

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	urfave "github.com/urfave/cli/v2"
	"golang.org/x/sys/cpu"
)

// fashionMNIST is where Debian's package dataset-fashion-mnist puts its files.
const fashionMNIST = "/usr/share/datasets/fashion-mnist"

func doctorCommand() *urfave.Command {
	return &urfave.Command{
		Name:        "doctor",
		Usage:       "print what this machine and this build offer",
		Description: "With --log-format json: one object with the same keys.",
		Action:      runDoctor,
	}
}

// finding is a line of doctor.
type finding struct {
	key   string
	value any
	hint  string
}

func runDoctor(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	object := map[string]any{}
	for _, f := range findings(g) {
		object[f.key] = f.value
		if g.json {
			continue
		}
		text := fmt.Sprint(f.value)
		if f.hint != "" {
			text += " (" + f.hint + ")"
		}
		if err := g.answer(nil, "%-12s %s", f.key, text); err != nil {
			return err
		}
	}
	if g.json {
		return g.answer(object, "")
	}
	return nil
}

func findings(g *globals) []finding {
	b := readBuild()
	threads := g.threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	list := []finding{
		{"version", b.Version, ""},
		{"go", b.Go + " " + b.OS + "/" + b.Arch, ""},
		{"cpu", strings.Join(cpuFeatures(), " "), ""},
		{"processors", runtime.NumCPU(), ""},
		{"threads", threads, "change with --threads"},
	}
	blas := finding{"blas", b.BLAS, ""}
	if b.BLAS == "gonum" {
		blas.hint = "OpenBLAS is faster: install libopenblas-dev and a C compiler, then make"
	}
	data := finding{"dataset", "none in " + fashionMNIST, "Fashion-MNIST: apt install dataset-fashion-mnist"}
	if entries, err := os.ReadDir(fashionMNIST); err == nil && len(entries) > 0 {
		data = finding{"dataset", fashionMNIST, ""}
	}
	return append(list, blas, data,
		finding{"cuda", "not in this version", "--device cuda is refused"},
		finding{"emulator", "no kernels to run in this version", "--device emu is refused"},
		finding{"dtypes", "f32", "bf16 needs a GPU"})
}

// cpuFeatures lists what the fast kernels look for; without AVX2 and FMA they run portable loops.
func cpuFeatures() []string {
	list := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{{"avx", cpu.X86.HasAVX}, {"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA}, {"avx512f", cpu.X86.HasAVX512F}} {
		if f.has {
			list = append(list, f.name)
		}
	}
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		list = append(list, "(portable loops: no avx2 with fma)")
	}
	return list
}
