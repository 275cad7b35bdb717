package pickle

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// opcodes holds the instructions by their byte, as pickletools lists them. EXT1, EXT2, EXT4 (the extension registry),
// NEWOBJ_EX, NEXT_BUFFER and READONLY_BUFFER are left out.
var opcodes = [256]func(*unpickler) error{
	0x80: func(u *unpickler) error { return u.protocol() },
	0x95: func(u *unpickler) error { _, err := u.in.uint(8); return err }, // FRAME
	'(':  (*unpickler).mark,
	'0':  func(u *unpickler) error { _, err := u.pop(); return err },
	'1':  func(u *unpickler) error { _, err := u.popMark(); return err },
	'2':  (*unpickler).dup,

	'N':  func(u *unpickler) error { return u.push(nil) },
	0x88: func(u *unpickler) error { return u.push(true) },
	0x89: func(u *unpickler) error { return u.push(false) },
	'I':  (*unpickler).textInt,
	'L':  (*unpickler).textLong,
	'F':  (*unpickler).textFloat,
	'J': func(u *unpickler) error {
		n, err := u.in.uint(4)
		u.stack = append(u.stack, int64(int32(n)))
		return err
	},
	'K':  func(u *unpickler) error { n, err := u.in.uint(1); u.stack = append(u.stack, int64(n)); return err },
	'M':  func(u *unpickler) error { n, err := u.in.uint(2); u.stack = append(u.stack, int64(n)); return err },
	0x8a: func(u *unpickler) error { return u.long(1) },
	0x8b: func(u *unpickler) error { return u.long(4) },
	'G':  (*unpickler).float,

	'S':  (*unpickler).textString,
	'V':  (*unpickler).textUnicode,
	'T':  func(u *unpickler) error { return u.text(4) },
	'U':  func(u *unpickler) error { return u.text(1) },
	'X':  func(u *unpickler) error { return u.text(4) },
	0x8c: func(u *unpickler) error { return u.text(1) },
	0x8d: func(u *unpickler) error { return u.text(8) },
	'B':  func(u *unpickler) error { return u.bytes(4) },
	'C':  func(u *unpickler) error { return u.bytes(1) },
	0x8e: func(u *unpickler) error { return u.bytes(8) },
	0x96: func(u *unpickler) error { return u.bytes(8) },

	']':  func(u *unpickler) error { return u.push(&List{}) },
	0x8f: func(u *unpickler) error { return u.push(&List{}) }, // EMPTY_SET
	'a':  (*unpickler).appendItem,
	'e':  (*unpickler).appendItems,
	0x90: (*unpickler).appendItems, // ADDITEMS
	'l':  (*unpickler).list,
	0x91: (*unpickler).list, // FROZENSET
	')':  func(u *unpickler) error { return u.push(&Tuple{}) },
	't':  (*unpickler).markedTuple,
	0x85: func(u *unpickler) error { return u.tuple(1) },
	0x86: func(u *unpickler) error { return u.tuple(2) },
	0x87: func(u *unpickler) error { return u.tuple(3) },
	'}':  func(u *unpickler) error { return u.push(&Dict{}) },
	'd':  (*unpickler).dict,
	's':  (*unpickler).setItem,
	'u':  (*unpickler).setItems,

	'g':  func(u *unpickler) error { return u.textIndex(u.get) },
	'h':  func(u *unpickler) error { return u.index(1, u.get) },
	'j':  func(u *unpickler) error { return u.index(4, u.get) },
	'p':  func(u *unpickler) error { return u.textIndex(u.put) },
	'q':  func(u *unpickler) error { return u.index(1, u.put) },
	'r':  func(u *unpickler) error { return u.index(4, u.put) },
	0x94: func(u *unpickler) error { return u.put(uint64(len(u.memo))) },

	'c':  (*unpickler).textGlobal,
	0x93: (*unpickler).stackGlobal,
	'i':  (*unpickler).inst,
	'o':  (*unpickler).object,
	'R':  (*unpickler).reduce,
	0x81: (*unpickler).reduce, // NEWOBJ
	'b':  (*unpickler).build,
	'P':  (*unpickler).textPersistent,
	'Q':  (*unpickler).persistent,
}

func (u *unpickler) protocol() error {
	n, err := u.in.uint(1)
	if err == nil && n > 5 {
		err = fmt.Errorf("protocol %d, expected at most 5", n)
	}
	return err
}

func (u *unpickler) mark() error {
	if len(u.marks) == maxMarks {
		return fmt.Errorf("more than %d containers are open", maxMarks)
	}
	u.marks = append(u.marks, len(u.stack))
	return nil
}

func (u *unpickler) dup() error {
	v, err := u.top()
	if err != nil {
		return err
	}
	return u.push(v)
}

// textInt reads INT: a decimal number, or 00 and 01 for False and True.
func (u *unpickler) textInt() error {
	line, err := u.in.line()
	if err != nil {
		return err
	}
	switch line {
	case "00", "01":
		return u.push(line == "01")
	}
	return u.number(line)
}

func (u *unpickler) textLong() error {
	line, err := u.in.line()
	if err != nil {
		return err
	}
	return u.number(strings.TrimSuffix(line, "L"))
}

func (u *unpickler) number(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a 64-bit integer", clip(text))
	}
	return u.push(n)
}

func (u *unpickler) textFloat() error {
	line, err := u.in.line()
	if err != nil {
		return err
	}
	x, err := strconv.ParseFloat(line, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", clip(line))
	}
	return u.push(x)
}

// float reads BINFLOAT, which is big-endian.
func (u *unpickler) float() error {
	b, err := u.in.bytes(8)
	if err != nil {
		return err
	}
	bits := uint64(0)
	for _, v := range b {
		bits = bits<<8 | uint64(v)
	}
	return u.push(math.Float64frombits(bits))
}

// long reads LONG1 and LONG4: a little-endian number in two's complement.
func (u *unpickler) long(width int) error {
	const most = 255
	n, err := u.in.uint(width)
	if err != nil {
		return err
	}
	if n > most {
		return fmt.Errorf("an integer of %d bytes, expected at most %d", n, most)
	}
	b, err := u.in.bytes(n)
	if err != nil {
		return err
	}
	negative := n > 0 && b[n-1]&0x80 != 0
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	x := new(big.Int).SetBytes(b)
	if negative {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), 8*uint(n)))
	}
	if x.IsInt64() {
		return u.push(x.Int64())
	}
	return u.push(x)
}

// textString reads STRING: a quoted string without escapes.
func (u *unpickler) textString() error {
	line, err := u.in.line()
	if err != nil {
		return err
	}
	n := len(line)
	if n < 2 || line[0] != line[n-1] || line[0] != '\'' && line[0] != '"' || strings.Contains(line, `\`) {
		return fmt.Errorf("%q is not a quoted string without escapes", clip(line))
	}
	return u.push(line[1 : n-1])
}

func (u *unpickler) textUnicode() error {
	line, err := u.in.line()
	if err != nil {
		return err
	}
	if strings.Contains(line, `\`) {
		return fmt.Errorf("string %q has escapes", clip(line))
	}
	return u.push(line)
}

func (u *unpickler) text(width int) error {
	b, err := u.in.sized(width)
	if err != nil {
		return err
	}
	if !utf8.Valid(b) {
		return u.push(Bytes(b)) // a string of Python 2 that is not text
	}
	return u.push(string(b))
}

func (u *unpickler) bytes(width int) error {
	b, err := u.in.sized(width)
	if err != nil {
		return err
	}
	return u.push(Bytes(b))
}

func (u *unpickler) index(width int, use func(uint64) error) error {
	n, err := u.in.uint(width)
	if err != nil {
		return err
	}
	return use(n)
}

func (u *unpickler) textIndex(use func(uint64) error) error {
	line, err := u.in.line()
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(line, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not an index of the memo", clip(line))
	}
	return use(n)
}

func (u *unpickler) get(n uint64) error {
	v, ok := u.memo[n]
	if !ok {
		return fmt.Errorf("the memo has no value %d", n)
	}
	return u.push(v)
}

func (u *unpickler) put(n uint64) error {
	v, err := u.top()
	if err == nil {
		u.memo[n] = v
	}
	return err
}

// persistent reads BINPERSID: the id of a storage, which lies outside the pickle.
func (u *unpickler) persistent() error {
	id, err := u.pop()
	if err != nil {
		return err
	}
	return u.resolve(id)
}

func (u *unpickler) textPersistent() error {
	line, err := u.in.line()
	if err != nil {
		return err
	}
	return u.resolve(line)
}

func (u *unpickler) resolve(id any) error {
	if u.load == nil {
		return errors.New("a reference to a storage where none is expected")
	}
	v, err := u.load(id)
	if err != nil {
		return err
	}
	return u.push(v)
}
