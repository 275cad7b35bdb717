package exec

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
)

// named finds an input or output and checks the length of the caller's data.
func (r *cpuProgram) named(kind graph.Kind, name string, n int) (*kernels.Operand, error) {
	i := r.p.Find(kind, name)
	if i < 0 {
		return nil, fmt.Errorf("program %s has no %s %q", r.p.Name, kind, name)
	}
	o := r.buffers[i]
	if o.Elements() != n {
		return nil, fmt.Errorf("program %s, %s %q: %d elements given, %s has %d", r.p.Name, kind, name, n, o.Spec, o.Elements())
	}
	return o, nil
}

// Set implements LoadedProgram.
func (r *cpuProgram) Set(name string, data []float32) error {
	o, err := r.named(graph.Input, name, len(data))
	if err != nil {
		return err
	}
	if o.I32 != nil {
		return fmt.Errorf("program %s, input %q holds integers", r.p.Name, name)
	}
	for row := range o.Rows() {
		src := data[row*o.C : (row+1)*o.C]
		for c, x := range src {
			if o.F64 != nil {
				o.F64[row*o.Pitch+c] = float64(x)
			} else {
				o.F32[row*o.Pitch+c] = x
			}
		}
	}
	return nil
}

// InputView implements LoadedProgram.
func (r *cpuProgram) InputView(name string) ([]float32, error) {
	i := r.p.Find(graph.Input, name)
	if i < 0 {
		return nil, fmt.Errorf("program %s has no %s %q", r.p.Name, graph.Input, name)
	}
	return r.buffers[i].F32, nil
}

// Commit implements LoadedProgram: the view is the input itself.
func (r *cpuProgram) Commit(string) error { return nil }

// SetInts implements LoadedProgram.
func (r *cpuProgram) SetInts(name string, data []int32) error {
	o, err := r.named(graph.Input, name, len(data))
	if err != nil {
		return err
	}
	if o.I32 == nil {
		return fmt.Errorf("program %s, input %q does not hold integers", r.p.Name, name)
	}
	for row := range o.Rows() {
		copy(o.I32[row*o.Pitch:row*o.Pitch+o.C], data[row*o.C:])
	}
	return nil
}

// Get implements LoadedProgram.
func (r *cpuProgram) Get(name string, dst []float32) error {
	o, err := r.named(graph.Output, name, len(dst))
	if err != nil {
		return err
	}
	for row := range o.Rows() {
		for c := range o.C {
			i := row*o.Pitch + c
			switch {
			case o.F64 != nil:
				dst[row*o.C+c] = float32(o.F64[i])
			case o.I32 != nil:
				dst[row*o.C+c] = float32(o.I32[i])
			default:
				dst[row*o.C+c] = o.F32[i]
			}
		}
	}
	return nil
}
