package emu_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// A mutant replaces the first occurrence of a text in compiler output.
type mutant struct{ from, to string }

// subject is a kernel of the test files with a launch that exercises it.
type subject struct {
	file, kernel string
	run          func(d *emutest.Device, f cuda.Function) error
}

func gemmBF16(m, n, k, declaredK int) func(d *emutest.Device, f cuda.Function) error {
	return func(d *emutest.Device, f cuda.Function) error {
		r := random(70)
		a := emutest.In(d, "A", make1(m*k, func(int) uint16 { return bf16(r.NormFloat64()) }))
		b := emutest.In(d, "B", make1(k*n, func(int) uint16 { return bf16(r.NormFloat64()) }))
		spec := tiles2(n, m, 64, 64, cuda.Dim3{X: 128})
		spec.Shared = 3 * 8192
		return d.Try(f, spec, int32(m), int32(n), int32(declaredK), a, b, emutest.Out[float32](d, "C", m*n))
	}
}

func gemmF32(m, n, k int) func(d *emutest.Device, f cuda.Function) error {
	return func(d *emutest.Device, f cuda.Function) error {
		r := random(71)
		a, b := emutest.In(d, "A", normals(r, m*k, 1)), emutest.In(d, "B", normals(r, k*n, 1))
		return d.Try(f, tiles2(n, m, 64, 64, cuda.Dim3{X: 16, Y: 16}), int32(m), int32(n), int32(k), a, b, emutest.Out[float32](d, "C", m*n))
	}
}

func transpose(h, w int) func(d *emutest.Device, f cuda.Function) error {
	return func(d *emutest.Device, f cuda.Function) error {
		return d.Try(f, tiles2(w, h, 32, 32, cuda.Dim3{X: 32, Y: 8}), int32(h), int32(w), emutest.In(d, "in", normals(random(72), h*w, 1)), emutest.Out[float32](d, "out", h*w))
	}
}

func reduceShared(n int) func(d *emutest.Device, f cuda.Function) error {
	return func(d *emutest.Device, f cuda.Function) error {
		spec := emutest.Grid1(n, 128)
		spec.Shared = 4 * 128
		return d.Try(f, spec, int32(n), emutest.In(d, "x", normals(random(73), n, 1)), emutest.Out[float32](d, "out", spec.Grid.X))
	}
}

func saxpy(n int) func(d *emutest.Device, f cuda.Function) error {
	return func(d *emutest.Device, f cuda.Function) error {
		x, y := emutest.In(d, "x", normals(random(74), n, 1)), emutest.InOut(d, "y", normals(random(75), n, 1))
		return d.Try(f, emutest.Grid1(n, 256), int32(n), float32(2), x, y)
	}
}

func groupNorm(d *emutest.Device, f cuda.Function) error {
	const samples, pixels, channels, groups = 2, 70, 12, 3
	x := emutest.In(d, "x", normals(random(76), samples*pixels*channels, 2))
	gamma, beta := emutest.In(d, "gamma", normals(random(77), channels, 1)), emutest.In(d, "beta", normals(random(78), channels, 1))
	spec := emutest.Spec{Grid: cuda.Dim3{X: groups, Y: samples}, Block: cuda.Dim3{X: 96}}
	return d.Try(f, spec, int32(pixels), int32(channels), int32(groups), float32(1e-5), x, gamma, beta, emutest.Out[float32](d, "y", samples*pixels*channels))
}

func histogram(d *emutest.Device, f cuda.Function) error {
	r := random(79)
	x := emutest.In(d, "x", make1(4000, func(int) uint8 { return uint8(r.Uint32()) }))
	return d.Try(f, emutest.Spec{Grid: cuda.Dim3{X: 3}, Block: cuda.Dim3{X: 128}}, int32(1000), x, emutest.InOut(d, "counts", make([]uint32, 256)))
}

// scan runs one of the scans over 300 numbers, perThread to each thread.
func scan(perThread, shared int) func(d *emutest.Device, f cuda.Function) error {
	return func(d *emutest.Device, f cuda.Function) error {
		spec := emutest.Grid1(300/perThread, 128)
		spec.Shared = shared
		return d.Try(f, spec, int32(300), emutest.In(d, "x", make1(300, func(i int) uint32 { return uint32(i) })), emutest.Out[uint32](d, "y", 300))
	}
}

func gemmTF32(d *emutest.Device, f cuda.Function) error {
	const m, n, k = 70, 68, 100
	a, b := emutest.In(d, "A", normals(random(80), m*k, 1)), emutest.In(d, "B", normals(random(81), k*n, 1))
	return d.Try(f, tiles2(n, m, 64, 64, cuda.Dim3{X: 128}), int32(m), int32(n), int32(k), a, b, emutest.Out[float32](d, "C", m*n))
}

// subjects are real kernels whose barriers and waits are all needed.
var subjects = []subject{
	{"gemm_bf16", "gemm_bf16", gemmBF16(64, 64, 200, 200)},
	{"gemm_f32", "gemm_f32", gemmF32(64, 64, 70)},
	{"transpose", "transpose_padded", transpose(33, 70)},
	{"reduce_shared", "sum_shared", reduceShared(300)},
	{"group_norm", "group_norm", groupNorm},
	{"group_norm", "group_norm_silu", groupNorm},
	{"histogram", "histogram", histogram},
	{"scan_block", "scan_shfl", scan(1, 0)},
	{"scan_block", "scan_double_buffer", scan(1, 2*4*128)},
	{"scan_block", "scan_work_efficient", scan(2, 4*2*128)},
	{"gemm_tf32", "gemm_tf32", gemmTF32},
}

func (s subject) text(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(emutest.KernelPath(kernelFolder, s.file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// launch runs the kernel of a text on a fresh device.
func (s subject) launch(t *testing.T, text string) error {
	t.Helper()
	d := emutest.Open(t)
	m, err := d.LoadModule(s.file+".ptx", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function(s.kernel)
	if err != nil {
		t.Fatal(err)
	}
	return s.run(d, f)
}

// bodyOf returns the lines of the kernel in a file, counted from 1.
func (s subject) bodyOf(text string) (first, last int) {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.Contains(l, ".entry "+s.kernel+"(") {
			first = i + 1
		}
		if first > 0 && l == "}" {
			return first, i + 1
		}
	}
	return first, len(lines)
}

// redundant are barriers that order nothing, counted from 0: block_sum's first one guards against an earlier call, and the last step
// of the scan leaves every thread with elements that it wrote itself.
var redundant = map[string]int{"group_norm": 0, "group_norm_silu": 0, "scan_work_efficient": 2}

// TestEveryBarrierIsNeeded: each bar.sync of real kernels, taken away, is missed by the race checks, except redundant ones.
func TestEveryBarrierIsNeeded(t *testing.T) {
	for _, s := range subjects {
		text := s.text(t)
		if err := s.launch(t, text); err != nil {
			t.Errorf("%s: the kernel itself is reported: %v", s.kernel, err)
			continue
		}
		first, last := s.bodyOf(text)
		lines := strings.Split(text, "\n")
		found := 0
		for i := first; i < last; i++ {
			at := strings.Index(lines[i], "bar.sync")
			if at < 0 {
				continue
			}
			broken := slices.Clone(lines)
			broken[i] = lines[i][:at]
			found++
			if k, ok := redundant[s.kernel]; ok && k == found-1 {
				if err := s.launch(t, strings.Join(broken, "\n")); err != nil {
					t.Errorf("%s without the redundant barrier of line %d: %v", s.kernel, i+1, err)
				}
				continue
			}
			expectReport(t, fmt.Sprintf("%s without the barrier of line %d", s.kernel, i+1), s.launch(t, strings.Join(broken, "\n")),
				[]cuda.Check{cuda.SharedRace, cuda.Uninitialized, cuda.AsyncCopyRace}, first, last)
		}
		if found == 0 {
			t.Errorf("%s has no barrier", s.kernel)
		}
	}
}

// expectReport checks that err is a report of one of the checks, with a line of the kernel and of a source file.
func expectReport(t *testing.T, name string, err error, checks []cuda.Check, first, last int) {
	t.Helper()
	var e *cuda.Error
	if !errors.As(err, &e) || e.Fault == nil {
		t.Errorf("%s: got %v, want a report", name, err)
		return
	}
	f := e.Fault
	if !slices.Contains(checks, f.Check) {
		t.Errorf("%s: got %v, want one of %v", name, err, checks)
	}
	if f.PTXLine < first || f.PTXLine > last || !strings.HasPrefix(f.Source, "cuda/emu/testdata/kernels/") || f.Line <= 0 {
		t.Errorf("%s: reported at PTX line %d (kernel: %d to %d), source %s:%d", name, f.PTXLine, first, last, f.Source, f.Line)
	}
}

// TestSeededBugs: mistakes that people make, put into compiler output or into the launch.
func TestSeededBugs(t *testing.T) {
	memory := []cuda.Check{cuda.OutOfBounds, cuda.OutsideOperand}
	for _, c := range []struct {
		name string
		subject
		change mutant
		checks []cuda.Check
	}{
		{"wait for one stage too few", subjects[0], mutant{from: "cp.async.wait_group 1;", to: "cp.async.wait_group 2;"}, []cuda.Check{cuda.AsyncCopyRace}},
		{"no wait for asynchronous copies", subjects[0], mutant{from: "cp.async.wait_group 1;", to: ""}, []cuda.Check{cuda.AsyncCopyRace}},
		{"no commit", subjects[0], mutant{from: "cp.async.commit_group;", to: ""}, []cuda.Check{cuda.AsyncCopyRace}},
		{"K too large", subject{"gemm_bf16", "gemm_bf16", gemmBF16(64, 64, 200, 208)}, mutant{}, memory},
		{"the bound is off by one", subject{"saxpy", "saxpy", saxpy(300)}, mutant{from: "setp.ge.s32", to: "setp.gt.s32"}, memory},
		{"the bound is not checked", subject{"saxpy", "saxpy", saxpy(300)}, mutant{from: "@%p1 bra", to: "//"}, memory},
		{"one result is not written", subject{"transpose", "transpose_padded", transpose(33, 70)}, mutant{from: "st.global.f32", to: "//"}, []cuda.Check{cuda.UnwrittenOperand}},
		{"reads its result", subject{"saxpy", "saxpy", func(d *emutest.Device, f cuda.Function) error {
			return d.Try(f, emutest.Grid1(300, 256), int32(300), float32(2), emutest.In(d, "x", make([]float32, 300)), emutest.Out[float32](d, "y", 300))
		}}, mutant{}, []cuda.Check{cuda.Uninitialized, cuda.OperandMode}},
		{"input was never written", subject{"saxpy", "saxpy", func(d *emutest.Device, f cuda.Function) error {
			x := emutest.Out[float32](d, "x", 300)
			o := x.Operand()
			o.Mode = cuda.Read
			spec := emutest.Grid1(300, 256)
			spec.Operands = []cuda.Operand{o}
			return d.Try(f, spec, int32(300), float32(2), x.Ptr(), emutest.InOut(d, "y", make([]float32, 300)))
		}}, mutant{}, []cuda.Check{cuda.Uninitialized}},
	} {
		text := c.text(t)
		first, last := c.bodyOf(text)
		if c.change.from != "" {
			lines := strings.Split(text, "\n")
			head, tail := strings.Join(lines[:first-1], "\n"), strings.Join(lines[first-1:], "\n")
			if !strings.Contains(tail, c.change.from) {
				t.Errorf("%s: %q is not in %s", c.name, c.change.from, c.file)
				continue
			}
			text = head + "\n" + strings.Replace(tail, c.change.from, c.change.to, 1)
		}
		err := c.launch(t, text)
		if slices.Contains(c.checks, cuda.UnwrittenOperand) {
			var e *cuda.Error
			if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.UnwrittenOperand {
				t.Errorf("%s: got %v", c.name, err)
			}
			continue
		}
		expectReport(t, c.name, err, c.checks, first, last)
	}
}
