package npy

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

func readBytes(data []byte) (*tensor.Dense, error) {
	return read(bytes.NewReader(data), int64(len(data)))
}

func TestRoundTrip(t *testing.T) {
	for _, backing := range []any{
		[]float32{1, -2.5, float32(math.Inf(1)), 0, 1e-30, 6}, []int32{1, -2, math.MaxInt32, 0, 5, 6},
		[]int64{1, -2, math.MaxInt64, 0, 5, 6}, []uint8{0, 255, 2, 3, 4, 5},
	} {
		for _, shape := range [][]int{{6}, {2, 3}, {1, 2, 3, 1}} {
			path := filepath.Join(t.TempDir(), "a.npy")
			if err := WriteFile(path, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))); err != nil {
				t.Fatal(err)
			}
			got, err := ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Shape().Eq(tensor.Shape(shape)) || !equal(got.Data(), backing) {
				t.Errorf("%T %v came back as %v %v", backing, shape, got.Shape(), got.Data())
			}
		}
	}
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case []float32:
		return slices.Equal(a, b.([]float32))
	case []int32:
		return slices.Equal(a, b.([]int32))
	case []int64:
		return slices.Equal(a, b.([]int64))
	case []uint8:
		return slices.Equal(a, b.([]uint8))
	}
	return false
}

// The bytes are those of numpy.save in NumPy 1.24.
func TestHeaderIsNumPys(t *testing.T) {
	want := "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + strings.Repeat(" ", 58) + "\n"
	if got := string(encodeHeader("<f4", []int{2, 3})); got != want {
		t.Errorf("got %q", got)
	}
	if got := string(encodeHeader("<i8", []int{7})); len(got) != 128 || !strings.Contains(got, "'shape': (7,), }") {
		t.Errorf("got %q", got)
	}
}

func TestFilesOfNumPyAreIdenticalWhenWrittenBack(t *testing.T) {
	files, err := filepath.Glob("../testdata/golden/*/*.npy")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden arrays: %v", err)
	}
	for _, path := range files {
		a, err := ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		var b bytes.Buffer
		if err := Write(&b, a); err != nil {
			t.Error(err)
		}
		if data, _ := os.ReadFile(path); !bytes.Equal(data, b.Bytes()) {
			t.Errorf("%s changes when read and written", path)
		}
	}
}

func TestReadConverts(t *testing.T) {
	head := string(encodeHeader("<f8", []int{2}))
	double := append([]byte(head), 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0)
	got, err := readBytes(double)
	if err != nil || !equal(got.Data(), []float32{1, -2}) {
		t.Errorf("float64: %v, %v", got, err)
	}
	fortran := append([]byte(strings.Replace(string(encodeHeader("|u1", []int{2, 3, 2})), "False", "True ", 1)), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	got, err = readBytes(fortran)
	if err != nil || !equal(got.Data(), []uint8{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}) {
		t.Errorf("Fortran order: %v, %v", got, err)
	}
	scalar, err := readBytes(append(encodeHeader("|u1", nil), 9))
	if err != nil || !equal(scalar.Data(), []uint8{9}) || !scalar.Shape().Eq(tensor.Shape{1}) {
		t.Errorf("scalar: %v, %v", scalar, err)
	}
}

// Every element type, in both byte orders, is read as the type of its family; 65535 and -2 in turn where they fit.
func TestElementTypes(t *testing.T) {
	for _, c := range []struct {
		descr string
		raw   []byte // little-endian
		want  any
	}{
		{"f2", []byte{0x00, 0x3c, 0x00, 0xc0}, []float32{1, -2}},
		{"f4", []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, []float32{1, -2}},
		{"f8", []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}, []float32{1, -2}},
		{"i1", []byte{7, 0xfe}, []int32{7, -2}},
		{"i2", []byte{1, 2, 0xfe, 0xff}, []int32{513, -2}},
		{"u2", []byte{1, 2, 0xff, 0xff}, []int32{513, 65535}},
		{"i4", []byte{1, 2, 0, 0, 0xfe, 0xff, 0xff, 0xff}, []int32{513, -2}},
		{"u4", []byte{1, 2, 0, 0, 0xff, 0xff, 0xff, 0xff}, []int64{513, math.MaxUint32}},
		{"i8", []byte{1, 2, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []int64{513, -2}},
		{"u8", []byte{1, 2, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []int64{513, math.MaxInt64}},
		{"u1", []byte{7, 255}, []uint8{7, 255}},
		{"b1", []byte{0, 1}, []uint8{0, 1}},
	} {
		for _, order := range []string{"<", ">", "|", "="} {
			raw := slices.Clone(c.raw)
			if size := len(raw) / 2; order == ">" {
				slices.Reverse(raw[:size])
				slices.Reverse(raw[size:])
			}
			file := append(encodeHeader(order+c.descr, []int{2}), raw...)
			got, err := readBytes(file)
			if err != nil || !equal(got.Data(), c.want) {
				t.Errorf("%s%s: %v, %v", order, c.descr, got, err)
			}
			rows, err := OpenRows(bytes.NewReader(file), int64(len(file)), 0)
			if err != nil {
				t.Fatal(err)
			}
			if row, err := rows.Read(0, 2); err != nil || !equal(row, c.want) {
				t.Errorf("%s%s by rows: %v, %v", order, c.descr, row, err)
			}
		}
	}
}

// Rows of an array in Fortran order are those of the array in C order.
func TestRowsOfFortran(t *testing.T) {
	file := append([]byte(strings.Replace(string(encodeHeader("|u1", []int{2, 3, 2})), "False", "True ", 1)), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	if _, err := OpenRows(bytes.NewReader(file), int64(len(file)), 11); err == nil || !strings.Contains(err.Error(), "ascontiguousarray") {
		t.Errorf("above the limit: %v", err)
	}
	rows, err := OpenRows(bytes.NewReader(file), int64(len(file)), 12)
	if err != nil {
		t.Fatal(err)
	}
	if row, err := rows.Read(1, 1); err != nil || !equal(row, []uint8{1, 7, 3, 9, 5, 11}) {
		t.Errorf("row 1 is %v, %v", row, err)
	}
	if one := rows.AsOneRow(); one.RowSize() != 12 || !slices.Equal(one.Shape, []int{1, 2, 3, 2}) {
		t.Errorf("one row of %v", one.Shape)
	}
}

func TestWriteMaterializesViews(t *testing.T) {
	a := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	column, err := a.Slice(nil, tensor.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, column.(*tensor.Dense)); err != nil {
		t.Fatal(err)
	}
	got, err := readBytes(b.Bytes())
	if err != nil || !equal(got.Data(), []float32{2, 3, 5, 6}) || !got.Shape().Eq(tensor.Shape{2, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := Write(&b, tensor.New(tensor.WithShape(1), tensor.WithBacking([]float64{1}))); err == nil || !strings.Contains(err.Error(), "float64 cannot be written") {
		t.Errorf("float64: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	good := append(encodeHeader("<f4", []int{2, 3}), make([]byte, 24)...)
	edit := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not a .npy file"},
		{"png", []byte("\x89PNG\r\n\x1a\n...."), "not a .npy file"},
		{"version", edit("\x01\x00v", "\x09\x00v"), "version 9.0"},
		{"long header", []byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f"), "claims 2147483647 bytes, more than 65536"},
		{"cut header", good[:40], "header is truncated"},
		{"cut data", good[:len(good)-1], "truncated: shape [2 3] of float32 needs 24 bytes of data, it has 23"},
		{"longer", append(slices.Clone(good), 0), "longer than its header says"},
		{"no order", edit("'<f4'", "'f4' "), "type 'f4' are not read"},
		{"long double", edit("'<f4'", "'<f16'"), "type '<f16' are not read"},
		{"complex", edit("<f4", "<c8"), "type '<c8'"},
		{"object", edit("'<f4'", "'|O' "), "type '|O'"},
		{"order", edit("False", "Maybe"), "neither True nor False"},
		{"negative", edit("(2, 3)", "(-2,3)"), "bad dimension"},
		{"no tuple", edit("(2, 3)", "[2, 3]"), "not a tuple"},
		{"no shape", edit("'shape'", "'shap_'"), "not a tuple"},
		{"zero", edit("(2, 3)", "(2, 0)"), "empty"},
		{"overflow", append(encodeHeader("<f4", []int{1 << 30, 1 << 30, 1 << 30}), 0), "overflows"},
		{"huge", append(encodeHeader("<f4", []int{1 << 30, 1 << 20}), 0), "needs 4503599627370496 bytes"},
	} {
		if _, err := readBytes(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(append(encodeHeader("<f4", []int{2, 3}), make([]byte, 24)...))
	f.Add(append(encodeHeader("|u1", nil), 9))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readBytes(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, a); err != nil {
			t.Fatal(err)
		}
		if _, err := readBytes(b.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}
