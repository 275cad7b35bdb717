package ptx

import (
	"encoding/binary"
	"math"
)

// moduleVars reads the rest of a module-level variable declaration.
func (p *parser) moduleVars(space Space, linkage Linkage) {
	head := p.varHead(space)
	head.Linkage = linkage
	for {
		v := p.varName(head)
		if p.accept("=") {
			if space == Shared || linkage == Extern {
				p.fail(v.Pos, "variable %s can not have initial values", v.Name)
			}
			p.initialise(v)
		}
		p.checkSized(v)
		p.declareModuleVar(v)
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
}

// declareModuleVar enters v; an external declaration and a definition become
// one object.
func (p *parser) declareModuleVar(v *Var) {
	if p.err != nil {
		return
	}
	old, exists := p.mod.byName[v.Name]
	if !exists {
		v.ID = len(p.mod.Vars)
		p.mod.Vars = append(p.mod.Vars, v)
		p.mod.byName[v.Name] = v
		return
	}
	o, ok := old.(*Var)
	if !ok || o.Linkage != Extern && v.Linkage != Extern || o.Space != v.Space || o.Type != v.Type {
		p.fail(v.Pos, "%s is already declared", v.Name)
		return
	}
	if v.Linkage != Extern {
		v.ID = o.ID
		*o = *v
	}
}

// varHead reads what all names of one declaration share: alignment, vector
// size, type, and the attributes of pointer parameters (PTX ISA 5.4).
func (p *parser) varHead(space Space) Var {
	v := Var{Space: space, Vec: 1}
	start := p.peek()
	for p.peek().kind == tDirective {
		t := p.next()
		switch t.text {
		case ".align":
			v.Align = p.alignment()
		case ".v2":
			v.Vec = 2
		case ".v4":
			v.Vec = 4
		case ".ptr":
			p.pointee(&v)
		default:
			typ, ok := typeByName[t.text[1:]]
			if !ok || typ.Bytes() == 0 {
				p.fail(t.pos, "%s is not a type that a variable can have", t.text)
			} else if v.Type != NoType {
				p.fail(t.pos, "two types, .%s and %s, in one declaration", v.Type, t.text)
			}
			v.Type = typ
		}
	}
	if v.Type == NoType {
		p.fail(start.pos, "expected a type, found %s", start.describe())
	}
	if natural := int64(v.Type.Bytes() * v.Vec); v.Align == 0 {
		v.Align = natural
	}
	return v
}

// alignment reads the operand of .align.
func (p *parser) alignment() int64 {
	pos := p.peek().pos
	n := p.integer("an alignment", maxAlign)
	if p.err == nil && (n == 0 || n&(n-1) != 0) {
		p.fail(pos, "alignment %d is not a power of two", n)
	}
	return int64(n)
}

// pointee reads what follows .ptr: [.space] [.align n].
func (p *parser) pointee(v *Var) {
	v.PtrAlign = 4
	for s, name := range spaceNames {
		if p.acceptDirective("." + name) {
			v.PtrSpace = Space(s)
			break
		}
	}
	if p.acceptDirective(".align") {
		v.PtrAlign = p.alignment()
	}
}

// varName reads one name with its array dimensions.
func (p *parser) varName(head Var) *Var {
	t := p.identifier("a name")
	v := head
	v.Name, v.Pos = t.text, t.pos
	v.Size = int64(v.Type.Bytes() * v.Vec)
	for first := true; p.accept("["); first = false {
		pos := p.peek().pos
		var n int64
		if first && p.is("]") {
			v.Unsized = true
		} else {
			n = p.dimension(pos)
		}
		p.expect("]")
		v.Dims = append(v.Dims, n)
		if len(v.Dims) > maxNesting {
			p.fail(pos, "%s has too many dimensions", v.Name)
		}
		if v.Size > 0 && n > maxVarBytes/v.Size {
			p.fail(pos, "%s is larger than %d bytes", v.Name, int64(maxVarBytes))
			break
		}
		if !(first && v.Unsized) {
			v.Size *= n
		}
	}
	return &v
}

func (p *parser) dimension(pos Pos) int64 {
	c := p.expr()
	if c.float || c.bits > maxVarBytes {
		p.fail(pos, "array dimension is not an integer between 0 and %d", int64(maxVarBytes))
		return 0
	}
	return int64(c.bits)
}

// checkSized refuses arrays without a size, except external ones.
func (p *parser) checkSized(v *Var) {
	if !v.Unsized {
		return
	}
	if v.Linkage != Extern {
		p.fail(v.Pos, "array %s has no size", v.Name)
	}
	v.Size = 0
}

// pendingReloc is an address in initial data whose symbol may be declared later.
type pendingReloc struct {
	v     *Var
	index int
	name  string
	pos   Pos
}

// initialise reads an initialiser (PTX ISA 5.4.4).
func (p *parser) initialise(v *Var) {
	dims := v.Dims
	if v.Vec > 1 {
		dims = append(dims[:len(dims):len(dims)], int64(v.Vec))
	}
	v.Init = []byte{}
	count := p.initLevel(v, dims, 0, v.Size)
	if v.Unsized {
		v.Unsized = false
		v.Dims[0] = count
		v.Size *= count
	}
}

// initLevel reads the values of one dimension and returns how many there were.
// The innermost level is a single value. size is that of the whole level, or of
// one element where the first dimension is open.
func (p *parser) initLevel(v *Var, dims []int64, off, size int64) int64 {
	if len(dims) == 0 {
		p.initValue(v, off)
		return 1
	}
	open := v.Unsized && off == 0 && len(dims) >= len(v.Dims) && dims[0] == 0
	step := size
	if !open {
		step = size / max(dims[0], 1)
	}
	n := int64(0)
	p.expect("{")
	for !p.is("}") && p.err == nil {
		if !open && n >= dims[0] {
			p.fail(p.peek().pos, "too many initial values for %s", v.Name)
			return n
		}
		p.initLevel(v, dims[1:], off+n*step, step)
		n++
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return n
}

// initValue reads one value and stores it at off.
func (p *parser) initValue(v *Var, off int64) {
	t := p.peek()
	n := int64(v.Type.Bytes())
	if need := off + n - int64(len(v.Init)); need > 0 {
		if p.init += need; p.init > maxInit {
			p.fail(t.pos, "initial data of more than %d bytes, reached in %s", maxInit, v.Name)
			return
		}
		v.Init = append(v.Init, make([]byte, need)...)
	}
	if t.kind == tWord && t.text != "WARP_SZ" {
		p.initAddress(v, off)
		return
	}
	c := p.expr()
	dst := v.Init[off:]
	switch {
	case v.Type == F32 && c.single:
		binary.LittleEndian.PutUint32(dst, uint32(c.bits))
	case v.Type == F32:
		binary.LittleEndian.PutUint32(dst, math.Float32bits(float32(c.float64())))
	case v.Type == F64:
		binary.LittleEndian.PutUint64(dst, math.Float64bits(c.float64()))
	case v.Type.Float():
		p.fail(t.pos, "initial values of type .%s are not supported", v.Type)
	case c.float:
		p.fail(t.pos, "floating-point value for %s of type .%s", v.Name, v.Type)
	default:
		for i := range n {
			dst[i] = byte(c.bits >> (8 * i))
		}
	}
}

// initAddress reads a symbol, generic(symbol), or either plus an offset.
func (p *parser) initAddress(v *Var, off int64) {
	t := p.identifier("a symbol")
	r := Reloc{Offset: off, Size: v.Type.Bytes(), Pos: t.pos}
	if t.text == "generic" && p.accept("(") {
		r.Generic = true
		t = p.identifier("a symbol")
		p.expect(")")
	}
	if r.Size != 8 {
		p.fail(t.pos, "the address of %s needs 8 bytes, .%s has %d", t.text, v.Type, r.Size)
		return
	}
	if p.is("+") || p.is("-") {
		r.Addend = int64(p.offset())
	}
	p.relocs = append(p.relocs, pendingReloc{v, len(v.Relocs), t.text, t.pos})
	v.Relocs = append(v.Relocs, r)
}

// offset reads what follows a base address: signs and constants.
func (p *parser) offset() uint64 {
	var sum uint64
	for p.is("+") || p.is("-") {
		t := p.next()
		c := p.binary(precedence["*"], 0)
		if c.float {
			p.fail(t.pos, "an address offset must be an integer")
		}
		if t.text == "-" {
			c.bits = -c.bits
		}
		sum += c.bits
	}
	return sum
}

// resolveRelocs binds the symbols in initial data.
func (p *parser) resolveRelocs() {
	for _, r := range p.relocs {
		if p.err != nil {
			return
		}
		reloc := &r.v.Relocs[r.index]
		reloc.Var, reloc.Func = p.mod.Var(r.name), p.mod.Func(r.name)
		if reloc.Var == nil && reloc.Func == nil {
			p.fail(r.pos, "%s is not declared", r.name)
		}
	}
}
