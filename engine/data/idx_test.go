package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idxBytes is an IDX file with the given header and data.
func idxBytes(data []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

func gz(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func writeFiles(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenIDX(t *testing.T) {
	pixels := []byte{0, 255, 51, 204, 102, 153, 1, 2, 3, 4, 5, 6}
	dir := writeFiles(t, map[string][]byte{
		"train-images-idx3-ubyte":    idxBytes(pixels, 2, 2, 3),
		"train-labels-idx1-ubyte.gz": gz(t, idxBytes([]byte{3, 9}, 2)),
		"t10k-images.idx3-ubyte.gz":  gz(t, idxBytes(pixels[:6], 1, 2, 3)),
		"t10k-labels.idx1-ubyte":     idxBytes([]byte{7}, 1),
	})
	train, held, err := OpenIDX(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, h, w := train.Shape()
	if train.Len() != 2 || held.Len() != 1 || c != 1 || h != 2 || w != 3 || train.Classes() != 10 || held.Classes() != 10 {
		t.Errorf("train %d samples %dx%dx%d %d classes, held out %d samples %d classes", train.Len(), c, h, w, train.Classes(), held.Len(), held.Classes())
	}
	dst := make([]float32, 6)
	label, err := train.Sample(0, dst)
	if want := []float32{-1, 1, -.6, .6, -.2, .2}; err != nil || label != 3 || !slices.Equal(dst, want) {
		t.Errorf("sample 0: %v label %d, %v; want %v", dst, label, err, want)
	}
	if label, _ := held.Sample(0, dst); label != 7 {
		t.Errorf("held-out label %d", label)
	}
	if _, err := train.Sample(2, dst); err == nil {
		t.Error("sample 2 of 2 was read")
	}
	if _, err := train.Sample(0, dst[:5]); err == nil {
		t.Error("a short destination was accepted")
	}
}

// Files with a prefix, test-images for t10k, a folder above, one file of several sets; EMNIST is turned upright.
func TestIDXTrees(t *testing.T) {
	pixels := []byte{0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}
	images := gz(t, idxBytes(pixels, 2, 2, 3))
	labels := gz(t, idxBytes([]byte{1, 2}, 2))
	set := func(prefix, test string) map[string][]byte {
		return map[string][]byte{prefix + "train-images-idx3-ubyte.gz": images, prefix + "train-labels-idx1-ubyte.gz": labels,
			prefix + test + "-images-idx3-ubyte.gz": images, prefix + test + "-labels-idx1-ubyte.gz": labels}
	}
	both := set("emnist-letters-", "test")
	maps.Copy(both, set("emnist-digits-", "test"))
	upright, turned := [2]int{2, 3}, [2]int{3, 2}
	for name, c := range map[string]struct {
		files  map[string][]byte
		source string // in the folder
		size   [2]int
		notes  string
	}{
		"EMNIST":          {set("emnist-letters-", "test"), "", turned, "EMNIST's files hold transposed pictures: they are turned upright; 1 classes without samples, of 3: the first is 0"},
		"one of several":  {both, "emnist-digits-train-images-idx3-ubyte.gz", turned, "EMNIST's"},
		"another prefix":  {set("kuzushiji-", "t10k"), "", upright, "1 classes"},
		"torch":           {map[string][]byte{"MNIST/raw/train-images-idx3-ubyte": idxBytes(pixels, 2, 2, 3), "MNIST/raw/train-images-idx3-ubyte.gz": images}, "", upright, "found in "},
		"a file of MNIST": {set("", "t10k"), "train-images-idx3-ubyte.gz", upright, "1 classes"},
	} {
		s := openTest(t, Options{Source: filepath.Join(folder(t, c.files), c.source)})
		if _, h, w := s.Train.Shape(); h != c.size[0] || w != c.size[1] || s.Kind != "idx" {
			t.Errorf("%s: %s, %dx%d", name, s.Kind, h, w)
		}
		x := make([]float32, 6)
		if _, err := s.whole.Sample(1, x); err != nil || x[1] != pixelValue[map[bool]byte{true: 13, false: 11}[c.size == turned]] {
			t.Errorf("%s: %v, %v", name, x, err)
		}
		if notes := strings.Join(s.Notes, "; "); !strings.HasPrefix(notes, c.notes) {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
	for want, files := range map[string]map[string][]byte{
		"holds 2 sets of IDX files: name the training images of one: emnist-digits-train-images": both,
		"holds several data sets: name one of its folders FashionMNIST/raw, MNIST/raw":           {"MNIST/raw/train-images-idx3-ubyte.gz": images, "FashionMNIST/raw/train-images-idx3-ubyte.gz": images},
	} {
		if _, err := OpenSet(Options{Source: folder(t, files), Channels: 1, Height: 8, Width: 8}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestOpenIDXErrors(t *testing.T) {
	good := idxBytes(make([]byte, 12), 2, 2, 3)
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"empty directory", nil, "holds no train-images-idx3-ubyte"},
		{"truncated", map[string][]byte{"train-images-idx3-ubyte": good[:20]}, "there are 20"},
		{"truncated header", map[string][]byte{"train-images-idx3-ubyte": good[:9]}, "truncated inside the header"},
		{"too long", map[string][]byte{"train-images-idx3-ubyte": append(slices.Clone(good), 0)}, "there are 29"},
		{"truncated inside gzip", map[string][]byte{"train-images-idx3-ubyte.gz": gz(t, good[:20])}, "truncated: the header says [2 2 3], 12 elements, but only 4 follow"},
		{"truncated gzip", map[string][]byte{"train-images-idx3-ubyte.gz": gz(t, good)[:25]}, "truncated"},
		{"too long inside gzip", map[string][]byte{"train-images-idx3-ubyte.gz": gz(t, append(slices.Clone(good), 0))}, "but more follow"},
		{"lying", map[string][]byte{"train-images-idx3-ubyte.gz": gz(t, idxBytes(nil, 1<<30, 1, 1))}, "only 0 follow"},
		{"huge", map[string][]byte{"train-images-idx3-ubyte": idxBytes(nil, 1<<30, 1<<30, 1<<30)}, "refused"},
		{"zero", map[string][]byte{"train-images-idx3-ubyte": idxBytes(nil, 0, 2, 3)}, "dimension 0 is 0"},
		{"not IDX", map[string][]byte{"train-images-idx3-ubyte": []byte("PNG file")}, "not an IDX file"},
		{"float type", map[string][]byte{"train-images-idx3-ubyte": {0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0}}, "element type 0x0d"},
		{"five dimensions", map[string][]byte{"train-images-idx3-ubyte": idxBytes(nil, 1, 1, 1, 1, 1)}, "5 dimensions"},
		{"labels as images", map[string][]byte{"train-images-idx3-ubyte": idxBytes([]byte{1}, 1)}, "want three"},
		{"label count", map[string][]byte{"train-images-idx3-ubyte": good, "train-labels-idx1-ubyte": idxBytes([]byte{1}, 1)}, "for 2 images"},
		{"t10k labels only", map[string][]byte{"train-images-idx3-ubyte": good, "t10k-images-idx3-ubyte": good, "t10k-labels-idx1-ubyte": idxBytes([]byte{1, 0}, 2)},
			"no train-labels-idx1-ubyte"},
		{"t10k shape", map[string][]byte{"train-images-idx3-ubyte": good, "t10k-images-idx3-ubyte": idxBytes(make([]byte, 4), 1, 2, 2)}, "2x2, the training images 2x3"},
		{"broken gzip", map[string][]byte{"train-images-idx3-ubyte.gz": {0x1f, 0x8b, 1, 2, 3}}, "train-images-idx3-ubyte.gz"},
	} {
		_, _, err := OpenIDX(writeFiles(t, c.files))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
	}
	if _, _, err := OpenIDX(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing directory was opened")
	}
}

// fashionMNIST is where Debian's dataset-fashion-mnist puts its files.
const fashionMNIST = "/usr/share/datasets/fashion-mnist"

func TestFashionMNIST(t *testing.T) {
	if _, err := os.Stat(fashionMNIST); err != nil {
		t.Skipf("needs Debian's package dataset-fashion-mnist: %v", err)
	}
	train, held, err := OpenIDX(fashionMNIST)
	if err != nil {
		t.Fatal(err)
	}
	c, h, w := train.Shape()
	if train.Len() != 60000 || held.Len() != 10000 || c != 1 || h != 28 || w != 28 || train.Classes() != 10 {
		t.Errorf("%d and %d images of %dx%dx%d, %d classes", train.Len(), held.Len(), c, h, w, train.Classes())
	}
	// Mean and standard deviation of the training pixels, as commonly quoted: 0.2860, 0.3530.
	var sum, sq float64
	for _, v := range train.pixels {
		x := float64(v) / 255
		sum += x
		sq += x * x
	}
	n := float64(len(train.pixels))
	mean := sum / n
	if variance := sq/n - mean*mean; mean < .2855 || mean > .2865 || variance < .3525*.3525 || variance > .3535*.3535 {
		t.Errorf("mean %v, variance %v", mean, variance)
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idxBytes(make([]byte, 12), 2, 2, 3))
	f.Add(idxBytes(nil, 1<<30, 1<<30))
	f.Add(idxBytes([]byte{1, 2}, 3))
	f.Add([]byte{0, 0, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		idx, err := ReadIDX(bytes.NewReader(b), -1)
		if err != nil {
			return
		}
		total := 1
		dims := make([]uint32, len(idx.Dims))
		for i, d := range idx.Dims {
			total *= d
			dims[i] = uint32(d)
		}
		if total != len(idx.Data) || !bytes.Equal(idxBytes(idx.Data, dims...), b) {
			t.Fatalf("%d bytes read as %v with %d elements", len(b), idx.Dims, len(idx.Data))
		}
	})
}
