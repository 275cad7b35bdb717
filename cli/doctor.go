package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	urfave "github.com/urfave/cli/v2"
	"golang.org/x/sys/cpu"
)

// fashionMNIST is where Debian's package dataset-fashion-mnist puts its files.
const fashionMNIST = "/usr/share/datasets/fashion-mnist"

func doctorCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "doctor",
		Usage: "print what this machine and this build offer, which device is chosen and why",
		Description: "Looks for the GPU driver, asks it for its GPUs, and compiles and runs a small kernel on each. With --format json: one object\n" +
			"with \"version\", \"go\", \"tags\", \"cpu\" (features), \"processors\", \"threads\", \"blas\", \"dataset\", \"driver\" (\"built\", \"library\", \"cuda\",\n" +
			"\"module\", \"ptx\", \"ptx_needed\", \"error\", \"advice\"), \"gpus\" (\"id\", \"name\", \"uuid\", \"compute_capability\", \"sms\", \"memory_bytes\",\n" +
			"\"usable\", \"error\", \"advice\"), \"cache\" (\"folder\", \"entries\", \"bytes\"), \"device\", \"why\" and \"dtypes\".\n" +
			"A missing GPU is no failure.\n\nExamples:\n   unnoise doctor\n   unnoise doctor --format json",
		Flags:  []urfave.Flag{formatFlag("table", "json")},
		Action: runDoctor,
	}
}

// diagnosis is what doctor prints.
type diagnosis struct {
	Version    string       `json:"version"`
	Go         string       `json:"go"`
	Tags       string       `json:"tags"`
	CPU        []string     `json:"cpu"`
	Processors int          `json:"processors"`
	Threads    int          `json:"threads"`
	BLAS       string       `json:"blas"`
	Dataset    string       `json:"dataset"` // folder of Fashion-MNIST, empty if it is not installed
	Driver     driverReport `json:"driver"`
	GPUs       []gpuReport  `json:"gpus"`
	Cache      cacheReport  `json:"cache"`
	Device     string       `json:"device"` // what --device auto stands for
	Why        string       `json:"why"`
	DTypes     string       `json:"dtypes"`
}

func runDoctor(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	asJSON, err := g.tabular(c, "table")
	if err != nil {
		return err
	}
	d := diagnose(g)
	if asJSON {
		return json.NewEncoder(g.out).Encode(d)
	}
	return d.print(g.out)
}

func diagnose(g *globals) *diagnosis {
	b := readBuild()
	d := &diagnosis{Version: b.Version, Go: b.Go + " " + b.OS + "/" + b.Arch, Tags: buildTags(), CPU: cpuFeatures(), Processors: runtime.NumCPU(),
		Threads: g.threads, BLAS: b.BLAS, GPUs: []gpuReport{}, DTypes: "f32"}
	if d.Threads == 0 {
		d.Threads = runtime.GOMAXPROCS(0)
	}
	if entries, err := os.ReadDir(fashionMNIST); err == nil && len(entries) > 0 {
		d.Dataset = fashionMNIST
	}
	d.findGPUs()
	return d
}

// buildTags are the build tags of the program, with commas.
func buildTags() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				return s.Value
			}
		}
	}
	return ""
}

// cpuFeatures lists what the fast kernels look for.
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
	return list
}

// finding is a line for people: a key, what was found, and what to do.
type finding struct{ key, value, hint string }

// print writes the findings, hints on lines of their own.
func (d *diagnosis) print(w io.Writer) error {
	for _, f := range d.findings() {
		if _, err := fmt.Fprintf(w, "%-12s %s\n", f.key, f.value); err != nil {
			return err
		}
		if f.hint == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-12s   %s\n", "", f.hint); err != nil {
			return err
		}
	}
	return nil
}

func (d *diagnosis) findings() []finding {
	list := []finding{
		{"version", d.Version, ""},
		{"go", d.Go, ""},
		{"tags", orNone(d.Tags), ""},
		{"cpu", orNone(strings.Join(d.CPU, " ")), ""},
		{"processors", fmt.Sprint(d.Processors), ""},
		{"threads", fmt.Sprintf("%d (change with --threads)", d.Threads), ""},
		{"blas", d.BLAS, ""},
	}
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		list[3].hint = "the processor lacks avx2 or fma: portable loops are used"
	}
	if d.BLAS == "gonum" {
		list[6].hint = "OpenBLAS is faster: install libopenblas-dev and a C compiler, then make"
	}
	if d.Dataset != "" {
		list = append(list, finding{"dataset", d.Dataset, ""})
	} else {
		list = append(list, finding{"dataset", "none in " + fashionMNIST, "Fashion-MNIST: apt install dataset-fashion-mnist"})
	}
	list = append(list, d.Driver.findings()...)
	for _, p := range d.GPUs {
		list = append(list, p.findings()...)
	}
	return append(list, d.Cache.finding(),
		finding{"device", fmt.Sprintf("--device auto is %s: %s", d.Device, d.Why), ""},
		finding{"dtypes", d.DTypes, ""})
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
