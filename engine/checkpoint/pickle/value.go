package pickle

// Values of a pickle are nil, bool, int64, *big.Int, float64, string, Bytes, and the types of this file.

// Bytes is a Python bytes or bytearray object.
type Bytes string

// List is a Python list or set.
type List struct{ Items []any }

// Tuple is a Python tuple or a torch.Size.
type Tuple struct{ Items []any }

// Dict is a Python dict or OrderedDict. Its keys keep their order.
type Dict struct {
	Keys   []any
	Values []any
	index  map[any]int
}

// Get returns the value of a key.
func (d *Dict) Get(key any) (any, bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	return d.Values[i], true
}

// set adds a key or replaces its value. Keys are scalars or pointers, which Go can compare.
func (d *Dict) set(key, value any) {
	if i, ok := d.index[key]; ok {
		d.Values[i] = value
		return
	}
	if d.index == nil {
		d.index = map[any]int{}
	}
	d.index[key] = len(d.Keys)
	d.Keys = append(d.Keys, key)
	d.Values = append(d.Values, value)
}

// global is a function or class that the reader knows.
type global struct {
	module, name string
	call         func(args []any) (any, error) // nil: it cannot be called
	dtype        string                        // of a storage class, else ""
}

// kindOf names a value's type as Python does.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case string:
		return "a str"
	case Bytes:
		return "a bytes object"
	case float64:
		return "a float"
	case *List:
		return "a list"
	case *Tuple:
		return "a tuple"
	case *Dict:
		return "a dict"
	case *Tensor:
		return "a tensor"
	case *storage:
		return "a storage"
	case *global:
		return v.module + "." + v.name
	}
	return "an int"
}
