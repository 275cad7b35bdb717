// Package ptx reads PTX text into a syntax tree in which every name is
// resolved, scopes are gone, and each function has a control-flow graph with
// immediate post-dominators.
//
// It reads what nvcc 12.4 writes for sm_80, with inline assembly. It knows the
// grammar (PTX ISA 8.4, chapters 4, 5, 7, 10 and 11) but not the instructions: which
// opcodes, modifiers and operands are legal is the business of whoever executes them.
package ptx

import "strings"

// Pos is a position in the PTX text; lines and columns (bytes) count from 1.
type Pos struct{ Line, Col int }

// Module is one PTX file.
type Module struct {
	Name          string // as given to Parse
	Major, Minor  int    // of the .version directive
	Target        string // "sm_80"
	TargetOptions []string
	AddressSize   int
	Files         map[int]string // .file table
	Vars          []*Var         // module-level .global, .const and .shared variables, in order
	Funcs         []*Func        // entries, functions and external declarations, in order of first mention
	byName        map[string]any // *Var or *Func
}

// Var returns the module-level variable of that name, or nil.
func (m *Module) Var(name string) *Var { v, _ := m.byName[name].(*Var); return v }

// Func returns the function or entry of that name, or nil.
func (m *Module) Func(name string) *Func { f, _ := m.byName[name].(*Func); return f }

// Linkage of a module-level symbol.
type Linkage uint8

// The linkages.
const (
	Internal Linkage = iota
	Visible
	Extern
	Weak
	Common
)

// Space is a state space (PTX ISA 5.1).
type Space uint8

// The state spaces. Generic is an address without a stated space.
const (
	Generic Space = iota
	RegSpace
	Global
	Shared
	Local
	Param
	Const
)

var spaceNames = [...]string{"generic", "reg", "global", "shared", "local", "param", "const"}

func (s Space) String() string { return spaceNames[s] }

// Func is an entry (kernel), a device function, or the declaration of an
// external one.
type Func struct {
	Name     string
	Entry    bool
	Linkage  Linkage
	NoReturn bool
	Returns  []*Var // at most one in practice; space Param
	Params   []*Var // space Param, with offsets
	// ParamBytes is the size of the parameter block.
	ParamBytes int64

	MaxThreads [3]int // .maxntid, zeros if absent
	ReqThreads [3]int // .reqntid, zeros if absent
	MinBlocks  int    // .minnctapersm
	MaxRegs    int    // .maxnreg

	Defined bool       // has a body
	Regs    []*Reg     // every register of every scope; Reg.ID is the index
	Vars    []*Var     // .local, .shared and .param variables of every scope; Var.ID is the index
	Body    []Inst     // instructions in text order, without labels and scopes
	Blocks  []Block    // basic blocks in text order; Blocks[0] is entered first
	BlockOf []int      // block of each instruction
	Labels  []Label    // in text order
	Protos  []*Proto   // .callprototype declarations
	Targets []*Targets // .branchtargets and .calltargets declarations
	Pos     Pos
	End     Pos // of the closing brace
}

// Reg is a virtual register. Registers of different scopes are different
// objects even where their names are equal.
type Reg struct {
	ID   int
	Name string // as written, with its %
	Type Type
}

// Var is a variable or parameter.
type Var struct {
	ID       int // index in Func.Vars, or in Module.Vars at module level; position for Params and Returns
	Name     string
	Space    Space
	Type     Type    // of an element
	Vec      int     // 1, 2 or 4 elements to a vector
	Dims     []int64 // of an array; nil for a scalar; an unsized first dimension is 0
	Unsized  bool    // extern array without a size: dynamic shared memory
	Size     int64   // bytes; 0 if Unsized
	Align    int64   // bytes
	Offset   int64   // of a parameter in its block
	Linkage  Linkage
	Init     []byte  // initial bytes, nil if none (zero for .global and .const); may be shorter than Size
	Relocs   []Reloc // addresses to be put into the initial bytes
	PtrSpace Space   // for a .ptr parameter: space it points to, Generic if unstated
	PtrAlign int64   // for a .ptr parameter; 0 otherwise
	Func     *Func   // nil at module level
	Pos      Pos
}

// Reloc asks for the address of a symbol in initial data.
type Reloc struct {
	Offset  int64 // bytes into the variable
	Size    int   // bytes of the address: 4 or 8
	Var     *Var  // exactly one of Var and Func is set
	Func    *Func
	Addend  int64
	Generic bool // generic(symbol): the generic address
	Pos     Pos
}

// Label is a position in Func.Body; Index may be len(Body).
type Label struct {
	Name  string
	Index int
	Pos   Pos
}

// Proto is a .callprototype: the signature of an indirect call.
type Proto struct {
	Name            string
	Returns, Params []*Var
	NoReturn        bool
	Pos             Pos
}

// Targets is a .branchtargets or .calltargets list.
type Targets struct {
	Name   string
	Labels []int // instruction indices, for brx.idx
	Funcs  []*Func
	Pos    Pos
}

// Loc is a source position from a .loc directive. Line 0 means none.
type Loc struct {
	File      string
	Line, Col int
	InlinedAt *Loc
}

// Inst is one instruction.
type Inst struct {
	Op       string   // first part of the opcode: "ld", "cp", "mma"
	Mods     []string // the other parts: "global", "nc", "v4", "f32"; :: is kept ("L2::128B")
	Types    []Type   // those of Mods that are types, in order
	Guard    *Reg     // predicate, or nil
	GuardNot bool     // @!p
	Operands []Operand
	Pos      Pos
	Loc      Loc
	text     string
	loc      *Loc
}

// Opcode is the full dotted opcode.
func (i *Inst) Opcode() string {
	if len(i.Mods) == 0 {
		return i.Op
	}
	return i.Op + "." + strings.Join(i.Mods, ".")
}

// Has tells whether mod is among the modifiers.
func (i *Inst) Has(mod string) bool {
	for _, m := range i.Mods {
		if m == mod {
			return true
		}
	}
	return false
}

// Text is the instruction as written, on one line.
func (i *Inst) Text() string { return strings.Join(strings.Fields(i.text), " ") }

// OperandKind says which fields of an Operand are in use.
type OperandKind uint8

// The kinds of operands.
const (
	OpReg     OperandKind = iota + 1 // Reg; Not for !%p
	OpInt                            // Imm; Unsigned if written with U or too large for int64
	OpF32                            // Imm holds the bits (0f literal)
	OpF64                            // Imm holds the bits (0d literal or decimal)
	OpSpecial                        // Special: "%tid.x", "%laneid"
	OpAddr                           // [base+Offset]; base is Reg, Var, or neither (absolute, in Offset); in tensor forms Elems has the rest
	OpVec                            // {Elems}
	OpVar                            // address of Var plus Offset
	OpFunc                           // Func
	OpLabel                          // Target: instruction index
	OpPair                           // a|b: Elems has both
	OpSink                           // _
	OpList                           // (Elems): arguments or results of a call
	OpProto                          // Proto: last operand of an indirect call
	OpTargets                        // Targets: list of brx.idx or of an indirect call
	opName                           // unresolved: name
)

// Operand is one operand of an instruction.
type Operand struct {
	Kind     OperandKind
	Not      bool // !%p, negated predicate
	Unsigned bool
	Reg      *Reg
	Imm      uint64
	Offset   int64
	Var      *Var
	Func     *Func
	Target   int
	Special  string
	Proto    *Proto
	Targets  *Targets
	Elems    []Operand
	Pos      Pos
	name     string
}

// Block is a basic block: instructions Start <= i < End.
type Block struct {
	Start, End int
	Succs      []int // block indices; Exit for leaving the function
	Preds      []int
	// PostDom is the immediate post-dominator: where threads that part at the
	// end of this block meet again; Exit if only on leaving the function.
	PostDom int
}

// Exit is the virtual exit block of a function.
const Exit = -1

// Reconverge returns the index of the instruction at which the threads that
// part at instruction i meet again, or len(Body) for the function's end.
func (f *Func) Reconverge(i int) int {
	p := f.Blocks[f.BlockOf[i]].PostDom
	if p == Exit {
		return len(f.Body)
	}
	return f.Blocks[p].Start
}
