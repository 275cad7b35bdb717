// Package kerneltest is the test suite that every operator runs: variants against the reference on all cases.
package kerneltest

import (
	"fmt"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// Run holds every variant of an operator to the reference on all of the operator's cases, the CUDA variants on the emulator.
func Run(t *testing.T, name string) {
	t.Helper()
	f := kernels.Lookup(name)
	if f == nil {
		t.Fatalf("operator %s is not registered", name)
	}
	cases := f.Op.Cases()
	if len(cases) == 0 {
		t.Fatalf("operator %s has no cases", name)
	}
	expected := make([]*check.Expected, len(cases))
	for i, cs := range cases {
		expected[i] = check.Expect(cs)
	}
	q := cpu.NewQueue(3)
	p := kernels.Props{Backend: "cpu", Workers: q.Workers()}
	for i := range f.Variants {
		v := &f.Variants[i]
		if v.Backend != "cpu" && v.Backend != "reference" {
			continue
		}
		supported := 0
		for k, cs := range cases {
			t.Run(fmt.Sprintf("%s%d/%s", v.Backend, v.Number, cs.Name), func(t *testing.T) {
				res, ok := check.VerifyExpected(expected[k], v, q, p)
				if !ok {
					return
				}
				supported++
				if !res.OK {
					t.Errorf("%s %s: %s", res.Op, res.Shape, res.Error)
				}
			})
		}
		if supported == 0 {
			t.Errorf("%s variant %s/%d supports none of the cases", name, v.Backend, v.Number)
		}
	}
	t.Run("cuda", func(t *testing.T) { RunDevice(t, name) })
}
