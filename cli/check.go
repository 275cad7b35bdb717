package cli

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/gradcheck"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all" // register
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// gradientTolerance is how far an operator's gradient may be from central differences in float64, relative.
const gradientTolerance = 1e-5

func checkCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "check",
		Usage: "hold every kernel against the float64 reference, and every gradient against finite differences",
		Description: "One row for each operator, variant and case; variant \"gradient\" is the finite-difference check. On the CPU (--device cpu, the\n" +
			"default without a GPU) the fast CPU variants are checked, on a GPU (cuda) or the emulator (emu) the CUDA variants in f32 and bf16, run\n" +
			"twice: both runs must agree in every bit. With --format json: one object\n" +
			"a line with \"op\", \"case\", \"dtype\", \"shape\", \"variant\", \"status\" (ok, failed or unsupported), \"ok\" (false where failed),\n" +
			"\"max_abs\", \"max_rel\", \"nmse\", \"tol_abs\", \"tol_rel\" and \"error\". Exit code 1 if anything failed.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "op", Usage: "only operators whose name matches `REGEX`"},
			formatFlag("table", "json"),
		},
		Action: runCheck,
	}
}

// verdict is a row of check.
type verdict struct {
	check.Result
	Status string `json:"status"`
}

func runCheck(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	asJSON, err := g.tabular(c, "table")
	if err != nil {
		return err
	}
	families, err := matching(c.String("op"))
	if err != nil {
		return err
	}
	r := &checkRun{g: g, json: asJSON, queue: cpu.NewQueue(g.threads)}
	if !g.onCPU() {
		if r.device, err = newDeviceCheck(g); err != nil {
			return err
		}
		defer r.device.close()
	}
	r.table = tabwriter.NewWriter(g.out, 2, 0, 2, ' ', 0)
	if !r.json {
		fmt.Fprintf(r.table, "operator\tvariant\tdtype\tstatus\tmax abs\tmax rel\tnmse\ttolerance\tcase\tshapes\tlargest error at\n")
	}
	for _, f := range families {
		if err := c.Context.Err(); err != nil {
			return fmt.Errorf("check stopped: %w", err)
		}
		run := r.family
		if r.device != nil {
			run = r.deviceFamily
		}
		if err := run(f); err != nil {
			return err
		}
	}
	return r.end()
}

// matching lists the operators whose name matches a pattern.
func matching(pattern string) ([]*kernels.Family, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, usagef("--op %q is not a regular expression: %w", pattern, err)
	}
	var list []*kernels.Family
	var names []string
	for _, f := range kernels.Families() {
		names = append(names, f.Op.Name())
		if re.MatchString(f.Op.Name()) {
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return nil, usagef("--op %q matches no operator; there are %s", pattern, strings.Join(names, ", "))
	}
	return list, nil
}

// checkRun prints and counts verdicts.
type checkRun struct {
	g                       *globals
	json                    bool
	queue                   *cpu.Queue   // of the CPU's variants
	device                  *deviceCheck // of the CUDA variants; nil on the CPU
	table                   *tabwriter.Writer
	ok, failed, unsupported int
}

// family checks every CPU variant and the gradient of an operator on all its cases.
func (r *checkRun) family(f *kernels.Family) error {
	props := kernels.Props{Backend: "cpu", Workers: r.queue.Workers()}
	for i := range f.Variants {
		v := &f.Variants[i]
		if v.Backend != "cpu" && v.Backend != "reference" {
			continue
		}
		for _, cs := range f.Op.Cases() {
			res, supported := check.Verify(cs, v, r.queue, props)
			if err := r.add(res, supported); err != nil {
				return err
			}
		}
	}
	for _, cs := range f.Op.Cases() {
		if cs.NoGrad {
			continue
		}
		if err := r.add(checkGradient(cs), true); err != nil {
			return err
		}
	}
	return nil
}

// checkGradient compares an operator's gradient with central differences on a case.
func checkGradient(cs kernels.Case) check.Result {
	res := check.Result{Op: cs.Op.Name(), Case: cs.Name, DType: "f64", Shape: caseShapes(cs), Variant: "gradient", TolRel: gradientTolerance}
	e, err := gradcheck.Check(cs)
	res.MaxRel = e.Relative
	switch {
	case err != nil:
		res.Error = err.Error()
	case !(e.Relative <= gradientTolerance):
		res.Error = fmt.Sprintf("input %d: gradient %.9g, central difference %.9g", e.Input, e.Analytic, e.Finite)
	default:
		res.OK = true
	}
	return res
}

func caseShapes(cs kernels.Case) string {
	var list []string
	for _, in := range cs.In {
		if in.Spec == nil {
			list = append(list, "-")
			continue
		}
		list = append(list, in.Spec.String())
	}
	return strings.Join(list, " ")
}

func (r *checkRun) add(res check.Result, supported bool) error {
	v := verdict{Result: res, Status: "ok"}
	switch {
	case !supported:
		v.Status, v.OK = "unsupported", true
		r.unsupported++
	case !res.OK:
		v.Status = "failed"
		r.failed++
	default:
		r.ok++
	}
	if r.json {
		return json.NewEncoder(r.g.out).Encode(v)
	}
	if r.g.quiet && v.Status == "ok" {
		return nil
	}
	_, err := fmt.Fprintf(r.table, "%s\t%s\t%s\t%s\t%.3g\t%.3g\t%.2g\t%.2g+%.2g|ref|\t%s\t%s\t%s\n", v.Op, v.Variant, v.DType, v.Status, v.MaxAbs, v.MaxRel, v.NMSE,
		v.TolAbs, v.TolRel, v.Case, v.Shape, v.Where)
	if v.Error != "" {
		fmt.Fprintf(r.table, "  %s\n", oneLine(v.Error))
	}
	return err
}

// end prints the sums.
func (r *checkRun) end() error {
	if !r.json {
		fmt.Fprintf(r.table, "%d ok, %d failed, %d unsupported\n", r.ok, r.failed, r.unsupported)
		if err := r.table.Flush(); err != nil {
			return err
		}
	}
	if r.failed > 0 {
		return fmt.Errorf("%d of %d checks failed", r.failed, r.ok+r.failed)
	}
	return nil
}
