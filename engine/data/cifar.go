package data

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/unnoise/unnoise/engine/safefile"
)

// CIFAR-10 and CIFAR-100 (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html): 32x32
// pictures as their red, green and blue planes. The binary version is records of a label byte (of
// CIFAR-100 a coarse label and a fine one) and the planes; the Python version is pickled arrays.
const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarRecord = 1 + 3*cifarPlane

	// maxCIFARRecords bounds what one file may hold.
	maxCIFARRecords = 1 << 20
)

// cifarVersion is a version of the data by the names of its files.
type cifarVersion struct {
	name        string
	train, test *regexp.Regexp
	classes     int
	labels      int // bytes before the planes; 0: pickled
}

var cifarVersions = []cifarVersion{
	{"CIFAR-10, binary", regexp.MustCompile(`^data_batch.*\.bin$`), regexp.MustCompile(`^test_batch\.bin$`), 10, 1},
	{"CIFAR-10, Python", regexp.MustCompile(`^data_batch_\d+$`), regexp.MustCompile(`^test_batch$`), 10, 0},
	{"CIFAR-100, binary", regexp.MustCompile(`^train\.bin$`), regexp.MustCompile(`^test\.bin$`), 100, 2},
	{"CIFAR-100, Python", regexp.MustCompile(`^train$`), regexp.MustCompile(`^test$`), 100, 0},
}

// cifarVersionOf returns the version of which a file of that name holds training pictures; nil for none.
func cifarVersionOf(name string) *cifarVersion {
	for i := range cifarVersions {
		if cifarVersions[i].train.MatchString(name) {
			return &cifarVersions[i]
		}
	}
	return nil
}

// CIFAR is a set of 32x32 colour pictures with labels, kept as bytes.
type CIFAR struct {
	records []byte // a label and the planes each
	classes int
}

// Len implements Dataset.
func (d *CIFAR) Len() int { return len(d.records) / cifarRecord }

// Shape implements Dataset.
func (d *CIFAR) Shape() (channels, height, width int) { return 3, cifarSide, cifarSide }

// Classes implements Dataset.
func (d *CIFAR) Classes() int { return d.classes }

// Sample implements Dataset.
func (d *CIFAR) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(d, i, dst); err != nil {
		return 0, err
	}
	planes := d.records[i*cifarRecord+1 : (i+1)*cifarRecord]
	for at := range cifarPlane {
		for c := range 3 {
			dst[3*at+c] = pixelValue[planes[c*cifarPlane+at]]
		}
	}
	return d.label(i), nil
}

// label returns the class of picture i.
func (d *CIFAR) label(i int) int32 { return int32(d.records[i*cifarRecord]) }

// read appends the pictures of one file of size bytes (negative: not known).
func (d *CIFAR) read(v *cifarVersion, r io.Reader, size int64) error {
	if v.labels == 0 {
		return d.readPickle(r)
	}
	record := v.labels + 3*cifarPlane
	most := int64(maxCIFARRecords * record)
	if size > most {
		return fmt.Errorf("%d bytes; a file of more than %d pictures is refused", size, maxCIFARRecords)
	}
	wrong := func(n int64) error {
		if n > 0 && n%int64(record) == 0 {
			return nil
		}
		return fmt.Errorf("%d bytes are not a whole number of records of %d (truncated, or not %s)", n, record, v.name)
	}
	if size >= 0 {
		if err := wrong(size); err != nil {
			return err
		}
	}
	part, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	if err := wrong(int64(len(part))); err != nil {
		return err
	}
	d.records = slices.Grow(d.records, len(part)/record*cifarRecord)
	for at := 0; at < len(part); at += record {
		d.records = append(d.records, part[at+v.labels-1:at+record]...)
	}
	return d.check(v)
}

// check reports labels out of range, and more pictures than are held.
func (d *CIFAR) check(v *cifarVersion) error {
	d.classes = v.classes
	for i := range d.Len() {
		if l := d.label(i); int(l) >= v.classes {
			return fmt.Errorf("record %d has the label %d; expected 0..%d of %s", i, l, v.classes-1, v.name)
		}
	}
	if len(d.records) > MaxIDXBytes {
		return fmt.Errorf("the files together hold %d bytes; more than %d are refused", len(d.records), int64(MaxIDXBytes))
	}
	return nil
}

// readPickle appends the pictures of a file of the Python version: a dict with data, (N,3072) uint8,
// and labels or fine_labels.
func (d *CIFAR) readPickle(r io.Reader) error {
	batch, err := unpickleArrays(r)
	if err != nil {
		return err
	}
	pictures, ok := batch["data"].(*pickledArray)
	if !ok || len(pictures.shape) != 2 || pictures.shape[1] != 3*cifarPlane || pictures.dtype != "u1" || pictures.fortran {
		return errors.New("no array data of N,3072 uint8: expected a file of CIFAR's Python version")
	}
	labels, ok := batch["labels"].(*pickledList)
	if !ok {
		labels, ok = batch["fine_labels"].(*pickledList)
	}
	if n := int(pictures.shape[0]); !ok || len(labels.items) != n {
		return fmt.Errorf("no list of %d labels", n)
	}
	for i, label := range labels.items {
		l, ok := label.(int64)
		if !ok || l < 0 || l > 255 {
			return fmt.Errorf("label %d is %v", i, label)
		}
		d.records = append(append(d.records, byte(l)), pictures.data[3*cifarPlane*i:3*cifarPlane*(i+1)]...)
	}
	return nil
}

// cifarFiles gathers the files of one version, in the order of their names.
type cifarFiles struct {
	version *cifarVersion
	train   map[string]*CIFAR
	test    *CIFAR
	total   int64
}

// take reads a file of size bytes if it belongs to the data.
func (f *cifarFiles) take(name string, r io.Reader, size int64) error {
	isTest := f.version.test.MatchString(name)
	if !isTest && !f.version.train.MatchString(name) {
		return nil
	}
	if f.train[name] != nil || isTest && f.test != nil {
		return fmt.Errorf("%s is there twice", name)
	}
	if f.total += max(size, 0); f.total > MaxIDXBytes {
		return fmt.Errorf("%s: the files together hold more than %d bytes; refused", name, int64(MaxIDXBytes))
	}
	d := &CIFAR{}
	if isTest {
		f.test = d
	} else {
		f.train[name] = d
	}
	err := d.read(f.version, r, size)
	if err == nil {
		err = d.check(f.version)
	}
	return err
}

func (f *cifarFiles) sets() (train, heldOut *CIFAR) {
	train = &CIFAR{classes: f.version.classes}
	for _, name := range slices.Sorted(maps.Keys(f.train)) {
		train.records = append(train.records, f.train[name].records...)
	}
	return train, f.test
}

// cifarInFolder returns the version that a folder's files are of; nil for none.
func cifarInFolder(dir string) *cifarVersion {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if v := cifarVersionOf(e.Name()); v != nil && !e.IsDir() {
			return v
		}
	}
	return nil
}

// OpenCIFAR reads a folder that holds the files of CIFAR-10 or CIFAR-100, in the binary or the Python
// version; the test file is held out, heldOut is nil where it is absent.
func OpenCIFAR(dir string) (train, heldOut *CIFAR, err error) {
	v := cifarInFolder(dir)
	if v == nil {
		return nil, nil, fmt.Errorf("data: %s holds no data_batch_1.bin", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	files := &cifarFiles{version: v, train: map[string]*CIFAR{}}
	for _, e := range entries {
		if !v.train.MatchString(e.Name()) && !v.test.MatchString(e.Name()) {
			continue
		}
		file := filepath.Join(dir, e.Name())
		if err := files.takeFile(file); err != nil {
			return nil, nil, fmt.Errorf("data: %s: %w", file, err)
		}
	}
	train, heldOut = files.sets()
	return train, heldOut, nil
}

func (f *cifarFiles) takeFile(file string) error {
	r, err := safefile.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	return f.take(filepath.Base(file), r, info.Size())
}

// OpenCIFARArchive reads CIFAR-10 or CIFAR-100 as it is distributed, a .tar.gz of the binary or the
// Python version, or the .tar in it.
func OpenCIFARArchive(file string) (train, heldOut *CIFAR, err error) {
	f, err := safefile.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	if train, heldOut, err = readCIFARArchive(bufio.NewReaderSize(f, 1<<16)); err != nil {
		return nil, nil, fmt.Errorf("data: %s: %w", file, err)
	}
	return train, heldOut, nil
}

func readCIFARArchive(r *bufio.Reader) (train, heldOut *CIFAR, err error) {
	var unpacked io.Reader = r
	if magic, err := r.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		if unpacked, err = gzip.NewReader(r); err != nil {
			return nil, nil, err
		}
	}
	files := &cifarFiles{train: map[string]*CIFAR{}}
	t := tar.NewReader(unpacked)
	for entries := 0; ; entries++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && entries == 0 {
			return nil, nil, fmt.Errorf("not a tar archive, packed by gzip or not: %w", err)
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			err = files.takeEntry(h, t)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if len(files.train) == 0 {
		return nil, nil, errors.New("the archive holds no data_batch_1.bin or other file of CIFAR-10 or CIFAR-100")
	}
	train, heldOut = files.sets()
	return train, heldOut, nil
}

// takeEntry reads a file of an archive. The first file of a version decides which one it is.
func (f *cifarFiles) takeEntry(h *tar.Header, r io.Reader) error {
	name := path.Base(h.Name)
	for i := range cifarVersions {
		if v := &cifarVersions[i]; f.version == nil && (v.train.MatchString(name) || v.test.MatchString(name)) {
			f.version = v
		}
	}
	if f.version == nil {
		return nil
	}
	if err := f.take(name, r, h.Size); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}
