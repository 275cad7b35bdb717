package data

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The binary form of CIFAR-10 (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html): records of one label byte and the
// red, green and blue planes of a 32x32 picture.
const (
	cifarSide    = 32
	cifarPlane   = cifarSide * cifarSide
	cifarRecord  = 1 + 3*cifarPlane
	cifarClasses = 10
	cifarTest    = "test_batch.bin"

	// maxCIFARRecords bounds what one file may hold.
	maxCIFARRecords = 1 << 20
)

// CIFAR is a set of 32x32 colour pictures with labels, kept as bytes.
type CIFAR struct{ records []byte }

// Len implements Dataset.
func (d *CIFAR) Len() int { return len(d.records) / cifarRecord }

// Shape implements Dataset.
func (d *CIFAR) Shape() (channels, height, width int) { return 3, cifarSide, cifarSide }

// Classes implements Dataset.
func (d *CIFAR) Classes() int { return cifarClasses }

// Sample implements Dataset.
func (d *CIFAR) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(d, i, dst); err != nil {
		return 0, err
	}
	r := d.records[i*cifarRecord : (i+1)*cifarRecord]
	planes := r[1:]
	for at := range cifarPlane {
		for c := range 3 {
			dst[3*at+c] = pixelValue[planes[c*cifarPlane+at]]
		}
	}
	return int32(r[0]), nil
}

// add appends the records of one file of size bytes (negative: not known).
func (d *CIFAR) add(r io.Reader, size int64) error {
	const most = maxCIFARRecords * cifarRecord
	switch {
	case size > most:
		return fmt.Errorf("%d bytes; a file of more than %d pictures is refused", size, maxCIFARRecords)
	case size >= 0 && (size == 0 || size%cifarRecord != 0):
		return fmt.Errorf("%d bytes are not a whole number of records of %d (truncated, or not CIFAR-10's binary version)", size, cifarRecord)
	}
	first := len(d.records)
	part, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	if len(part) > most {
		return fmt.Errorf("more than %d pictures are refused", maxCIFARRecords)
	}
	if len(part) == 0 || len(part)%cifarRecord != 0 {
		return fmt.Errorf("%d bytes are not a whole number of records of %d (truncated, or not CIFAR-10's binary version)", len(part), cifarRecord)
	}
	for i := 0; i < len(part); i += cifarRecord {
		if part[i] >= cifarClasses {
			return fmt.Errorf("record %d has the label %d; want 0..%d (CIFAR-100 is not read)", i/cifarRecord, part[i], cifarClasses-1)
		}
	}
	d.records = append(slices.Grow(d.records, len(part)), part...)
	if len(d.records) > MaxIDXBytes {
		return fmt.Errorf("the files together hold %d bytes from record %d on; more than %d are refused", len(d.records), first/cifarRecord, int64(MaxIDXBytes))
	}
	return nil
}

// cifarBatch reports whether a file is one of CIFAR-10's training files.
func cifarBatch(name string) bool {
	return strings.HasPrefix(name, "data_batch") && strings.HasSuffix(name, ".bin")
}

// OpenCIFAR reads a folder that holds data_batch_1.bin and so on, in the order of their names, and test_batch.bin, which is held out;
// heldOut is nil where it is absent.
func OpenCIFAR(dir string) (train, heldOut *CIFAR, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	train = &CIFAR{}
	for _, e := range entries {
		set := train
		switch {
		case e.Name() == cifarTest:
			heldOut = &CIFAR{}
			set = heldOut
		case !cifarBatch(e.Name()):
			continue
		}
		file := filepath.Join(dir, e.Name())
		if err := set.addFile(file); err != nil {
			return nil, nil, fmt.Errorf("data: %s: %w", file, err)
		}
	}
	if train.Len() == 0 {
		return nil, nil, fmt.Errorf("data: %s holds no data_batch_1.bin", dir)
	}
	return train, heldOut, nil
}

func (d *CIFAR) addFile(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	return d.add(f, info.Size())
}

// OpenCIFARArchive reads cifar-10-binary.tar.gz as it is distributed.
func OpenCIFARArchive(file string) (train, heldOut *CIFAR, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	if train, heldOut, err = readCIFARArchive(bufio.NewReaderSize(f, 1<<16)); err != nil {
		return nil, nil, fmt.Errorf("data: %s: %w", file, err)
	}
	return train, heldOut, nil
}

func readCIFARArchive(r io.Reader) (train, heldOut *CIFAR, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	parts := map[string]*CIFAR{}
	total := int64(0)
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		name := path.Base(h.Name)
		if h.Typeflag != tar.TypeReg || name != cifarTest && !cifarBatch(name) {
			continue
		}
		if parts[name] != nil {
			return nil, nil, fmt.Errorf("%s is there twice", name)
		}
		if total += max(h.Size, 0); total > MaxIDXBytes {
			return nil, nil, fmt.Errorf("%s: the files together hold more than %d bytes; refused", h.Name, int64(MaxIDXBytes))
		}
		parts[name] = &CIFAR{}
		if err := parts[name].add(t, h.Size); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	heldOut = parts[cifarTest]
	delete(parts, cifarTest)
	train = &CIFAR{}
	var names []string
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		train.records = append(train.records, parts[name].records...)
	}
	if train.Len() == 0 {
		return nil, nil, errors.New("the archive holds no data_batch_1.bin: want cifar-10-binary.tar.gz, the version for C programs")
	}
	return train, heldOut, nil
}
