package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// raw builds safetensors bytes from a literal header and a data length.
func raw(head string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	b = append(b, head...)
	return append(b, make([]byte, data)...)
}

func open(data []byte) (*File, error) {
	return newFile("x.safetensors", bytes.NewReader(data), int64(len(data)))
}

func TestEncodeForm(t *testing.T) {
	var b bytes.Buffer
	err := Encode(&b, FormatPT(), []Tensor{
		{Name: "b", Shape: []int{2, 1}, Data: []float32{1, -2}},
		{Name: "a", Shape: nil, Fill: func(dst []float32) error { dst[0] = 0.5; return nil }},
		{Name: "c<é", Shape: []int{0, 3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	head := `{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},` +
		`"b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},"c<é":{"dtype":"F32","shape":[0,3],"data_offsets":[12,12]}}`
	for len(head)%8 != 0 {
		head += " "
	}
	want := raw(head, 0)
	for _, v := range []float32{0.5, 1, -2} {
		want = binary.LittleEndian.AppendUint32(want, math.Float32bits(v))
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got\n%q\nwant\n%q", b.Bytes(), want)
	}
}

func TestRoundTripIsByteIdentical(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	big := make([]float32, 200_003)
	for i := range big {
		big[i] = float32(i) * 0.25
	}
	tensors := []Tensor{
		{Name: "z.weight", Shape: []int{200_003}, Data: big},
		{Name: "a.bias", Shape: []int{3}, Data: []float32{1, 2, float32(math.Inf(1))}},
	}
	metadata := map[string]string{"step": "12", "format": "pt", "note": `"quoted" & <odd>`}
	if err := Write(path, metadata, tensors); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !slices.Equal(f.Names(), []string{"a.bias", "z.weight"}) || f.Metadata()["note"] != metadata["note"] {
		t.Errorf("names %v, metadata %v", f.Names(), f.Metadata())
	}
	var again []Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		again = append(again, Tensor{Name: name, Shape: info.Shape, Fill: func(dst []float32) error { return f.ReadFloat32(name, dst) }})
	}
	copied := filepath.Join(t.TempDir(), "again.safetensors")
	if err := Write(copied, f.Metadata(), again); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(path)
	b, _ := os.ReadFile(copied)
	if !bytes.Equal(a, b) {
		t.Error("the file changes when read and written")
	}
}

func TestOpenRefuses(t *testing.T) {
	entry := func(name, dtype, shape string, begin, end uint64) string {
		return fmt.Sprintf(`"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, name, dtype, shape, begin, end)
	}
	a, b := entry("a", "F32", "[2]", 0, 8), entry("b", "F32", "[1]", 8, 12)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "too few"},
		{"short", []byte{1, 2, 3}, "too few"},
		{"over-long header", binary.LittleEndian.AppendUint64(nil, 100_000_001), "allows 100000000"},
		{"absurd header", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "allows 100000000"},
		{"header past the end", append(binary.LittleEndian.AppendUint64(nil, 50), "{}"...), "has only 10"},
		{"no brace", raw(" {}", 0), "does not start with '{'"},
		{"text after", raw("{} x", 0), "follows"},
		{"cut JSON", raw(`{"a":{"dtype"`, 0), "ends early"},
		{"truncated data", raw("{"+a+"}", 7), "file has only 7"},
		{"data left over", raw("{"+a+"}", 9), "tensors end at byte 8 of the data, the file has 9"},
		{"overlap", raw("{"+a+","+entry("b", "F32", "[2]", 4, 12)+"}", 12), `"b" starts at byte 4`},
		{"same bytes", raw("{"+a+","+entry("b", "F32", "[2]", 0, 8)+"}", 8), "inside the tensor before"},
		{"hole", raw("{"+a+","+entry("b", "F32", "[1]", 12, 16)+"}", 16), "hole after byte 8"},
		{"hole at the start", raw("{"+b+"}", 12), "hole after byte 0"},
		{"duplicate tensor", raw("{"+a+","+a+"}", 8), `"a" appears twice`},
		{"duplicate key", raw(`{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), `"dtype" appears twice`},
		{"duplicate metadata", raw(`{"__metadata__":{"k":"1","k":"2"}}`, 0), `"k" appears twice`},
		{"metadata number", raw(`{"__metadata__":{"k":1}}`, 0), "want a string"},
		{"wrong product", raw("{"+entry("a", "F32", "[3]", 0, 8)+"}", 8), "do not hold the 12 bytes of F32[3]"},
		{"product overflow", raw("{"+entry("a", "F32", "[4294967296,4294967296]", 0, 8)+"}", 8), "overflows"},
		{"product wraps to zero", raw("{"+entry("a", "U8", "[9223372036854775807,2,2]", 0, 0)+"}", 0), "overflows"},
		{"reversed offsets", raw("{"+entry("a", "F32", "[2]", 8, 0)+"}", 8), "data_offsets [8, 0]"},
		{"huge offset", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551615]}}`, 8), "not an integer"},
		{"negative dimension", raw("{"+entry("a", "F32", "[-2]", 0, 8)+"}", 8), "not an integer"},
		{"fractional dimension", raw("{"+entry("a", "F32", "[2.0]", 0, 8)+"}", 8), "not an integer"},
		{"unknown dtype", raw("{"+entry("a", "F31", "[2]", 0, 8)+"}", 8), "dtype is F31"},
		{"missing dtype", raw(`{"a":{"shape":[2],"data_offsets":[0,8]}}`, 8), "missing"},
		{"unknown key", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"strides":[1]}}`, 8), `unknown key "strides"`},
		{"33 dimensions", raw("{"+entry("a", "F32", "["+strings.Repeat("1,", 32)+"1]", 0, 4)+"}", 4), "32"},
		{"invalid UTF-8", raw("{"+entry("a\xff", "F32", "[2]", 0, 8)+"}", 8), "not valid UTF-8"},
		{"three offsets", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`, 8), "3 items"},
	} {
		if _, err := open(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestReadConverts(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range []struct {
		dtype DType
		bytes []byte
		want  []float32
	}{
		{F16, le.AppendUint16(le.AppendUint16(nil, 0x3c00), 0xc000), []float32{1, -2}},
		{BF16, le.AppendUint16(le.AppendUint16(nil, 0x3f80), 0xc040), []float32{1, -3}},
		{F64, le.AppendUint64(nil, math.Float64bits(1.0/3)), []float32{float32(1.0 / 3)}},
		{I64, le.AppendUint64(le.AppendUint64(nil, 7), math.MaxUint64), []float32{7, -1}},
		{I32, le.AppendUint32(nil, math.MaxUint32-1), []float32{-2}},
		{U8, []byte{0, 255, 3}, []float32{0, 255, 3}},
	} {
		head := fmt.Sprintf(`{"x":{"dtype":"%s","shape":[%d],"data_offsets":[0,%d]}}`, c.dtype, len(c.want), len(c.bytes))
		f, err := open(append(raw(head, 0), c.bytes...))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(c.want))
		if err := f.ReadFloat32("x", got); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.dtype, got, err, c.want)
		}
	}
}

func TestReadErrorsNameTheTensor(t *testing.T) {
	f, err := open(raw(`{"x":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}`, 2))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"x": `tensor "x" has type BOOL`, "y": `no tensor "y"`} {
		if err := f.ReadFloat32(name, make([]float32, 2)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.ReadFloat32("x", make([]float32, 3)); err == nil || !strings.Contains(err.Error(), "[2], 2 elements: want 3") {
		t.Errorf("wrong length: %v", err)
	}
}

func TestWriteRefusesAndKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := Write(path, nil, []Tensor{{Name: "a", Shape: []int{1}, Data: []float32{1}}}); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	failing := func([]float32) error { return errors.New("no data today") }
	for want, tensors := range map[string][]Tensor{
		`two tensors are named "a"`:       {{Name: "a", Shape: []int{0}}, {Name: "a", Shape: []int{0}}},
		`"b" has 1 values, want 2`:        {{Name: "b", Shape: []int{2}, Data: []float32{1}}},
		"negative dimension":              {{Name: "b", Shape: []int{-1}}},
		"overflows":                       {{Name: "b", Shape: []int{1 << 31, 1 << 31, 2}}},
		"reserves":                        {{Name: "__metadata__", Shape: []int{0}}},
		`tensor "b": no data today`:       {{Name: "b", Shape: []int{2}, Fill: failing}},
		`"b" has 0 values, want 2 for sh`: {{Name: "b", Shape: []int{2}}},
	} {
		if err := Write(path, nil, tensors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("a failed write changed the file")
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("failed writes left files behind: %v", list)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(raw(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(raw(`{"a":{"dtype":"BF16","shape":[1,3],"data_offsets":[0,6]},"b":{"dtype":"U8","shape":[],"data_offsets":[6,7]}}`, 7))
	f.Add(raw(`{}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := open(data)
		if err != nil {
			return
		}
		total := int64(0)
		for _, name := range file.Names() {
			info, ok := file.Info(name)
			if !ok {
				t.Fatalf("%q is listed and absent", name)
			}
			total += int64(info.Elements()) * info.DType.Size()
			_ = file.ReadFloat32(name, make([]float32, info.Elements()))
		}
		if file.data+total != int64(len(data)) {
			t.Fatalf("the tensors cover %d bytes of %d", total, int64(len(data))-file.data)
		}
	})
}
