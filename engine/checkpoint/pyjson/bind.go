package pyjson

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/unnoise/unnoise/engine/suggest"
)

// Custom is implemented by field types that have their own JSON form.
type Custom interface {
	// FromJSON sets the receiver from a parsed value.
	FromJSON(v any) error
	// ToJSON returns nil, bool, int, float64, string, []any or Number.
	ToJSON() any
}

// Field binds an object's member to a variable. Ptr is *bool, *int, *float64,
// *string, *[]int, *[]float64, *[]string, **int (null is nil), **string, or a
// Custom.
type Field struct {
	Key string
	Ptr any
}

// Decode sets every field whose key is present in the object and leaves the
// others. The error names the key, the value and what was expected.
func Decode(o *Object, fields []Field) error {
	for _, f := range fields {
		v, ok := o.Get(f.Key)
		if !ok {
			continue
		}
		if err := assign(f.Ptr, v); err != nil {
			return fmt.Errorf("key %q is %s: %w", f.Key, Describe(v), err)
		}
	}
	return nil
}

// RefuseUnknown reports the first member that no field binds and that is not
// in known. Unknown members that are null ask for nothing and pass.
func RefuseUnknown(o *Object, fields []Field, known ...string) error {
	for _, key := range o.Keys() {
		bound := slices.ContainsFunc(fields, func(f Field) bool { return f.Key == key })
		v, _ := o.Get(key)
		if !bound && v != nil && !slices.Contains(known, key) {
			return fmt.Errorf("key %q is %s: this key is not known here; %s it if it has no effect on the result", key, Describe(v), meant(key, fields))
		}
	}
	return nil
}

// meant suggests the field whose key is nearest to an unknown one, and to remove the key.
func meant(key string, fields []Field) string {
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.Key)
	}
	if near := suggest.Nearest(key, keys); near != "" {
		return fmt.Sprintf("did you mean %q? Remove", near)
	}
	return "remove"
}

// Update returns a copy of o that holds the fields' current values. A member
// whose value did not change keeps its literal; an absent member is added only
// where the field differs from defaults.
func Update(o *Object, fields []Field, defaults *Object) *Object {
	out := o.Clone()
	for _, f := range fields {
		if v, ok := o.Get(f.Key); ok {
			if !same(f.Ptr, v) {
				out.Set(f.Key, toJSON(f.Ptr))
			}
			continue
		}
		if v, ok := defaults.Get(f.Key); !ok || !same(f.Ptr, v) {
			out.Set(f.Key, toJSON(f.Ptr))
		}
	}
	return out
}

// same reports whether v decodes to the value ptr points at.
func same(ptr, v any) bool {
	other := reflect.New(reflect.TypeOf(ptr).Elem())
	if assign(other.Interface(), v) != nil {
		return false
	}
	return reflect.DeepEqual(other.Elem().Interface(), reflect.ValueOf(ptr).Elem().Interface())
}

func assign(ptr, v any) error {
	switch p := ptr.(type) {
	case Custom:
		return p.FromJSON(v)
	case *bool:
		b, ok := v.(bool)
		if !ok {
			return fmt.Errorf("want true or false")
		}
		*p = b
		return nil
	case *string:
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("want a string")
		}
		*p = s
		return nil
	case *int:
		return assignInto(p, v, Int)
	case *float64:
		return assignInto(p, v, Float64)
	case **int:
		return assignNullable(p, v, Int)
	case **string:
		return assignNullable(p, v, func(v any) (s string, err error) { return s, assign(&s, v) })
	case *[]int:
		return assignList(p, v, Int)
	case *[]float64:
		return assignNullableList(p, v)
	case *[]string:
		return assignList(p, v, func(v any) (s string, err error) { return s, assign(&s, v) })
	}
	return fmt.Errorf("no JSON form for %T", ptr)
}

func assignInto[T any](p *T, v any, conv func(any) (T, error)) error {
	x, err := conv(v)
	if err == nil {
		*p = x
	}
	return err
}

func assignNullable[T any](p **T, v any, conv func(any) (T, error)) error {
	if v == nil {
		*p = nil
		return nil
	}
	x, err := conv(v)
	if err != nil {
		return fmt.Errorf("%w or null", err)
	}
	*p = &x
	return nil
}

func assignList[T any](p *[]T, v any, conv func(any) (T, error)) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("want a list")
	}
	list := make([]T, len(items))
	for i, item := range items {
		x, err := conv(item)
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
		list[i] = x
	}
	*p = list
	return nil
}

func assignNullableList(p *[]float64, v any) error {
	if v == nil {
		*p = nil
		return nil
	}
	return assignList(p, v, Float64)
}

// Int converts a parsed value to an int. 32.0 passes, 32.5 does not.
func Int(v any) (int, error) {
	n, ok := v.(Number)
	if ok {
		if i, err := strconv.Atoi(string(n)); err == nil {
			return i, nil
		}
		if f, err := n.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int(f), nil
		}
	}
	return 0, fmt.Errorf("want an integer")
}

// Float64 converts a parsed value to a finite float64.
func Float64(v any) (float64, error) {
	n, ok := v.(Number)
	if ok {
		if f, err := n.Float64(); err == nil {
			return f, nil
		}
	}
	return 0, fmt.Errorf("want a number")
}

func toJSON(ptr any) any {
	switch p := ptr.(type) {
	case Custom:
		return p.ToJSON()
	case *[]int:
		return list(*p)
	case *[]string:
		return list(*p)
	case *[]float64:
		if *p == nil {
			return nil
		}
		return list(*p)
	case **int:
		if *p == nil {
			return nil
		}
		return **p
	case **string:
		if *p == nil {
			return nil
		}
		return **p
	}
	return reflect.ValueOf(ptr).Elem().Interface()
}

func list[T any](items []T) []any {
	out := make([]any, len(items))
	for i, v := range items {
		out[i] = v
	}
	return out
}
