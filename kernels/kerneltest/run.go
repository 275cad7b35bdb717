// Package kerneltest is the test suite that every operator runs: variants against the reference on all cases.
package kerneltest

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// RunFamily runs every registered operator of the package whose test calls it, each as a subtest.
func RunFamily(t *testing.T) {
	t.Helper()
	pc, _, _, _ := runtime.Caller(1)
	path := packageOf(runtime.FuncForPC(pc).Name())
	found := false
	for _, f := range kernels.Families() {
		if reflect.TypeOf(f.Op).PkgPath() == path {
			found = true
			t.Run(f.Op.Name(), func(t *testing.T) { Run(t, f.Op.Name()) })
		}
	}
	if !found {
		t.Fatalf("package %s registers no operator", path)
	}
}

// packageOf is the import path in a function's name, that of the package under test for an external test.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/')
	pkg, _, _ := strings.Cut(function[slash+1:], ".")
	return function[:slash+1] + strings.TrimSuffix(pkg, "_test")
}

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
					t.Skip(res.Error)
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
