package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
)

// header is the start of a file of the legacy format: magic number, version, properties of the machine.
const header = "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\r\x00\x00\x00little_endian\x88s."

func read(data string) (*File, error) { return New(strings.NewReader(data), int64(len(data))) }

// value unpickles without storages.
func value(data string) (any, error) {
	return unpickle(newStream(strings.NewReader(data), 0, int64(len(data))), nil)
}

func TestValues(t *testing.T) {
	large, _ := new(big.Int).SetString("-170141183460469231731687303715884105728", 10)
	for data, want := range map[string]any{
		"N.":                 nil,
		"\x88.":              true,
		"I01\n.":             true,
		"I-42\n.":            int64(-42),
		"L42L\n.":            int64(42),
		"J\xfe\xff\xff\xff.": int64(-2),
		"M\x01\x02.":         int64(513),
		"\x8a\x00.":          int64(0),
		"\x8a\x01\xff.":      int64(-1),
		"\x8a\x02\xff\x00.":  int64(255),
		"\x8a\x10" + strings.Repeat("\x00", 15) + "\x80.": large,
		"F2.5\n.":                            2.5,
		"G\x3f\xf8\x00\x00\x00\x00\x00\x00.": 1.5,
		"S'ab'\n.":                           "ab",
		"Vab\n.":                             "ab",
		"X\x03\x00\x00\x00\xe2\x82\xac.":     "€",
		"U\x01\xff.":                         Bytes("\xff"),
		"C\x02ab.":                           Bytes("ab"),
		"(lp0\nI1\naI2\na.":                  &List{[]any{int64(1), int64(2)}},
		"](K\x01K\x02e.":                     &List{[]any{int64(1), int64(2)}},
		"K\x01K\x02\x86.":                    &Tuple{[]any{int64(1), int64(2)}},
		"(K\x01t.":                           &Tuple{[]any{int64(1)}},
		"K\x01K\x020.":                       int64(1),
		"\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00K\x07\x94.": int64(7),
		"K\x05q\x01K\x06h\x01\x86.":                              &Tuple{[]any{int64(6), int64(5)}},
		"ctorch\nSize\nK\x02\x85\x85R.":                          &Tuple{[]any{int64(2)}},
	} {
		if got, err := value(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, %v, expected %v", data, got, err, want)
		}
	}
}

func TestDicts(t *testing.T) {
	for _, data := range []string{
		"(dp0\nS'a'\nI1\nsS'b'\nI2\nsS'a'\nI3\ns.",
		"}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02X\x01\x00\x00\x00aK\x03u.",
		"(S'a'\nK\x01S'b'\nK\x02S'a'\nK\x03d.",
		"ccollections\nOrderedDict\n](S'a'\nK\x03la(S'b'\nK\x02la\x85R.",
		"ccollections\nOrderedDict\n)R(S'a'\nK\x03S'b'\nK\x02u}S'_metadata'\n}sb.",
		"(icollections\nOrderedDict\n(S'a'\nK\x03S'b'\nK\x02u.",
		"(ccollections\nOrderedDict\no(S'a'\nK\x03S'b'\nK\x02u.",
		"\x8c\x0bcollections\x8c\x0bOrderedDict\x93)\x81(S'a'\nK\x03S'b'\nK\x02u.",
	} {
		v, err := value(data)
		d, ok := v.(*Dict)
		if err != nil || !ok {
			t.Errorf("%q: %v, %v", data, v, err)
			continue
		}
		a, _ := d.Get("a")
		if !reflect.DeepEqual(d.Keys, []any{"a", "b"}) || a != int64(3) {
			t.Errorf("%q: keys %v, a = %v", data, d.Keys, a)
		}
	}
}

// TestGlobalsAreRefused names a function in every way that the format has.
func TestGlobalsAreRefused(t *testing.T) {
	for data, want := range map[string]string{
		"cposix\nsystem\n(S'id'\ntR.":                             "posix.system",
		"cos\nsystem\n(S'id'\ntR.":                                "os.system",
		"(S'id'\nios\nsystem\n.":                                  "os.system",
		"(cos\nsystem\nS'id'\no.":                                 "os.system",
		"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.": "posix.system",
		"\x80\x04\x8c\x05torch\x8c\x04load\x93.":                  "torch.load",
		"cbuiltins\neval\n.":                                      "builtins.eval",
		"c__builtin__\nset\n.":                                    "__builtin__.set",
		"ctorch\n_utils._rebuild_tensor_v2\n.":                    "torch._utils._rebuild_tensor_v2",
		"ctorch\nComplexFloatStorage\n.":                          "torch.ComplexFloatStorage",
		"ctorch._utils\n_rebuild_sparse_tensor\n.":                "torch._utils._rebuild_sparse_tensor",
	} {
		for _, file := range []string{data, header + data} {
			_, err := read(file)
			var refused *GlobalError
			if !errors.As(err, &refused) || refused.Module+"."+refused.Name != want || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, expected one that names %s", file, err, want)
			}
		}
	}
}

func TestPicklesAreRefused(t *testing.T) {
	for data, want := range map[string]string{
		"":                                       "ends inside",
		"K":                                      "ends inside",
		".":                                      "missing on the stack",
		"0.":                                     "missing on the stack",
		"(0.":                                    "missing on the stack",
		"K\x01(0.":                               "missing on the stack",
		"K\x01(\x85.":                            "missing on the stack",
		"K\x01t.":                                "no mark",
		"\x82\x01.":                              "instruction 0x82",
		"\x92.":                                  "instruction 0x92",
		"\x80\x06N.":                             "protocol 6",
		"X\xff\xff\xff\xffa.":                    "ends inside",
		"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.": "ends inside",
		"\x8b\x00\x01\x00\x00.":                  "an integer of 256 bytes",
		"h\x01.":                                 "no value 1",
		"I9223372036854775808\n.":                "not a 64-bit integer",
		"Fx\n.":                                  "not a number",
		"S'a\n.":                                 "not a quoted string",
		"S'\\x41'\n.":                            "not a quoted string",
		"gx\n.":                                  "not an index",
		"K\x01K\x02a.":                           "expected a list",
		"K\x01K\x02K\x03s.":                      "expected a dict",
		"}(K\x01u.":                              "no value",
		"K\x01)R.":                               "expected a function",
		"ctorch\nFloatStorage\n)R.":              "as the type of a storage only",
		"ccollections\nOrderedDict\nNR.":         "expected a tuple",
		"ccollections\nOrderedDict\nN\x85R.":     "expected nothing or a list",
		"ccollections\nOrderedDict\n]Na\x85R.":   "expected pairs",
		"ctorch\nSize\n)R.":                      "expected one tuple",
		"ctorch._utils\n_rebuild_tensor_v2\n)R.": "expected 6 or 7",
		"ctorch._utils\n_rebuild_parameter\nN\x85R.": "expected a tensor",
		"]}b.":                               "expected an OrderedDict",
		"NQ.":                                "where none is expected",
		"\x8c\x01aN\x93.":                    "not a string",
		"(o.":                                "without a class",
		strings.Repeat("(", maxMarks+1):      "containers are open",
		"V" + strings.Repeat("a", maxLine+1): "a line has more",
	} {
		if _, err := value(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, expected one with %q", data, err, want)
		}
	}
}

// TestBounds feeds pickles that grow without end.
func TestBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("pushes millions of values")
	}
	for _, data := range []string{strings.Repeat("N", maxValues+2), strings.Repeat("N0", maxInstructions/2+1)} {
		if _, err := value(data); err == nil || strings.Contains(err.Error(), "truncated") {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
}

// saved is a file of the legacy format whose value is a tensor: type and elements of the storage, then offset, size and
// strides as pickle code.
func saved(class string, n int, view, geometry string, storage []byte) string {
	pickle := fmt.Sprintf("\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\n%s\nS'1'\nS'cpu'\nI%d\n%stQ%s\x89NtR.", class, n, view, geometry)
	return header + pickle + "(lS'1'\na." + string(storage)
}

// floats is the storage of 6 float32 elements 0..5 with its length.
var floats = []byte("\x06\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40")

func TestGeometryIsChecked(t *testing.T) {
	for _, c := range []struct{ class, view, geometry, want string }{
		{"FloatStorage", "N", "I0\n(I2\nI3\nt(I3\nI1\nt", ""},
		{"FloatStorage", "N", "I5\n(t(t", ""},
		{"FloatStorage", "N", "I2\n(I2\nI2\nt(I2\nI1\nt", ""},
		{"FloatStorage", "(S'2'\nI2\nI4\nt", "I0\n(I4\nt(I1\nt", ""},
		{"FloatStorage", "N", "I0\n(I7\nt(I1\nt", "reaches beyond"},
		{"FloatStorage", "N", "I6\n(t(t", "reaches beyond"},
		{"FloatStorage", "N", "I-1\n(I1\nt(I1\nt", "reaches beyond"},
		{"FloatStorage", "N", "I0\n(I2\nI3\nt(I4\nI1\nt", "reaches beyond"},
		{"FloatStorage", "N", "I0\n(I2\nt(I9223372036854775807\nt", "reaches beyond"},
		{"FloatStorage", "N", "I1\n(I2\nt(I9223372036854775807\nt", "overflow"},
		{"FloatStorage", "N", "I0\n(I3037000500\nI3037000500\nt(I0\nI0\nt", "overflow"},
		{"FloatStorage", "N", "I0\n(I-1\nt(I1\nt", "not an integer of at least 0"},
		{"FloatStorage", "N", "I0\n(I1\nt(t", "1 dimensions has 0 strides"},
		{"FloatStorage", "N", "N(I1\nt(I1\nt", "offset is None"},
		{"FloatStorage", "N", "I0\nN(I1\nt", "expected a tuple"},
		{"FloatStorage", "N", "I0\n(" + strings.Repeat("I1\n", 33) + "t(t", "33 dimensions"},
		{"FloatStorage", "(S'2'\nI2\nI5\nt", "I0\n(I4\nt(I1\nt", "a view reaches beyond"},
		{"FloatStorage", "(S'2'\nI2\nI2\nt", "I0\n(I4\nt(I1\nt", "beyond the 2 elements"},
		{"DoubleStorage", "N", "I0\n(I6\nt(I1\nt", "truncated?"},
	} {
		f, err := read(saved(c.class, 6, c.view, c.geometry, floats))
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: error %v, expected one with %q", c.geometry, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.geometry, err)
			continue
		}
		checkElements(t, f)
	}
}

// checkElements reads the tensor of a file made by saved, whose elements are consecutive numbers.
func checkElements(t *testing.T, f *File) {
	t.Helper()
	tensor := f.Root().(*Tensor)
	r, err := f.Reader(tensor)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	first := tensor.offset + tensor.storage.base
	if want := floats[8+4*first : 8+4*(first+tensor.Elements())]; !bytes.Equal(b.Bytes(), want) {
		t.Errorf("shape %v: got % x, expected % x", tensor.Shape(), b.Bytes(), want)
	}
}

func TestStoragesAreChecked(t *testing.T) {
	good := saved("FloatStorage", 6, "N", "I0\n(I6\nt(I1\nt", floats)
	for name, c := range map[string]struct{ data, want string }{
		"huge":         {saved("FloatStorage", 1<<62, "N", "I0\n(I6\nt(I1\nt", floats), "larger than the file"},
		"other length": {saved("FloatStorage", 5, "N", "I0\n(I5\nt(I1\nt", floats), "6 elements in the file, 5 in the pickle"},
		"cut":          {good[:len(good)-1], "truncated?"},
		"no storage":   {good[:len(good)-len(floats)], "truncated?"},
		"no key":       {strings.Replace(good, "(lS'1'\na.", "(l.", 1), "is missing"},
		"twice":        {strings.Replace(good, "(lS'1'\na.", "(lS'1'\naS'1'\na.", 1), "listed twice"},
		"strange key":  {strings.Replace(good, "(lS'1'\na.", "(lS'2'\na.", 1), "belongs to no tensor"},
		"version":      {strings.Replace(good, "M\xe9\x03", "M\xe8\x03", 1), "version of its format is 1000"},
		"big endian":   {strings.Replace(good, "little_endian\x88", "little_endian\x89", 1), "big-endian"},
		"plain pickle": {"N.", "magic number is missing"},
		"text":         {"hello", "not a file of torch.save"},
	} {
		if _, err := read(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", name, err, c.want)
		}
	}
}
