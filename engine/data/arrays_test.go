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
		a, err := OpenNPY(filepath.Join(dir, c.file), c.layout)
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
	fortran := bytes.Replace(images, []byte("False"), []byte("True "), 1)
	for want, file := range map[string]struct {
		name string
		b    []byte
	}{
		"say which with data.layout":        {"a.npy", npyBytes(t, octet, 4, 3, 4, 3)},
		"want 1 or 3 channels":              {"a.npy", npyBytes(t, octet, 4, 5, 4, 5)},
		"shape [4]: want N,H,W,C":           {"a.npy", npyBytes(t, octet, 4)},
		"array of int64: want uint8":        {"a.npy", npyBytes(t, class, 4, 4)},
		"is truncated":                      {"a.npy", images[:len(images)-1]},
		"numpy.ascontiguousarray":           {"a.npy", fortran},
		"no array named images, x, data":    {"a.npz", npz(map[string][]byte{"pictures.npy": images})},
		"it holds pictures":                 {"a.npz", npz(map[string][]byte{"pictures.npy": images})},
		"not a valid zip file":              {"a.npz", images},
		"labels of shape [3] for 4 samples": {"a.npz", npz(map[string][]byte{"x.npy": images, "y.npy": npyBytes(t, class, 3)})},
		"labels of type float32":            {"a.npz", npz(map[string][]byte{"x.npy": images, "y.npy": npyBytes(t, float, 4)})},
		"label -1 of sample 0":              {"a.npz", npz(map[string][]byte{"x.npy": images, "y.npy": npyBytes(t, func(int) int64 { return -1 }, 4)})},
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
	if _, err := readNPZ(bytes.NewReader(big), int64(len(big)), "", 1<<16); err == nil || !strings.Contains(err.Error(), "more than the 65536 that may be held in memory") {
		t.Errorf("an array above the limit: %v", err)
	}
}

// TestNPZLies: an entry whose size is not what the directory says.
func TestNPZLies(t *testing.T) {
	b := storedZip(t, zip.Deflate, map[string][]byte{"x.npy": npyBytes(t, octet, 50, 4, 4, 1)})
	at := bytes.Index(b, []byte("PK\x01\x02"))
	for _, size := range []uint32{1, 900, 1 << 20} {
		lying := slices.Clone(b)
		binary.LittleEndian.PutUint32(lying[at+24:], size)
		if _, err := readNPZ(bytes.NewReader(lying), int64(len(lying)), "", 1<<30); err == nil {
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
	if _, err := readNPZ(bytes.NewReader(b.Bytes()), int64(b.Len()), "", 1<<20); err == nil || !strings.Contains(err.Error(), "but ends before them") {
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
		a, err := readNPZ(bytes.NewReader(b), int64(len(b)), "", 1<<20)
		if err != nil {
			return
		}
		readSome(t, a)
	})
}

// FuzzNPY is FuzzNPZ for a .npy file.
func FuzzNPY(f *testing.F) {
	f.Add(npyBytes(f, octet, 2, 4, 4, 1))
	f.Add(npyBytes(f, float, 2, 3))
	f.Add(npyBytes(f, octet, 1, 3, 2, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := newArrays(bytes.NewReader(b), int64(len(b)), LayoutAuto)
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
