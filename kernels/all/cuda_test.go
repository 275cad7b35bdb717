package all

import (
	"slices"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
	"github.com/unnoise/unnoise/kernels/ptx"
)

// TestCUDA holds every operator to having a CUDA variant that takes each of its cases, in both types, and every compiled kernel to
// being launched for a case.
func TestCUDA(t *testing.T) {
	launched := map[string]bool{}
	for _, f := range kernels.Families() {
		name := f.Op.Name()
		if !slices.ContainsFunc(f.Variants, func(v kernels.Variant) bool { return v.Backend == "cuda" }) {
			t.Errorf("%s has no CUDA variant", name)
			continue
		}
		taken := map[string]int{}
		for _, r := range kerneltest.Reached(t, name) {
			taken[label(r.Case)]++
			for _, k := range r.Kernels {
				launched[k] = true
			}
		}
		for _, cs := range kerneltest.DeviceCases(f.Op) {
			if taken[label(cs)] == 0 {
				t.Errorf("%s: no CUDA variant takes the case %s", name, label(cs))
			}
		}
	}
	for _, module := range ptx.Modules() {
		text, err := ptx.Source(module)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range kerneltest.Entries(text) {
			if !launched[module+"/"+k] {
				t.Errorf("kernel %s of %s.ptx is launched for no case of any operator", k, module)
			}
		}
	}
}

// label tells apart the cases of an operator in both types.
func label(cs kernels.Case) string {
	s := cs.Name
	for _, in := range cs.In {
		if in.Spec != nil {
			s += " " + in.Spec.String()
		}
	}
	return s
}
