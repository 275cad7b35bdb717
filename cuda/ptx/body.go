package ptx

import (
	"slices"
	"strings"
)

// pendingTargets is a .branchtargets or .calltargets list before its names are bound.
type pendingTargets struct {
	list  *Targets
	call  bool
	scope *scope
	names []token
}

// label reads "name:", with the declaration that it may name.
func (b *funcParser) label() {
	t := b.identifier("a label")
	b.expect(":")
	if _, taken := b.scope.labels[t.text]; taken || b.protos[t.text] != nil || b.targets[t.text] != nil {
		b.fail(t.pos, "label %s is already declared in this scope", t.text)
	}
	switch {
	case b.acceptDirective(".callprototype"):
		b.prototype(t)
	case b.acceptDirective(".branchtargets"):
		b.targetList(t, false)
	case b.acceptDirective(".calltargets"):
		b.targetList(t, true)
	default:
		b.scope.labels[t.text] = len(b.f.Body)
		b.f.Labels = append(b.f.Labels, Label{t.text, len(b.f.Body), t.pos})
	}
}

// prototype reads: (returns) _ (params) [.noreturn];
func (b *funcParser) prototype(name token) {
	pr := &Proto{Name: name.text, Pos: name.pos}
	if b.is("(") {
		pr.Returns = b.params()
	}
	b.identifier("_")
	if b.is("(") {
		pr.Params = b.params()
	}
	pr.NoReturn = b.acceptDirective(".noreturn")
	b.expect(";")
	b.protos[name.text] = pr
	b.f.Protos = append(b.f.Protos, pr)
}

func (b *funcParser) targetList(name token, call bool) {
	l := &Targets{Name: name.text, Pos: name.pos}
	pending := pendingTargets{list: l, call: call, scope: b.scope}
	for {
		pending.names = append(pending.names, b.identifier("a target"))
		if !b.accept(",") {
			break
		}
	}
	b.expect(";")
	b.targets[name.text] = l
	b.f.Targets = append(b.f.Targets, l)
	b.pendingT = append(b.pendingT, pending)
}

// opcode is a split opcode; files repeat few of them.
type opcode struct {
	op    string
	mods  []string
	types []Type
}

func (p *parser) splitOpcode(text string) *opcode {
	if o, ok := p.opcodes[text]; ok {
		return o
	}
	parts := strings.Split(text, ".")
	o := &opcode{op: parts[0], mods: parts[1:]}
	for _, m := range o.mods {
		if t, ok := typeByName[m]; ok {
			o.types = append(o.types, t)
		}
	}
	p.opcodes[text] = o
	return o
}

// instruction reads: [@[!]p] opcode operands ;
func (b *funcParser) instruction() {
	in := Inst{Pos: b.peek().pos, loc: b.loc}
	start := b.peek().off
	if b.accept("@") {
		in.GuardNot = b.accept("!")
		t := b.next()
		if in.Guard, _ = b.lookup(t.text, t.pos); in.Guard == nil || in.Guard.Type != Pred {
			b.fail(t.pos, "expected a predicate register, found %s", t.describe())
		}
		in.Pos = b.peek().pos
	}
	t := b.next()
	if t.kind != tWord || t.text[0] == '%' {
		b.fail(t.pos, "expected an instruction, found %s", t.describe())
		return
	}
	o := b.splitOpcode(t.text)
	in.Op, in.Mods, in.Types = o.op, o.mods, o.types
	list := b.scratch[:0]
	for !b.is(";") && b.err == nil {
		list = append(list, b.operand(0))
		if !b.accept(",") {
			break
		}
	}
	end := b.peek()
	if b.expect(";"); b.err != nil {
		return
	}
	in.Operands, b.scratch = slices.Clone(list), list
	in.text = b.src[start : end.off+1]
	b.f.Body = append(b.f.Body, in)
	b.instrs = append(b.instrs, b.scope)
}

// operand reads one operand (PTX ISA chapter 6).
func (b *funcParser) operand(depth int) Operand {
	t := b.peek()
	if depth > maxNesting {
		b.fail(t.pos, "operand is nested too deeply")
		return Operand{}
	}
	o := Operand{Pos: t.pos}
	switch {
	case b.accept("{"):
		o.Kind, o.Elems = OpVec, b.operandList("}", depth)
	case b.accept("("):
		o.Kind, o.Elems = OpList, b.operandList(")", depth)
	case b.accept("["):
		o = b.address(t.pos, depth)
	case t.kind == tWord && t.text != "WARP_SZ":
		o = b.name()
	case b.is("!") && b.peekAt(1).kind == tWord:
		b.next()
		o = b.name()
		if o.Not = true; o.Kind != OpReg || o.Reg.Type != Pred {
			b.fail(t.pos, "! needs a predicate register")
		}
	default:
		o = b.immediate()
	}
	if b.is("|") && (o.Kind == OpReg || o.Kind == OpSink) {
		b.next()
		o = Operand{Kind: OpPair, Pos: t.pos, Elems: []Operand{o, b.name()}}
	}
	return o
}

func (b *funcParser) operandList(end string, depth int) []Operand {
	var list []Operand
	for !b.is(end) && b.err == nil {
		list = append(list, b.operand(depth+1))
		if !b.accept(",") {
			break
		}
	}
	b.expect(end)
	return list
}

// immediate reads a constant.
func (b *funcParser) immediate() Operand {
	pos := b.peek().pos
	c := b.expr()
	o := Operand{Kind: OpInt, Imm: c.bits, Unsigned: c.unsigned, Pos: pos}
	switch {
	case c.single:
		o.Kind = OpF32
	case c.float:
		o.Kind = OpF64
	}
	return o
}

// name reads a register, special register, symbol, label or _.
func (b *funcParser) name() Operand {
	t := b.next()
	o := Operand{Pos: t.pos}
	if t.kind != tWord {
		b.fail(t.pos, "expected a name, found %s", t.describe())
		return o
	}
	if t.text == "_" {
		o.Kind = OpSink
		return o
	}
	reg, v := b.lookup(t.text, t.pos)
	if v == nil && reg == nil {
		v = b.mod.Var(t.text)
	}
	switch {
	case reg != nil:
		o.Kind, o.Reg = OpReg, reg
	case v != nil:
		o.Kind, o.Var = OpVar, v
		if b.is("+") || b.is("-") {
			o.Offset = int64(b.offset())
		}
	case isSpecial(t.text):
		o.Kind, o.Special = OpSpecial, t.text
	case t.text[0] == '%':
		b.fail(t.pos, "register %s is not declared", t.text)
	case strings.ContainsAny(t.text, ".:"):
		b.fail(t.pos, "%s is not an operand; parts of vector registers are not supported", t.text)
	default:
		o.Kind, o.name = opName, t.text
	}
	return o
}

// address reads the rest of [base], [base+offset] or [base, {coordinates}].
func (b *funcParser) address(pos Pos, depth int) Operand {
	o := Operand{Kind: OpAddr, Pos: pos}
	if t := b.peek(); t.kind == tWord {
		base := b.name()
		switch base.Kind {
		case OpReg, OpVar:
			o.Reg, o.Var, o.Offset = base.Reg, base.Var, base.Offset
		default:
			b.fail(t.pos, "expected a register or variable in an address, found %s", t.describe())
		}
		if o.Reg != nil && (b.is("+") || b.is("-")) {
			o.Offset = int64(b.offset())
		}
	} else {
		base := b.immediate()
		if base.Kind != OpInt {
			b.fail(base.Pos, "an address must be an integer")
		}
		o.Offset = int64(base.Imm)
	}
	if b.accept(",") {
		o.Elems = b.operandList("]", depth)
	} else {
		b.expect("]")
	}
	return o
}

// resolve binds labels, functions, prototypes and target lists, which may be
// named before they are declared.
func (b *funcParser) resolve() {
	for _, pt := range b.pendingT {
		for _, t := range pt.names {
			o := Operand{Kind: opName, name: t.text, Pos: t.pos}
			b.bind(&o, pt.scope)
			switch {
			case pt.call && o.Kind == OpFunc:
				pt.list.Funcs = append(pt.list.Funcs, o.Func)
			case !pt.call && o.Kind == OpLabel:
				pt.list.Labels = append(pt.list.Labels, o.Target)
			default:
				b.fail(t.pos, "%s can not be a target in this list", t.text)
			}
		}
	}
	for i := range b.f.Body {
		in := &b.f.Body[i]
		b.bindAll(in.Operands, b.instrs[i])
		b.checkBranch(in)
	}
}

func (b *funcParser) bindAll(list []Operand, s *scope) {
	for i := range list {
		if list[i].Kind == opName {
			b.bind(&list[i], s)
		}
		b.bindAll(list[i].Elems, s)
	}
}

func (b *funcParser) bind(o *Operand, s *scope) {
	for ; s != nil; s = s.parent {
		if index, ok := s.labels[o.name]; ok {
			o.Kind, o.Target = OpLabel, index
			return
		}
	}
	switch {
	case b.protos[o.name] != nil:
		o.Kind, o.Proto = OpProto, b.protos[o.name]
	case b.targets[o.name] != nil:
		o.Kind, o.Targets = OpTargets, b.targets[o.name]
	case b.mod.Func(o.name) != nil:
		o.Kind, o.Func = OpFunc, b.mod.Func(o.name)
	default:
		b.fail(o.Pos, "%s is not declared", o.name)
	}
}

// checkBranch makes sure that the control-flow graph can rely on branch operands.
func (b *funcParser) checkBranch(in *Inst) {
	ok := true
	switch in.Op {
	case "bra":
		ok = len(in.Operands) == 1 && in.Operands[0].Kind == OpLabel
	case "brx":
		ok = len(in.Operands) == 2 && in.Operands[1].Kind == OpTargets && len(in.Operands[1].Targets.Labels) > 0
	}
	if !ok {
		b.fail(in.Pos, "%s needs a label to branch to", in.Opcode())
	}
}
