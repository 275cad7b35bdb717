package ptx

import (
	"fmt"
	"strings"
)

// Error is a mistake in PTX text.
type Error struct {
	Name string // of the module
	Pos  Pos
	Msg  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Pos.Line, e.Pos.Col, e.Msg)
}

type tokenKind uint8

const (
	tEOF       tokenKind = iota
	tWord                // identifier, with the dotted parts that follow it: ld.global.f32, %tid.x, $L__BB0_1
	tDirective           // .name
	tInt
	tFloat32 // 0f literal
	tFloat64 // 0d or decimal literal
	tString
	tPunct // one character
)

type token struct {
	kind tokenKind
	pos  Pos
	off  int    // byte offset of its start
	text string // a string without its quotes
}

// describe names the token in an error message.
func (t token) describe() string {
	switch t.kind {
	case tEOF:
		return "end of file"
	case tString:
		return "string"
	}
	if len(t.text) > 40 {
		return fmt.Sprintf("%q...", t.text[:40])
	}
	return fmt.Sprintf("%q", t.text)
}

// lexer turns PTX text into tokens (PTX ISA 4.1 to 4.5).
type lexer struct {
	name string
	src  string
	off  int
	line int
	bol  int // offset of the line's start
	toks []token
}

func lex(name, src string) ([]token, error) {
	l := &lexer{name: name, src: src, line: 1, toks: make([]token, 0, len(src)/5+16)}
	for {
		if err := l.skipSpace(); err != nil {
			return nil, err
		}
		if l.off >= len(l.src) {
			l.toks = append(l.toks, token{kind: tEOF, pos: l.pos(), off: l.off})
			return l.toks, nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

func (l *lexer) pos() Pos { return Pos{l.line, l.off - l.bol + 1} }

func (l *lexer) errorf(pos Pos, format string, args ...any) error {
	return &Error{l.name, pos, fmt.Sprintf(format, args...)}
}

// skipSpace skips blanks and comments.
func (l *lexer) skipSpace() error {
	for l.off < len(l.src) {
		switch c := l.src[l.off]; {
		case c == '\n':
			l.off++
			l.line++
			l.bol = l.off
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			l.off++
		case strings.HasPrefix(l.src[l.off:], "//"):
			n := strings.IndexByte(l.src[l.off:], '\n')
			if n < 0 {
				n = len(l.src) - l.off
			}
			l.off += n
		case strings.HasPrefix(l.src[l.off:], "/*"):
			n := strings.Index(l.src[l.off+2:], "*/")
			if n < 0 {
				return l.errorf(l.pos(), "comment is not closed")
			}
			comment := l.src[l.off : l.off+n+4]
			if nl := strings.Count(comment, "\n"); nl > 0 {
				l.line += nl
				l.bol = l.off + strings.LastIndexByte(comment, '\n') + 1
			}
			l.off += len(comment)
		default:
			return nil
		}
	}
	return nil
}

// next reads one token; the text is not at its end.
func (l *lexer) next() error {
	start, pos := l.off, l.pos()
	c := l.src[start]
	kind := tPunct
	switch {
	case isDigit(c):
		return l.number()
	case isIdentStart(c) && (c != '%' || start+1 < len(l.src) && isIdent(l.src[start+1])):
		kind = tWord
		l.word()
	case c == '.' && start+1 < len(l.src) && isIdentStart(l.src[start+1]):
		kind = tDirective
		l.off++
		l.ident()
	case c == '"':
		n := strings.IndexAny(l.src[start+1:], "\"\n")
		if n < 0 || l.src[start+1+n] != '"' {
			return l.errorf(pos, "string is not closed")
		}
		l.off += n + 2
		l.toks = append(l.toks, token{tString, pos, start, l.src[start+1 : start+1+n]})
		return nil
	case strings.IndexByte("{}[]()<>,;:=+-*/%!~&|^?@", c) >= 0:
		l.off++
	default:
		return l.errorf(pos, "unexpected character %q", c)
	}
	l.toks = append(l.toks, token{kind, pos, start, l.src[start:l.off]})
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
func isIdent(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '$' }

// isIdentStart also admits %, the first character of register names.
func isIdentStart(c byte) bool { return isLetter(c) || c == '_' || c == '$' || c == '%' }

func (l *lexer) ident() {
	l.off++
	for l.off < len(l.src) && isIdent(l.src[l.off]) {
		l.off++
	}
}

// word reads an identifier and the parts joined to it by "." or "::".
func (l *lexer) word() {
	l.ident()
	for {
		rest := l.src[l.off:]
		switch {
		case len(rest) > 1 && rest[0] == '.' && isIdent(rest[1]):
			l.off++
		case len(rest) > 2 && rest[:2] == "::" && isIdent(rest[2]):
			l.off += 2
		default:
			return
		}
		l.ident()
	}
}

// number reads a literal (PTX ISA 4.5): decimal, octal, 0x and 0b integers with an optional U, 0f and
// 0d hexadecimal floats, decimal floats.
func (l *lexer) number() error {
	start, pos := l.off, l.pos()
	src := l.src[start:]
	kind, n := tInt, 0
	hex := func(from, digits int) bool {
		for n = from; n < len(src) && isHex(src[n]); n++ {
		}
		return digits == 0 && n > from || n == from+digits
	}
	two := strings.ToLower(src[:min(2, len(src))])
	ok := true
	switch two {
	case "0x":
		ok = hex(2, 0)
	case "0f":
		kind, ok = tFloat32, hex(2, 8)
	case "0d":
		kind, ok = tFloat64, hex(2, 16)
	case "0b":
		for n = 2; n < len(src) && (src[n] == '0' || src[n] == '1'); n++ {
		}
		ok = n > 2
	default:
		n, kind = decimal(src)
	}
	if ok && kind == tInt && n < len(src) && (src[n] == 'U' || src[n] == 'u') {
		n++
	}
	if !ok || n < len(src) && isIdent(src[n]) {
		return l.errorf(pos, "malformed number %q", src[:min(n+1, len(src))])
	}
	l.off += n
	l.toks = append(l.toks, token{kind, pos, start, src[:n]})
	return nil
}

// decimal returns the length and kind of the number at the start of s.
func decimal(s string) (int, tokenKind) {
	n, kind := 0, tInt
	digits := func() {
		for n < len(s) && isDigit(s[n]) {
			n++
		}
	}
	digits()
	if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		kind = tFloat64
		n++
		digits()
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		m := n + 1
		if m < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if m < len(s) && isDigit(s[m]) {
			kind = tFloat64
			n = m
			digits()
		}
	}
	return n, kind
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
