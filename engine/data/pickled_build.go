package data

import (
	"bytes"
	"errors"
	"fmt"
)

// pickledList is a Python list, which grows after it was stored in the memo.
type pickledList struct{ items []any }

func (u *arrayUnpickler) tuple(op byte) error {
	var items []any
	var err error
	if op == 't' {
		items, err = u.popMark()
	} else {
		items, err = u.popN(int(op-0x85) + 1)
	}
	u.push(items)
	return err
}

// items returns the value of an instruction for one item, or those above the last mark.
func (u *arrayUnpickler) items(one bool, n int) ([]any, error) {
	if one {
		return u.popN(n)
	}
	return u.popMark()
}

func (u *arrayUnpickler) extend(op byte) error {
	items, err := u.items(op == 'a', 1)
	if err != nil {
		return err
	}
	if len(u.stack) == 0 {
		return errors.New("a list is missing")
	}
	list, ok := u.stack[len(u.stack)-1].(*pickledList)
	if !ok {
		return errors.New("items for what is no list")
	}
	list.items = append(list.items, items...)
	return nil
}

func (u *arrayUnpickler) set(op byte) error {
	items, err := u.items(op == 's', 2)
	if err != nil {
		return err
	}
	if len(u.stack) == 0 || len(items)%2 != 0 {
		return errors.New("a dict or a value is missing")
	}
	dict, ok := u.stack[len(u.stack)-1].(map[string]any)
	if !ok {
		return errors.New("items for what is no dict")
	}
	for i := 0; i < len(items); i += 2 {
		key, ok := items[i].(string)
		if !ok {
			return fmt.Errorf("a key of type %T: expected a string", items[i])
		}
		dict[key] = items[i+1]
	}
	return nil
}

// function pushes a function that is known; any other is refused by name.
func (u *arrayUnpickler) function(op byte) error {
	var name string
	if op == 'c' {
		for range 2 {
			end := bytes.IndexByte(u.in[u.at:], '\n')
			if end < 0 {
				return errors.New("truncated: the pickle has no end")
			}
			name += "." + string(u.in[u.at:u.at+end])
			u.at += end + 1
		}
		name = name[1:]
	} else {
		parts, err := u.popN(2)
		if err != nil {
			return err
		}
		name = fmt.Sprintf("%v.%v", parts[0], parts[1])
	}
	f, ok := pickledFunctions[name]
	if !ok {
		return fmt.Errorf("the pickle names %.200q: expected only NumPy arrays, dicts, lists, strings and numbers; nothing was executed", name)
	}
	u.push(f)
	return nil
}

// apply calls a function with its arguments, or gives an array its content.
func (u *arrayUnpickler) apply(op byte) error {
	pair, err := u.popN(2)
	if err != nil {
		return err
	}
	args, _ := pair[1].([]any)
	switch target := pair[0].(type) {
	case pickledFunction:
		if op == 'R' {
			v, err := target.call(args)
			u.push(v)
			return err
		}
	case *pickledType:
		if op == 'b' { // byte order and the like, which do not matter for single bytes
			u.push(target)
			return nil
		}
	case *pickledArray:
		if op == 'b' {
			u.push(target)
			return target.fill(args)
		}
	}
	return fmt.Errorf("a call of %T", pair[0])
}

func (f pickledFunction) call(args []any) (any, error) {
	switch f {
	case "array":
		return &pickledArray{}, nil
	case "dtype":
		if len(args) > 0 {
			if code, ok := args[0].(string); ok {
				return &pickledType{code}, nil
			}
		}
	case "encode": // latin1, in which protocol 2 keeps bytes
		if len(args) > 0 {
			if text, ok := args[0].(string); ok {
				return latin1(text)
			}
		}
	}
	return nil, fmt.Errorf("a call of %s with %d arguments", string(f), len(args))
}

func latin1(text string) (string, error) {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 255 {
			return "", errors.New("a character above 255 in bytes")
		}
		b = append(b, byte(r))
	}
	return string(b), nil
}

// fill takes the state of an array: version, shape, type, Fortran order, bytes. Types are of one byte.
func (a *pickledArray) fill(state []any) error {
	if len(state) != 5 {
		return errors.New("an array without content")
	}
	shape, okShape := state[1].([]any)
	dtype, okType := state[2].(*pickledType)
	fortran, okOrder := state[3].(bool)
	data, okData := state[4].(string)
	if !okShape || !okType || !okOrder || !okData {
		return errors.New("the content of an array is not as expected")
	}
	n := int64(1)
	for _, d := range shape {
		size, ok := d.(int64)
		if !ok || size < 1 || size > maxPickledBytes || n > maxPickledBytes {
			return fmt.Errorf("an array of shape %v", shape)
		}
		n *= size
		a.shape = append(a.shape, size)
	}
	if dtype.code != "u1" || n != int64(len(data)) {
		return fmt.Errorf("an array of %s with %d bytes for shape %v: expected uint8", dtype.code, len(data), shape)
	}
	a.dtype, a.fortran, a.data = dtype.code, fortran, data
	return nil
}
