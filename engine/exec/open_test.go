package exec_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/linear"
)

// product is a program of one matrix product, for which CUDA has several variants, and the key of its call on a device.
func product(t *testing.T, p kernels.Props) (*graph.Program, string) {
	t.Helper()
	g := graph.New()
	g.Output("y", kernels.Emit1(g, linear.Linear{}, g.Persistent("x", dense(16, 1, 1, 16)), g.Persistent("w", dense(16, 1, 1, 16))))
	program := compile(t, g)
	c := &kernels.Call{Op: program.Steps[0].Op}
	for _, r := range program.Steps[0].In {
		c.In = append(c.In, operandOf(r))
	}
	for _, r := range program.Steps[0].Out {
		c.Out = append(c.Out, operandOf(r))
	}
	return program, kernels.Key(c, p)
}

func operandOf(r graph.Ref) *kernels.Operand {
	if r.Buffer < 0 {
		return nil
	}
	return &kernels.Operand{Spec: r.Spec}
}

// TestSelections runs a program on executors with different tuning and exclusion at the same time: each follows its own.
func TestSelections(t *testing.T) {
	d, err := emu.Open("a100")
	if err != nil {
		t.Fatal(err)
	}
	props := d.Props()
	_ = d.Close()
	program, key := product(t, kernels.Props{Backend: "cuda", Major: props.Major, Minor: props.Minor, SMs: props.SMs})
	tuned := func(name string) kernels.Selection { return kernels.Selection{Tuning: kernels.Table{key: name}} }
	var done sync.WaitGroup
	for _, c := range []struct {
		selection kernels.Selection
		kernel    string // launched
	}{
		{kernels.Selection{}, "linear_32_f32"},
		{tuned("tile_64x64"), "linear_64_f32"},
		{tuned("tile_128x128"), "linear_128_f32"},
		{kernels.Selection{Exclude: regexp.MustCompile("^tile_")}, "_any_"},
	} {
		done.Go(func() {
			kernel, err := launched(program, c.selection)
			if err != nil || !strings.Contains(kernel, c.kernel) {
				t.Errorf("%v: kernel %q, error %v, expected %q", c.selection, kernel, err, c.kernel)
			}
		})
	}
	done.Wait()
}

// launched returns the first kernel that a program launches on an emulator with a selection.
func launched(p *graph.Program, s kernels.Selection) (string, error) {
	d, err := emu.Open("a100")
	if err != nil {
		return "", err
	}
	m, err := exec.NewDevice(d, exec.DeviceOptions{Selection: s})
	if err != nil {
		return "", err
	}
	defer m.Close()
	r, err := m.Load(p)
	if err != nil {
		return "", err
	}
	profiler := d.(cuda.Profiler)
	profiler.StartCounting()
	if err := r.Run(&kernels.StepState{}); err != nil {
		return "", err
	}
	if err := m.Synchronize(); err != nil {
		return "", err
	}
	return profiler.StopCounting()[0].Kernel, nil
}

// TestOpen opens executors by name.
func TestOpen(t *testing.T) {
	t.Setenv("UNNOISE_TABLE", filepath.Join(t.TempDir(), "table.json"))
	for name, want := range map[string]string{"cpu": "cpu (2 threads)", "emu:a100": "emu:a100"} {
		m, err := exec.Open(name, exec.Options{Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Name(); !strings.Contains(got, want) {
			t.Errorf("%s is %q, expected %q", name, got, want)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"tpu", "emu:abacus", "cuda:99"} {
		_, err := exec.Open(name, exec.Options{})
		var known *cuda.Error
		if !errors.As(err, &known) {
			t.Errorf("%s: error %v, expected one of the device", name, err)
		}
	}
	if got := exec.Resolve("emu"); got != "emu" {
		t.Errorf("emu stands for %q", got)
	}
	if got := exec.Resolve("auto"); got != "cpu" && got != "cuda:0" {
		t.Errorf("auto stands for %q", got)
	}
}

// TestOpenReadsTuning: an opened device follows its table, and a broken one is an error.
func TestOpenReadsTuning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.json")
	t.Setenv("UNNOISE_TABLE", path)
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.Open("emu:a100", exec.Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, expected one that names %s", err, path)
	}
	m, err := exec.Open("emu:a100", exec.Options{Selection: kernels.Selection{Tuning: kernels.Table{}}})
	if err != nil {
		t.Fatalf("a table of the caller's is read over: %v", err)
	}
	_ = m.Close()
}
