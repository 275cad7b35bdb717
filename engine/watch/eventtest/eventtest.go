// Package eventtest reads TensorBoard's event files for tests. It shares nothing with the writer: it follows TensorFlow's
// tfrecord layout, event.proto and summary.proto, and refuses what they do not allow.
package eventtest

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
)

// Value is one Summary.Value.
type Value struct {
	Tag       string
	Scalar    float32
	PNG       []byte
	W, H      int
	Histogram *Histogram
}

// Histogram is a HistogramProto.
type Histogram struct {
	Min, Max, Num, Sum, Squares float64
	Limits, Counts              []float64
}

// Event is one Event.
type Event struct {
	Wall    float64
	Step    int64
	Version string
	Values  []Value
}

// Read reads an event file and checks every checksum.
func Read(path string) ([]Event, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []Event
	for at := 0; at < len(data); {
		if len(data)-at < 16 {
			return nil, fmt.Errorf("byte %d: %d bytes cannot be a record", at, len(data)-at)
		}
		n := int(binary.LittleEndian.Uint64(data[at:]))
		if n < 0 || n > len(data)-at-16 {
			return nil, fmt.Errorf("byte %d: a record of %d bytes does not fit the file", at, n)
		}
		body := data[at+12 : at+12+n]
		if binary.LittleEndian.Uint32(data[at+8:]) != checksum(data[at:at+8]) || binary.LittleEndian.Uint32(data[at+12+n:]) != checksum(body) {
			return nil, fmt.Errorf("byte %d: wrong checksum", at)
		}
		e, err := readEvent(body)
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
		list = append(list, e)
		at += 16 + n
	}
	return list, nil
}

// checksum is the masked CRC-32C, bit by bit.
func checksum(data []byte) uint32 {
	crc := ^uint32(0)
	for _, b := range data {
		crc ^= uint32(b)
		for range 8 {
			crc = crc>>1 ^ 0x82f63b78*(crc&1)
		}
	}
	crc = ^crc
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// field is one field of a message: a number or bytes, as the wire type says.
type field struct {
	number, wire int
	num          uint64
	data         []byte
}

// fields takes a message apart.
func fields(m []byte) ([]field, error) {
	var list []field
	for len(m) > 0 {
		key, n := binary.Uvarint(m)
		if n <= 0 {
			return nil, fmt.Errorf("cut key")
		}
		f := field{number: int(key >> 3), wire: int(key & 7)}
		m = m[n:]
		size := map[int]int{1: 8, 5: 4}[f.wire]
		switch f.wire {
		case 0, 2:
			if f.num, n = binary.Uvarint(m); n <= 0 {
				return nil, fmt.Errorf("field %d: cut number", f.number)
			}
			m = m[n:]
			if f.wire == 2 {
				size = int(f.num)
			}
		case 1, 5:
		default:
			return nil, fmt.Errorf("field %d: wire type %d", f.number, f.wire)
		}
		if size < 0 || size > len(m) {
			return nil, fmt.Errorf("field %d: %d bytes of %d", f.number, size, len(m))
		}
		f.data, m = m[:size], m[size:]
		list = append(list, f)
	}
	return list, nil
}

func (f field) double() float64 { return math.Float64frombits(binary.LittleEndian.Uint64(f.data)) }

func (f field) doubles() []float64 {
	var list []float64
	for i := 0; i+8 <= len(f.data); i += 8 {
		list = append(list, field{data: f.data[i:]}.double())
	}
	return list
}

// expect refuses a field of another wire type than the message has.
func (f field) expect(wires map[int]int) error {
	if want, ok := wires[f.number]; !ok || want != f.wire {
		return fmt.Errorf("field %d of wire type %d", f.number, f.wire)
	}
	return nil
}

// each calls fn on a message's fields after holding their wire types to the description.
func each(m []byte, wires map[int]int, fn func(f field) error) error {
	list, err := fields(m)
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := f.expect(wires); err != nil {
			return err
		}
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

func readEvent(m []byte) (e Event, err error) {
	return e, each(m, map[int]int{1: 1, 2: 0, 3: 2, 5: 2}, func(f field) error {
		switch f.number {
		case 1:
			e.Wall = f.double()
		case 2:
			e.Step = int64(f.num)
		case 3:
			e.Version = string(f.data)
		case 5:
			return each(f.data, map[int]int{1: 2}, func(f field) error {
				v, err := readValue(f.data)
				e.Values = append(e.Values, v)
				return err
			})
		}
		return nil
	})
}

func readValue(m []byte) (v Value, err error) {
	return v, each(m, map[int]int{1: 2, 2: 5, 4: 2, 5: 2}, func(f field) error {
		switch f.number {
		case 1:
			v.Tag = string(f.data)
		case 2:
			v.Scalar = math.Float32frombits(binary.LittleEndian.Uint32(f.data))
		case 4:
			return v.image(f.data)
		case 5:
			return v.histogram(f.data)
		}
		return nil
	})
}

func (v *Value) image(m []byte) error {
	return each(m, map[int]int{1: 0, 2: 0, 3: 0, 4: 2}, func(f field) error {
		switch f.number {
		case 1:
			v.H = int(f.num)
		case 2:
			v.W = int(f.num)
		case 4:
			v.PNG = f.data
		}
		return nil
	})
}

func (v *Value) histogram(m []byte) error {
	h := &Histogram{}
	v.Histogram = h
	numbers := map[int]*float64{1: &h.Min, 2: &h.Max, 3: &h.Num, 4: &h.Sum, 5: &h.Squares}
	return each(m, map[int]int{1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2}, func(f field) error {
		switch f.number {
		case 6:
			h.Limits = f.doubles()
		case 7:
			h.Counts = f.doubles()
		default:
			*numbers[f.number] = f.double()
		}
		return nil
	})
}
