package ptx

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits on what a file may hold, so that hostile text ends in an error.
const (
	maxSource   = 16 << 20 // bytes of text
	maxInit     = 64 << 20 // bytes of initial data of all variables
	maxNesting  = 64       // scopes, braces, parentheses
	maxRegs     = 1 << 20  // registers in use in one function
	maxVarBytes = 1 << 50  // size of one variable
	maxAlign    = 1 << 16
)

// parser reads the token list. The first error is kept and moves the parser to
// the end of the file, so that callers need not check after every step.
type parser struct {
	name    string
	src     string
	toks    []token
	i       int
	err     error
	mod     *Module
	relocs  []pendingReloc
	locs    []fileLoc
	init    int64 // bytes of initial data so far
	opcodes map[string]*opcode
}

// Parse reads a module. The name stands for the file in error messages.
// All errors are of type *Error.
func Parse(name string, src []byte) (*Module, error) {
	if len(src) > maxSource {
		return nil, &Error{name, Pos{1, 1}, fmt.Sprintf("file has %d bytes, the limit is %d", len(src), maxSource)}
	}
	text := string(src)
	toks, err := lex(name, text)
	if err != nil {
		return nil, err
	}
	p := &parser{name: name, src: text, toks: toks,
		mod: &Module{Name: name, Files: map[int]string{}, byName: map[string]any{}}, opcodes: map[string]*opcode{}}
	p.module()
	p.resolveRelocs()
	p.resolveLocs()
	if p.err != nil {
		return nil, p.err
	}
	return p.mod, nil
}

func (p *parser) fail(pos Pos, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{p.name, pos, fmt.Sprintf(format, args...)}
	}
	p.i = len(p.toks) - 1
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) peekAt(n int) token { return p.toks[min(p.i+n, len(p.toks)-1)] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if p.i < len(p.toks)-1 {
		p.i++
	}
	return t
}

// is tells whether the next token is this punctuation character.
func (p *parser) is(punct string) bool {
	t := &p.toks[p.i]
	return t.kind == tPunct && t.text == punct
}

// accept skips the punctuation character if it is next.
func (p *parser) accept(punct string) bool {
	if p.is(punct) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(punct string) token {
	t := p.peek()
	if !p.accept(punct) {
		p.fail(t.pos, "expected %q, found %s", punct, t.describe())
	}
	return t
}

func (p *parser) isDirective(name string) bool {
	t := &p.toks[p.i]
	return t.kind == tDirective && t.text == name
}

func (p *parser) acceptDirective(name string) bool {
	if p.isDirective(name) {
		p.i++
		return true
	}
	return false
}

// identifier reads a name that has no dots.
func (p *parser) identifier(what string) token {
	t := p.next()
	if t.kind != tWord || strings.ContainsAny(t.text, ".:") {
		p.fail(t.pos, "expected %s, found %s", what, t.describe())
	}
	return t
}

func (p *parser) str(what string) string {
	t := p.next()
	if t.kind != tString {
		p.fail(t.pos, "expected %s in quotes, found %s", what, t.describe())
	}
	return t.text
}

// integer reads a plain non-negative integer up to limit.
func (p *parser) integer(what string, limit uint64) int {
	t := p.next()
	if t.kind != tInt {
		p.fail(t.pos, "expected %s, found %s", what, t.describe())
		return 0
	}
	v, _, err := intLiteral(t.text)
	if err != nil || v > limit {
		p.fail(t.pos, "%s %s is out of range (at most %d)", what, t.text, limit)
		return 0
	}
	return int(v)
}

// module reads the whole file (PTX ISA 11).
func (p *parser) module() {
	p.header()
	for p.peek().kind != tEOF {
		p.topLevel()
	}
}

// header reads .version, .target and .address_size.
func (p *parser) header() {
	m := p.mod
	pos := p.peek().pos
	if !p.acceptDirective(".version") {
		p.fail(pos, "expected .version, found %s", p.peek().describe())
		return
	}
	t := p.next()
	major, minor, ok := strings.Cut(t.text, ".")
	var err1, err2 error
	m.Major, err1 = strconv.Atoi(major)
	m.Minor, err2 = strconv.Atoi(minor)
	if t.kind != tFloat64 || !ok || err1 != nil || err2 != nil {
		p.fail(t.pos, "malformed version %s", t.describe())
		return
	}
	pos = p.peek().pos
	if !p.acceptDirective(".target") {
		p.fail(pos, "expected .target, found %s", p.peek().describe())
		return
	}
	m.Target = p.identifier("a target").text
	for p.accept(",") {
		m.TargetOptions = append(m.TargetOptions, p.identifier("a target option").text)
	}
	m.AddressSize = 32
	if p.acceptDirective(".address_size") {
		pos = p.peek().pos
		m.AddressSize = p.integer("an address size", 64)
	}
	if m.AddressSize != 64 && p.err == nil {
		p.fail(pos, "address size %d is not supported, only 64", m.AddressSize)
	}
}

// topLevel reads one directive of the module.
func (p *parser) topLevel() {
	linkage := Internal
	for {
		t := p.peek()
		if t.kind != tDirective {
			p.fail(t.pos, "expected a directive, found %s", t.describe())
			return
		}
		l, ok := linkages[t.text]
		if !ok {
			break
		}
		p.next()
		linkage = l
	}
	t := p.next()
	switch t.text {
	case ".global":
		p.moduleVars(Global, linkage)
	case ".const":
		p.moduleVars(Const, linkage)
	case ".shared":
		p.moduleVars(Shared, linkage)
	case ".entry":
		p.function(true, linkage, t.pos)
	case ".func":
		p.function(false, linkage, t.pos)
	case ".file":
		p.file()
	case ".section":
		p.section()
	case ".loc":
		p.loc()
	case ".pragma":
		p.pragma()
	default:
		p.fail(t.pos, "directive %s is not supported here", t.text)
	}
}

var linkages = map[string]Linkage{".visible": Visible, ".extern": Extern, ".weak": Weak, ".common": Common}

// file reads: .file index "path" [, timestamp, size].
func (p *parser) file() {
	index := p.integer("a file index", 1<<31-1)
	p.mod.Files[index] = p.str("a path")
	for p.accept(",") {
		p.integer("a number", 1<<63)
	}
}

// section skips debug data: .section .debug_str { ... }.
func (p *parser) section() {
	p.next()
	open := p.expect("{")
	for depth := 1; depth > 0; {
		switch t := p.next(); {
		case t.kind == tEOF:
			p.fail(open.pos, "section is not closed")
			return
		case t.kind == tPunct && t.text == "{":
			depth++
		case t.kind == tPunct && t.text == "}":
			depth--
		}
	}
}

func (p *parser) pragma() {
	p.str("a pragma")
	for p.accept(",") {
		p.str("a pragma")
	}
	p.expect(";")
}

// fileLoc is a .loc directive; file names are known only at the module's end.
type fileLoc struct {
	file int
	pos  Pos
	loc  *Loc
}

// loc reads: .loc file line column [, function_name label [+ n] [, inlined_at file line column]].
func (p *parser) loc() *Loc {
	l := p.locTriple()
	for p.accept(",") {
		switch t := p.identifier("an attribute of .loc"); t.text {
		case "function_name":
			p.identifier("a label")
			if p.accept("+") {
				p.integer("an offset", 1<<31)
			}
		case "inlined_at":
			l.InlinedAt = p.locTriple()
		default:
			p.fail(t.pos, "attribute %s of .loc is not known", t.text)
		}
	}
	return l
}

func (p *parser) locTriple() *Loc {
	pos := p.peek().pos
	file := p.integer("a file index", 1<<31-1)
	l := &Loc{Line: p.integer("a line", 1<<31-1), Col: p.integer("a column", 1<<31-1)}
	p.locs = append(p.locs, fileLoc{file, pos, l})
	return l
}

// resolveLocs fills in the file names of all .loc directives.
func (p *parser) resolveLocs() {
	for _, l := range p.locs {
		name, ok := p.mod.Files[l.file]
		if !ok {
			p.fail(l.pos, "file index %d has no .file directive", l.file)
			return
		}
		l.loc.File = name
	}
	for _, f := range p.mod.Funcs {
		for i := range f.Body {
			if in := &f.Body[i]; in.loc != nil {
				in.Loc = *in.loc
			}
		}
	}
}
