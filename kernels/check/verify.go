package check

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
)

// Result is the verdict on one variant and case.
type Result struct {
	Op      string  `json:"op"`
	Case    string  `json:"case"`
	DType   string  `json:"dtype"`
	Shape   string  `json:"shape"`
	Variant string  `json:"variant"` // backend and number
	Name    string  `json:"variant_name,omitempty"`
	MaxAbs  float64 `json:"max_abs"`
	MaxRel  float64 `json:"max_rel"`
	NMSE    float64 `json:"nmse"` // sum (got-want)^2 / sum want^2
	Where   string  `json:"where,omitempty"`
	TolAbs  float64 `json:"tol_abs"`
	TolRel  float64 `json:"tol_rel"`
	OK      bool    `json:"ok"`
	Error   string  `json:"error,omitempty"`
}

// Expected is a case with the results of its reference, which runs when they are first asked for: once without and once with
// accumulation. It may not be used by several goroutines at once.
type Expected struct {
	Case kernels.Case
	done [2]bool
	want [2]*kernels.Call
	err  [2]error
}

// Expect prepares the results of a case's reference.
func Expect(cs kernels.Case) *Expected { return &Expected{Case: cs} }

// reference returns the float64 operands of the case after the reference has run; no caller may change them.
func (e *Expected) reference(accumulate bool) (*kernels.Call, error) {
	k := 0
	if accumulate {
		k = 1
	}
	if !e.done[k] {
		e.done[k] = true
		if e.want[k], e.err[k] = Operands(e.Case, Double, accumulate); e.err[k] == nil {
			e.err[k] = runReference(e.want[k])
		}
	}
	return e.want[k], e.err[k]
}

// Verify runs a variant on a case and compares it with the reference. Unsupported calls return ok=false in the second value.
func Verify(cs kernels.Case, v *kernels.Variant, q kernels.Queue, p kernels.Props) (Result, bool) {
	return VerifyExpected(Expect(cs), v, q, p)
}

// VerifyExpected is Verify for one of several variants of a case: the reference runs once for all of them.
func VerifyExpected(e *Expected, v *kernels.Variant, q kernels.Queue, p kernels.Props) (Result, bool) {
	cs := e.Case
	res := Result{Op: cs.Op.Name(), Case: cs.Name, DType: "f32", Variant: fmt.Sprintf("%s/%d", v.Backend, v.Number), Name: v.Name}
	for _, accumulate := range []bool{false, true} {
		if _, ok := cs.Op.(kernels.AccumulatingOperator); accumulate && !ok {
			break
		}
		if supported := verifyOnce(e, v, q, p, accumulate, &res); !supported {
			return res, false
		}
		if res.Error != "" {
			return res, true
		}
	}
	res.OK = true
	return res, true
}

func verifyOnce(e *Expected, v *kernels.Variant, q kernels.Queue, p kernels.Props, accumulate bool, res *Result) bool {
	got, err := Operands(e.Case, Single, accumulate)
	if err != nil {
		res.Error = err.Error()
		return true
	}
	res.Shape = shapes(got)
	if err := v.Kernel.Supports(got, p); err != nil {
		res.Error = err.Error()
		return false
	}
	got.Workspace = make([]float32, (v.Kernel.Workspace(got, p)+3)/4)
	want, err := e.reference(accumulate)
	if err != nil {
		res.Error = err.Error()
		return true
	}
	before := snapshot(got)
	if err := v.Kernel.Run(q, got); err != nil {
		res.Error = err.Error()
		return true
	}
	if err := unchanged(got, before); err != nil {
		res.Error = err.Error()
		return true
	}
	for i := range got.Out {
		if got.Out[i] == nil {
			continue
		}
		if err := guardsIntact(got.Out[i]); err != nil {
			res.Error = err.Error()
			return true
		}
		tol := kernels.ToleranceOf(got, i)
		res.TolAbs, res.TolRel = tol.Abs, tol.Rel
		if err := compare(got.Out[i], want.Out[i], tol, res); err != nil {
			res.Error = err.Error()
			return true
		}
	}
	return true
}

func shapes(c *kernels.Call) string {
	s := ""
	for i, o := range c.In {
		if i > 0 {
			s += " "
		}
		if o == nil {
			s += "-"
			continue
		}
		s += o.Spec.String()
	}
	return s
}

// runReference runs an operator's reference variant.
func runReference(c *kernels.Call) error {
	v, err := kernels.Choose(c, kernels.Props{Backend: "reference", Workers: 1}, kernels.Selection{})
	if err != nil {
		return err
	}
	return v.Kernel.Run(nil, c)
}

// compare holds got to want element by element; values that are not finite must agree before any error is measured.
func compare(got, want *kernels.Operand, tol kernels.Tol, res *Result) error {
	var errSum, refSum float64
	var failed error
	fill(want.Spec, func(i, lane int, logical bool) {
		if !logical || failed != nil {
			return
		}
		if want.I32 != nil {
			if got.I32[lane] != want.I32[lane] {
				failed = fmt.Errorf("%s: %d instead of %d at %s", want.Name, got.I32[lane], want.I32[lane], position(want.Spec, i))
			}
			return
		}
		g, w := float64(got.F32[lane]), want.F64[lane]
		if math.IsNaN(w) || math.IsInf(w, 0) || math.IsNaN(g) || math.IsInf(g, 0) {
			if !(math.IsNaN(w) && math.IsNaN(g)) && g != w {
				failed = fmt.Errorf("%s: %g instead of %g at %s", want.Name, g, w, position(want.Spec, i))
			}
			return
		}
		d := math.Abs(g - w)
		errSum += d * d
		refSum += w * w
		if d > res.MaxAbs {
			res.MaxAbs = d
			res.Where = want.Name + position(want.Spec, i)
		}
		if w != 0 {
			res.MaxRel = max(res.MaxRel, d/math.Abs(w))
		}
		if d > tol.Abs+tol.Rel*math.Abs(w) {
			failed = fmt.Errorf("%s: %.9g instead of %.9g at %s, off by %.3g, tolerance %.3g + %.3g * |ref|",
				want.Name, g, w, position(want.Spec, i), d, tol.Abs, tol.Rel)
		}
	})
	if refSum > 0 {
		res.NMSE = max(res.NMSE, errSum/refSum)
	}
	return failed
}

// position names logical element i.
func position(s kernels.Spec, i int) string {
	c := i % s.C
	r := i / s.C
	return fmt.Sprintf("[%d,%d,%d,%d]", r/s.W/s.H, r/s.W%s.H, r%s.W, c)
}
