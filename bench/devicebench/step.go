package devicebench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels"
)

// warmSteps are taken before anything is timed.
const warmSteps = 10

// trainer takes training steps on a device: batches of random bytes from the host, both programs,
// no waiting in between.
type trainer struct {
	steps   *train.Stepper
	machine *exec.Device
	x0      [2][]float32
	k       int // steps taken
}

func (o Options) trainer() (*trainer, error) {
	p, err := o.programs()
	if err != nil {
		return nil, err
	}
	if len(p.Model.Signature.Conditions) > 0 {
		return nil, fmt.Errorf("preset %s: steps are measured without labels", o.Preset)
	}
	t := &trainer{}
	if t.machine, err = exec.NewDevice(o.Device, exec.DeviceOptions{Selection: o.Selection}); err != nil {
		return nil, err
	}
	if t.steps, err = train.NewStepper(p, t.machine); err != nil {
		return nil, err
	}
	if err := t.steps.Load(); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range t.x0 {
		t.x0[i] = make([]float32, p.Recipe.Train.MicroBatch*p.Model.H*p.Model.W*p.Model.C)
		for j := range t.x0[i] {
			t.x0[i][j] = float32(random.UintN(256))/127.5 - 1
		}
	}
	return t, t.steps.Begin()
}

func (t *trainer) step() error {
	err := t.steps.Step(context.Background(), t.k, func(k, _ int, dst data.Batch) error {
		dst.Put(0, t.steps.Model.C, t.x0[k%2])
		return nil
	})
	t.k++
	return err
}

// Step measures training steps of a preset; on the emulator it takes one and counts.
func Step(ctx context.Context, o Options) error {
	began := time.Now()
	t, err := o.trainer()
	if err != nil {
		return err
	}
	row := o.stepRow("step", t.steps.Model, t.steps.Recipe.Train.MicroBatch)
	row.MemoryMB = float64(t.steps.Memory()) / 1e6
	row.FLOPs = t.steps.Cost().FLOPs
	if o.Device.Props().Emulated {
		return o.counted(row, t.machine, t.step)
	}
	if err := t.step(); err != nil {
		return err
	}
	if err := t.machine.Synchronize(); err != nil {
		return err
	}
	row.First = time.Since(began).Seconds()
	if err := o.measure(ctx, row, t.machine, t.step); err != nil {
		return err
	}
	last, err := t.steps.Records(t.k-1, t.k)
	if err != nil {
		return err
	}
	row.Loss = last[0].Loss
	return o.Emit(row)
}

// Sample measures steps of the ancestral sampler.
func Sample(ctx context.Context, o Options) error {
	began := time.Now()
	p, err := o.programs()
	if err != nil {
		return err
	}
	m := p.Model
	machine, err := exec.NewDevice(o.Device, exec.DeviceOptions{Selection: o.Selection})
	if err != nil {
		return err
	}
	table, err := sample.Table(m, sample.Method{})
	if err != nil {
		return err
	}
	chain, err := sample.ModelChain(m, machine, table, p.Recipe.Train.MicroBatch)
	if err != nil {
		return err
	}
	defer chain.Close()
	row := o.stepRow("sample", m, p.Recipe.Train.MicroBatch)
	row.MemoryMB = float64(chain.StepRunner().Memory()) / 1e6
	row.FLOPs = chain.StepRunner().Program().Cost().FLOPs
	k := 0
	step := func() error {
		state := kernels.StepState{Seed: 1, Step: uint32(k), ChainIndex: uint32(k % len(table.Steps)), LossScale: 1}
		k++
		return chain.StepRunner().Run(&state)
	}
	if o.Device.Props().Emulated {
		return o.counted(row, machine, step)
	}
	if err := step(); err != nil {
		return err
	}
	if err := machine.Synchronize(); err != nil {
		return err
	}
	row.First = time.Since(began).Seconds()
	if err := o.measure(ctx, row, machine, step); err != nil {
		return err
	}
	return o.Emit(row)
}

func (o Options) stepRow(kind string, m *model.Model, batch int) *StepRow {
	return &StepRow{Row: o.row(kind), Preset: o.Preset, Batch: batch, DType: o.DType.String(), Parameters: m.Params.Count()}
}

// counted takes one step on the emulator.
func (o Options) counted(row *StepRow, m *exec.Device, step func() error) error {
	p, ok := o.Device.(cuda.Profiler)
	if !ok {
		return fmt.Errorf("device %s counts nothing", row.Device)
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	p.StartCounting()
	if err := step(); err != nil {
		return err
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	list := p.StopCounting()
	row.Launches, row.Counters = len(list), counters(list, 0)
	return o.Emit(row)
}

// measure times rounds of steps: device events around each step, the host's clock around each round.
func (o Options) measure(ctx context.Context, row *StepRow, m *exec.Device, step func() error) error {
	for range warmSteps {
		if err := step(); err != nil {
			return err
		}
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	events := make([]cuda.Event, o.Steps+1)
	for i := range events {
		var err error
		if events[i], err = o.Device.NewEvent(); err != nil {
			return err
		}
	}
	var device, wall []float64
	for range o.Rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := time.Now()
		for i, e := range events {
			if i > 0 {
				if err := step(); err != nil {
					return err
				}
			}
			if err := m.Stream().Record(e); err != nil {
				return err
			}
		}
		if err := m.Synchronize(); err != nil {
			return err
		}
		wall = append(wall, time.Since(began).Seconds()/float64(o.Steps))
		for i := range o.Steps {
			d, err := events[i+1].Elapsed(events[i])
			if err != nil {
				return err
			}
			device = append(device, d.Seconds())
		}
	}
	row.Step, row.HostMS = summarise(device), summarise(wall).Median/1e3
	row.ImagesPerS = float64(row.Batch) / (row.Step.Median * 1e-6)
	row.TFLOPs = row.FLOPs / row.Step.Median / 1e6
	return nil
}
