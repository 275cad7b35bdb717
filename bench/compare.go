package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// Tolerance is how far output, loss and each gradient may be from PyTorch's in float64, relative.
const Tolerance = 1e-4

// Presets are the presets whose training step has a peer on the CPU.
var Presets = []string{"fashion-mnist", "cifar10-small"}

// Options say what is measured. Every field but Batch, Warmup and Log is needed.
type Options struct {
	Presets               []string
	Batch                 int // 0: the preset's
	Threads               int // of each side
	Rounds, Steps, Warmup int // rounds, steps a round, steps before the first round
	Peers, Python         string
	Binary                string // this program, for the parity check
	Contiguous            bool   // the peer in N,C,H,W memory; else channels_last
	Commit                string
	Emit                  func(row any) error           // takes each row as it is made
	Log                   func(format string, a ...any) // takes progress; may be nil
}

func (o Options) check() error {
	if o.Threads < 1 || o.Rounds < 1 || o.Steps < 1 || o.Warmup < 0 || o.Batch < 0 {
		return errors.New("want at least one thread, round and step, and no negative number")
	}
	if o.Threads > runtime.NumCPU() {
		return fmt.Errorf("%d threads on %d processors measure the scheduler: want at most %d", o.Threads, runtime.NumCPU(), runtime.NumCPU())
	}
	return nil
}

func (o Options) log(format string, a ...any) {
	if o.Log != nil {
		o.Log(format, a...)
	}
}

// Steps times our training step alone: a RoundRow a round.
func Steps(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.Threads))
	for _, preset := range o.Presets {
		s, err := o.stepper(preset)
		if err != nil {
			return err
		}
		for i := 0; i < o.Rounds && err == nil; i++ {
			if err = ctx.Err(); err == nil {
				_, err = o.ourRound(s, preset, i)
			}
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Compare times PyTorch's training step and ours in turn and returns a row for each preset. It fails where a peer cannot run;
// a failed parity check is a void row.
func Compare(ctx context.Context, o Options) ([]StepRow, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := o.checkPeers(); err != nil {
		return nil, err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.Threads))
	var rows []StepRow
	load := loadAverage()
	for _, preset := range o.Presets {
		row, err := o.compare(ctx, preset, load)
		if err != nil {
			return rows, fmt.Errorf("preset %s: %w", preset, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// stepper loads a preset and takes the steps before the first round.
func (o Options) stepper(preset string) (*Stepper, error) {
	var set []string
	if o.Batch > 0 {
		set = append(set, fmt.Sprintf("train.micro_batch=%d", o.Batch))
	}
	s, err := NewStepper(preset, set, o.Threads)
	if err != nil {
		return nil, err
	}
	if _, err := s.Times(o.Warmup); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// compare is the run of one preset; load is that before the whole run, without its own share.
func (o Options) compare(ctx context.Context, preset string, load float64) (row StepRow, err error) {
	o.log("%s: parity of output, loss and gradients", preset)
	parity, err := o.parity(ctx, preset)
	if err != nil {
		return row, err
	}
	if err := o.Emit(parity); err != nil {
		return row, err
	}
	row.Row = o.row("step")
	row.Load = load
	o.log("%s: warming up", preset)
	s, err := o.stepper(preset)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	before, err := o.matmul()
	if err != nil {
		return row, err
	}
	p, err := o.startPeer(ctx, preset, s)
	if err != nil {
		return row, err
	}
	ours, theirs, err := o.rounds(ctx, preset, s, p)
	if err = errors.Join(err, p.close()); err != nil {
		return row, err
	}
	after, err := o.matmul()
	if err != nil {
		return row, err
	}
	row.Preset, row.Batch, row.Parameters, row.Rounds, row.Steps = preset, s.Batch(), s.Parameters(), o.Rounds, o.Steps
	row.Peer, row.Layout, row.MACs, row.Parity = p.version, o.layout(), s.MACs(), parity.Verdict
	if parity.Parameters != s.Parameters() {
		row.Parity = fmt.Sprintf("failed: the network checked has %d parameters, the one measured %d", parity.Parameters, s.Parameters())
	}
	row.RooflineMS = round(s.MACs() / (max(before, after) * 1e6))
	row.fill(ours, theirs)
	return row, o.Emit(row)
}

func (o Options) layout() string {
	if o.Contiguous {
		return "contiguous"
	}
	return "channels_last"
}

// matmul measures the rate of the matrix product, in 10^9 multiply-adds a second.
func (o Options) matmul() (float64, error) {
	row := MatmulRow{Row: o.row("matmul"), Size: productSize}
	row.GMACs = matmulRate(o.Threads)
	return row.GMACs, o.Emit(row)
}

// side is what one side's rounds gave.
type side struct {
	all    []float64 // every step
	median []float64 // a round
	cpu    []float64 // a round, a step
}

func (s *side) add(ms []float64, row RoundRow) {
	s.all, s.median, s.cpu = append(s.all, ms...), append(s.median, row.Median), append(s.cpu, row.CPU)
}

// rounds lets both sides take turns.
func (o Options) rounds(ctx context.Context, preset string, s *Stepper, p *peer) (ours, theirs side, err error) {
	for i := range o.Rounds {
		if err := ctx.Err(); err != nil {
			return ours, theirs, err
		}
		row := o.roundRow(Theirs, p.version, preset, s, i)
		got, err := p.round()
		if err != nil {
			return ours, theirs, err
		}
		row.Times, row.CPU = summarise(got.Each), got.CPU
		theirs.add(got.Each, row)
		if err := o.Emit(row); err != nil {
			return ours, theirs, err
		}
		o.log("%s: round %d of %d: %s %.0f ms a step", preset, i+1, o.Rounds, Theirs, row.Median)
		r, err := o.ourRound(s, preset, i)
		if err != nil {
			return ours, theirs, err
		}
		ours.add(r.each, r.RoundRow)
	}
	return ours, theirs, nil
}

// ourTurn is a round of ours with the time of every step.
type ourTurn struct {
	RoundRow
	each []float64
}

func (o Options) ourRound(s *Stepper, preset string, number int) (ourTurn, error) {
	r := ourTurn{RoundRow: o.roundRow(Ours, o.Commit, preset, s, number)}
	begin := cpuTime()
	var err error
	if r.each, err = s.Times(o.Steps); err != nil {
		return r, err
	}
	r.CPU = round(milliseconds(cpuTime()-begin) / float64(o.Steps))
	loss, err := s.Loss()
	if err != nil {
		return r, err
	}
	if !(loss < 4) { // the mean square of the noise is 1
		return r, fmt.Errorf("preset %s: loss %g after a round: the steps measured are not training", preset, loss)
	}
	r.Times = summarise(r.each)
	o.log("%s: round %d of %d: %s %.0f ms a step", preset, number+1, o.Rounds, Ours, r.Median)
	return r, o.Emit(r.RoundRow)
}

func (o Options) roundRow(who, version, preset string, s *Stepper, number int) RoundRow {
	return RoundRow{Row: o.row("round"), Side: who, Version: version, Preset: preset, Batch: s.Batch(), Parameters: s.Parameters(), Round: number, Steps: o.Steps}
}

// fill computes times and, where parity holds, ratios.
func (r *StepRow) fill(ours, theirs side) {
	r.Ours, r.Theirs = summarise(ours.all), summarise(theirs.all)
	r.OursCPU, r.TheirsCPU = round(quantile(ours.cpu, 0.5)), round(quantile(theirs.cpu, 0.5))
	if r.Void() {
		return
	}
	ratios, cpu := ratios(theirs.median, ours.median), ratios(theirs.cpu, ours.cpu)
	r.Ratio, r.RatioMin, r.RatioMax = round(quantile(ratios, 0.5)), round(quantile(ratios, 0)), round(quantile(ratios, 1))
	r.RatioCPU = round(quantile(cpu, 0.5))
}

func ratios(a, b []float64) []float64 {
	list := make([]float64, len(a))
	for i := range a {
		list[i] = a[i] / b[i]
	}
	return list
}
