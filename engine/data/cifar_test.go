package data

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cifarRecords makes n records; the label of record i is i mod 10, its planes hold i, i+1 and i+2.
func cifarRecords(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte(i%10))
		for c := range 3 {
			b = append(b, bytes.Repeat([]byte{byte(i + c)}, cifarPlane)...)
		}
	}
	return b
}

// tarGzip packs files as CIFAR-10 is distributed.
func tarGzip(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/" + name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCIFAR(t *testing.T) {
	files := map[string][]byte{"data_batch_1.bin": cifarRecords(12), "data_batch_2.bin": cifarRecords(3), "test_batch.bin": cifarRecords(4), "readme.html": nil}
	archive := filepath.Join(folder(t, map[string][]byte{"cifar-10-binary.tar.gz": tarGzip(t, files)}), "cifar-10-binary.tar.gz")
	for _, source := range []string{folder(t, files), archive} {
		s := openTest(t, Options{Source: source})
		c, h, w := s.Train.Shape()
		if s.Kind != "cifar10" || s.Train.Len() != 15 || s.HeldOut.Len() != 4 || s.Train.Classes() != 10 || c != 3 || h != 32 || w != 32 || s.ClassNames[3] != "cat" {
			t.Fatalf("%s: %s, %d + %d, classes %v", source, s.Kind, s.Train.Len(), s.HeldOut.Len(), s.ClassNames)
		}
		x := make([]float32, 3072)
		label, err := s.Train.Sample(13, x)
		if err != nil || label != 1 {
			t.Errorf("label %d, %v", label, err)
		}
		for i, v := range x {
			if v != pixelValue[1+i%3] {
				t.Fatalf("value %d is %v, want %v", i, v, pixelValue[1+i%3])
			}
		}
	}
	delete(files, "test_batch.bin")
	if s := openTest(t, Options{Source: folder(t, files)}); s.Train.Len() != 14 || s.HeldOut.Len() != 1 {
		t.Errorf("without a test set: %d + %d", s.Train.Len(), s.HeldOut.Len())
	}
}

func TestCIFARRefuses(t *testing.T) {
	bad := cifarRecords(2)
	bad[cifarRecord] = 10
	for want, files := range map[string]map[string][]byte{
		"data_batch_1.bin: 3000 bytes are not a whole number": {"data_batch_1.bin": make([]byte, 3000)},
		"data_batch_1.bin: 0 bytes":                           {"data_batch_1.bin": nil},
		"record 1 has the label 10":                           {"data_batch_1.bin": bad},
		"test_batch.bin: 6145 bytes":                          {"data_batch_1.bin": cifarRecords(1), "test_batch.bin": cifarRecords(2)[1:]},
	} {
		for _, source := range []string{folder(t, files), filepath.Join(folder(t, map[string][]byte{"c.tgz": tarGzip(t, files)}), "c.tgz")} {
			if _, err := OpenSet(Options{Source: source}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		}
	}
	whole := tarGzip(t, map[string][]byte{"data_batch_1.bin": cifarRecords(1)})
	for want, b := range map[string][]byte{"holds no data_batch_1.bin": tarGzip(t, nil), "unexpected EOF": whole[:len(whole)/2], "not a tar archive": []byte("not gzip at all")} {
		if _, _, err := readCIFARArchive(bufio.NewReader(bytes.NewReader(b))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// pickledBatch is a file of CIFAR's Python version of n pictures, by Python 2 or, with the bytes as latin1 text, by Python 3.
func pickledBatch(n int, labels string, python3 bool) []byte {
	pictures := make([]byte, 0, 3*cifarPlane*n)
	for i := range n {
		for c := range 3 {
			pictures = append(pictures, bytes.Repeat([]byte{byte(200 + i + c)}, cifarPlane)...)
		}
	}
	length := func(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	raw := "T" + length(len(pictures)) + string(pictures)
	if python3 {
		var text []rune
		for _, b := range pictures {
			text = append(text, rune(b))
		}
		raw = "c_codecs\nencode\nX" + length(len(string(text))) + string(text) + "X" + length(6) + "latin1\x86Rq\x05"
	}
	array := "cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K" + string([]byte{byte(n)}) + "M\x00\x0c\x86" +
		"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + raw + "tb"
	list := "]("
	for i := range n {
		list += "K" + string([]byte{byte(i)})
	}
	return []byte("\x80\x02}(U\x04data" + array + "U" + string([]byte{byte(len(labels))}) + labels + list + "eU\x0bbatch_labelU\x01xu.")
}

// Every version, in a folder, in a folder above it, as .tar.gz and as .tar.
func TestCIFARVersions(t *testing.T) {
	hundred := func(n int) (b []byte) {
		for i := range n {
			b = append(append(b, byte(i%20), byte(i)), bytes.Repeat([]byte{byte(200 + i)}, 3*cifarPlane)...)
		}
		return b
	}
	for name, c := range map[string]struct {
		files   map[string][]byte
		kind    string
		train   int
		classes int
	}{
		"10 in Python 2":    {map[string][]byte{"data_batch_1": pickledBatch(3, "labels", false), "data_batch_2": pickledBatch(2, "labels", false), "test_batch": pickledBatch(1, "labels", false), "batches.meta": nil}, "cifar10", 5, 10},
		"10 in Python 3":    {map[string][]byte{"data_batch_1": pickledBatch(4, "labels", true), "test_batch": pickledBatch(1, "labels", true)}, "cifar10", 4, 10},
		"100 in Python":     {map[string][]byte{"train": pickledBatch(6, "fine_labels", false), "test": pickledBatch(1, "fine_labels", false), "meta": nil}, "cifar100", 6, 100},
		"100 in the binary": {map[string][]byte{"train.bin": hundred(30), "test.bin": hundred(1), "fine_label_names.txt": nil}, "cifar100", 30, 100},
	} {
		packed := tarGzip(t, c.files)
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		archives := folder(t, map[string][]byte{"c.tar.gz": packed, "c.tar": unpacked})
		flat := folder(t, c.files)
		for _, source := range []string{flat, filepath.Dir(flat), filepath.Join(archives, "c.tar.gz"), filepath.Join(archives, "c.tar")} {
			if source == filepath.Dir(flat) {
				above := t.TempDir()
				if err := os.Symlink(flat, filepath.Join(above, "inside")); err != nil {
					t.Fatal(err)
				}
				source = above
			}
			s, err := OpenSet(Options{Source: source, Channels: 3, Height: 32, Width: 32})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if s.Kind != c.kind || s.Train.Len() != c.train || s.HeldOut.Len() != 1 || s.Train.Classes() != c.classes {
				t.Errorf("%s: %s, %d + %d, %d classes", name, s.Kind, s.Train.Len(), s.HeldOut.Len(), s.Train.Classes())
			}
			x := make([]float32, 3072)
			if label, err := s.Train.Sample(2, x); err != nil || label != 2 || x[0] != pixelValue[202] {
				t.Errorf("%s: label %d, value %v, %v", name, label, x[0], err)
			}
		}
	}
}

// A pickle that names anything else, or is not a batch, is refused; nothing of it is executed.
func TestPickleRefuses(t *testing.T) {
	good := string(pickledBatch(2, "labels", false))
	for want, text := range map[string]string{
		`names "os.system"`:           "\x80\x02cos\nsystem\nU\x02id\x85R.",
		`names "builtins.eval"`:       "\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
		"no array data":               "\x80\x02}.",
		"does not hold a dict":        "\x80\x02K\x01.",
		"truncated":                   good[:len(good)-5],
		"instruction 0x69":            "\x80\x02(i",
		"no list of 2 labels":         strings.Replace(good, "labels](K\x00", "labels](", 1),
		"expected uint8":              strings.Replace(good, "U\x02u1", "U\x02i1", 1),
		"record 1 has the label 77":   strings.Replace(good, "labels](K\x00K\x01", "labels](K\x00KM", 1),
		"a value that was not stored": "\x80\x02h\x07.",
		"items for what is no dict":   "\x80\x02K\x01U\x01aK\x01s.",
	} {
		_, err := OpenSet(Options{Source: folder(t, map[string][]byte{"data_batch_1": []byte(text)})})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// FuzzPickle: any bytes end in a dict or an error.
func FuzzPickle(f *testing.F) {
	f.Add(pickledBatch(1, "labels", false))
	f.Add(pickledBatch(1, "fine_labels", true))
	f.Add([]byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01K\x02eu."))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = (&CIFAR{}).readPickle(bytes.NewReader(b))
	})
}

// TestCIFARArchiveBomb: files that are each within bounds, and too much together, are refused by what the archive says of them.
func TestCIFARArchiveBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	small := cifarRecords(1)
	for _, size := range []int64{int64(len(small)), MaxIDXBytes / cifarRecord * cifarRecord} {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("data_batch_%d.bin", size), Mode: 0o644, Size: size}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(small); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readCIFARArchive(bufio.NewReader(&b)); err == nil || !strings.Contains(err.Error(), "together hold more than 2147483648 bytes") {
		t.Errorf("error %v", err)
	}
}

// FuzzCIFAR reads any bytes as a file and as an archive: what is accepted is held whole.
func FuzzCIFAR(f *testing.F) {
	f.Add(cifarRecords(1), false)
	f.Add(cifarRecords(1)[:100], false)
	f.Add(tarGzip(f, map[string][]byte{"data_batch_1.bin": cifarRecords(1), "test_batch.bin": cifarRecords(1)}), true)
	f.Fuzz(func(t *testing.T, b []byte, archive bool) {
		if archive {
			train, _, err := readCIFARArchive(bufio.NewReader(bytes.NewReader(b)))
			if err == nil && (train.Len() < 1 || len(train.records)%cifarRecord != 0) {
				t.Fatalf("%d bytes of records", len(train.records))
			}
			return
		}
		d := &CIFAR{}
		if err := d.read(&cifarVersions[0], bytes.NewReader(b), -1); err != nil {
			return
		}
		if !slices.Equal(d.records, b) {
			t.Fatal("other records than the file's")
		}
		for i := range d.Len() {
			if label, err := d.Sample(i, make([]float32, 3072)); err != nil || label > 9 {
				t.Fatalf("label %d, %v", label, err)
			}
		}
	})
}
