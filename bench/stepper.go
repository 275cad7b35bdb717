// Package bench measures: a training step of this project on the CPU, and the same step in PyTorch beside it.
//
// A comparison is one run on one machine: both sides take turns, the rate of the matrix product is measured before and after,
// and a parity check of the same network must pass or the ratio is void.
package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
)

// Stepper takes training steps of a preset on the CPU as `unnoise train` does: a shuffled batch of
// bytes mirrored at random and scaled to [-1,1], noising, forward, backward, clipping, AdamW and
// moving average. The images are random bytes.
type Stepper struct {
	steps  *train.Stepper
	loader *data.Loader
	k      int // steps taken
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
	s := &Stepper{}
	s.steps, err = train.NewStepper(train.Programs{Recipe: r, Model: m}, exec.NewCPU(exec.CPUOptions{Workers: threads}))
	if err == nil {
		err = s.start()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("preset %s: %w", preset, err)
	}
	return s, nil
}

// start loads the programs, the weights and the images.
func (s *Stepper) start() error {
	if err := s.steps.Load(); err != nil {
		return err
	}
	if err := s.steps.Begin(); err != nil {
		return err
	}
	m, r := s.steps.Model, s.steps.Recipe
	images := newNoiseImages(r.Train.MicroBatch, m.C, m.H, m.W)
	var err error
	s.loader, err = data.NewLoader(images, data.LoaderConfig{Seed: r.Train.Seed, Flip: r.Data.Flip})
	return err
}

// Close frees the executor's memory.
func (s *Stepper) Close() error { return s.steps.Executor.Close() }

// Batch is the number of images a step.
func (s *Stepper) Batch() int { return s.steps.Recipe.Train.MicroBatch }

// Parameters counts the network's weights.
func (s *Stepper) Parameters() int { return s.steps.Model.Params.Count() }

// MACs counts the multiply-adds of convolutions and matrix products in one step.
func (s *Stepper) MACs() float64 { return s.steps.Cost().MACs }

// Times takes n steps and returns the milliseconds of each.
func (s *Stepper) Times(n int) ([]float64, error) {
	ms := make([]float64, n)
	for i := range ms {
		begin := time.Now()
		if err := s.steps.Step(context.Background(), s.k, s.fill); err != nil {
			return nil, err
		}
		s.k++
		ms[i] = milliseconds(time.Since(begin))
	}
	return ms, nil
}

// fill takes the batch of step k, and has the loader begin with the next.
func (s *Stepper) fill(k, _ int, dst data.Batch) error {
	n := s.Batch()
	if err := s.loader.Batch(uint64(k*n), dst); err != nil {
		return err
	}
	s.loader.Prefetch(uint64((k+1)*n), n)
	return nil
}

// Loss is that of the last step.
func (s *Stepper) Loss() (float64, error) {
	list, err := s.steps.Records(s.k-1, s.k)
	if err != nil {
		return 0, err
	}
	return list[0].Loss, nil
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
