package data

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/unnoise/unnoise/engine/npy"
)

// npyBytes is the .npy file of an array whose element i is value(i).
func npyBytes[T float32 | uint8 | int64](t testing.TB, value func(int) T, shape ...int) []byte {
	t.Helper()
	n := 1
	for _, d := range shape {
		n *= d
	}
	v := make([]T, n)
	for i := range v {
		v[i] = value(i)
	}
	var b bytes.Buffer
	if err := npy.Write(&b, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func float(i int) float32 { return float32(i) / 8 }
func octet(i int) uint8   { return uint8(i) }
func class(i int) int64   { return int64(i % 3) }

// storedZip packs files without compression, as numpy.savez does.
func storedZip(t testing.TB, method uint16, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNPYLayouts(t *testing.T) {
	dir := folder(t, map[string][]byte{
		"nhwc.npy": npyBytes(t, octet, 5, 4, 6, 3), "nchw.npy": npyBytes(t, octet, 5, 3, 4, 6), "nhw.npy": npyBytes(t, float, 5, 4, 6),
		"nd.npy": npyBytes(t, float, 5, 7), "both.npy": npyBytes(t, octet, 5, 3, 4, 1),
	})
	for _, c := range []struct {
		file, layout string
		shape        [3]int
		value        func(y, x, ch int) float32 // of sample 1
	}{
		{"nhwc.npy", "", [3]int{3, 4, 6}, func(y, x, ch int) float32 { return pixelValue[72+(y*6+x)*3+ch] }},
		{"nchw.npy", "", [3]int{3, 4, 6}, func(y, x, ch int) float32 { return pixelValue[72+ch*24+y*6+x] }},
		{"nhw.npy", "", [3]int{1, 4, 6}, func(y, x, ch int) float32 { return float(24 + y*6 + x) }},
		{"nd.npy", "", [3]int{7, 1, 1}, func(y, x, ch int) float32 { return float(7 + ch) }},
		{"both.npy", LayoutNCHW, [3]int{3, 4, 1}, func(y, x, ch int) float32 { return pixelValue[12+ch*4+y] }},
		{"both.npy", LayoutNHWC, [3]int{1, 3, 4}, func(y, x, ch int) float32 { return pixelValue[12+y*4+x] }},
	} {
		a, err := OpenNPY(filepath.Join(dir, c.file), c.layout, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if a.c != c.shape[0] || a.h != c.shape[1] || a.w != c.shape[2] || a.Len() != 5 || a.Classes() != 0 {
			t.Fatalf("%s: %d samples of %dx%dx%d", c.file, a.Len(), a.c, a.h, a.w)
		}
		x := make([]float32, SampleSize(a))
		if _, err := a.Sample(1, x); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if want := c.value(i/a.c/a.w, i/a.c%a.w, i%a.c); v != want {
				t.Fatalf("%s: element %d is %v, want %v", c.file, i, v, want)
			}
		}
	}
}

func TestNPZ(t *testing.T) {
	files := map[string][]byte{"images.npy": npyBytes(t, octet, 20, 4, 4, 1), "labels.npy": npyBytes(t, class, 20), "other.npy": nil}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		path := filepath.Join(folder(t, map[string][]byte{"a.npz": storedZip(t, method, files)}), "a.npz")
		s := openTest(t, Options{Source: path})
		if s.Kind != "array" || s.Train.Len() != 18 || s.HeldOut.Len() != 2 || s.Train.Classes() != 3 {
			t.Fatalf("%s, %d + %d, %d classes", s.Kind, s.Train.Len(), s.HeldOut.Len(), s.Train.Classes())
		}
		x := make([]float32, 16)
		for i := range 20 {
			label, err := s.whole.Sample(i, x)
			if err != nil || label != int32(i%3) || x[5] != pixelValue[uint8(16*i+5)] {
				t.Errorf("sample %d: label %d, %v, %v", i, label, x[5], err)
			}
		}
	}
	vectors := storedZip(t, zip.Store, map[string][]byte{"arr_0.npy": npyBytes(t, float, 4, 2)})
	if s := openTest(t, Options{Source: filepath.Join(folder(t, map[string][]byte{"v.npz": vectors}), "v.npz")}); s.Train.Len() != 3 || s.Train.Classes() != 0 {
		t.Errorf("%d vectors, %d classes", s.Train.Len(), s.Train.Classes())
	}
}

func TestArraysRefuse(t *testing.T) {
	nan := npyBytes(t, func(i int) float32 { return float32(math.NaN()) }, 2, 3)
	images := npyBytes(t, octet, 4, 4, 4, 1)
	npz := func(files map[string][]byte) []byte { return storedZip(t, zip.Deflate, files) }
	for want, file := range map[string]struct {
		name string
		b    []byte
	}{
		"say which with data.layout":        {"a.npy", npyBytes(t, octet, 4, 3, 4, 3)},
		"shape [4 5 4 5] may be N,C,H,W or": {"a.npy", npyBytes(t, octet, 4, 5, 4, 5)},
		"shape [4]: expected N,H,W,C":       {"a.npy", npyBytes(t, octet, 4)},
		"int64 values from -5 to 6":         {"a.npy", npyBytes(t, func(i int) int64 { return int64(i%12 - 5) }, 4, 5, 6)},
		"is truncated":                      {"a.npy", images[:len(images)-1]},
		"no array named images, x, data":    {"a.npz", npz(map[string][]byte{"faces.npy": images})},
		"it holds faces":                    {"a.npz", npz(map[string][]byte{"faces.npy": images})},
		"not a valid zip file":              {"a.npz", images},
		"labels of shape [3] for 4 samples": {"a.npz", npz(map[string][]byte{"x.npy": images, "y.npy": npyBytes(t, class, 3)})},
		"labels of type float32: 0.125 of":  {"a.npz", npz(map[string][]byte{"x.npy": images, "y.npy": npyBytes(t, float, 4)})},
		"labels of type int64: -1 of":       {"a.npz", npz(map[string][]byte{"x.npy": images, "y.npy": npyBytes(t, func(int) int64 { return -1 }, 4)})},
		"several labels a sample":           {"a.npz", npz(map[string][]byte{"x.npy": images, "y.npy": npyBytes(t, func(i int) uint8 { return uint8(i % 2) }, 4, 5)})},
		"a Git LFS pointer, not the file":   {"a.npz", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")},
		"held-out samples of 1 channels":    {"a.npz", npz(map[string][]byte{"x_train.npy": images, "x_test.npy": npyBytes(t, octet, 4, 5, 5, 1)})},
		"labels for one of the training":    {"a.npz", npz(map[string][]byte{"x_train.npy": images, "x_test.npy": images, "y_test.npy": npyBytes(t, class, 4)})},
		"not a .npy file":                   {"a.npz", npz(map[string][]byte{"x.npy": []byte("abc")})},
	} {
		path := filepath.Join(folder(t, map[string][]byte{file.name: file.b}), file.name)
		if _, err := OpenSet(Options{Source: path}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one with %q and the path", err, want)
		}
	}
	s := openTest(t, Options{Source: filepath.Join(folder(t, map[string][]byte{"n.npy": nan}), "n.npy")})
	if _, err := s.Train.Sample(0, make([]float32, 3)); err == nil || !strings.Contains(err.Error(), "holds NaN") {
		t.Errorf("NaN: %v", err)
	}
	big := npz(map[string][]byte{"x.npy": npyBytes(t, octet, 100, 64, 64, 1)})
	if _, _, err := readNPZ(bytes.NewReader(big), int64(len(big)), "", 1<<16); err == nil || !strings.Contains(err.Error(), "more than the 65536 that may be held in memory") {
		t.Errorf("an array above the limit: %v", err)
	}
}

// Any number of channels, in either place; one image; grey images as the layout says.
func TestArrayShapes(t *testing.T) {
	for _, c := range []struct {
		layout  string
		shape   []int
		n       int
		c, h, w int
		planar  bool
	}{
		{"", []int{9, 4, 16, 16}, 9, 4, 16, 16, true},
		{"", []int{9, 16, 12, 4}, 9, 4, 16, 12, false},
		{"", []int{9, 2, 8, 8}, 9, 2, 8, 8, true},
		{"", []int{9, 5, 6, 7}, 9, 5, 6, 7, true},
		{"", []int{9, 12, 14, 10}, 9, 10, 12, 14, false},
		{LayoutNCHW, []int{9, 8, 8, 8}, 9, 8, 8, 8, true},
		{LayoutNHWC, []int{9, 4, 16, 16}, 9, 16, 4, 16, false},
		{"", []int{16, 12, 3}, 1, 3, 16, 12, false},
		{"", []int{16, 12, 1}, 1, 1, 16, 12, false},
		{"", []int{16, 12, 4}, 1, 4, 16, 12, false},
		{"", []int{3, 16, 12}, 1, 3, 16, 12, true},
		{"", []int{1, 16, 12}, 1, 1, 16, 12, true},
		{LayoutNHW, []int{16, 12, 3}, 16, 1, 12, 3, false},
		{"", []int{20, 16, 12}, 20, 1, 16, 12, false},
		{"", []int{20, 4, 4}, 20, 1, 4, 4, false},
	} {
		b := npyBytes(t, octet, c.shape...)
		a, err := newArrays(bytes.NewReader(b), int64(len(b)), c.layout, 0)
		if err != nil {
			t.Errorf("%v: %v", c.shape, err)
			continue
		}
		if a.Len() != c.n || a.c != c.c || a.h != c.h || a.w != c.w || a.planar != c.planar {
			t.Errorf("%v %s: %d samples of %d channels, %dx%d, planar %v", c.shape, c.layout, a.Len(), a.c, a.h, a.w, a.planar)
		}
	}
}

// The range of images is recognised and named; the first element is value, the others are 0.
func TestArrayRanges(t *testing.T) {
	images := func(values ...float32) []byte {
		return npyBytes(t, func(i int) float32 { return values[i%len(values)] }, 3, 4, 4, 1)
	}
	short := func(v uint16) []byte {
		b := bytes.Replace(npyBytes(t, octet, 3, 4, 4, 2), []byte("'|u1'"), []byte("'<u2'"), 1)
		b = bytes.Replace(b, []byte("(3, 4, 4, 2)"), []byte("(3, 4, 4, 1)"), 1)
		for at := len(b) - 96; at < len(b); at += 2 {
			binary.LittleEndian.PutUint16(b[at:], v)
		}
		return b
	}
	for _, c := range []struct {
		name  string
		file  []byte
		first float32
		note  string
	}{
		{"0..1", images(0.25, 0, 1), -0.5, "float32 values in the range 0..1 recognised: v becomes v/0.5 - 1"},
		{"0..255 whole", images(10, 0, 9), float32(10/127.5 - 1), "float32 values in the range 0..255 recognised: v becomes v/127.5 - 1"},
		{"0..255", images(102, 0.5, 254.75), float32(102/127.5 - 1), "float32 values in the range 0..255 recognised: v becomes v/127.5 - 1"},
		{"model units", images(0.25, -1, 1), 0.25, ""},
		{"others", images(0.25, -3, 4), 0.25, "float values from -3 to 4 are taken as they are; expected -1..1"},
		{"bytes", npyBytes(t, func(i int) uint8 { return 51 }, 3, 4, 4, 1), float32(51/127.5 - 1), ""},
		{"bits", npyBytes(t, func(i int) uint8 { return uint8(1 - i%2) }, 3, 4, 4, 1), 1, "uint8 values in the range 0..1 recognised"},
		{"black", npyBytes(t, func(i int) uint8 { return 0 }, 3, 4, 4, 1), -1, ""},
		{"integers", npyBytes(t, func(i int) int64 { return 255 }, 3, 4, 4, 1), 1, "int64 values in the range 0..255 recognised"},
		{"16 bit", short(65535), 1, "uint16 values in the range 0..65535 recognised: v becomes v/32767.5 - 1"},
		{"vectors", npyBytes(t, func(i int) float32 { return 0.25 }, 3, 4), 0.25, ""},
	} {
		s := openTest(t, Options{Source: filepath.Join(folder(t, map[string][]byte{"a.npy": c.file}), "a.npy")})
		x := make([]float32, SampleSize(s.whole))
		if _, err := s.whole.Sample(0, x); err != nil || x[0] != c.first {
			t.Errorf("%s: %v, %v, want %v", c.name, x[0], err, c.first)
		}
		if notes := strings.Join(s.Notes, "; "); !strings.HasPrefix(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: notes %q", c.name, notes)
		}
	}
}

// Names of archives in common use; labels of other shapes and types.
func TestNPZNames(t *testing.T) {
	images := func(n int) []byte { return npyBytes(t, octet, n, 4, 4, 1) }
	labels := func(n int) []byte { return npyBytes(t, class, n) }
	column := func(n int) []byte { return npyBytes(t, func(i int) uint8 { return uint8(i % 3) }, n, 1) }
	oneHot := npyBytes(t, func(i int) uint8 {
		if i%3 == i/3%3 {
			return 1
		}
		return 0
	}, 9, 3)
	for name, c := range map[string]struct {
		files       map[string][]byte
		train, held int
		classes     int
		notes       string
	}{
		"Keras":         {map[string][]byte{"x_train.npy": images(9), "y_train.npy": labels(9), "x_test.npy": images(3), "y_test.npy": column(3)}, 9, 3, 3, ""},
		"MedMNIST":      {map[string][]byte{"train_images.npy": images(9), "train_labels.npy": column(9), "val_images.npy": images(4), "val_labels.npy": column(4), "test_images.npy": images(3), "test_labels.npy": column(3)}, 9, 3, 3, "left out: val_images, as the test part is held out"},
		"validation":    {map[string][]byte{"X_train.npy": images(9), "Y_train.npy": labels(9), "X_valid.npy": images(4), "Y_valid.npy": labels(4)}, 9, 4, 3, ""},
		"one-hot":       {map[string][]byte{"images.npy": images(9), "labels.npy": oneHot}, 9, 0, 3, ""},
		"row":           {map[string][]byte{"images.npy": images(9), "labels.npy": npyBytes(t, class, 1, 9)}, 9, 0, 3, ""},
		"from 1":        {map[string][]byte{"x.npy": images(9), "y.npy": npyBytes(t, func(i int) int64 { return int64(i%3 + 1) }, 9)}, 9, 0, 4, "1 classes without samples, of 4: the first is 0"},
		"whole floats":  {map[string][]byte{"x.npy": images(9), "y.npy": npyBytes(t, func(i int) float32 { return float32(i % 3) }, 9)}, 9, 0, 3, ""},
		"other arrays":  {map[string][]byte{"arr_0.npy": images(9), "arr_1.npy": labels(9), "names.npy": labels(2), "readme.txt": nil}, 9, 0, 3, "left out: arrays names"},
		"without parts": {map[string][]byte{"train.npy": images(9), "test.npy": images(3)}, 9, 3, 0, ""},
	} {
		s := openTest(t, Options{Source: filepath.Join(folder(t, map[string][]byte{"a.npz": storedZip(t, zip.Deflate, c.files)}), "a.npz")})
		held := c.held
		if held == 0 {
			held = s.HeldOut.Len()
		}
		if s.whole.Len() != c.train || s.HeldOut.Len() != held || s.Train.Classes() != c.classes || s.HeldOut.Classes() != c.classes {
			t.Errorf("%s: %d + %d, %d classes", name, s.whole.Len(), s.HeldOut.Len(), s.Train.Classes())
		}
		x := make([]float32, 16)
		if label, err := s.HeldOut.Sample(0, x); err != nil || c.classes > 0 && int(label) >= c.classes {
			t.Errorf("%s: held-out label %d, %v", name, label, err)
		}
		if notes := strings.Join(s.Notes, "; "); notes != c.notes {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
}

// TestNPZLies: an entry whose size is not what the directory says.
func TestNPZLies(t *testing.T) {
	b := storedZip(t, zip.Deflate, map[string][]byte{"x.npy": npyBytes(t, octet, 50, 4, 4, 1)})
	at := bytes.Index(b, []byte("PK\x01\x02"))
	for _, size := range []uint32{1, 900, 1 << 20} {
		lying := slices.Clone(b)
		binary.LittleEndian.PutUint32(lying[at+24:], size)
		if _, _, err := readNPZ(bytes.NewReader(lying), int64(len(lying)), "", 1<<30); err == nil {
			t.Errorf("an entry that claims %d bytes was read", size)
		}
	}
}

// TestNPZBeyondTheEnd: an entry that is not compressed and claims more than the archive holds is refused before room is made for a sample.
func TestNPZBeyondTheEnd(t *testing.T) {
	head := npyBytes(t, octet, 2, 4, 4, 1)[:128]
	head = bytes.Replace(head, []byte("(2, 4, 4, 1), }"+strings.Repeat(" ", 11)), []byte("(4, 65536, 16384, 3), }   "), 1)
	size := uint64(len(head)) + 4*65536*16384*3
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "x.npy", Method: zip.Store, CompressedSize64: size, UncompressedSize64: size})
	if err == nil {
		_, err = w.Write(head)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readNPZ(bytes.NewReader(b.Bytes()), int64(b.Len()), "", 1<<20); err == nil || !strings.Contains(err.Error(), "but ends before them") {
		t.Errorf("error %v", err)
	}
}

// TestDescribeFewOfManyClasses: one large label among many samples takes no memory for the classes that no sample is of.
func TestDescribeFewOfManyClasses(t *testing.T) {
	const n, last = 4000, maxArrayClasses - 1
	labels := npyBytes(t, func(i int) int64 { return int64(i / (n - 1) * last) }, n)
	b := storedZip(t, zip.Store, map[string][]byte{"x.npy": npyBytes(t, octet, n, 2), "y.npy": labels})
	s := openTest(t, Options{Source: filepath.Join(folder(t, map[string][]byte{"a.npz": b}), "a.npz")})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := Describe(context.Background(), s, "a", 0, 2)
	runtime.ReadMemStats(&after)
	if err != nil || len(d.Classes) != last+1 || d.Classes[0].Count != n-1 || d.Classes[last].Count != 1 {
		t.Fatalf("%d classes, %v", len(d.Classes), err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 500<<20 {
		t.Errorf("%d MB for %d classes", used>>20, last+1)
	}
}

// FuzzNPZ: any bytes end in samples that can be read, or in an error.
func FuzzNPZ(f *testing.F) {
	f.Add(storedZip(f, zip.Store, map[string][]byte{"images.npy": npyBytes(f, octet, 2, 4, 4, 1), "labels.npy": npyBytes(f, class, 2)}))
	f.Add(storedZip(f, zip.Deflate, map[string][]byte{"x.npy": npyBytes(f, float, 3, 2)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, held, err := readNPZ(bytes.NewReader(b), int64(len(b)), "", 1<<20)
		if err != nil {
			return
		}
		readSome(t, a)
		if held != nil {
			readSome(t, held)
		}
	})
}

// FuzzNPY is FuzzNPZ for a .npy file.
func FuzzNPY(f *testing.F) {
	f.Add(npyBytes(f, octet, 2, 4, 4, 1))
	f.Add(npyBytes(f, float, 2, 3))
	f.Add(npyBytes(f, octet, 1, 3, 2, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := newArrays(bytes.NewReader(b), int64(len(b)), LayoutAuto, 1<<20)
		if err == nil {
			err = a.findRange()
		}
		if err != nil {
			return
		}
		readSome(t, a)
	})
}

// readSome reads the first and the last sample.
func readSome(t *testing.T, a *Arrays) {
	t.Helper()
	for _, i := range []int{0, a.Len() - 1} {
		label, err := a.Sample(i, make([]float32, SampleSize(a)))
		if err == nil && label > 0 && int(label) >= a.Classes() {
			t.Fatalf("label %d of %d classes", label, a.Classes())
		}
	}
}
