package golden

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Array is an array of a case in row-major order.
type Array struct {
	Shape []int
	Data  []float64
}

// ReadArray reads a .npy file of floats or integers.
func ReadArray(t testing.TB, path ...string) *Array {
	t.Helper()
	a, err := readArray(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Lookup is ReadArray that returns nil where the case lacks the file.
func Lookup(t testing.TB, path ...string) *Array {
	t.Helper()
	a, err := readArray(filepath.Join(path...))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var npyHeader = regexp.MustCompile(`'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(([^)]*)\)`)

func readArray(path string) (*Array, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) < 10 || string(data[:8]) != "\x93NUMPY\x01\x00" {
		return nil, fmt.Errorf("%s: not a .npy file of version 1.0", path)
	}
	start := 10 + int(binary.LittleEndian.Uint16(data[8:]))
	m := npyHeader.FindStringSubmatch(string(data[10:min(start, len(data))]))
	if m == nil || m[2] != "False" {
		return nil, fmt.Errorf("%s: header not understood or in Fortran order", path)
	}
	a, n := &Array{}, 1
	for _, dim := range strings.Split(m[3], ",") {
		if dim = strings.TrimSpace(dim); dim == "" {
			continue
		}
		d, err := strconv.Atoi(dim)
		if err != nil {
			return nil, fmt.Errorf("%s: shape (%s): %w", path, m[3], err)
		}
		a.Shape, n = append(a.Shape, d), n*d
	}
	element, ok := elements[m[1]]
	if !ok || len(data)-start != n*element.size {
		return nil, fmt.Errorf("%s: %d bytes of %d elements of type %s", path, len(data)-start, n, m[1])
	}
	for body := data[start:]; len(body) > 0; body = body[element.size:] {
		a.Data = append(a.Data, element.read(body))
	}
	return a, nil
}

var elements = map[string]struct {
	size int
	read func([]byte) float64
}{
	"<f8": {8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	"<f4": {4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	"<i8": {8, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }},
	"<i4": {4, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	"|u1": {1, func(b []byte) float64 { return float64(b[0]) }},
	"|b1": {1, func(b []byte) float64 { return float64(b[0]) }},
}

// Worst returns the largest |got - want|, relative to the largest |want| where
// that is above 1. Different lengths and numbers that are not finite give +Inf.
func Worst(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst, scale := 0.0, 1.0
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst, scale = math.Max(worst, d), math.Max(scale, math.Abs(w))
	}
	return worst / scale
}
