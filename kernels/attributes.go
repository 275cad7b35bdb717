package kernels

import (
	"fmt"
	"reflect"
	"strings"
)

// Attributes is an operator's attributes as text, "{Heads:4 Scale:0.125}", by the names that the `key` tags of its struct's fields
// declare, in their order. Tuning tables and benchmark rows hold it, so a tag keeps its name when the field is renamed. A field tagged
// `key:"-"` is left out: it decides about values alone, such as the number of a random stream. A field that is added later is tagged
// `key:"Name,omitzero"`, so that calls without it keep their text. A field without a tag goes by its Go name; tests refuse it.
func Attributes(op Operator) string {
	var b strings.Builder
	writeAttributes(&b, reflect.ValueOf(op))
	return b.String()
}

func writeAttributes(b *strings.Builder, v reflect.Value) {
	t := v.Type()
	b.WriteByte('{')
	first := true
	for i := range t.NumField() {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("key"), ",")
		if name == "-" || option == "omitzero" && v.Field(i).IsZero() {
			continue
		}
		if name == "" {
			name = t.Field(i).Name
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(name + ":")
		if v.Field(i).Kind() == reflect.Struct {
			writeAttributes(b, v.Field(i))
			continue
		}
		fmt.Fprintf(b, "%v", v.Field(i))
	}
	b.WriteByte('}')
}

// UntaggedAttributes lists the fields of an operator's struct that have no key tag.
func UntaggedAttributes(op Operator) []string { return untagged(reflect.TypeOf(op)) }

func untagged(t reflect.Type) []string {
	var list []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("key") == "" {
			list = append(list, t.Name()+"."+f.Name)
		}
		if f.Type.Kind() == reflect.Struct {
			list = append(list, untagged(f.Type)...)
		}
	}
	return list
}
