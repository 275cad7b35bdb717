package kerneltest

import (
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/ptx"
)

// SabotageOption changes what Sabotage does.
type SabotageOption func(*sabotage)

// Operators names more operators that launch kernels of the module.
func Operators(names ...string) SabotageOption {
	return func(s *sabotage) { s.operators = append(s.operators, names...) }
}

// Mutants sets how many mutants of each kernel are made, in short tests and in long ones; 4 and 16 otherwise.
func Mutants(short, long int) SabotageOption {
	return func(s *sabotage) { s.short, s.long = short, long }
}

// Except leaves out mutants of a kernel (empty: of every kernel of the module) whose label holds a text, or the parts of a text in
// their order where it has " ... " between them: changes that provably change no result, for the reason given. A label reads
// "instruction -> what it became (file:line)". An exception that no mutant needs is an error.
func Except(kernel, text, reason string) SabotageOption {
	return func(s *sabotage) {
		s.exceptions = append(s.exceptions, exception{kernel: kernel, text: text, reason: reason})
	}
}

type exception struct {
	kernel, text, reason string
	used                 bool
}

type sabotage struct {
	module      string
	operators   []string
	short, long int
	exceptions  []exception
	lines       []string
}

// Sabotage breaks the compiled kernels of a module, one instruction at a time (an index, a term, a barrier), and runs the cases
// of the operator that reach the kernel: the check must fail for each mutant. Mutants are chosen by their place alone, the same
// in every run. A kernel that no case reaches is an error.
func Sabotage(t *testing.T, operator, module string, opts ...SabotageOption) {
	t.Helper()
	s := &sabotage{module: module, operators: []string{operator}, short: 4, long: 16}
	for _, o := range opts {
		o(s)
	}
	text, err := ptx.Source(module)
	if err != nil {
		t.Fatal(err)
	}
	s.lines = strings.Split(string(text), "\n")
	byKernel := map[string][]mutant{}
	for _, m := range mutants(s.lines) {
		if !s.excepted(m) {
			byKernel[m.kernel] = append(byKernel[m.kernel], m)
		}
	}
	for _, e := range s.exceptions {
		if !e.used || e.reason == "" {
			t.Errorf("the exception %q of %s (%s) fits no mutant or has no reason", e.text, e.kernel, e.reason)
		}
	}
	n := s.long
	if testing.Short() {
		n = s.short
	}
	reached := s.reached(t)
	for _, kernel := range Entries(text) {
		if len(reached[kernel]) == 0 {
			t.Errorf("kernel %s of %s.ptx is reached by no case of %v", kernel, module, s.operators)
			continue
		}
		t.Run(kernel, func(t *testing.T) { s.run(t, choose(byKernel[kernel], n), reached[kernel]) })
	}
}

func (s *sabotage) excepted(m mutant) bool {
	for i := range s.exceptions {
		e := &s.exceptions[i]
		if (e.kernel == "" || e.kernel == m.kernel) && e.fits(m.label) {
			e.used = true
			return true
		}
	}
	return false
}

// fits reports whether a label holds the parts of the exception's text.
func (e exception) fits(label string) bool {
	ok := true
	for part := range strings.SplitSeq(e.text, " ... ") {
		if _, label, ok = strings.Cut(label, part); !ok {
			return false
		}
	}
	return true
}

// reached lists the cases that launch each kernel of the module, small ones first.
func (s *sabotage) reached(t *testing.T) map[string][]Reach {
	t.Helper()
	list := map[string][]Reach{}
	for _, op := range s.operators {
		for _, r := range Reached(t, op) {
			for _, k := range r.Kernels {
				if name, ok := strings.CutPrefix(k, s.module+"/"); ok {
					list[name] = append(list[name], r)
				}
			}
		}
	}
	for _, l := range list {
		slices.SortStableFunc(l, func(a, b Reach) int { return elements(a.Case) - elements(b.Case) })
	}
	return list
}

// elements is the size of a case: its inputs and outputs.
func elements(cs kernels.Case) int {
	n := 0
	specs := make([]*kernels.Spec, len(cs.In))
	for i, in := range cs.In {
		if specs[i] = in.Spec; in.Spec != nil {
			n += in.Spec.Elements()
		}
	}
	outs, err := cs.Op.Infer(specs)
	if err != nil {
		return n
	}
	for _, o := range outs {
		n += o.Elements()
	}
	return n
}

// run checks mutants of one kernel. A case counts against a mutant when the kernel as it is passes it: intact holds how many of
// the first cases are known to.
func (s *sabotage) run(t *testing.T, list []mutant, cases []Reach) {
	expected := make([]*check.Expected, len(cases))
	for i, r := range cases {
		expected[i] = check.Expect(r.Case)
	}
	intact := 0
	for _, m := range list {
		ran, why, err := s.caught(t, m.apply(s.lines), cases, expected)
		if ran > intact {
			text := []byte(strings.Join(s.lines, "\n"))
			if _, why, _ := s.caught(t, text, cases[intact:ran], expected[intact:ran]); why != "" {
				t.Fatalf("the kernel as it is fails: %s", why)
			}
			intact = ran
		}
		switch {
		case err != nil:
			t.Errorf("%s mutant, line %d: %s: does not load: %v", m.sort, m.line+1, m.label, err)
		case why == "":
			t.Errorf("%s mutant, line %d: %s: no case of %v notices", m.sort, m.line+1, m.label, s.operators)
		default:
			t.Logf("%s mutant, line %d: %s: %s", m.sort, m.line+1, m.label, why)
		}
	}
}

// caught runs the cases with a text in the module's place up to the first that fails, and says how many it ran and how the last failed.
func (s *sabotage) caught(t *testing.T, text []byte, cases []Reach, expected []*check.Expected) (ran int, why string, err error) {
	t.Helper()
	d, err := emu.Open("a100", emu.StepBudget(1<<22))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	lib := gpu.NewLibraryFrom(d, func(module string) ([]byte, error) {
		if module == s.module {
			return text, nil
		}
		return ptx.Source(module)
	})
	if err := loads(d, s.module, text); err != nil {
		return 0, "", err
	}
	c, err := check.NewDevice(lib)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // reports the fault once more
	for i, r := range cases {
		if res, _ := c.VerifyExpected(expected[i], r.Variant); !res.OK {
			return i + 1, res.Error, nil
		}
	}
	return len(cases), "", nil
}

func loads(d cuda.Device, module string, text []byte) error {
	m, err := d.LoadModule(module+".ptx", text)
	if err != nil {
		return err
	}
	return m.Close()
}
