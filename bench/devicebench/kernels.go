package devicebench

import (
	"context"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/linear"
)

// bench is a measurement under way.
type bench struct {
	Options
	timer    *timer
	queue    *gpu.Queue
	checker  *check.Device
	verdicts map[string]string // by operator, variant and type
	copyRate float64           // bytes a second; 0 on the emulator
	product  float64           // FLOPs a second
}

func (o Options) open() (*bench, error) {
	b := &bench{Options: o, verdicts: map[string]string{}}
	var err error
	if b.timer, err = newTimer(o.Device); err != nil {
		return nil, err
	}
	lib := gpu.NewLibrary(o.Device)
	if b.checker, err = check.NewDevice(lib); err != nil {
		return nil, err
	}
	state, err := o.Device.Alloc(gpu.StateBytes, "state")
	if err != nil {
		return nil, err
	}
	s := gpu.NewState(&kernels.StepState{Seed: 1, Step: 10, LearningRate: 1e-4, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Correction1: 0.9,
		Correction2: 0.1, EMADecay: 0.999, ClipNorm: 1, LossScale: 1, Guidance: 1})
	buf := make([]byte, gpu.StateBytes)
	s.Put(buf)
	b.queue = &gpu.Queue{Library: lib, Stream: b.timer.stream, State: state.Ptr()}
	return b, o.Device.CopyToDevice(state.Ptr(), buf)
}

// Kernels measures every distinct operator call of a preset's training step.
func Kernels(ctx context.Context, o Options) error {
	b, err := o.open()
	if err != nil {
		return err
	}
	if err := b.references(); err != nil {
		return err
	}
	p, err := o.programs()
	if err != nil {
		return err
	}
	programs, err := p.Compile()
	if err != nil {
		return err
	}
	b.Batch = p.Recipe.Train.MicroBatch
	for _, c := range distinct(programs...) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if o.Match != nil && !o.Match.MatchString(c.step.Op.Name()) {
			continue
		}
		if err := b.call(c); err != nil {
			return fmt.Errorf("%s %s: %w", c.step.Op.Name(), shapes(c.step.In), err)
		}
	}
	return nil
}

// call measures the variant that would be taken for a call, or with a table to fill all that support it.
func (b *bench) call(c *call) error {
	m := &memory{dev: b.Device}
	defer m.close()
	bound, err := m.place(c.step, nil)
	if err != nil {
		return err
	}
	props := b.queue.Library.Props()
	chosen, err := kernels.Choose(bound, props, b.Selection)
	if err != nil {
		return err
	}
	variants := []*kernels.Variant{chosen}
	if b.Table != nil {
		variants = supporting(bound, props, b.Selection)
	}
	best := 0.0
	for _, v := range variants {
		row, err := b.kernel(c, v)
		if err != nil {
			return err
		}
		if b.Table != nil && row.Cold != nil && row.Check == "ok" && (best == 0 || row.Cold.Median < best) {
			best, b.Table[kernels.Key(bound, props)] = row.Cold.Median, v.Name
		}
		if err := b.Emit(row); err != nil {
			return err
		}
	}
	return nil
}

// supporting lists the CUDA variants that support a call and are not excluded.
func supporting(c *kernels.Call, p kernels.Props, s kernels.Selection) []*kernels.Variant {
	var list []*kernels.Variant
	f := kernels.Lookup(c.Op.Name())
	for i := range f.Variants {
		if v := &f.Variants[i]; v.Backend == p.Backend && !s.Excluded(v) && v.Kernel.Supports(c, p) == nil {
			list = append(list, v)
		}
	}
	return list
}

// productSize is the side of the square matrices of the reference product; tests take a small one.
var productSize = 4096

// references measures the denominators.
func (b *bench) references() error {
	if b.Device.Props().Emulated {
		return nil
	}
	rate, n, err := b.timer.copyRate(b.Rounds)
	if err != nil {
		return err
	}
	b.copyRate = rate
	s := kernels.Dense(b.DType, 1, 1, productSize, productSize)
	m := &memory{dev: b.Device}
	defer m.close()
	c := &kernels.Call{Op: linear.Matmul{Alpha: 1}}
	for _, list := range []*[]*kernels.Operand{&c.In, &c.In, &c.Out} {
		at, err := m.alloc(s)
		if err != nil {
			return err
		}
		*list = append(*list, &kernels.Operand{Spec: s, Name: "product", Addr: at})
	}
	v, err := kernels.Choose(c, b.queue.Library.Props(), b.Selection)
	if err != nil {
		return err
	}
	launches, err := m.record(b.queue, v, c)
	if err != nil {
		return err
	}
	seconds, err := b.timer.calls([][]gpu.Recorded{launches}, b.Rounds)
	if err != nil {
		return err
	}
	b.product = 2 * math.Pow(float64(productSize), 3) / (summarise(seconds).Median * 1e-6)
	return b.Emit(ReferenceRow{Row: b.row("reference"), CopyBytes: n, CopyGBs: rate / 1e9, Product: s.String(), TFLOPs: b.product / 1e12})
}

// kernel measures a variant on a call, or counts what it does on the emulator.
func (b *bench) kernel(c *call, v *kernels.Variant) (*KernelRow, error) {
	row := &KernelRow{Row: b.row("kernel"), Preset: b.Preset, Batch: b.Batch, DType: b.DType.String(), Op: c.step.Op.Name(),
		Call: kernels.Attributes(c.step.Op), Shape: shapes(c.step.In), Count: c.count, FLOPs: c.step.Cost.FLOPs, Bytes: c.step.Cost.Bytes}
	m := &memory{dev: b.Device}
	defer m.close()
	bound, err := m.place(c.step, nil)
	if err != nil {
		return nil, err
	}
	row.Variant, row.Name, row.Reason = v.Number, v.Name, v.Doc
	if row.Check, err = b.verdict(c.step.Op, v); err != nil {
		return nil, err
	}
	launches, err := m.record(b.queue, v, bound)
	if err != nil {
		return nil, err
	}
	row.Kernels = len(launches)
	if p, ok := b.Device.(cuda.Profiler); ok && b.Device.Props().Emulated {
		return row, b.count(p, launches, row)
	}
	return row, b.time(m, c, v, launches, row)
}

// verdict is the result of the variant's check on this device, made once.
func (b *bench) verdict(op kernels.Operator, v *kernels.Variant) (string, error) {
	key := fmt.Sprintf("%s/%d", op.Name(), v.Number)
	if s, ok := b.verdicts[key]; ok {
		return s, nil
	}
	b.log("checking %s variant %d", op.Name(), v.Number)
	verdict := "ok"
	for _, cs := range op.Cases() {
		list := []kernels.Case{cs}
		if half, ok := cs.InBF16(); ok {
			list = append(list, half)
		}
		for _, cs := range list {
			if res, supported := b.checker.Verify(cs, v); supported && !res.OK {
				verdict = fmt.Sprintf("failed: case %q: %s", res.Case, res.Error)
			}
		}
	}
	b.verdicts[key] = verdict
	return verdict, nil
}

// time measures a call on the same buffers and on rotated ones.
func (b *bench) time(m *memory, c *call, v *kernels.Variant, launches []gpu.Recorded, row *KernelRow) error {
	hot, err := b.timer.calls([][]gpu.Recorded{launches}, b.Rounds)
	if err != nil {
		return err
	}
	row.Hot = summarise(hot)
	sets := [][]gpu.Recorded{launches}
	one := max(m.size, 1)
	for m.size <= 3*int64(b.Device.Props().L2Bytes)+one && len(sets) < 64 {
		bound, err := m.place(c.step, nil)
		if err != nil {
			return err
		}
		set, err := m.record(b.queue, v, bound)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	cold, err := b.timer.calls(sets, b.Rounds)
	if err != nil {
		return err
	}
	row.Cold = summarise(cold)
	seconds := row.Cold.Median * 1e-6
	row.GBs, row.TFLOPs = row.Bytes/seconds/1e9, row.FLOPs/seconds/1e12
	row.OfCopy, row.OfMatmul = row.Bytes/seconds/b.copyRate, row.FLOPs/seconds/b.product
	return nil
}
