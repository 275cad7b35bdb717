package cli

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
)

// deviceCheck is a device on which variants are checked. A fault of a kernel is final for a device: another one is opened.
type deviceCheck struct {
	g       *globals
	dev     cuda.Device
	checker *check.Device
}

func newDeviceCheck(g *globals) (*deviceCheck, error) {
	d := &deviceCheck{g: g}
	return d, d.open()
}

// open leaves what was there, closed, where it fails.
func (d *deviceCheck) open() error {
	dev, err := d.g.openDevice()
	if err != nil {
		return err
	}
	checker, err := check.OnDevice(dev)
	if err != nil {
		_ = dev.Close() // the first error is the one to tell
		return err
	}
	d.dev, d.checker = dev, checker
	return nil
}

func (d *deviceCheck) close() {
	_ = d.checker.Close() // what a fault left behind is closed with the device
	_ = d.dev.Close()
}

// verify checks a variant on a case; after a failure it goes on with a fresh device.
func (d *deviceCheck) verify(cs kernels.Case, v *kernels.Variant) (check.Result, bool, error) {
	res, supported := d.checker.Verify(cs, v)
	if !supported || res.OK {
		return res, supported, nil
	}
	d.close()
	return res, supported, d.open()
}

// deviceFamily checks every CUDA variant of an operator on all its cases, in f32 and where it has them in bf16. A case that no
// variant supports fails: what is not there is said.
func (r *checkRun) deviceFamily(f *kernels.Family) error {
	for _, cs := range f.Op.Cases() {
		for _, cs := range caseTypes(cs, r.g.dtype) {
			if err := r.deviceCase(f, cs); err != nil {
				return err
			}
		}
	}
	return nil
}

// deviceCase checks every CUDA variant on a case.
func (r *checkRun) deviceCase(f *kernels.Family, cs kernels.Case) error {
	found := false
	for i := range f.Variants {
		v := &f.Variants[i]
		if v.Backend != "cuda" {
			continue
		}
		res, supported, err := r.device.verify(cs, v)
		if err != nil {
			return err
		}
		found = found || supported
		if err := r.add(res, supported); err != nil {
			return err
		}
	}
	if found {
		return nil
	}
	return r.add(check.Result{Op: f.Op.Name(), Variant: "cuda", DType: check.CaseType(cs), Case: cs.Name, Shape: caseShapes(cs),
		Error: "no CUDA variant supports this case"}, true)
}

// caseTypes returns a case in the types that --dtype names.
func caseTypes(cs kernels.Case, dtype string) []kernels.Case {
	var list []kernels.Case
	if dtype != kernels.BF16.String() {
		list = append(list, cs)
	}
	if half, ok := cs.InBF16(); ok && dtype != kernels.F32.String() {
		list = append(list, half)
	}
	return list
}
