package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeVariable makes this test binary play a peer's Python: its value says how the peer behaves.
const fakeVariable = "UNNOISE_FAKE_PEER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeVariable); mode != "" {
		os.Exit(fakePeer(mode, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fakePeer answers as step_cpu.py and parity.py do, in the given mode, and returns the exit status.
func fakePeer(mode string, args []string) int {
	flag := map[string]string{}
	for i, a := range args {
		if i+1 < len(args) {
			flag[a] = args[i+1]
		}
	}
	parameters := 2734945
	switch filepath.Base(args[0]) {
	case parityScript:
		output, ok := 1e-6, true
		if mode == "unequal" {
			output, ok = 0.5, false
		}
		fmt.Printf(`{"parameters":%d,"output_relative_l2":%g,"loss_relative":1e-7,"grad_worst_relative_l2":2e-6,"grad_worst_tensor":"w","device":"cpu","ok":%v}`,
			parameters, output, ok)
		if !ok {
			return 1
		}
		return 0
	case stepScript:
	default:
		return 3
	}
	if mode == "no torch" {
		fmt.Fprintln(os.Stderr, "Traceback\nModuleNotFoundError: No module named 'torch'")
		return 1
	}
	if mode == "other net" {
		parameters++
	}
	about := fmt.Sprintf(`"torch":"9.9","preset":%q,"batch":%s,"threads":%s,"parameters":%d`, flag["--preset"], flag["--batch"], flag["--threads"], parameters)
	fmt.Printf("{%s,\"ready\":true}\n", about)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if mode == "dies" {
			fmt.Fprintln(os.Stderr, "out of memory")
			return 7
		}
		if mode == "prose" {
			fmt.Println("warming up")
			continue
		}
		fmt.Printf("{%s,\"steps\":%s,\"ms_median\":1000,\"ms\":[900,1000,1100],\"cpu_ms\":1000}\n", about, flag["--steps"])
	}
	return 0
}

// options are those of a comparison with the fake peer; rows collects what it emits.
func options(t *testing.T, mode string, rows *[]any) Options {
	t.Helper()
	t.Setenv(fakeVariable, mode)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Presets: []string{"fashion-mnist"}, Batch: 1, Threads: 1, Rounds: 2, Steps: 3, Peers: "peers", Python: self, Binary: "unnoise", Commit: "test",
		Emit: func(row any) error { *rows = append(*rows, row); return nil }}
}

func TestCompare(t *testing.T) {
	var emitted []any
	o := options(t, "well", &emitted)
	rows, err := Compare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 {
		t.Fatalf("%d results, want 1", len(rows))
	}
	r := rows[0]
	if r.Parity != "ok" || r.Parameters != 2734945 || r.Batch != 1 || r.Peer != "9.9" || r.Commit != "test" || r.Threads != 1 || r.Device == "" {
		t.Errorf("%+v", r)
	}
	if r.Theirs != (Times{1000, 900, 1100}) || !(r.Ours.Median > 0) || !(r.RooflineMS > 0) || r.MACs < 5e8 || r.MACs > 1.5e9 {
		t.Errorf("times %+v %+v, wall %g ms, %g multiply-adds", r.Ours, r.Theirs, r.RooflineMS, r.MACs)
	}
	if want := 1000 / r.Ours.Median; math.Abs(r.Ratio-want) > 0.5*want || r.RatioMin > r.Ratio || r.RatioMax < r.Ratio {
		t.Errorf("ratio %g (%g, %g), want about %g", r.Ratio, r.RatioMin, r.RatioMax, want)
	}
	var kinds []string
	for _, row := range emitted {
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		var common struct{ Kind, Side string }
		if err := json.Unmarshal(b, &common); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, strings.TrimSpace(common.Kind+" "+common.Side))
	}
	want := "parity, matmul, round torch, round unnoise, round torch, round unnoise, matmul, step"
	if got := strings.Join(kinds, ", "); got != want {
		t.Errorf("rows %s; want %s", got, want)
	}
}

// A network that is not the peer's makes the comparison void: times, but no ratio.
func TestCompareVoid(t *testing.T) {
	var emitted []any
	o := options(t, "unequal", &emitted)
	o.Rounds, o.Steps = 1, 3
	rows, err := Compare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	r := rows[0]
	if !r.Void() || r.Ratio != 0 || r.RatioCPU != 0 || !strings.Contains(r.Parity, "output 0.5") {
		t.Errorf("%+v", r)
	}
	var out bytes.Buffer
	if err := WriteTable(&out, rows); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "void") {
		t.Errorf("the table does not say void:\n%s", out.String())
	}
	for _, load := range []float64{0, 1e3} {
		out.Reset()
		rows[0].Load = load
		if err := WriteTable(&out, rows); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "other programs ran") != (load > 0) {
			t.Errorf("load %g:\n%s", load, out.String())
		}
	}
}

func TestCompareFails(t *testing.T) {
	for mode, want := range map[string]string{"no torch": "install it", "dies": "out of memory", "prose": "not a row", "other net": "not the same work"} {
		t.Run(mode, func(t *testing.T) {
			var emitted []any
			if _, err := Compare(context.Background(), options(t, mode, &emitted)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		})
	}
	var emitted []any
	o := options(t, "well", &emitted)
	o.Peers = t.TempDir()
	if _, err := Compare(context.Background(), o); err == nil || !strings.Contains(err.Error(), stepScript) {
		t.Errorf("no scripts: error %v", err)
	}
	o = options(t, "well", &emitted)
	o.Python = "no-such-python"
	if _, err := Compare(context.Background(), o); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no interpreter: error %v", err)
	}
	o = options(t, "well", &emitted)
	o.Threads = 1 << 20
	if _, err := Compare(context.Background(), o); err == nil {
		t.Error("a million threads: no error")
	}
}

// The first loss of a network whose last layer starts at almost zero is the mean square of the noise.
func TestStepper(t *testing.T) {
	s, err := NewStepper("fashion-mnist", []string{"train.micro_batch=2"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Times(1); err != nil {
		t.Fatal(err)
	}
	loss, err := s.Loss()
	if err != nil || math.Abs(loss-1) > 0.2 || s.Parameters() != 2_734_945 || s.Batch() != 2 {
		t.Errorf("loss %g, %d parameters, batch %d, error %v", loss, s.Parameters(), s.Batch(), err)
	}
	for _, preset := range []string{"no-such", "swissroll"} {
		if _, err := NewStepper(preset, nil, 1); err == nil {
			t.Errorf("preset %s: no error", preset)
		}
	}
}

func TestSteps(t *testing.T) {
	var rows []any
	o := Options{Presets: []string{"fashion-mnist"}, Batch: 1, Threads: 1, Rounds: 2, Steps: 1, Emit: func(row any) error { rows = append(rows, row); return nil }}
	if err := Steps(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 {
		t.Fatalf("%d rows, want one a round", len(rows))
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if err := Steps(stopped, o); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
	o.Rounds = 0
	if err := Steps(context.Background(), o); err == nil {
		t.Error("no rounds: no error")
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values  []float64
		q, want float64
	}{{[]float64{3, 1, 2}, 0.5, 2}, {[]float64{4, 1, 2, 3}, 0.5, 2.5}, {[]float64{1}, 0.9, 1}, {[]float64{5, 1, 4, 2, 3}, 0.9, 5}, {[]float64{2, 1}, 0, 1}} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile(%v, %g) = %g, want %g", c.values, c.q, got, c.want)
		}
	}
}

func TestPlot(t *testing.T) {
	r := StepRow{Preset: "fashion-mnist", Batch: 64, Ours: Times{400, 390, 430}, Theirs: Times{500, 480, 600}, Ratio: 1.25, RooflineMS: 300, Parity: "ok"}
	img, err := Plot([]StepRow{r, r})
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != plotWidth || b.Dy() != plotHead+2*panelHeight {
		t.Errorf("size %v", b)
	}
	blue := 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if r, g, b, _ := img.At(x, y).RGBA(); r>>8 == uint32(accent.R) && g>>8 == uint32(accent.G) && b>>8 == uint32(accent.B) {
				blue++
			}
		}
	}
	if blue < 10000 {
		t.Errorf("%d pixels of our bars", blue)
	}
	if _, err := Plot(nil); err == nil {
		t.Error("no results: no error")
	}
}
