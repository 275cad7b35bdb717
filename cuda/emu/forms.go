package emu

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// Form is a set of opcodes that the emulator executes. In a pattern, {a|b|} stands for one of the alternatives, the last
// of which may be nothing.
type Form struct {
	Family  string // heading of the support page
	Section string // of the PTX ISA 8.4 document
	Pattern string
	MinSM   int    // lowest target that has the instruction
	Note    string // what differs from a GPU, if anything
}

// Supported lists every form that modules may use; anything else is refused by name when a module loads.
func Supported() []Form { return append([]Form(nil), forms...) }

// class is the group under which an instruction is counted.
type class uint8

const (
	clNone class = iota
	clInteger
	clFloat32
	clHalf
	clFloat64
	clTensor
	clConvert
	clMove
	clPredicate
	clSpecial
	clLoad
	clStore
	clAtomic
	clBarrier
	clBranch
	clCross
	clOther
)

// unit is the arithmetic unit that floating-point operations are counted under.
type unit uint8

const (
	unNone unit = iota
	unFloat32
	unFloat16
	unBFloat16
	unFloat64
	unSpecial
	unTensorF16
	unTensorBF16
	unTensorTF32
)

// opInfo is what counters need to know of an instruction.
type opInfo struct {
	class class
	unit  unit
	flops int64 // per thread
}

type compiledForm struct {
	form *Form
	re   *regexp.Regexp
}

var (
	formsOnce  sync.Once
	formsByOp  map[string][]compiledForm
	knownForms sync.Map // opcode -> *Form
)

// Matches tells whether the form contains the dotted opcode.
func (f *Form) Matches(opcode string) bool { return f.regexp().MatchString(opcode) }

func (f *Form) regexp() *regexp.Regexp {
	s := strings.NewReplacer(".", `\.`, "{", "(?:", "}", ")").Replace(f.Pattern)
	return regexp.MustCompile("^(?:" + s + ")$")
}

// ops lists the first parts of the form's opcodes.
func (f *Form) ops() []string {
	if rest, ok := strings.CutPrefix(f.Pattern, "{"); ok {
		names, _, _ := strings.Cut(rest, "}")
		return strings.Split(names, "|")
	}
	end := strings.IndexAny(f.Pattern, ".{")
	if end < 0 {
		end = len(f.Pattern)
	}
	return []string{f.Pattern[:end]}
}

// Expand lists the opcodes of the form.
func (f *Form) Expand() []string {
	out := []string{""}
	for rest := f.Pattern; rest != ""; {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			return product(out, []string{rest})
		}
		shut := open + strings.IndexByte(rest[open:], '}')
		out = product(out, []string{rest[:open]})
		out = product(out, strings.Split(rest[open+1:shut], "|"))
		rest = rest[shut+1:]
	}
	return out
}

func product(a, b []string) []string {
	var out []string
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

// formOf finds the form of an opcode, or nil.
func formOf(op, opcode string) *Form {
	if f, ok := knownForms.Load(opcode); ok {
		return f.(*Form)
	}
	formsOnce.Do(func() {
		formsByOp = map[string][]compiledForm{}
		for i := range forms {
			f := &forms[i]
			for _, name := range f.ops() {
				formsByOp[name] = append(formsByOp[name], compiledForm{f, f.regexp()})
			}
		}
	})
	for i := range formsByOp[op] {
		c := &formsByOp[op][i]
		if c.re.MatchString(opcode) {
			knownForms.Store(opcode, c.form)
			return c.form
		}
	}
	return nil
}

// checkForm refuses an instruction that is not supported or not legal for the module's target.
func checkForm(in *ptx.Inst, target int) error {
	opcode := in.Opcode()
	f := formOf(in.Op, opcode)
	if f == nil {
		return fmt.Errorf("instruction %s is not supported by the emulator", opcode)
	}
	if target < f.MinSM {
		return &targetError{fmt.Sprintf("instruction %s needs sm_%d or higher, the module is for sm_%d", opcode, f.MinSM, target)}
	}
	return nil
}

// targetError says that an instruction is not legal for the module's target.
type targetError struct{ text string }

func (e *targetError) Error() string { return e.text }
