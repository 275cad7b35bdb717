package graph_test

import (
	"fmt"
	"testing"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
)

// trainingPrograms returns the programs of a preset's training.
func trainingPrograms(t *testing.T, preset string, set ...string) []*graph.Program {
	t.Helper()
	r, err := recipe.Preset(preset, set)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := r.NetworkConfig()
	if err != nil {
		t.Fatal(err)
	}
	sched, err := r.Scheduler()
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Describe(cfg, sched)
	if err != nil {
		t.Fatal(err)
	}
	programs := train.Programs{Recipe: r, Model: m}
	var list []*graph.Program
	for _, build := range []func() (*graph.Program, error){programs.ForwardBackward, programs.OptimizerStep, func() (*graph.Program, error) { return programs.Evaluate(3) },
		func() (*graph.Program, error) { return m.PredictProgram(2, m.H, m.W) }} {
		p, err := build()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// lives returns the first and last step that touches each buffer, found from the steps alone.
func lives(p *graph.Program) [][2]int {
	l := make([][2]int, len(p.Buffers))
	for i := range l {
		l[i] = [2]int{-1, -1}
	}
	for at, s := range p.Steps {
		for _, ops := range [2][]graph.Ref{s.In, s.Out} {
			for _, r := range ops {
				if r.Buffer < 0 {
					continue
				}
				if l[r.Buffer][0] < 0 {
					l[r.Buffer][0] = at
				}
				l[r.Buffer][1] = at
			}
		}
	}
	return l
}

// TestPlan holds the memory plan of training programs to what it must be: no two buffers that are alive at once overlap, none leaves
// the arena, each operand lies inside its buffer, and nothing is read before it is written.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		preset string
		set    []string
	}{
		{"fashion-mnist", []string{"train.micro_batch=3", "train.micro_batches=2"}},
		{"cifar10", []string{"train.micro_batch=2"}},
		{"swissroll", []string{"train.micro_batch=512"}},
	} {
		for _, p := range trainingPrograms(t, c.preset, c.set...) {
			t.Run(c.preset+"/"+p.Name, func(t *testing.T) {
				checkPlan(t, p)
				checkOperands(t, p)
			})
		}
	}
}

func checkPlan(t *testing.T, p *graph.Program) {
	size := func(b graph.Buffer) int64 { return int64(b.Elements()) * 4 }
	layout, live := p.Plan(size), lives(p)
	total := int64(0)
	for i, b := range p.Buffers {
		at, n := layout.Offset[i], size(b)
		if (at >= 0) != (b.Kind == graph.Temporary) {
			t.Errorf("buffer %d, %s %s, has offset %d", i, b.Kind, b.Name, at)
		}
		if at < 0 {
			continue
		}
		total += n
		if at+n > layout.Size || at%256 != 0 {
			t.Errorf("buffer %d %s at %d, %d bytes: outside the arena of %d or not aligned", i, b.Name, at, n, layout.Size)
		}
		for k := range i {
			o, m := layout.Offset[k], size(p.Buffers[k])
			if o >= 0 && at < o+m && o < at+n && live[i][0] <= live[k][1] && live[k][0] <= live[i][1] {
				t.Errorf("buffers %d %s (steps %d..%d) and %d %s (steps %d..%d) are alive at once and overlap", i, b.Name, live[i][0], live[i][1],
					k, p.Buffers[k].Name, live[k][0], live[k][1])
			}
		}
	}
	if layout.Size > total+256*int64(len(p.Buffers)) {
		t.Errorf("the arena of %d bytes is larger than its %d bytes of tensors", layout.Size, total)
	}
}

// checkOperands follows the channels of each temporary that have been written so far.
func checkOperands(t *testing.T, p *graph.Program) {
	written := make([]map[int]bool, len(p.Buffers)) // channels of the rows
	for at, s := range p.Steps {
		for k, r := range s.In {
			if err := inside(p, r); err != nil {
				t.Errorf("step %d %s, input %d: %v", at, s.Op.Name(), k, err)
			} else if r.Buffer >= 0 && p.Buffers[r.Buffer].Kind == graph.Temporary {
				for c := range r.Spec.C {
					if !written[r.Buffer][r.Offset%r.Spec.Pitch+c] {
						t.Errorf("step %d %s, input %d: channel %d of %s is read before it is written", at, s.Op.Name(), k, c, p.Buffers[r.Buffer].Name)
						break
					}
				}
			}
		}
		for k, r := range s.Out {
			if err := inside(p, r); err != nil {
				t.Errorf("step %d %s, output %d: %v", at, s.Op.Name(), k, err)
				continue
			}
			if p.Buffers[r.Buffer].Kind != graph.Temporary {
				continue
			}
			if written[r.Buffer] == nil {
				written[r.Buffer] = map[int]bool{}
			}
			for c := range r.Spec.C {
				written[r.Buffer][r.Offset%r.Spec.Pitch+c] = true
			}
		}
	}
}

// inside checks that an operand lies in its buffer.
func inside(p *graph.Program, r graph.Ref) error {
	if r.Buffer < 0 {
		return nil
	}
	if b := p.Buffers[r.Buffer]; r.Offset < 0 || r.Offset+r.Spec.Extent() > b.Elements() {
		return fmt.Errorf("%s at %d is outside %s %s", r.Spec, r.Offset, b.Name, b.Spec)
	}
	return nil
}
