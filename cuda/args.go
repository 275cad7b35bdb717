package cuda

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"sync"
	"unsafe"
)

// ArgBlock is a packed parameter list: argument i occupies
// Bytes[Offsets[i]:Offsets[i]+Sizes[i]], aligned as the PTX ABI wants it.
type ArgBlock struct {
	Bytes   []byte
	Offsets []int
	Sizes   []int
}

// Raw is an argument given as bytes: a struct whose C alignment Go can not
// express, such as float4 or a type with __align__.
type Raw struct {
	Bytes []byte
	Align int // a power of two, at most 128
}

// MaxArgBytes is the size limit of a parameter list (PTX ISA, kernel parameters
// before sm_70 with PTX 8.1).
const MaxArgBytes = 4096

// PackArgs lays out kernel arguments. Allowed are DevicePtr, the fixed-size
// integers and floats, Raw, TensorMap, and structs and arrays of these
// numbers, passed by value; Go lays them out as C does. int, uint, bool, strings,
// pointers and slices have no fixed meaning in a kernel and are refused.
func PackArgs(args ...any) (*ArgBlock, error) {
	b := &ArgBlock{Bytes: make([]byte, 0, 16*len(args))}
	for i, a := range args {
		if err := b.add(a); err != nil {
			return nil, &Error{Code: InvalidValue, Call: "Launch", Detail: fmt.Sprintf("argument %d: %v", i, err),
				Advice: "pass fixed-size numbers, device pointers, or structs of them"}
		}
	}
	if len(b.Bytes) > MaxArgBytes {
		return nil, &Error{Code: InvalidValue, Call: "Launch", Detail: fmt.Sprintf("arguments take %d bytes, the limit is %d", len(b.Bytes), MaxArgBytes)}
	}
	return b, nil
}

// reserve appends an aligned argument of n bytes and returns its zeroed bytes.
func (b *ArgBlock) reserve(n, align int) []byte {
	off := (len(b.Bytes) + align - 1) &^ (align - 1)
	b.Bytes = append(b.Bytes, make([]byte, off+n-len(b.Bytes))...)
	b.Offsets = append(b.Offsets, off)
	b.Sizes = append(b.Sizes, n)
	return b.Bytes[off:]
}

func (b *ArgBlock) add(a any) error {
	le := binary.LittleEndian
	switch v := a.(type) {
	case DevicePtr:
		le.PutUint64(b.reserve(8, 8), uint64(v))
	case int32:
		le.PutUint32(b.reserve(4, 4), uint32(v))
	case uint32:
		le.PutUint32(b.reserve(4, 4), v)
	case int64:
		le.PutUint64(b.reserve(8, 8), uint64(v))
	case uint64:
		le.PutUint64(b.reserve(8, 8), v)
	case float32:
		le.PutUint32(b.reserve(4, 4), math.Float32bits(v))
	case float64:
		le.PutUint64(b.reserve(8, 8), math.Float64bits(v))
	case int8:
		b.reserve(1, 1)[0] = byte(v)
	case uint8:
		b.reserve(1, 1)[0] = v
	case int16:
		le.PutUint16(b.reserve(2, 2), uint16(v))
	case uint16:
		le.PutUint16(b.reserve(2, 2), v)
	case TensorMap:
		copy(b.reserve(len(v), 64), v[:])
	case Raw:
		if v.Align <= 0 || v.Align > 128 || v.Align&(v.Align-1) != 0 {
			return fmt.Errorf("Raw alignment %d is not a power of two up to 128", v.Align)
		}
		copy(b.reserve(len(v.Bytes), v.Align), v.Bytes)
	default:
		return b.addValue(a)
	}
	return nil
}

// addValue packs structs, arrays and named number types by reflection.
func (b *ArgBlock) addValue(a any) error {
	if a == nil {
		return fmt.Errorf("nil has no size")
	}
	t := reflect.TypeOf(a)
	if err := checkLayout(t); err != nil {
		return err
	}
	p := reflect.New(t)
	p.Elem().Set(reflect.ValueOf(a))
	src := unsafe.Slice((*byte)(p.UnsafePointer()), int(t.Size()))
	copyFields(b.reserve(len(src), t.Align()), src, t)
	return nil
}

var layouts sync.Map // reflect.Type -> error or nil

// checkLayout tells whether a Go value of type t means the same in C.
func checkLayout(t reflect.Type) error {
	if v, ok := layouts.Load(t); ok {
		err, _ := v.(error)
		return err
	}
	err := layoutError(t)
	layouts.Store(t, err)
	return err
}

func layoutError(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return nil
	case reflect.Array:
		return layoutError(t.Elem())
	case reflect.Struct:
		if t.NumField() == 0 {
			return fmt.Errorf("%v is empty, which C does not have", t)
		}
		for i := range t.NumField() {
			if err := layoutError(t.Field(i).Type); err != nil {
				return fmt.Errorf("%v.%s: %w", t, t.Field(i).Name, err)
			}
		}
		return nil
	}
	return fmt.Errorf("%v has no fixed layout in device code", t)
}

// copyFields copies the fields and leaves padding zero, so that equal
// arguments have equal bytes.
func copyFields(dst, src []byte, t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			copyFields(dst[f.Offset:], src[f.Offset:], f.Type)
		}
	case reflect.Array:
		n := t.Elem().Size()
		for i := range t.Len() {
			copyFields(dst[uintptr(i)*n:], src[uintptr(i)*n:], t.Elem())
		}
	default:
		copy(dst[:t.Size()], src)
	}
}
