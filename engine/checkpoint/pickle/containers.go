package pickle

import (
	"errors"
	"fmt"
)

func (u *unpickler) tuple(n int) error {
	items, err := u.popN(n)
	if err != nil {
		return err
	}
	return u.push(&Tuple{Items: items})
}

func (u *unpickler) markedTuple() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	return u.push(&Tuple{Items: items})
}

func (u *unpickler) list() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	return u.push(&List{Items: items})
}

func (u *unpickler) appendItem() error {
	v, err := u.pop()
	if err != nil {
		return err
	}
	return u.extend([]any{v})
}

func (u *unpickler) appendItems() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	return u.extend(items)
}

// extend appends to the list on top of the stack.
func (u *unpickler) extend(items []any) error {
	v, err := u.top()
	if err != nil {
		return err
	}
	l, ok := v.(*List)
	if !ok {
		return fmt.Errorf("items for %s: expected a list", kindOf(v))
	}
	l.Items = append(l.Items, items...)
	return nil
}

func (u *unpickler) dict() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	d := &Dict{}
	if err := d.setAll(items); err != nil {
		return err
	}
	return u.push(d)
}

func (u *unpickler) setItem() error {
	items, err := u.popN(2)
	if err != nil {
		return err
	}
	return u.update(items)
}

func (u *unpickler) setItems() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	return u.update(items)
}

// update sets keys of the dict on top of the stack.
func (u *unpickler) update(items []any) error {
	v, err := u.top()
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	if !ok {
		return fmt.Errorf("keys for %s: expected a dict", kindOf(v))
	}
	return d.setAll(items)
}

// setAll sets keys and values that alternate.
func (d *Dict) setAll(items []any) error {
	if len(items)%2 != 0 {
		return errors.New("a dict's last key has no value")
	}
	for i := 0; i < len(items); i += 2 {
		d.set(items[i], items[i+1])
	}
	return nil
}

func (u *unpickler) textGlobal() error {
	module, err := u.in.line()
	if err != nil {
		return err
	}
	name, err := u.in.line()
	if err != nil {
		return err
	}
	return u.pushGlobal(module, name)
}

func (u *unpickler) stackGlobal() error {
	items, err := u.popN(2)
	if err != nil {
		return err
	}
	module, ok1 := items[0].(string)
	name, ok2 := items[1].(string)
	if !ok1 || !ok2 {
		return errors.New("the name of a global is not a string")
	}
	return u.pushGlobal(module, name)
}

func (u *unpickler) pushGlobal(module, name string) error {
	g, err := findGlobal(module, name)
	if err != nil {
		return err
	}
	return u.push(g)
}

// inst reads INST: a class by name, called with the values above the mark.
func (u *unpickler) inst() error {
	if err := u.textGlobal(); err != nil {
		return err
	}
	g, err := u.pop()
	if err != nil {
		return err
	}
	args, err := u.popMark()
	if err != nil {
		return err
	}
	return u.pushCall(g, args)
}

// object reads OBJ: a class and its arguments above the mark.
func (u *unpickler) object() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return errors.New("an object without a class")
	}
	return u.pushCall(items[0], items[1:])
}

// reduce reads REDUCE and NEWOBJ: a function or class, and a tuple of arguments.
func (u *unpickler) reduce() error {
	items, err := u.popN(2)
	if err != nil {
		return err
	}
	args, ok := items[1].(*Tuple)
	if !ok {
		return fmt.Errorf("arguments are %s: expected a tuple", kindOf(items[1]))
	}
	return u.pushCall(items[0], args.Items)
}

func (u *unpickler) pushCall(function any, args []any) error {
	v, err := call(function, args)
	if err != nil {
		return err
	}
	return u.push(v)
}

// build reads BUILD, the attributes of an object. An OrderedDict has some: the versions of a state_dict's modules, which say
// nothing of the tensors.
func (u *unpickler) build() error {
	if _, err := u.pop(); err != nil {
		return err
	}
	v, err := u.top()
	if err != nil {
		return err
	}
	if _, ok := v.(*Dict); !ok {
		return fmt.Errorf("attributes for %s: expected an OrderedDict", kindOf(v))
	}
	return nil
}
