package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

// Cases implements kernels.Operator.
func (ReverseUpdate) Cases() []kernels.Case {
	state := kernels.StepState{Seed: 0x9876543210, Step: 5, SampleBase: 64, ChainIndex: 3}
	table := kernels.RandUniform(-1, 1, 7, 1, 1, UpdateColumns)
	silent := kernels.Input{Spec: table.Spec, Fill: kernels.Zeros}
	x := func() kernels.Input { return kernels.Randn(3, 5, 7, 3) }
	return append([]kernels.Case{
		{Name: "z given", Op: ReverseUpdate{}, State: state, In: []kernels.Input{x(), x(), table, x()}},
		{Name: "z given, clipped, pitches", Op: ReverseUpdate{Clip: 0.3}, State: state,
			In: []kernels.Input{kernels.RandnPitch(2, 3, 3, 8, 9), kernels.Randn(2, 3, 3, 8), table, kernels.RandnPitch(2, 3, 3, 8, 24)}},
		{Name: "z drawn", Op: ReverseUpdate{Clip: 1, Stream: 9}, State: state, In: []kernels.Input{x(), x(), table}},
		{Name: "z given, dense", Op: ReverseUpdate{Clip: 0.5}, State: state,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), table, kernels.Randn(2, 3, 5, 8)}},
		{Name: "z given, dense, unclipped", Op: ReverseUpdate{}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), table, kernels.Randn(2, 3, 5, 8)}},
		{Name: "no noise, dense", Op: ReverseUpdate{Clip: 0.5, Stream: 9}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), silent}},
		{Name: "z drawn, dense", Op: ReverseUpdate{Stream: 9}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8), table}},
		{Name: "z drawn, several blocks", Op: ReverseUpdate{Clip: 0.8, Stream: 9}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.RandnPitch(5, 9, 25, 6, 7), kernels.Randn(5, 9, 25, 6), table}},
		{Name: "in place, dense", Op: ReverseUpdate{Clip: 1, Stream: 9, InPlace: true}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), table}},
		{Name: "in place", Op: ReverseUpdate{Clip: 1, Stream: 9, InPlace: true}, State: state, In: []kernels.Input{x(), x(), table}, NoGrad: true},
		{Name: "no noise", Op: ReverseUpdate{Stream: 9}, State: state, In: []kernels.Input{kernels.Randn(1, 1, 1, 1), kernels.Randn(1, 1, 1, 1), silent}},
	}, append(limitCases(state, table), historyCases(state)...)...)
}

// limitCases have a limit for each sample, with and without a term of the network's output.
func limitCases(state kernels.StepState, table kernels.Input) []kernels.Case {
	limit, none := kernels.RandUniform(0.3, 1.5, 3, 1, 1, 1), kernels.Absent()
	plain := make([]float64, 4*UpdateColumns)
	copy(plain[3*UpdateColumns:], []float64{0.75, -0.5, 0.5, 0.25, -0.75})
	tables := map[string]kernels.Input{"limits": table, "limits, no term of out": kernels.Values(4, 1, 1, UpdateColumns, plain...)}
	var list []kernels.Case
	for _, name := range []string{"limits", "limits, no term of out"} {
		for _, x := range []kernels.Input{kernels.Randn(3, 3, 5, 8), kernels.RandnPitch(3, 5, 7, 3, 5)} {
			for k, z := range []kernels.Input{none, x} {
				full := fmt.Sprintf("%s, z %s, pitch %d", name, [...]string{"drawn", "given"}[k], x.Spec.Pitch)
				list = append(list, kernels.Case{Name: full, Op: ReverseUpdate{Stream: 9}, State: state, NoGrad: true,
					In: []kernels.Input{x, x, tables[name], z, none, limit}})
			}
		}
	}
	return list
}

// historyRows is the number of rows of historyTable.
const historyRows = 7

// historyTable is a table of a row that reads and writes everything, one that is plain, one that reads some slots and writes one of them, the
// first without terms of the output, one without noise, and two with noise in the first and in the second write alone.
func historyTable(slots int) kernels.Input {
	width := UpdateWidth(slots)
	values := make([]float64, historyRows*width)
	row := func(i int) []float64 { return values[i*width : (i+1)*width] }
	full, plain, some, closed, silent := row(0), row(1), row(2), row(3), row(4)
	for i := range full {
		full[i] = float64((i*37+11)%64)/64 - 0.45
	}
	full[Write1], full[Write2] = float64(slots), float64(slots/2) // the second write is none where there is one slot
	copy(plain[:Write1], full)
	copy(some[:COut], full)
	some[Write2], some[Column(2, slots)] = 1, 1
	some[SlotColumn(0, slots-1, slots)], some[SlotColumn(2, 0, slots)] = -0.5, 0.25
	copy(closed, full)
	for combination := range 3 {
		closed[Column(combination, slots)+COut-C0] = 0
	}
	copy(silent[:Sigma], full)
	silent[Write1], silent[Column(1, slots)+1], silent[SlotColumn(1, 0, slots)] = float64(slots), 1, 2
	for w := range 2 {
		noise := row(5 + w)
		copy(noise[:Sigma], full)
		noise[Write1], noise[Write2] = float64(slots), float64(slots/2)
		noise[Column(1, slots)], noise[Column(2, slots)+1] = 1, 1
		noise[Column(1+w, slots)+Sigma-C0] = 0.75
	}
	return kernels.Values(historyRows, 1, 1, width, values...)
}

func historyCases(state kernels.StepState) []kernels.Case {
	var list []kernels.Case
	add := func(name string, op ReverseUpdate, slots, index int, x kernels.Input, z, limit bool) {
		history := *x.Spec
		history.N *= slots
		in := []kernels.Input{x, x, historyTable(slots), kernels.Absent(), {Spec: &history}}
		if z {
			in[inZ] = x
		}
		if limit {
			in = append(in, kernels.RandUniform(0.3, 1.5, x.Spec.N, 1, 1, 1))
		}
		s := state
		s.ChainIndex = uint32(index)
		name = fmt.Sprintf("%s, %d slots, row %d, pitch %d", name, slots, index, x.Spec.Pitch)
		list = append(list, kernels.Case{Name: name, Op: op, State: s, In: in, NoGrad: true})
	}
	dense, odd := kernels.Randn(2, 3, 5, 8), kernels.RandnPitch(2, 3, 5, 3, 5)
	for _, x := range []kernels.Input{dense, odd} {
		for _, slots := range []int{1, 3, 6} {
			add("history", ReverseUpdate{Stream: 9, Clip: 0.7}, slots, 0, x, false, false)
		}
		for index := range historyRows {
			add("history, z given, clipped, in place", ReverseUpdate{Clip: 0.7, InPlace: true}, 4, index, x, true, false)
			add("history, z given, limits", ReverseUpdate{}, 2, index, x, true, true)
			add("history, in place", ReverseUpdate{Stream: 3, InPlace: true}, 4, index, x, false, false)
			add("history, limits", ReverseUpdate{Stream: 3}, 2, index, x, false, true)
		}
	}
	add("history, several blocks, dense", ReverseUpdate{Stream: 3}, 2, 2, kernels.Randn(3, 7, 25, 8), false, false)
	add("history, several blocks", ReverseUpdate{Stream: 3}, 2, 2, kernels.RandnPitch(3, 7, 25, 6, 7), false, false)
	return list
}
