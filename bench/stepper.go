// Package bench measures: a training step of this project on the CPU, and the same step in PyTorch beside it.
//
// A comparison is one run on one machine: both sides take turns, the rate of the matrix product is measured before and after,
// and a parity check of the same network must pass or the ratio is void.
package bench

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels"
)

// Stepper takes training steps of a preset on the CPU as `unnoise train` does: a shuffled batch of bytes mirrored at random and
// scaled to [-1,1], noising, forward, backward, clipping, AdamW and moving average. The images are random bytes.
type Stepper struct {
	recipe        *recipe.Recipe
	machine       exec.Executor
	micro, finish exec.LoadedProgram
	loader        *data.Loader
	x0            []float32
	parameters, k int
	macs          float64
}

// NewStepper loads a preset's two training programs; set overrides keys of the recipe ("train.micro_batch=8").
func NewStepper(preset string, set []string, threads int) (*Stepper, error) {
	r, err := recipe.Preset(preset, set)
	if err != nil {
		return nil, err
	}
	m, err := r.NewModel()
	if err != nil {
		return nil, err
	}
	if m.Points() || r.Train.MicroBatches != 1 || len(m.Signature.Conditions) > 0 {
		return nil, fmt.Errorf("preset %s: a step is measured for networks on images, without labels and accumulation", preset)
	}
	s := &Stepper{recipe: r, machine: exec.NewCPU(exec.CPUOptions{Workers: threads}), parameters: m.Params.Count()}
	if err := s.start(m); err != nil {
		s.Close()
		return nil, fmt.Errorf("preset %s: %w", preset, err)
	}
	return s, nil
}

// start loads the programs, the weights, their moving average, the noising table and the images.
func (s *Stepper) start(m *model.Model) error {
	p := train.Programs{Recipe: s.recipe, Model: m}
	var err error
	if s.micro, err = s.load(p.Micro); err != nil {
		return err
	}
	if s.finish, err = s.load(p.Finish); err != nil {
		return err
	}
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
	if err := s.machine.Write("noising", 0, table); err != nil {
		return err
	}
	images := newNoiseImages(s.recipe.Train.MicroBatch, m.C, m.H, m.W)
	s.x0 = make([]float32, len(images.pixels))
	s.loader, err = data.NewLoader(images, data.LoaderConfig{Seed: s.recipe.Train.Seed, Flip: s.recipe.Data.Flip})
	return err
}

func (s *Stepper) load(build func() (*graph.Program, error)) (exec.LoadedProgram, error) {
	p, err := build()
	if err != nil {
		return nil, err
	}
	s.macs += p.Cost().MACs
	return s.machine.Load(p)
}

// Close frees the machine's memory.
func (s *Stepper) Close() error { return s.machine.Close() }

// Batch is the number of images a step.
func (s *Stepper) Batch() int { return s.recipe.Train.MicroBatch }

// Parameters counts the network's weights.
func (s *Stepper) Parameters() int { return s.parameters }

// MACs counts the multiply-adds of convolutions and matrix products in one step.
func (s *Stepper) MACs() float64 { return s.macs }

// Times takes n steps and returns the milliseconds of each.
func (s *Stepper) Times(n int) ([]float64, error) {
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

func (s *Stepper) step() error {
	n := s.Batch()
	position := uint64(s.k) * uint64(n)
	if err := s.loader.Batch(position, n, s.x0, nil); err != nil {
		return err
	}
	if err := s.micro.Set("x0", s.x0); err != nil {
		return err
	}
	s.loader.Prefetch(position+uint64(n), n)
	state := s.recipe.State(s.k)
	s.k++
	if err := s.micro.Run(&state); err != nil {
		return err
	}
	return s.finish.Run(&state)
}

// Loss reads the loss of the last step.
func (s *Stepper) Loss() (float64, error) {
	value := make([]float32, 1)
	err := s.machine.Read("loss", 0, value)
	return float64(value[0]), err
}

// noiseImages is a data set of n random images.
type noiseImages struct {
	pixels     []byte
	n, c, h, w int
}

func newNoiseImages(n, c, h, w int) *noiseImages {
	d := &noiseImages{pixels: make([]byte, n*c*h*w), n: n, c: c, h: h, w: w}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range d.pixels {
		d.pixels[i] = byte(random.UintN(256))
	}
	return d
}

func (d *noiseImages) Len() int { return d.n }

func (d *noiseImages) Shape() (channels, height, width int) { return d.c, d.h, d.w }

func (d *noiseImages) Classes() int { return 0 }

func (d *noiseImages) Sample(i int, dst []float32) (int32, error) {
	for j, p := range d.pixels[i*len(dst) : (i+1)*len(dst)] {
		dst[j] = float32(p)/127.5 - 1
	}
	return 0, nil
}
