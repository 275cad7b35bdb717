package ptx

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// constant is the value of a constant expression (PTX ISA 4.5.4): a 64-bit
// integer, signed unless unsigned, or a float.
type constant struct {
	float    bool
	single   bool // a 0f literal: bits holds a float32
	unsigned bool
	bits     uint64
}

func (c constant) float64() float64 {
	switch {
	case c.single:
		return float64(math.Float32frombits(uint32(c.bits)))
	case c.float:
		return math.Float64frombits(c.bits)
	case c.unsigned:
		return float64(c.bits)
	}
	return float64(int64(c.bits))
}

// intLiteral reads an integer token. Literals with U, or too large for int64, are unsigned.
func intLiteral(s string) (v uint64, unsigned bool, err error) {
	t := strings.TrimRight(s, "uU")
	unsigned = t != s
	base := 10
	switch {
	case len(t) > 2 && (t[1] == 'x' || t[1] == 'X'):
		t, base = t[2:], 16
	case len(t) > 2 && (t[1] == 'b' || t[1] == 'B'):
		t, base = t[2:], 2
	case len(t) > 1 && t[0] == '0':
		t, base = t[1:], 8
	}
	v, err = strconv.ParseUint(t, base, 64)
	return v, unsigned || v>>63 != 0, err
}

// number turns a literal token into its value.
func (p *parser) number(t token) constant {
	switch t.kind {
	case tInt:
		v, unsigned, err := intLiteral(t.text)
		if errors.Is(err, strconv.ErrRange) {
			p.fail(t.pos, "integer %s does not fit 64 bits", t.text)
		} else if err != nil {
			p.fail(t.pos, "malformed integer %s", t.text)
		}
		return constant{bits: v, unsigned: unsigned}
	case tFloat32:
		v, _ := strconv.ParseUint(t.text[2:], 16, 32)
		return constant{float: true, single: true, bits: v}
	}
	if strings.HasPrefix(t.text, "0d") || strings.HasPrefix(t.text, "0D") {
		v, _ := strconv.ParseUint(t.text[2:], 16, 64)
		return constant{float: true, bits: v}
	}
	f, err := strconv.ParseFloat(t.text, 64)
	if err != nil {
		p.fail(t.pos, "float %s is out of range", t.text)
	}
	return constant{float: true, bits: math.Float64bits(f)}
}

// precedence of the binary operators, weakest first.
var precedence = map[string]int{"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
	"<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10}

// binaryOp returns the operator at the parser's position; those of two
// characters are two adjacent tokens.
func (p *parser) binaryOp() string {
	t := p.peek()
	if t.kind != tPunct {
		return ""
	}
	if u := p.peekAt(1); u.kind == tPunct && u.off == t.off+1 {
		if op := t.text + u.text; precedence[op] > 0 {
			return op
		}
	}
	if precedence[t.text] > 0 {
		return t.text
	}
	return ""
}

// expr reads a constant expression.
func (p *parser) expr() constant { return p.binary(1, 0) }

func (p *parser) binary(least, depth int) constant {
	a := p.unary(depth)
	for {
		op := p.binaryOp()
		if op == "" || precedence[op] < least || p.err != nil {
			return a
		}
		pos := p.peek().pos
		p.i += len(op)
		b := p.binary(precedence[op]+1, depth+1)
		a = p.apply(pos, op, a, b)
	}
}

func (p *parser) unary(depth int) constant {
	t := p.next()
	if depth > maxNesting {
		p.fail(t.pos, "expression is nested too deeply")
		return constant{}
	}
	switch t.kind {
	case tInt, tFloat32, tFloat64:
		return p.number(t)
	case tPunct:
		switch t.text {
		case "(":
			c := p.parenthesis(depth)
			return c
		case "-":
			return p.negate(t.pos, p.unary(depth+1))
		case "+":
			return p.unary(depth + 1)
		case "~", "!":
			c := p.unary(depth + 1)
			if c.float {
				p.fail(t.pos, "operator %s needs an integer", t.text)
			}
			if t.text == "~" {
				c.bits = ^c.bits
			} else {
				c = truth(c.bits == 0)
			}
			return c
		}
	case tWord:
		if t.text == "WARP_SZ" {
			return constant{bits: 32}
		}
	}
	p.fail(t.pos, "expected a constant, found %s", t.describe())
	return constant{}
}

// parenthesis reads what follows an opening one: an expression, or a cast
// (.s64) or (.u64) and its operand.
func (p *parser) parenthesis(depth int) constant {
	if t := p.peek(); t.text == ".s64" || t.text == ".u64" {
		p.next()
		p.expect(")")
		c := p.unary(depth + 1)
		if c.float {
			p.fail(t.pos, "a cast to %s needs an integer", t.text)
		}
		c.unsigned = t.text == ".u64"
		return c
	}
	c := p.binary(1, depth+1)
	p.expect(")")
	return c
}

func (p *parser) negate(pos Pos, c constant) constant {
	switch {
	case c.single:
		c.bits ^= 1 << 31
	case c.float:
		c.bits ^= 1 << 63
	default:
		c.bits = -c.bits
		c.unsigned = c.unsigned && c.bits>>63 == 0 && c.bits != 0
	}
	return c
}

func truth(b bool) constant {
	if b {
		return constant{bits: 1}
	}
	return constant{}
}

// apply computes a binary operator on integers.
func (p *parser) apply(pos Pos, op string, a, b constant) constant {
	if a.float || b.float {
		p.fail(pos, "operator %s on floating-point constants is not supported", op)
		return constant{}
	}
	unsigned := a.unsigned || b.unsigned
	less := func(a, b uint64) bool {
		if unsigned {
			return a < b
		}
		return int64(a) < int64(b)
	}
	r := constant{unsigned: unsigned}
	x, y := a.bits, b.bits
	switch op {
	case "+":
		r.bits = x + y
	case "-":
		r.bits = x - y
	case "*":
		_, r.bits = bits.Mul64(x, y)
	case "/", "%":
		return p.divide(pos, op, x, y, unsigned)
	case "&":
		r.bits = x & y
	case "|":
		r.bits = x | y
	case "^":
		r.bits = x ^ y
	case "<<":
		r.bits, r.unsigned = x<<y, a.unsigned
	case ">>":
		r.unsigned = a.unsigned
		if r.bits = x >> y; !a.unsigned {
			r.bits = uint64(int64(x) >> y)
		}
	case "==":
		return truth(x == y)
	case "!=":
		return truth(x != y)
	case "<":
		return truth(less(x, y))
	case ">":
		return truth(less(y, x))
	case "<=":
		return truth(!less(y, x))
	case ">=":
		return truth(!less(x, y))
	case "&&":
		return truth(x != 0 && y != 0)
	case "||":
		return truth(x != 0 || y != 0)
	}
	return r
}

func (p *parser) divide(pos Pos, op string, x, y uint64, unsigned bool) constant {
	if y == 0 {
		p.fail(pos, "division by zero")
		return constant{}
	}
	q, m := x/y, x%y
	if !unsigned {
		if int64(y) == -1 {
			q, m = -x, 0
		} else {
			q, m = uint64(int64(x)/int64(y)), uint64(int64(x)%int64(y))
		}
	}
	if op == "/" {
		return constant{unsigned: unsigned, bits: q}
	}
	return constant{unsigned: unsigned, bits: m}
}
