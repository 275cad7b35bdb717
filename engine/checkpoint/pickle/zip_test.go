package pickle

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tensorPickle is the pickle of a tensor of 6 float32 elements in storage 0.
const tensorPickle = "\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI6\ntQI0\n(I6\nt(I1\nt\x89NtR."

// entry is a file in an archive.
type entry struct {
	name, data string
	method     uint16
}

func archive(t testing.TB, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err == nil {
			_, err = f.Write([]byte(e.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestZip(t *testing.T) {
	pkl, data := entry{name: "m/data.pkl", data: tensorPickle}, entry{name: "m/data/0", data: string(floats[8:])}
	f, err := read(archive(t, pkl, entry{name: "m/byteorder", data: "little"}, data, entry{name: "m/version", data: "3\n"}))
	if err != nil {
		t.Fatal(err)
	}
	checkElements(t, f)
	for name, c := range map[string]struct {
		entries []entry
		want    string
	}{
		"no pickle":    {[]entry{data}, "not one of torch.save"},
		"two pickles":  {[]entry{pkl, {name: "n/data.pkl"}, data}, "two pickles"},
		"twice":        {[]entry{pkl, data, data}, "appears twice"},
		"big endian":   {[]entry{pkl, {name: "m/byteorder", data: "big"}, data}, `byte order is "big"`},
		"compressed":   {[]entry{{pkl.name, pkl.data, zip.Deflate}, data}, "is compressed"},
		"compressed 0": {[]entry{pkl, {data.name, data.data, zip.Deflate}}, "is compressed"},
		"no storage":   {[]entry{pkl}, `no "m/data/0"`},
		"short":        {[]entry{pkl, {name: "m/data/0", data: "1234"}}, "has 24 bytes, the file holds 4"},
		"os.system":    {[]entry{{name: "m/data.pkl", data: "\x80\x02cposix\nsystem\nS'id'\n\x85R."}}, `"posix.system"`},
		"builtins":     {[]entry{{name: "m/data.pkl", data: "\x80\x02c__builtin__\neval\nS'1'\n\x85R."}}, `"__builtin__.eval"`},
	} {
		if _, err := read(archive(t, c.entries...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", name, err, c.want)
		}
	}
}

// FuzzPickle opens files, reads their tensors, and requires that neither panics.
func FuzzPickle(f *testing.F) {
	files, err := filepath.Glob("../testdata/torch/views*.pt")
	if err != nil || len(files) == 0 {
		f.Fatal("no files of PyTorch")
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(archive(f, entry{name: "m/data.pkl", data: tensorPickle}, entry{name: "m/data/0", data: string(floats[8:])})))
	f.Add([]byte(saved("FloatStorage", 6, "(S'2'\nI2\nI4\nt", "I0\n(I2\nI2\nt(I1\nI2\nt", floats)))
	f.Add([]byte("cos\nsystem\n(S'id'\ntR."))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := New(bytes.NewReader(data), int64(len(data)))
		if err == nil {
			readAll(t, file, file.Root(), 4)
		}
	})
}

// readAll reads the tensors of a value, those in containers to a depth.
func readAll(t *testing.T, f *File, v any, depth int) {
	if tensor, ok := v.(*Tensor); ok && tensor.Elements() < 1<<16 {
		r, err := f.Reader(tensor)
		if err != nil {
			t.Fatalf("a tensor that was checked is not read: %v", err)
		}
		var b bytes.Buffer
		n, err := b.ReadFrom(r)
		if want := tensor.Elements() * typeSizes[tensor.DType()]; err != nil || n != want {
			t.Fatalf("shape %v: %d bytes, %v, expected %d", tensor.Shape(), n, err, want)
		}
	}
	if depth == 0 {
		return
	}
	items, _ := sequence(v)
	if d, ok := v.(*Dict); ok {
		items = d.Values
	}
	for _, item := range items[:min(len(items), 64)] {
		readAll(t, f, item, depth-1)
	}
}
