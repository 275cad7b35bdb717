// Command step times a training step of a preset on the CPU: the counterpart of bench/peers/step_cpu.py, with the same rows.
//
//	go run ./bench/step -preset fashion-mnist -threads 2 -rounds 5 -steps 5
//
// A step is what `unnoise train` runs for a batch: bytes to float32 in [-1,1], noising, forward, backward, clipping, AdamW and
// moving average. The images are random bytes. One JSON line a round, then one for all rounds.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
)

// row is one line of output; times are milliseconds.
type row struct {
	Peer       string  `json:"peer"`
	BLAS       string  `json:"blas"`
	Preset     string  `json:"preset"`
	Batch      int     `json:"batch"`
	Threads    int     `json:"threads"`
	Parameters int     `json:"parameters"`
	Round      int     `json:"round"` // -1: all rounds
	Steps      int     `json:"steps"`
	Median     float64 `json:"ms_median"`
	P10        float64 `json:"ms_p10"`
	P90        float64 `json:"ms_p90"`
	CPU        float64 `json:"cpu_ms,omitempty"` // CPU time a step, all threads
	Loss       float64 `json:"loss,omitempty"`   // of the last step
	Load       string  `json:"load,omitempty"`   // the machine's load in the last minute
}

func main() {
	preset := flag.String("preset", "fashion-mnist", "preset to time: "+strings.Join(train.Presets(), ", "))
	batch := flag.Int("batch", 0, "batch size (0: the preset's)")
	threads := flag.Int("threads", 2, "CPU threads")
	rounds := flag.Int("rounds", 5, "rounds")
	steps := flag.Int("steps", 5, "steps a round")
	warmup := flag.Int("warmup", 2, "steps before the first round")
	flag.Parse()
	if err := run(os.Stdout, *preset, *batch, *threads, *rounds, *steps, *warmup); err != nil {
		fmt.Fprintln(os.Stderr, "step:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, preset string, batch, threads, rounds, steps, warmup int) error {
	if threads < 1 || rounds < 1 || steps < 1 || warmup < 0 || batch < 0 {
		return errors.New("want at least one thread, round and step, and no negative number")
	}
	runtime.GOMAXPROCS(threads)
	var set []string
	if batch > 0 {
		set = append(set, fmt.Sprintf("train.batch=%d", batch))
	}
	s, err := newStepper(preset, set, threads)
	if err != nil {
		return err
	}
	defer s.machine.Close()
	if _, err := s.times(warmup); err != nil {
		return err
	}
	out := json.NewEncoder(w)
	about := row{Peer: "unnoise-cpu", BLAS: blas.Name(), Preset: preset, Batch: s.recipe.Train.Batch, Threads: threads, Parameters: s.parameters}
	var all []float64
	for i := range rounds {
		before := cpuTime()
		ms, err := s.times(steps)
		if err != nil {
			return err
		}
		all = append(all, ms...)
		r := about.with(i, ms)
		r.CPU, r.Load = round(milliseconds(cpuTime()-before)/float64(steps)), loadAverage()
		if r.Loss, err = s.loss(); err != nil {
			return err
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return out.Encode(about.with(-1, all))
}

// with fills in the statistics of ms.
func (r row) with(number int, ms []float64) row {
	slices.Sort(ms)
	last := float64(len(ms) - 1)
	at := func(q float64) float64 { return round(ms[int(q*last+0.5)]) }
	r.Round, r.Steps, r.Median, r.P10, r.P90 = number, len(ms), at(0.5), at(0.1), at(0.9)
	return r
}

// stepper runs the two programs of training.
type stepper struct {
	recipe        *train.Recipe
	machine       graph.Machine
	micro, finish graph.Runner
	pixels        []byte
	x0            []float32
	parameters, k int
}

func newStepper(preset string, set []string, threads int) (*stepper, error) {
	recipe, err := train.Preset(preset, set)
	if err != nil {
		return nil, err
	}
	cfg, err := recipe.NetworkConfig()
	if err != nil {
		return nil, err
	}
	sched, err := recipe.Scheduler()
	if err != nil {
		return nil, err
	}
	m, err := model.New(cfg, sched, recipe.Train.Seed)
	if err != nil {
		return nil, err
	}
	s := &stepper{recipe: recipe, machine: graph.NewCPU(graph.CPUOptions{Workers: threads}), parameters: m.Params.Count()}
	p := train.Programs{Recipe: recipe, Model: m}
	if s.micro, err = s.load(p.Micro); err != nil {
		return nil, err
	}
	if s.finish, err = s.load(p.Finish); err != nil {
		return nil, err
	}
	s.pixels = make([]byte, recipe.Train.Batch*m.H*m.W*m.C)
	s.x0 = make([]float32, len(s.pixels))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range s.pixels {
		s.pixels[i] = byte(random.UintN(256))
	}
	return s, s.upload(m)
}

func (s *stepper) load(build func() (*graph.Program, error)) (graph.Runner, error) {
	p, err := build()
	if err != nil {
		return nil, err
	}
	return s.machine.Load(p)
}

// upload puts the weights, their moving average and the noising table on the machine.
func (s *stepper) upload(m *model.Model) error {
	for _, name := range []string{nn.WeightsBuffer, nn.EMABuffer} {
		if err := s.machine.Write(name, 0, m.Weights); err != nil {
			return err
		}
	}
	spec := kernels.Dense(kernels.F32, m.Process.Timesteps(), 1, 1, 4)
	table := make([]float32, spec.Span())
	for t := range spec.N {
		row := table[t*spec.Pitch:]
		row[0], row[1], row[3] = float32(m.Process.SqrtAlphasCumprod[t]), float32(m.Process.SqrtOneMinusAlphasCumprod[t]), 1
	}
	return s.machine.Write("noising", 0, table)
}

// times takes n steps and returns the milliseconds of each.
func (s *stepper) times(n int) ([]float64, error) {
	ms := make([]float64, n)
	for i := range ms {
		begin := time.Now()
		if err := s.step(); err != nil {
			return nil, err
		}
		ms[i] = milliseconds(time.Since(begin))
	}
	return ms, nil
}

func (s *stepper) step() error {
	for i, p := range s.pixels {
		s.x0[i] = float32(p)/127.5 - 1
	}
	if err := s.micro.Set("x0", s.x0); err != nil {
		return err
	}
	state := s.recipe.State(s.k)
	s.k++
	if err := s.micro.Run(&state); err != nil {
		return err
	}
	return s.finish.Run(&state)
}

// loss reads the loss of the last step.
func (s *stepper) loss() (float64, error) {
	value := make([]float32, 1)
	err := s.machine.Read("loss", 0, value)
	return float64(value[0]), err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func round(x float64) float64 { return float64(int64(x*100+0.5)) / 100 }

// cpuTime is the CPU time of this process, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// loadAverage is the first number of /proc/loadavg, "" where there is none.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	load, _, _ := strings.Cut(string(b), " ")
	return load
}
