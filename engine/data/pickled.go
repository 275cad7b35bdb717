package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// maxPickledBytes bounds a pickle, maxPickledItems what it puts on the stack and in the memo.
const (
	maxPickledBytes = 1 << 28
	maxPickledItems = 1 << 22
)

// pickledArray is a NumPy array.
type pickledArray struct {
	shape   []int64
	dtype   string // without byte order
	fortran bool
	data    string
}

// pickledType is numpy.dtype; pickledMark an open container; pickledFunction a function or class.
type (
	pickledType     struct{ code string }
	pickledMark     struct{}
	pickledFunction string
)

// pickledFunctions are all that a pickle may name; nothing else is called, and nothing is executed.
var pickledFunctions = map[string]pickledFunction{
	"numpy.core.multiarray._reconstruct": "array", "numpy._core.multiarray._reconstruct": "array",
	"numpy.ndarray": "ndarray", "numpy.dtype": "dtype", "_codecs.encode": "encode",
}

// arrayUnpickler is the stack machine of Python's pickle, as far as dicts, lists, strings, integers
// and NumPy arrays need it (Lib/pickletools.py, protocols 0 to 4 in binary).
type arrayUnpickler struct {
	in    []byte
	at    int
	stack []any // string, int64, float64, bool, nil, []any (tuple), *pickledList, map[string]any, and the types above
	memo  map[int]any
}

// unpickleArrays reads a dict of numbers, strings, lists and NumPy arrays.
func unpickleArrays(r io.Reader) (map[string]any, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPickledBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxPickledBytes {
		return nil, fmt.Errorf("a pickle of more than %d bytes is refused", maxPickledBytes)
	}
	u := &arrayUnpickler{in: b, memo: map[int]any{}}
	for {
		op, err := u.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			d, ok := u.pop().(map[string]any)
			if !ok {
				return nil, errors.New("the pickle does not hold a dict")
			}
			return d, nil
		}
		at := u.at - 1
		if err := u.step(op[0]); err != nil {
			return nil, fmt.Errorf("byte %d of the pickle: %w", at, err)
		}
		if len(u.stack) > maxPickledItems || len(u.memo) > maxPickledItems {
			return nil, fmt.Errorf("a pickle of more than %d objects is refused", maxPickledItems)
		}
	}
}

func (u *arrayUnpickler) take(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(u.in)-u.at) {
		return nil, errors.New("truncated: the pickle has no end")
	}
	u.at += int(n)
	return u.in[u.at-int(n) : u.at], nil
}

// number reads a little-endian number of n bytes.
func (u *arrayUnpickler) number(n int64) (int64, error) {
	b, err := u.take(n)
	var v uint64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return int64(v), err
}

func (u *arrayUnpickler) push(v any) { u.stack = append(u.stack, v) }

// pop removes the last value, a mark where there is none.
func (u *arrayUnpickler) pop() any {
	if len(u.stack) == 0 {
		return pickledMark{}
	}
	v := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return v
}

// popN removes n values, popMark all above the last mark, and the mark.
func (u *arrayUnpickler) popN(n int) ([]any, error) {
	if n > len(u.stack) {
		return nil, errors.New("a value is missing")
	}
	items := append([]any(nil), u.stack[len(u.stack)-n:]...)
	u.stack = u.stack[:len(u.stack)-n]
	return items, nil
}

func (u *arrayUnpickler) popMark() ([]any, error) {
	for n := range u.stack {
		if _, mark := u.stack[len(u.stack)-1-n].(pickledMark); mark {
			items, err := u.popN(n)
			u.pop()
			return items, err
		}
	}
	return nil, errors.New("no container is open")
}

// pickledWidths are the bytes of numbers, and of the lengths of strings, by instruction.
var (
	pickledNumbers = map[byte]int64{'K': 1, 'M': 2, 'J': 4}
	pickledStrings = map[byte]int64{'U': 1, 'C': 1, 0x8c: 1, 'T': 4, 'B': 4, 'X': 4, 0x8d: 8, 0x8e: 8}
	pickledMemo    = map[byte]int64{'q': 1, 'r': 4, 'h': 1, 'j': 4}
	pickledSkipped = map[byte]int64{0x80: 1, 0x95: 8} // protocol, frame
	pickledValues  = map[byte]any{'N': nil, 0x88: true, 0x89: false, '(': pickledMark{}}
)

// step runs one instruction.
func (u *arrayUnpickler) step(op byte) error {
	if n, ok := pickledSkipped[op]; ok {
		_, err := u.take(n)
		return err
	}
	if v, ok := pickledValues[op]; ok {
		u.push(v)
		return nil
	}
	if n, ok := pickledNumbers[op]; ok {
		v, err := u.number(n)
		if op == 'J' {
			v = int64(int32(v))
		}
		u.push(v)
		return err
	}
	if n, ok := pickledStrings[op]; ok {
		length, err := u.number(n)
		if err != nil {
			return err
		}
		b, err := u.take(length)
		u.push(string(b))
		return err
	}
	if n, ok := pickledMemo[op]; ok {
		return u.remember(op, n)
	}
	return u.build(op)
}

// remember stores the last value in the memo, or pushes one of it.
func (u *arrayUnpickler) remember(op byte, width int64) error {
	key, err := u.number(width)
	if err != nil {
		return err
	}
	if op == 'q' || op == 'r' {
		if len(u.stack) == 0 {
			return errors.New("a value is missing")
		}
		u.memo[int(key)] = u.stack[len(u.stack)-1]
		return nil
	}
	v, ok := u.memo[int(key)]
	if !ok {
		return errors.New("a value that was not stored")
	}
	u.push(v)
	return nil
}

// build runs the instructions that make values of others.
func (u *arrayUnpickler) build(op byte) error {
	switch op {
	case 0x94: // memoize
		if len(u.stack) == 0 {
			return errors.New("a value is missing")
		}
		u.memo[len(u.memo)] = u.stack[len(u.stack)-1]
	case '}':
		u.push(map[string]any{})
	case ']':
		u.push(&pickledList{})
	case ')':
		u.push([]any{})
	case 0x85, 0x86, 0x87, 't':
		return u.tuple(op)
	case 'G':
		b, err := u.take(8)
		if err != nil {
			return err
		}
		u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 0x8a: // a long of up to 255 bytes
		n, err := u.number(1)
		if err != nil || n > 8 {
			return errors.New("an integer of more than 64 bits")
		}
		v, err := u.number(n)
		u.push(v << (64 - 8*n) >> (64 - 8*n))
		return err
	case 'a', 'e':
		return u.extend(op)
	case 's', 'u':
		return u.set(op)
	case 'c', 0x93:
		return u.function(op)
	case 'R', 'b':
		return u.apply(op)
	default:
		return fmt.Errorf("instruction %#02x is not one of a dict of arrays", op)
	}
	return nil
}
