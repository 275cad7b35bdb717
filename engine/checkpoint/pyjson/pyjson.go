// Package pyjson reads and writes JSON documents the way Python's json module
// does with indent=2 and sorted keys, which is how Hugging Face diffusers
// writes its configuration files. A document read and written again without a
// change is byte-identical: members keep their order and numbers keep their
// literals ("1e-06", "0.0001", "1" as opposed to "1.0").
package pyjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest in a parsed document.
const MaxDepth = 64

// Number is a JSON number kept as the text that stood in the document.
type Number = json.Number

// Object is a JSON object whose members keep their order.
// Values are nil, bool, string, Number, []any or *Object.
type Object struct {
	keys   []string
	values map[string]any
}

// NewObject returns an object without members.
func NewObject() *Object { return &Object{values: map[string]any{}} }

// Keys returns the member names in document order. The caller must not change
// the slice.
func (o *Object) Keys() []string { return o.keys }

// Get returns the value of a member and whether it is present.
func (o *Object) Get(key string) (any, bool) {
	v, ok := o.values[key]
	return v, ok
}

// Set replaces a member in place. A new member goes before the first one whose
// name is greater, so that a sorted object stays sorted.
func (o *Object) Set(key string, value any) {
	if _, ok := o.values[key]; !ok {
		at := slices.IndexFunc(o.keys, func(k string) bool { return k > key })
		if at < 0 {
			at = len(o.keys)
		}
		o.keys = slices.Insert(o.keys, at, key)
	}
	o.values[key] = value
}

// Clone returns a copy whose members can be set without changing o. Nested
// values are shared.
func (o *Object) Clone() *Object {
	c := &Object{keys: slices.Clone(o.keys), values: make(map[string]any, len(o.values))}
	for k, v := range o.values {
		c.values[k] = v
	}
	return c
}

// ParseObject reads one JSON object. It refuses duplicate member names,
// nesting deeper than MaxDepth, invalid UTF-8 and anything after the object.
func ParseObject(data []byte) (*Object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("the text is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("the JSON text ends early (truncated file?)")
	}
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("text follows the JSON value at byte %d", dec.InputOffset())
	}
	obj, ok := v.(*Object)
	if !ok {
		return nil, fmt.Errorf("the document is %s, want an object", Describe(v))
	}
	return obj, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels at byte %d", MaxDepth, dec.InputOffset())
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('['):
		return parseArray(dec, depth)
	case json.Delim('{'):
		return parseMembers(dec, depth)
	}
	return tok, nil
}

func parseArray(dec *json.Decoder, depth int) (any, error) {
	list := []any{}
	for dec.More() {
		v, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}

func parseMembers(dec *json.Decoder, depth int) (any, error) {
	obj := NewObject()
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := tok.(string)
		if !ok {
			return nil, fmt.Errorf("a member name is missing at byte %d", dec.InputOffset())
		}
		if _, dup := obj.values[key]; dup {
			return nil, fmt.Errorf("key %q appears twice", key)
		}
		v, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		obj.keys = append(obj.keys, key)
		obj.values[key] = v
	}
	_, err := dec.Token()
	return obj, err
}

// Encode writes v with two spaces of indentation and a final newline.
func Encode(v any) []byte {
	var b bytes.Buffer
	encode(&b, v, "\n")
	b.WriteByte('\n')
	return b.Bytes()
}

func encode(b *bytes.Buffer, v any, newline string) {
	switch v := v.(type) {
	case *Object:
		encodeSequence(b, '{', '}', len(v.keys), newline, func(i int, inner string) {
			encodeString(b, v.keys[i])
			b.WriteString(": ")
			encode(b, v.values[v.keys[i]], inner)
		})
	case []any:
		encodeSequence(b, '[', ']', len(v), newline, func(i int, inner string) { encode(b, v[i], inner) })
	case string:
		encodeString(b, v)
	default:
		b.WriteString(scalar(v))
	}
}

func encodeSequence(b *bytes.Buffer, open, end byte, n int, newline string, item func(i int, inner string)) {
	b.WriteByte(open)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(newline + "  ")
		item(i, newline+"  ")
	}
	if n > 0 {
		b.WriteString(newline)
	}
	b.WriteByte(end)
}

func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		return string(Float(v))
	case Number:
		return string(v)
	}
	return fmt.Sprint(v)
}

// encodeString writes a string with every character outside ASCII escaped, as
// Python does by default.
func encodeString(b *bytes.Buffer, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r >= 0x10000:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, hi, lo)
		case r < 0x20 || r >= 0x7f:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// Float returns the shortest literal that reads back as f, in Python's
// notation: 0.0001, 1e-05, 1.0, 1e+16.
func Float(f float64) Number {
	exp := strconv.FormatFloat(f, 'e', -1, 64)
	_, power, found := strings.Cut(exp, "e")
	if !found { // NaN or infinity: Python writes NaN and Infinity, no JSON
		return Number(exp)
	}
	if p, _ := strconv.Atoi(power); p < -4 || p >= 16 {
		return Number(exp)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return Number(s)
}

// Describe names a value for error messages: its kind and, if short, itself.
func Describe(v any) string {
	switch v := v.(type) {
	case *Object:
		return "an object"
	case []any:
		if len(v) > 8 {
			return fmt.Sprintf("a list of %d items", len(v))
		}
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = Describe(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		if len(v) > 64 {
			return strconv.Quote(v[:64]) + "..."
		}
		return strconv.Quote(v)
	}
	return scalar(v)
}
