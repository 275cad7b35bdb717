package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

const magic = "\x93NUMPY"

// header is what the text before the data says.
type header struct {
	kind      kind
	bigEndian bool
	fortran   bool
	shape     []int
}

// readHeader reads up to the first byte of data and returns how many bytes
// came before it.
func readHeader(r io.Reader) (header, int64, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != magic {
		return header{}, 0, errors.New("not a .npy file: it does not start with \\x93NUMPY")
	}
	var n int64
	used := int64(len(start))
	switch start[6] {
	case 1:
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return header{}, 0, fmt.Errorf("reading the header's length: %w", err)
		}
		n, used = int64(binary.LittleEndian.Uint16(length[:])), used+2
	case 2, 3:
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return header{}, 0, fmt.Errorf("reading the header's length: %w", err)
		}
		n, used = int64(binary.LittleEndian.Uint32(length[:])), used+4
	default:
		return header{}, 0, fmt.Errorf("version %d.%d of the format is not known, want 1, 2 or 3", start[6], start[7])
	}
	if n > maxHeader {
		return header{}, 0, fmt.Errorf("the header claims %d bytes, more than %d", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return header{}, 0, fmt.Errorf("the header is truncated: %w", err)
	}
	h, err := parseHeader(string(text))
	return h, used + n, err
}

// parseHeader reads the Python dictionary of a header, whose keys are descr,
// fortran_order and shape in any order.
func parseHeader(text string) (header, error) {
	bad := func(what string) (header, error) {
		return header{}, fmt.Errorf("header %.80q: %s", strings.TrimSpace(text), what)
	}
	body, ok := strings.CutPrefix(strings.TrimSpace(text), "{")
	body, okEnd := strings.CutSuffix(body, "}")
	if !ok || !okEnd {
		return bad("want a dictionary")
	}
	entries := map[string]string{}
	for body = strings.TrimSpace(body); body != ""; body = strings.TrimSpace(body) {
		key, rest, ok := strings.Cut(body, ":")
		key = strings.Trim(strings.TrimSpace(key), `'"`)
		if _, dup := entries[key]; !ok || dup {
			return bad("a key is missing or appears twice")
		}
		rest = strings.TrimSpace(rest)
		end := valueEnd(rest)
		entries[key] = strings.TrimSpace(rest[:end])
		body = strings.TrimPrefix(strings.TrimSpace(rest[end:]), ",")
	}
	if len(entries) != 3 {
		return bad("want the keys descr, fortran_order and shape")
	}
	var h header
	var err error
	if h.kind, h.bigEndian, err = parseType(entries["descr"]); err != nil {
		return header{}, err
	}
	switch entries["fortran_order"] {
	case "True":
		h.fortran = true
	case "False":
	default:
		return bad("fortran_order is neither True nor False")
	}
	if h.shape, err = parseShape(entries["shape"]); err != nil {
		return bad(err.Error())
	}
	return h, nil
}

// parseType reads the name of an element type: a byte order (< little, > big, | or = none or the
// writer's, which is little), a letter and the bytes of an element.
func parseType(text string) (k kind, bigEndian bool, err error) {
	descr := strings.Trim(text, `'"`)
	if descr != "" && strings.Contains("<>|=", descr[:1]) {
		at := slices.IndexFunc(kinds, func(k kind) bool { return k.code == descr[1:] })
		if at >= 0 {
			return kinds[at], descr[0] == '>', nil
		}
	}
	return kind{}, false, fmt.Errorf("elements of type %s are not read: expected a float of 2, 4 or 8 bytes, an integer or bool (in Python: array.astype('<f4'))", text)
}

// valueEnd returns where a value ends: after its closing bracket or before the
// next comma.
func valueEnd(s string) int {
	if strings.HasPrefix(s, "(") || strings.HasPrefix(s, "[") {
		if end := strings.IndexAny(s, ")]"); end >= 0 {
			return end + 1
		}
		return len(s)
	}
	if end := strings.IndexByte(s, ','); end >= 0 {
		return end
	}
	return len(s)
}

// parseShape reads a Python tuple of dimensions: "()", "(3,)", "(2, 3)".
func parseShape(s string) ([]int, error) {
	inner, ok := strings.CutPrefix(s, "(")
	inner, okEnd := strings.CutSuffix(inner, ")")
	if !ok || !okEnd {
		return nil, fmt.Errorf("shape %s is not a tuple", s)
	}
	inner = strings.TrimSuffix(strings.TrimSpace(inner), ",")
	if inner == "" {
		return nil, nil
	}
	var shape []int
	for part := range strings.SplitSeq(inner, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 31)
		if err != nil || len(shape) == maxDims {
			return nil, fmt.Errorf("shape %s has a bad dimension", s)
		}
		shape = append(shape, int(n))
	}
	return shape, nil
}

// elements returns the number of elements, or an error for empty arrays and
// sizes that overflow.
func (h header) elements() (int, error) {
	n := int64(1)
	for _, d := range h.shape {
		if d == 0 {
			return 0, fmt.Errorf("the array is empty: shape %v", h.shape)
		}
		if n > math.MaxInt64/16/int64(d) {
			return 0, fmt.Errorf("the size of shape %v overflows", h.shape)
		}
		n *= int64(d)
	}
	return int(n), nil
}

// checkSize holds n elements to the bytes that follow the header.
func (h header) checkSize(n int, have int64) error {
	want := int64(n) * int64(h.kind.size)
	if have == want {
		return nil
	}
	state := "is truncated"
	if have > want {
		state = "is longer than its header says"
	}
	return fmt.Errorf("the file %s: shape %v of %s needs %d bytes of data, it has %d", state, h.shape, h.kind.name, want, have)
}

// encodeHeader returns everything before the data, padded with spaces to a
// multiple of 64 bytes.
func encodeHeader(descr string, shape []int) []byte {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = strconv.Itoa(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	const before = len(magic) + 4
	total := (before + len(text) + 1 + 63) / 64 * 64
	var b bytes.Buffer
	b.WriteString(magic + "\x01\x00")
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(total-before)))
	b.WriteString(text + strings.Repeat(" ", total-before-len(text)-1) + "\n")
	return b.Bytes()
}
