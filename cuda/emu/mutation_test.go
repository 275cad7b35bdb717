package emu_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// mutate changes a few lines of a text: it repeats, moves, deletes and garbles them.
func mutate(r *rand.Rand, text string, donors []string) string {
	const letters = "0123456789%$,;[]{}rpfd._@!"
	l := strings.Split(text, "\n")
	for range 1 + r.IntN(4) {
		i := r.IntN(len(l))
		switch r.IntN(5) {
		case 0:
			l[i] = l[r.IntN(len(l))]
		case 1:
			l[i] = donors[r.IntN(len(donors))]
		case 2:
			l[i] = ""
		case 3:
			if words := strings.Fields(l[i]); len(words) > 2 {
				a, b := r.IntN(len(words)), r.IntN(len(words))
				words[a], words[b] = words[b], words[a]
				l[i] = strings.Join(words, " ")
			}
		default:
			if b := []byte(l[i]); len(b) > 0 {
				b[r.IntN(len(b))] = letters[r.IntN(len(letters))]
				l[i] = string(b)
			}
		}
	}
	return strings.Join(l, "\n")
}

// argumentsFor gives every parameter some value: a pointer, 64, or zeros.
func argumentsFor(f *ptx.Func, p cuda.DevicePtr) []any {
	var args []any
	for _, v := range f.Params {
		switch {
		case v.Size == 8 && v.Dims == nil:
			args = append(args, p)
		case v.Type == ptx.F32 && v.Dims == nil:
			args = append(args, float32(1))
		case v.Size == 4 && v.Dims == nil:
			args = append(args, int32(64))
		default:
			args = append(args, cuda.Raw{Bytes: make([]byte, v.Size), Align: int(max(v.Align, 1))})
		}
	}
	return args
}

// runMutant runs every kernel of a text and returns all that can be seen of it.
func runMutant(t *testing.T, text string, workers, dynamic int) string {
	t.Helper()
	tree, err := ptx.Parse("mutant.ptx", []byte(text))
	if err != nil {
		return err.Error()
	}
	d, err := emu.Open("a100", emu.StepBudget(20000), emu.MemoryLimit(64<<20), emu.Workers(workers))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := d.LoadModule("mutant.ptx", []byte(text))
	if err != nil {
		return err.Error()
	}
	mem, err := d.Alloc(1<<14, "memory")
	if err != nil {
		return err.Error()
	}
	if err := d.Memset(mem.Ptr(), 1, 1<<14); err != nil {
		t.Fatal(err)
	}
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	profiler := d.(cuda.Profiler)
	profiler.StartCounting()
	var seen strings.Builder
	for _, f := range tree.Funcs {
		if !f.Entry || !f.Defined {
			continue
		}
		k, err := m.Function(f.Name)
		if err == nil {
			err = s.Launch(k, cuda.Launch{Grid: cuda.Dim3{X: 7}, Block: cuda.Dim3{X: 64}, DynamicShared: dynamic, Args: argumentsFor(f, mem.Ptr())})
		}
		if err == nil {
			err = s.Synchronize()
		}
		out := make([]byte, 1<<14)
		if err == nil {
			err = d.CopyToHost(out, mem.Ptr())
		} else { // what a failed launch leaves behind is not said
			err = fmt.Errorf("%w; %w", err, d.Memset(mem.Ptr(), 1, 1<<14))
		}
		fmt.Fprintln(&seen, f.Name, err, out)
	}
	fmt.Fprintln(&seen, profiler.StopCounting())
	return seen.String()
}

// TestMutants: whatever is done to a kernel, the emulator ends with a result or a report, and with the same one on one core
// and on several.
func TestMutants(t *testing.T) {
	files, err := filepath.Glob("testdata/kernels/*.ptx")
	if err != nil {
		t.Fatal(err)
	}
	var texts, donors []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) < 20000 {
			texts = append(texts, string(b))
			donors = append(donors, strings.Split(string(b), "\n")...)
		}
	}
	n := 1500
	if testing.Short() {
		n = 150
	}
	r := rand.New(rand.NewPCG(11, 12))
	for i := range n {
		text := mutate(r, texts[r.IntN(len(texts))], donors)
		dynamic := r.IntN(2) * 20000
		var seen []string
		for _, workers := range []int{1, 3} {
			seen = append(seen, runMutant(t, text, workers, dynamic))
		}
		if strings.Contains(seen[0], "internal error") {
			t.Errorf("mutant %d: %.400s", i, seen[0])
		}
		if len(slices.Compact(seen)) != 1 {
			t.Errorf("mutant %d differs with the number of workers:\n%.400s\n%.400s", i, seen[0], seen[1])
		}
	}
}
