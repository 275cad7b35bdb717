package watch

import (
	"encoding/binary"
	"math"
)

// The wire types of protocol buffers.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// message is a protocol buffer under construction.
type message []byte

func (m message) key(field, wire int) message {
	return binary.AppendUvarint(m, uint64(field)<<3|uint64(wire))
}

func (m message) integer(field int, v int64) message {
	return binary.AppendUvarint(m.key(field, wireVarint), uint64(v))
}

func (m message) double(field int, v float64) message {
	return binary.LittleEndian.AppendUint64(m.key(field, wire64), math.Float64bits(v))
}

func (m message) float(field int, v float32) message {
	return binary.LittleEndian.AppendUint32(m.key(field, wire32), math.Float32bits(v))
}

func (m message) bytes(field int, v []byte) message {
	return append(binary.AppendUvarint(m.key(field, wireBytes), uint64(len(v))), v...)
}

// doubles is a packed list.
func (m message) doubles(field int, v []float64) message {
	m = binary.AppendUvarint(m.key(field, wireBytes), uint64(8*len(v)))
	for _, x := range v {
		m = binary.LittleEndian.AppendUint64(m, math.Float64bits(x))
	}
	return m
}

// event is an Event of event.proto: wall_time = 1, step = 2, and one of file_version = 3 and summary = 5.
func event(wall float64, step int, version string, summary message) message {
	m := message(nil).double(1, wall).integer(2, int64(step))
	if version != "" {
		return m.bytes(3, []byte(version))
	}
	return m.bytes(5, summary)
}

// The values of summary.proto, each a Summary.Value: tag = 1 and one of simple_value = 2, image = 4, histo = 5. Summary.value is
// field 1 of Summary.
func value(tag string, content message) message {
	return message(nil).bytes(1, append(message(nil).bytes(1, []byte(tag)), content...))
}

func scalarValue(tag string, v float64) message {
	return value(tag, message(nil).float(2, float32(v)))
}

// imageValue holds an encoded picture; colours is 1 for grey, 3 for RGB.
func imageValue(tag string, w, h, colours int, encoded []byte) message {
	image := message(nil).integer(1, int64(h)).integer(2, int64(w)).integer(3, int64(colours)).bytes(4, encoded)
	return value(tag, message(nil).bytes(4, image))
}

func histogramValue(tag string, h *histogram) message {
	m := message(nil).double(1, h.min).double(2, h.max).double(3, h.num).double(4, h.sum).double(5, h.squares)
	return value(tag, message(nil).bytes(5, m.doubles(6, h.limits).doubles(7, h.counts)))
}

// seen is what is read of an event again.
type seen struct {
	wall float64
	step int64
}

// readEvent reads wall time and step of an event and passes over the rest.
func readEvent(data []byte) (seen, error) {
	var e seen
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 {
			return e, errDamaged
		}
		data = data[n:]
		size := 0
		switch key & 7 {
		case wireVarint:
			v, n := binary.Uvarint(data)
			if n <= 0 {
				return e, errDamaged
			}
			if key>>3 == 2 {
				e.step = int64(v)
			}
			size = n
		case wire64:
			size = 8
			if key>>3 == 1 && len(data) >= 8 {
				e.wall = math.Float64frombits(binary.LittleEndian.Uint64(data))
			}
		case wire32:
			size = 4
		case wireBytes:
			v, n := binary.Uvarint(data)
			if n <= 0 || v > uint64(len(data)) {
				return e, errDamaged
			}
			size = n + int(v)
		default:
			return e, errDamaged
		}
		if size > len(data) {
			return e, errDamaged
		}
		data = data[size:]
	}
	return e, nil
}
