package cuda

import (
	"fmt"
	"strings"
)

// Check names a rule that the emulator holds kernels to.
type Check string

// The checks.
const (
	OutOfBounds       Check = "out of bounds"          // outside every allocation, or in a guard band
	OutsideOperand    Check = "outside operands"       // inside an allocation but outside the declared operands
	OperandMode       Check = "operand mode"           // a store to a read operand, or a load of a write operand's old contents
	Misaligned        Check = "misaligned"             // address is not a multiple of the access size
	UseAfterFree      Check = "use after free"         // memory that was freed
	Uninitialized     Check = "uninitialised"          // a value nobody wrote reached an address, a branch or a global store
	UnwrittenOperand  Check = "unwritten operand"      // a write operand was left partly unwritten
	TemporaryLife     Check = "temporary life"         // a temporary used outside its planned life
	SharedRace        Check = "shared-memory race"     // conflicting accesses of two warps without a barrier between them
	GlobalRace        Check = "global-memory race"     // conflicting accesses of two blocks outside atomics
	BarrierDivergence Check = "barrier divergence"     // a barrier not reached by all threads it waits for
	Deadlock          Check = "deadlock"               // no thread can go on
	AsyncCopyRace     Check = "asynchronous copy race" // data of cp.async used before its wait
	IllegalForTarget  Check = "illegal instruction"    // not legal for the target
	StepBudget        Check = "step budget"            // more instructions than the launch may execute
	Trap              Check = "trap"                   // trap executed
	DeviceAssert      Check = "device assertion"       // __assertfail called
	CallDepth         Check = "call depth"             // local memory for call frames is used up
	InvalidArgument   Check = "invalid operand at run" // an operand value with no meaning, such as an indirect call to no function
)

// Fault says where a running kernel broke a rule.
type Fault struct {
	Check  Check
	Kernel string
	Label  string // of the launch
	Block  Dim3   // position in the grid
	Thread Dim3   // position in the block
	Module string // name given to LoadModule

	PTXLine int    // line in the module's text, 0 if the fault belongs to no instruction
	Source  string // file of the .loc directive in force, empty without line information
	Line    int    // line in Source

	Instruction string // the instruction's text

	Space   string    // state space of the access: global, shared, local, const, param; empty if none
	Address DevicePtr // of the access
	Bytes   int       // size of the access
	Object  string    // the operand or allocation that the address belongs to or is nearest to, with the distance

	Detail string // anything else: the other side of a race, the threads missing at a barrier
}

// String gives the whole report in one line.
func (f *Fault) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s in %s", f.Check, f.Kernel)
	if f.Label != "" {
		fmt.Fprintf(&s, " [%s]", f.Label)
	}
	if f.PTXLine > 0 {
		fmt.Fprintf(&s, " at %s:%d", f.Module, f.PTXLine)
	}
	if f.Source != "" {
		fmt.Fprintf(&s, " (%s:%d)", f.Source, f.Line)
	}
	fmt.Fprintf(&s, ", block (%d,%d,%d), thread (%d,%d,%d)", f.Block.X, f.Block.Y, f.Block.Z, f.Thread.X, f.Thread.Y, f.Thread.Z)
	if f.Space != "" {
		fmt.Fprintf(&s, ", %d bytes at %s address %#x", f.Bytes, f.Space, uint64(f.Address))
	}
	if f.Object != "" {
		fmt.Fprintf(&s, ", %s", f.Object)
	}
	if f.Detail != "" {
		fmt.Fprintf(&s, ": %s", f.Detail)
	}
	if f.Instruction != "" {
		fmt.Fprintf(&s, ": `%s`", f.Instruction)
	}
	return s.String()
}
