package train

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/ptx"
)

// launchLog is a device that notes the kernels of captured launches by module.
type launchLog struct {
	cuda.Device
	modules map[string]string   // kernel -> module
	labels  map[string][]string // kernel -> labels of its launches
}

func (l *launchLog) NewStream() (cuda.Stream, error) {
	s, err := l.Device.NewStream()
	return &loggedStream{s, l}, err
}

func (l *launchLog) LoadModule(name string, text []byte) (cuda.Module, error) {
	m, err := l.Device.LoadModule(name, text)
	return &loggedModule{m, strings.TrimSuffix(name, ".ptx"), l}, err
}

type loggedModule struct {
	cuda.Module
	name string
	log  *launchLog
}

func (m *loggedModule) Function(name string) (cuda.Function, error) {
	m.log.modules[name] = m.name
	return m.Module.Function(name)
}

type loggedStream struct {
	cuda.Stream
	log *launchLog
}

func (s *loggedStream) Launch(f cuda.Function, l cuda.Launch) error {
	s.log.labels[f.Name()] = append(s.log.labels[f.Name()], l.Label)
	return s.Stream.Launch(f, l)
}

// store is an instruction that writes numbers to device memory.
var store = regexp.MustCompile(`^(\s*)(?:@!?%\w+\s+)?st\.global(?:\.cs|\.cg|\.wb)?(?:\.v[24])?\.(f32|b32|u32|b16|u16)\s+\[[^\]]*\],\s*(\{[^}]*\}|%\w+);`)

// negated is a module in which a kernel writes the negative of every number: float32, or bf16 one or two a word.
func negated(text []byte, kernel string) ([]byte, error) {
	var out []string
	inside, changed := false, 0
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, ".entry ") {
			inside = strings.Contains(line, ".entry "+kernel+"(") || strings.HasSuffix(strings.TrimSpace(line), ".entry "+kernel)
		}
		if m := store.FindStringSubmatch(line); inside && m != nil {
			for _, r := range strings.FieldsFunc(m[3], func(c rune) bool { return strings.ContainsRune("{}, ", c) }) {
				switch {
				case strings.HasPrefix(r, "%f"):
					out = append(out, fmt.Sprintf("neg.f32 %s, %s;", r, r))
				case strings.HasPrefix(r, "%rs"):
					out = append(out, fmt.Sprintf("xor.b16 %s, %s, -32768;", r, r))
				case strings.HasPrefix(r, "%r"):
					out = append(out, fmt.Sprintf("xor.b32 %s, %s, -2147450880;", r, r))
				default:
					return nil, fmt.Errorf("%s: cannot negate %s", kernel, strings.TrimSpace(line))
				}
				changed++
			}
		}
		out = append(out, line)
	}
	if changed == 0 {
		return nil, fmt.Errorf("%s stores nothing that can be negated", kernel)
	}
	return []byte(strings.Join(out, "\n")), nil
}

// sabotaged is a machine on the emulator in which one kernel is broken ("": none); log notes what is launched, if it is not nil.
func sabotaged(t *testing.T, module, kernel string, log *launchLog) exec.Executor {
	t.Helper()
	d, err := emu.Open("a100")
	if err != nil {
		t.Fatal(err)
	}
	if log != nil {
		log.Device, d = d, log
	}
	m, err := exec.NewDevice(d, exec.DeviceOptions{Library: gpu.NewLibraryFrom(d, func(name string) ([]byte, error) {
		text, err := ptx.Source(name)
		if err == nil && name == module {
			return negated(text, kernel)
		}
		return text, err
	})})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSabotagedTraining breaks each kernel of the backward pass in turn: training on the emulator must differ from the CPU's, in a
// gradient of the first step or in the loss of the second, or end with a fault. Short tests break every fourth kernel.
func TestSabotagedTraining(t *testing.T) {
	types, every := []kernels.DType{kernels.F32}, 4
	if !testing.Short() {
		types, every = append(types, kernels.BF16), 1
	}
	for _, dtype := range types {
		r := tinyUNet(t, "network.block_out_channels=[8,16]", "train.micro_batch=2", "train.micro_batches=1") // float32 products are slow on the emulator
		tolerance, lossTolerance := 1e-4, 1e-5
		if dtype == kernels.BF16 {
			r, tolerance, lossTolerance = tinyUNet(t), 2e-2, 3e-3
		}
		host := newLab(t, r, exec.NewCPU(exec.CPUOptions{Workers: 2}), dtype)
		want, wantLoss := host.step(0)
		log := &launchLog{modules: map[string]string{}, labels: map[string][]string{}}
		intact := newLab(t, r, sabotaged(t, "", "", log), dtype)
		if failed := rowFails(intact, host, want, wantLoss, tolerance, lossTolerance); failed != nil {
			t.Fatalf("%s: intact kernels fail: %v", dtype, failed)
		}
		n := 0
		for _, kernel := range slices.Sorted(maps.Keys(log.labels)) {
			if !strings.Contains(strings.Join(log.labels[kernel], "\n"), "(backward)") {
				continue
			}
			n++
			if n%every != 0 {
				continue
			}
			broken := newLab(t, r, sabotaged(t, log.modules[kernel], kernel, nil), dtype)
			failed := rowFails(broken, host, want, wantLoss, tolerance, lossTolerance)
			_ = broken.Executor.Close() // after a fault it has nothing more to say
			if failed == nil {
				t.Errorf("%s: kernel %s of %s writes negated numbers, and training does not notice", dtype, kernel, log.modules[kernel])
			} else {
				t.Logf("%s: %s: %v", dtype, kernel, failed)
			}
		}
		if n < 5 {
			t.Errorf("%s: the backward pass has %d kernels only", dtype, n)
		}
	}
}

// rowFails takes a step on a machine and returns how it differs from the CPU's.
func rowFails(l, host *lab, want []float32, wantLoss, tolerance, lossTolerance float64) error {
	grads, loss, err := l.tryStep(0)
	if err != nil {
		return err
	}
	if d := math.Abs(loss - wantLoss); !(d <= lossTolerance*wantLoss) {
		return fmt.Errorf("loss %g instead of %g", loss, wantLoss)
	}
	return host.compareGradients(grads, want, tolerance)
}
