package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cifarRecords makes n records; the label of record i is i mod 10, its planes hold i, i+1 and i+2.
func cifarRecords(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte(i%cifarClasses))
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
	for want, b := range map[string][]byte{"holds no data_batch_1.bin": tarGzip(t, nil), "unexpected EOF": whole[:len(whole)/2], "gzip": []byte("not gzip at all")} {
		if _, _, err := readCIFARArchive(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
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
	if _, _, err := readCIFARArchive(&b); err == nil || !strings.Contains(err.Error(), "together hold more than 2147483648 bytes") {
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
			train, _, err := readCIFARArchive(bytes.NewReader(b))
			if err == nil && (train.Len() < 1 || len(train.records)%cifarRecord != 0) {
				t.Fatalf("%d bytes of records", len(train.records))
			}
			return
		}
		d := &CIFAR{}
		if err := d.add(bytes.NewReader(b), -1); err != nil {
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
