package pickle

import (
	"errors"
	"fmt"
)

// Bounds of one pickle. A network of 1,000 tensors takes 30,000 instructions and 20,000 values.
const (
	maxInstructions = 8 << 20
	maxValues       = 2 << 20 // on the stack, and in the memo
	maxMarks        = 1000    // containers that are open at once
)

// unpickler is the stack machine of the format.
type unpickler struct {
	in    *stream
	begin int64 // where the pickle starts in the file
	stack []any
	marks []int // lengths of the stack at each open mark
	memo  map[uint64]any
	load  func(id any) (any, error) // resolves a persistent id; nil: there are none
}

// unpickle reads one pickle.
func unpickle(in *stream, load func(any) (any, error)) (any, error) {
	u := &unpickler{in: in, begin: in.at, memo: map[uint64]any{}, load: load}
	for range maxInstructions {
		at := in.at
		op, err := in.byte()
		if err != nil {
			return nil, u.locate(at, err)
		}
		if op == '.' {
			v, err := u.pop()
			return v, u.locate(at, err)
		}
		run := opcodes[op]
		if run == nil {
			return nil, u.locate(at, fmt.Errorf("instruction %#02x is not one of a pickle of tensors", op))
		}
		if err := run(u); err != nil {
			return nil, u.locate(at, err)
		}
		if len(u.stack) > maxValues || len(u.memo) > maxValues || in.at-u.begin > maxPickle {
			return nil, u.locate(at, errors.New("the pickle is too large for one of weights"))
		}
	}
	return nil, u.locate(in.at, fmt.Errorf("more than %d instructions", maxInstructions))
}

// locate adds the position to an error, unless it names a global.
func (u *unpickler) locate(at int64, err error) error {
	var unknown *GlobalError
	if err == nil || errors.As(err, &unknown) {
		return err
	}
	return fmt.Errorf("byte %d of the pickle: %w", at-u.begin, err)
}

func (u *unpickler) push(v any) error {
	u.stack = append(u.stack, v)
	return nil
}

// floor is the length of the stack that belongs to the open mark.
func (u *unpickler) floor() int {
	if len(u.marks) == 0 {
		return 0
	}
	return u.marks[len(u.marks)-1]
}

// pop removes the last value, which must lie above the open mark.
func (u *unpickler) pop() (any, error) {
	n := len(u.stack)
	if n <= u.floor() {
		return nil, errors.New("a value is missing on the stack")
	}
	v := u.stack[n-1]
	u.stack[n-1] = nil
	u.stack = u.stack[:n-1]
	return v, nil
}

// popN removes the last n values and returns a copy of them in order.
func (u *unpickler) popN(n int) ([]any, error) {
	at := len(u.stack) - n
	if at < u.floor() {
		return nil, fmt.Errorf("%d values are missing on the stack", u.floor()-at)
	}
	items := append([]any(nil), u.stack[at:]...)
	clear(u.stack[at:])
	u.stack = u.stack[:at]
	return items, nil
}

// popMark closes the open mark and returns a copy of the values above it.
func (u *unpickler) popMark() ([]any, error) {
	if len(u.marks) == 0 {
		return nil, errors.New("no mark is open")
	}
	items, err := u.popN(len(u.stack) - u.floor())
	u.marks = u.marks[:len(u.marks)-1]
	return items, err
}

// top returns the last value without removing it.
func (u *unpickler) top() (any, error) {
	n := len(u.stack)
	if n <= u.floor() {
		return nil, errors.New("a value is missing on the stack")
	}
	return u.stack[n-1], nil
}

// call applies a known global to arguments.
func call(function any, args []any) (any, error) {
	g, ok := function.(*global)
	if !ok {
		return nil, fmt.Errorf("%s is called: expected a function", kindOf(function))
	}
	if g.call == nil {
		return nil, fmt.Errorf("%s.%s is called: expected to see it as the type of a storage only", g.module, g.name)
	}
	return g.call(args)
}
