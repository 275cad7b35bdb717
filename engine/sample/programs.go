package sample

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels"
	update "github.com/unnoise/unnoise/kernels/diffusion"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/rng"
)

// A step's history has as many slots as the update operator takes.
var _ = [1]struct{}{}[sampler.MaxHistory-update.MaxSlots]

// shaped names a persistent buffer of the chain's shape.
func (k *Chain) shaped(kind string) string {
	return fmt.Sprintf("chain.%s/%d,%d,%d,%d", kind, k.spec.N, k.spec.H, k.spec.W, k.spec.C)
}

func (k *Chain) stateName() string { return k.shaped("x") }
func (k *Chain) zName() string     { return k.shaped("z") }

// scaled reports whether the state starts as something else than the noise.
func (k *Chain) scaled() bool { return k.table.Init != 1 || k.table.InitZ != 0 }

// noiseName is the buffer that the noise is put into: the state itself where it starts as that.
func (k *Chain) noiseName() string {
	if k.scaled() {
		return k.shaped("noise")
	}
	return k.stateName()
}

func (k *Chain) startProgram() (*graph.Program, error) {
	g := graph.New()
	g.Assign(g.Persistent(k.noiseName(), k.spec), k.drawn(g, "x_T"), false)
	return g.Compile("start")
}

// beginProgram makes the state of the noise: Init noise + InitZ z.
func (k *Chain) beginProgram() (*graph.Program, error) {
	g := graph.New()
	x := g.Persistent(k.noiseName(), k.spec)
	var y kernels.Value
	switch {
	case k.table.InitZ == 0:
		y = kernels.Emit1(g, elementwise.Scale{Factor: k.table.Init}, x)
	case k.givenZ:
		y = kernels.Emit1(g, elementwise.Add{Alpha: k.table.Init, Beta: k.table.InitZ}, x, g.Persistent(k.zName(), k.spec))
	default:
		y = kernels.Emit1(g, elementwise.Add{Alpha: k.table.Init, Beta: k.table.InitZ}, x, k.drawn(g, "z/begin"))
	}
	g.Assign(g.Persistent(k.stateName(), k.spec), y, false)
	return g.Compile("begin")
}

func (k *Chain) stepProgram(denoise Denoiser) (*graph.Program, error) {
	g := graph.New()
	g.Phase("sample")
	_, rows := k.tableSpecs()
	x := g.Persistent(k.stateName(), k.spec)
	in := []kernels.Value{x, k.predict(g, x, denoise), g.Persistent(k.tableName("update"), rows), {}, {}}
	if k.givenZ {
		in[3] = g.Persistent(k.zName(), k.spec)
	}
	if k.table.History > 0 {
		slots := k.spec
		slots.N *= k.table.History
		in[4] = g.Persistent(fmt.Sprintf("%s,%d", k.shaped("history"), k.table.History), slots)
	}
	if h := k.table.Threshold; h != nil {
		in = append(in, kernels.Emit1(g, update.DynamicThreshold{Ratio: h.Ratio, Max: h.Max}, in[0], in[1], in[2]))
	}
	g.Emit(update.ReverseUpdate{Clip: k.table.Clip, Stream: rng.StreamID("z"), InPlace: true}, in...)
	return g.Compile("sample")
}

// tableSpecs returns the specs of the tables of times and of coefficients.
func (k *Chain) tableSpecs() (times, rows kernels.Spec) {
	s := len(k.table.Steps)
	return kernels.Dense(kernels.F32, s, 1, 1, 1), kernels.Dense(kernels.F32, s, 1, 1, update.UpdateWidth(k.table.History))
}

// tableName is unique to the tables' shape: each run of a chain writes its own tables over those of others.
func (k *Chain) tableName(kind string) string {
	return fmt.Sprintf("chain.%s/%d,%d", kind, len(k.table.Steps), k.table.History)
}

// times emits the times of a batch of n samples.
func (k *Chain) times(g *graph.Graph, n int) kernels.Value {
	ts, _ := k.tableSpecs()
	return kernels.Emit1(g, update.ChainTime{N: n}, g.Persistent(k.tableName("t"), ts))
}

func (k *Chain) writeTables() error {
	ts, us := k.tableSpecs()
	times, rows := make([]float32, ts.Span()), make([]float32, us.Span())
	for i := range k.table.Steps {
		s := &k.table.Steps[i]
		times[i*ts.Pitch] = float32(s.T)
		fillRow(rows[i*us.Pitch:], s, k.table.History)
	}
	if err := k.mach.Persistent(k.tableName("t"), ts); err != nil { // a denoiser that does not read t leaves its table out
		return err
	}
	if err := k.mach.Write(k.tableName("t"), 0, times); err != nil {
		return err
	}
	return k.mach.Write(k.tableName("update"), 0, rows)
}

// fillRow writes a step as a row of ReverseUpdate's table, rounded to float32 here and nowhere before.
func fillRow(row []float32, s *sampler.Step, slots int) {
	row[update.X0FromX], row[update.X0FromOut] = float32(s.X0X), float32(s.X0Out)
	fill := func(combination int, c *sampler.Coef) {
		at := row[update.Column(combination, slots):]
		at[0], at[1], at[2], at[3] = float32(c.X0), float32(c.X), float32(c.Z), float32(c.Out)
		for slot := range slots {
			row[update.SlotColumn(combination, slot, slots)] = float32(c.H[slot])
		}
	}
	fill(0, &s.Next)
	for i := range s.Writes {
		row[update.Write1+i] = float32(s.Writes[i].Slot + 1)
		fill(1+i, &s.Writes[i].Coef)
	}
}
