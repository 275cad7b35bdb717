package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/safefile"
)

// Limits on an IDX file, checked before anything is allocated.
const (
	MaxIDXBytes = 1 << 31 // elements of one file
	maxIDXDim   = 1 << 31
	idxUbyte    = 0x08
)

// IDX is the content of an IDX file of unsigned bytes: the format of MNIST
// (http://yann.lecun.com/exdb/mnist): two zero bytes, a type byte, the number of
// dimensions, the dimensions as big-endian uint32, the elements.
type IDX struct {
	Dims []int
	Data []byte
}

// ReadIDX reads a whole IDX stream, which must hold exactly what its header
// says. size is the length of the stream in bytes where known, else negative.
// Memory grows with the bytes that arrive, not with what the header claims.
func ReadIDX(r io.Reader, size int64) (*IDX, error) {
	dims, total, err := readIDXHeader(r)
	if err != nil {
		return nil, err
	}
	header := int64(4 + 4*len(dims))
	if size >= 0 && size != header+total {
		return nil, fmt.Errorf("the header says %v, %d bytes with the header, but there are %d", dims, header+total, size)
	}
	data, err := io.ReadAll(io.LimitReader(r, total))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if int64(len(data)) < total {
		return nil, fmt.Errorf("truncated: the header says %v, %d elements, but only %d follow", dims, total, len(data))
	}
	var extra [1]byte
	switch _, err := io.ReadFull(r, extra[:]); {
	case err == nil:
		return nil, fmt.Errorf("the header says %v, %d elements, but more follow", dims, total)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("truncated: the compressed stream has no end")
	case err != io.EOF:
		return nil, err
	}
	return &IDX{Dims: dims, Data: data}, nil
}

func readIDXHeader(r io.Reader) (dims []int, total int64, err error) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, 0, shortHeader(err)
	}
	if b[0] != 0 || b[1] != 0 {
		return nil, 0, fmt.Errorf("not an IDX file: it starts with %x, not with two zero bytes", b)
	}
	if b[2] != idxUbyte {
		return nil, 0, fmt.Errorf("element type %#02x; only unsigned bytes (0x08) are read", b[2])
	}
	if b[3] < 1 || b[3] > 4 {
		return nil, 0, fmt.Errorf("%d dimensions; want 1..4", b[3])
	}
	dims = make([]int, b[3])
	total = 1
	for i := range dims {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, 0, shortHeader(err)
		}
		d := binary.BigEndian.Uint32(b[:])
		if d == 0 || d >= maxIDXDim {
			return nil, 0, fmt.Errorf("dimension %d is %d; want 1..%d", i, d, maxIDXDim-1)
		}
		dims[i] = int(d)
		total *= int64(d) // below 2^31 * 2^31
		if total > MaxIDXBytes {
			return nil, 0, fmt.Errorf("the header claims more than %d elements; refused", int64(MaxIDXBytes))
		}
	}
	return dims, total, nil
}

func shortHeader(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("truncated inside the header")
	}
	return err
}

// ReadIDXFile reads an IDX file, gzip or not (told by its first bytes).
func ReadIDXFile(path string) (*IDX, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("data: %s is not a regular file", path)
	}
	var r io.Reader = bufio.NewReaderSize(f, 1<<16)
	size := info.Size()
	if magic, err := r.(*bufio.Reader).Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, fmt.Errorf("data: %s: %w", path, err)
		}
		size = -1
	}
	idx, err := ReadIDX(r, size)
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return idx, nil
}

// Images is a set of grey-scale uint8 images, kept as bytes; a sample is
// pixel/127.5 - 1.
type Images struct {
	pixels  []byte
	labels  []byte // nil or N
	n, h, w int
	classes int
}

// pixelValue is the model value of each uint8.
var pixelValue = func() (t [256]float32) {
	for i := range t {
		t[i] = float32(float64(i)/127.5 - 1)
	}
	return
}()

// NewImages joins an IDX of images (N,H,W) and an IDX of labels (N), which may be
// nil. The number of classes is the largest label + 1.
func NewImages(images, labels *IDX) (*Images, error) {
	if len(images.Dims) != 3 {
		return nil, fmt.Errorf("data: images have dimensions %v; want three: number, height, width", images.Dims)
	}
	m := &Images{pixels: images.Data, n: images.Dims[0], h: images.Dims[1], w: images.Dims[2]}
	if labels == nil {
		return m, nil
	}
	if len(labels.Dims) != 1 || labels.Dims[0] != m.n {
		return nil, fmt.Errorf("data: labels have dimensions %v for %d images; want [%d]", labels.Dims, m.n, m.n)
	}
	m.labels = labels.Data
	for _, l := range m.labels {
		m.classes = max(m.classes, int(l)+1)
	}
	return m, nil
}

// Len implements Dataset.
func (m *Images) Len() int { return m.n }

// Shape implements Dataset.
func (m *Images) Shape() (channels, height, width int) { return 1, m.h, m.w }

// Classes implements Dataset.
func (m *Images) Classes() int { return m.classes }

// Sample implements Dataset.
func (m *Images) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(m, i, dst); err != nil {
		return 0, err
	}
	for j, v := range m.pixels[i*len(dst) : (i+1)*len(dst)] {
		dst[j] = pixelValue[v]
	}
	return m.label(i), nil
}

// label returns the class of image i, 0 without classes.
func (m *Images) label(i int) int32 {
	if m.labels == nil {
		return 0
	}
	return int32(m.labels[i])
}

// idxTraining is the name of a file of training images: MNIST's, or EMNIST's with a prefix.
var idxTraining = regexp.MustCompile(`^(.*)train-images[-.]idx3-ubyte(\.gz)?$`)

// idxPrefix returns what stands before train-images in the names of a directory's files, and whether
// there is such a file. Names without prefix win; several prefixes are an error.
func idxPrefix(dir string) (prefix string, found bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", false, fmt.Errorf("data: %w", err)
	}
	prefixes := map[string]string{}
	for _, e := range entries {
		if m := idxTraining.FindStringSubmatch(e.Name()); m != nil {
			prefixes[m[1]] = e.Name()
		}
	}
	if _, plain := prefixes[""]; plain || len(prefixes) == 0 {
		return "", plain, nil
	}
	names := slices.Sorted(maps.Values(prefixes))
	if len(names) > 1 {
		return "", false, fmt.Errorf("data: %s holds %d sets of IDX files: name the training images of one: %s",
			dir, len(names), strings.Join(names, ", "))
	}
	return slices.Collect(maps.Keys(prefixes))[0], true, nil
}

// OpenIDX reads a directory in MNIST's layout: the files train-images-idx3-ubyte
// and t10k-images-idx3-ubyte, with labels beside them where present, each with or
// without .gz, with "-" or "." before "idx", and with one prefix before all names,
// such as emnist-letters-. train is the first, heldOut the second (also called
// test-images), nil where the directory has none. EMNIST's files hold transposed
// pictures, which are turned upright.
func OpenIDX(dir string) (train, heldOut *Images, err error) {
	prefix, _, err := idxPrefix(dir)
	if err != nil {
		return nil, nil, err
	}
	return openIDX(dir, prefix)
}

func openIDX(dir, prefix string) (train, heldOut *Images, err error) {
	if train, err = openIDXPart(dir, prefix+"train"); err != nil {
		return nil, nil, err
	}
	if train == nil {
		return nil, nil, fmt.Errorf("data: %s holds no %strain-images-idx3-ubyte[.gz]", dir, prefix)
	}
	for _, part := range []string{"t10k", "test"} {
		if heldOut == nil {
			if heldOut, err = openIDXPart(dir, prefix+part); err != nil {
				return nil, nil, err
			}
		}
	}
	if heldOut != nil {
		if err := train.join(heldOut); err != nil {
			return nil, nil, fmt.Errorf("data: %s: %w", dir, err)
		}
	}
	if isEMNIST(prefix) {
		train.transpose()
		if heldOut != nil {
			heldOut.transpose()
		}
	}
	return train, heldOut, nil
}

// isEMNIST tells EMNIST (Cohen et al. 2017) by the prefix of its files.
func isEMNIST(prefix string) bool { return strings.HasPrefix(strings.ToLower(prefix), "emnist") }

// join checks that held-out images are like those of training, and gives them its classes.
func (m *Images) join(heldOut *Images) error {
	if heldOut.h != m.h || heldOut.w != m.w {
		return fmt.Errorf("the t10k images are %dx%d, the training images %dx%d", heldOut.h, heldOut.w, m.h, m.w)
	}
	if heldOut.labels != nil && m.labels == nil {
		return errors.New("labels for the t10k images but no train-labels-idx1-ubyte[.gz]")
	}
	if heldOut.classes > m.classes {
		return fmt.Errorf("t10k labels reach %d, training labels %d", heldOut.classes-1, m.classes-1)
	}
	if m.labels != nil && heldOut.labels == nil {
		return errors.New("labels for the training images but no t10k-labels-idx1-ubyte[.gz]")
	}
	heldOut.classes = m.classes
	return nil
}

// transpose exchanges the rows and the columns of every image.
func (m *Images) transpose() {
	turned := make([]byte, len(m.pixels))
	size := m.h * m.w
	for at := 0; at < len(turned); at += size {
		for y := range m.h {
			for x := range m.w {
				turned[at+x*m.h+y] = m.pixels[at+y*m.w+x]
			}
		}
	}
	m.pixels, m.h, m.w = turned, m.w, m.h
}

func openIDXPart(dir, part string) (*Images, error) {
	path, err := findIDX(dir, part+"-images", "idx3")
	if path == "" || err != nil {
		return nil, err
	}
	images, err := ReadIDXFile(path)
	if err != nil {
		return nil, err
	}
	var labels *IDX
	labelPath, err := findIDX(dir, part+"-labels", "idx1")
	if err != nil {
		return nil, err
	}
	if labelPath != "" {
		if labels, err = ReadIDXFile(labelPath); err != nil {
			return nil, err
		}
	}
	m, err := NewImages(images, labels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.TrimSuffix(path, ".gz"), err)
	}
	return m, nil
}

// findIDX returns the file of that name in dir, "" if there is none.
func findIDX(dir, stem, kind string) (string, error) {
	for _, sep := range []string{"-", "."} {
		for _, ext := range []string{"", ".gz"} {
			path := filepath.Join(dir, stem+sep+kind+"-ubyte"+ext)
			switch _, err := os.Stat(path); {
			case err == nil:
				return path, nil
			case !errors.Is(err, os.ErrNotExist):
				return "", fmt.Errorf("data: %w", err)
			}
		}
	}
	return "", nil
}
