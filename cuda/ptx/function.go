package ptx

import (
	"strconv"
	"strings"
)

// scope is a block of declarations; inner names hide outer ones.
type scope struct {
	parent *scope
	regs   map[string]*Reg
	ranges map[string]regRange // by prefix
	vars   map[string]*Var
	labels map[string]int // instruction index
}

// regRange is a declaration like %r<10>. Its registers come into being when used.
type regRange struct {
	count uint64
	typ   Type
}

func newScope(parent *scope) *scope {
	return &scope{parent, map[string]*Reg{}, map[string]regRange{}, map[string]*Var{}, map[string]int{}}
}

// funcParser reads one function.
type funcParser struct {
	*parser
	f        *Func
	scope    *scope
	depth    int
	loc      *Loc
	instrs   []*scope            // scope of each instruction, for its labels
	protos   map[string]*Proto   // by label
	targets  map[string]*Targets // by label
	pendingT []pendingTargets
	scratch  []Operand // of the instruction being read
}

// function reads the rest of an .entry or .func (PTX ISA 11.2).
func (p *parser) function(entry bool, linkage Linkage, pos Pos) {
	f := &Func{Entry: entry, Linkage: linkage, Pos: pos}
	if p.acceptDirective(".noreturn") {
		f.NoReturn = true
	}
	if !entry && p.is("(") {
		f.Returns = p.params()
	}
	name := p.identifier("a function name")
	f.Name = name.text
	if p.is("(") {
		f.Params = p.params()
	}
	f.ParamBytes = p.layoutParams(f)
	p.funcDirectives(f)
	f = p.declareFunc(f, name.pos)
	if p.err != nil || p.accept(";") {
		return
	}
	p.expect("{")
	if f.Defined {
		p.fail(name.pos, "%s is already defined", f.Name)
		return
	}
	f.Defined = true
	b := &funcParser{parser: p, f: f, scope: newScope(nil), protos: map[string]*Proto{}, targets: map[string]*Targets{}}
	for _, list := range [][]*Var{f.Params, f.Returns} {
		for _, v := range list {
			b.declareVar(v)
		}
	}
	b.statements()
	b.resolve()
	if p.err == nil && !f.buildCFG() {
		p.fail(f.Pos, "control flow of %s is too complex", f.Name)
	}
}

// declareFunc enters f, or completes its earlier declaration.
func (p *parser) declareFunc(f *Func, pos Pos) *Func {
	old, exists := p.mod.byName[f.Name]
	if !exists {
		if p.err == nil {
			p.mod.byName[f.Name] = f
			p.mod.Funcs = append(p.mod.Funcs, f)
		}
		return f
	}
	o, ok := old.(*Func)
	if !ok {
		p.fail(pos, "%s is already declared as a variable", f.Name)
		return f
	}
	if o.Entry != f.Entry || !sameSignature(o.Params, f.Params) || !sameSignature(o.Returns, f.Returns) {
		p.fail(pos, "%s is declared twice with different signatures", f.Name)
		return f
	}
	if !o.Defined {
		*o = *f
		for _, list := range [][]*Var{o.Params, o.Returns} {
			for _, v := range list {
				v.Func = o
			}
		}
	}
	return o
}

func sameSignature(a, b []*Var) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Size != b[i].Size || a[i].Align != b[i].Align {
			return false
		}
	}
	return true
}

// params reads a parenthesised list of .param declarations.
func (p *parser) params() []*Var {
	var list []*Var
	p.expect("(")
	for !p.is(")") && p.err == nil {
		t := p.next()
		if t.text != ".param" {
			p.fail(t.pos, "expected .param, found %s; register parameters are not supported", t.describe())
			return nil
		}
		v := p.varName(p.varHead(Param))
		p.checkSized(v)
		v.ID = len(list)
		list = append(list, v)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return list
}

// layoutParams gives every parameter its offset and returns the block's size.
func (p *parser) layoutParams(f *Func) int64 {
	var off int64
	for _, v := range f.Params {
		off = (off + v.Align - 1) &^ (v.Align - 1)
		v.Offset, v.Func = off, f
		off += v.Size
		if off > maxVarBytes {
			p.fail(v.Pos, "parameters take more than %d bytes", int64(maxVarBytes))
			return 0
		}
	}
	for _, v := range f.Returns {
		v.Func = f
	}
	return off
}

// funcDirectives reads the performance directives before a body (PTX ISA 11.4).
func (p *parser) funcDirectives(f *Func) {
	for p.peek().kind == tDirective {
		t := p.next()
		switch t.text {
		case ".maxntid":
			f.MaxThreads = p.triple()
		case ".reqntid":
			f.ReqThreads = p.triple()
		case ".minnctapersm":
			f.MinBlocks = p.integer("a number of blocks", 1<<20)
		case ".maxnreg":
			f.MaxRegs = p.integer("a number of registers", 1<<20)
		case ".noreturn":
			f.NoReturn = true
		case ".pragma":
			p.pragma()
		default:
			p.fail(t.pos, "directive %s is not supported", t.text)
		}
	}
}

// triple reads one to three extents; missing ones are 1.
func (p *parser) triple() [3]int {
	d := [3]int{1, 1, 1}
	for i := range d {
		d[i] = p.integer("an extent", 1<<31-1)
		if !p.accept(",") {
			break
		}
	}
	return d
}

// statements reads a body up to its closing brace.
func (b *funcParser) statements() {
	for b.err == nil {
		t := b.peek()
		switch {
		case t.kind == tEOF:
			b.fail(t.pos, "function %s is not closed", b.f.Name)
		case t.kind == tDirective:
			b.directive(b.next())
		case b.accept("}"):
			if b.depth == 0 {
				b.f.End = t.pos
				return
			}
			b.depth--
			b.scope = b.scope.parent
		case b.accept("{"):
			if b.depth++; b.depth > maxNesting {
				b.fail(t.pos, "scopes are nested too deeply")
			}
			b.scope = newScope(b.scope)
		case b.accept(";"):
		case t.kind == tWord && b.peekAt(1).kind == tPunct && b.peekAt(1).text == ":":
			b.label()
		default:
			b.instruction()
		}
	}
}

// directive reads a directive inside a body.
func (b *funcParser) directive(t token) {
	switch t.text {
	case ".reg":
		b.registers()
	case ".local":
		b.variables(Local)
	case ".shared":
		b.variables(Shared)
	case ".param":
		b.variables(Param)
	case ".loc":
		b.loc = b.parser.loc()
	case ".pragma":
		b.pragma()
	case ".file":
		b.file()
	default:
		b.fail(t.pos, "directive %s is not supported inside a function", t.text)
	}
}

// registers reads: .reg .type name, name<count>, ...;
func (b *funcParser) registers() {
	t := b.next()
	typ, ok := typeByName[strings.TrimPrefix(t.text, ".")]
	if t.kind != tDirective || !ok {
		b.fail(t.pos, "%s is not a type that a register can have", t.describe())
		return
	}
	for {
		name := b.identifier("a register name")
		if _, _, taken := b.scope.find(name.text); taken {
			b.fail(name.pos, "%s is already declared in this scope", name.text)
		}
		if b.accept("<") {
			b.registerRange(name, typ)
		} else {
			b.scope.regs[name.text] = b.newReg(name.text, typ, name.pos)
		}
		if !b.accept(",") {
			break
		}
	}
	b.expect(";")
}

func (b *funcParser) registerRange(name token, typ Type) {
	n := b.integer("a number of registers", 1<<40)
	b.expect(">")
	if _, taken := b.scope.ranges[name.text]; taken {
		b.fail(name.pos, "%s<> is already declared in this scope", name.text)
	}
	b.scope.ranges[name.text] = regRange{uint64(n), typ}
}

func (b *funcParser) newReg(name string, typ Type, pos Pos) *Reg {
	r := &Reg{ID: len(b.f.Regs), Name: name, Type: typ}
	if r.ID >= maxRegs {
		b.fail(pos, "more than %d registers", maxRegs)
	}
	b.f.Regs = append(b.f.Regs, r)
	return r
}

// variables reads the rest of a .local, .shared or .param declaration.
func (b *funcParser) variables(space Space) {
	head := b.varHead(space)
	for {
		v := b.varName(head)
		b.checkSized(v)
		v.Func, v.ID = b.f, len(b.f.Vars)
		b.f.Vars = append(b.f.Vars, v)
		b.declareVar(v)
		if !b.accept(",") {
			break
		}
	}
	b.expect(";")
}

func (b *funcParser) declareVar(v *Var) {
	if _, _, taken := b.scope.find(v.Name); taken && v.Name != "_" {
		b.fail(v.Pos, "%s is already declared in this scope", v.Name)
	}
	b.scope.vars[v.Name] = v
}

// find looks a name up in this scope only, without register ranges.
func (s *scope) find(name string) (*Reg, *Var, bool) {
	if r, ok := s.regs[name]; ok {
		return r, nil, true
	}
	v, ok := s.vars[name]
	return nil, v, ok
}

// lookup finds a register or variable in the scopes around the parser's position.
func (b *funcParser) lookup(name string, pos Pos) (*Reg, *Var) {
	for s := b.scope; s != nil; s = s.parent {
		if r, v, ok := s.find(name); ok {
			return r, v
		}
		prefix := strings.TrimRight(name, "0123456789")
		rng, ok := s.ranges[prefix]
		digits := name[len(prefix):]
		if !ok || digits == "" || len(digits) > 1 && digits[0] == '0' {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil && n < rng.count {
			r := b.newReg(name, rng.typ, pos)
			s.regs[name] = r
			return r, nil
		}
	}
	return nil, nil
}
