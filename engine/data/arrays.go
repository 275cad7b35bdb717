package data

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/npy"
)

// Arrays is a set of images or vectors in a NumPy file, read row by row: N,H,W,C or N,C,H,W with 1 or 3 channels, N,H,W for grey images, or
// N,D for vectors; uint8 (v becomes v/127.5 - 1) or float (taken as it is: model units, -1 black, 1 white).
type Arrays struct {
	rows    *npy.Rows
	label   string // what errors call it
	planar  bool   // N,C,H,W
	c, h, w int
	labels  []int32
	classes int
	close   func() error
}

// The layouts of images.
const (
	LayoutAuto = "auto"
	LayoutNHWC = "nhwc"
	LayoutNCHW = "nchw"
)

// maxArrayClasses bounds what labels may be.
const maxArrayClasses = 1 << 20

// The names of arrays in a .npz file; the first that is there counts.
var (
	imageKeys = []string{"images", "x", "data", "arr_0"}
	labelKeys = []string{"labels", "y", "arr_1"}
)

// OpenNPY opens a .npy file.
func OpenNPY(file, layout string) (*Arrays, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	info, err := f.Stat()
	var a *Arrays
	if err == nil {
		a, err = newArrays(f, info.Size(), layout)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data: %s: %w", file, err)
	}
	a.label, a.close = file, f.Close
	return a, nil
}

// OpenNPZ opens a .npz file: the images under one of the names images, x, data or arr_0, and labels, where there are any, under labels, y or
// arr_1. Entries that are not compressed are read row by row, others are unpacked into memory, at most maxBytes of it.
func OpenNPZ(file, layout string, maxBytes int64) (*Arrays, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	info, err := f.Stat()
	var a *Arrays
	if err == nil {
		a, err = readNPZ(f, info.Size(), layout, maxBytes)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data: %s: %w", file, err)
	}
	a.label, a.close = file, f.Close
	return a, nil
}

func readNPZ(r io.ReaderAt, size int64, layout string, maxBytes int64) (*Arrays, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	entry, err := npzEntry(r, size, z, imageKeys, maxBytes)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return nil, fmt.Errorf("no array named %s: it holds %s", strings.Join(imageKeys, ", "), npzNames(z))
	}
	a, err := newArrays(entry, entry.Size(), layout)
	if err != nil {
		return nil, err
	}
	if entry, err = npzEntry(r, size, z, labelKeys, maxBytes); entry == nil || err != nil {
		return a, err
	}
	rows, err := npy.OpenRows(entry, entry.Size())
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	return a, a.readLabels(rows)
}

// npzEntry opens the first of the named arrays that an archive of size bytes has; nil if it has none.
func npzEntry(r io.ReaderAt, size int64, z *zip.Reader, keys []string, maxBytes int64) (*io.SectionReader, error) {
	for _, key := range keys {
		at := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == key+".npy" })
		if at < 0 {
			continue
		}
		f := z.File[at]
		if f.Method == zip.Store {
			offset, err := f.DataOffset()
			if err == nil && f.CompressedSize64 != f.UncompressedSize64 {
				err = errors.New("two sizes of an entry that is not compressed")
			}
			if err == nil && (offset > size || f.CompressedSize64 > uint64(size-offset)) {
				err = fmt.Errorf("the archive claims %d bytes, but ends before them", f.CompressedSize64)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			return io.NewSectionReader(r, offset, int64(f.CompressedSize64)), nil
		}
		b, err := unpack(f, maxBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), nil
	}
	return nil, nil
}

func npzNames(z *zip.Reader) string {
	var names []string
	for _, f := range z.File {
		names = append(names, strings.TrimSuffix(f.Name, ".npy"))
	}
	if len(names) == 0 {
		return "nothing"
	}
	if len(names) > 10 {
		names = append(names[:10], "more")
	}
	return strings.Join(names, ", ")
}

// unpack reads a compressed entry. Memory grows with the bytes that arrive.
func unpack(f *zip.File, maxBytes int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(maxBytes) {
		return nil, fmt.Errorf("%d bytes unpacked, more than the %d that may be held in memory: save it with numpy.savez, not compressed, or raise data.cache_mb",
			f.UncompressedSize64, maxBytes)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err != nil {
		return nil, err
	}
	if uint64(len(b)) != f.UncompressedSize64 {
		return nil, fmt.Errorf("the archive says %d bytes, %d or more follow", f.UncompressedSize64, len(b))
	}
	return b, nil
}

// newArrays finds what the dimensions of an array mean.
func newArrays(r io.ReaderAt, size int64, layout string) (*Arrays, error) {
	rows, err := npy.OpenRows(r, size)
	if err != nil {
		return nil, err
	}
	a := &Arrays{rows: rows, close: func() error { return nil }}
	if strings.HasPrefix(rows.Type, "int") {
		return nil, fmt.Errorf("an array of %s: want uint8 (0..255) or float32 (-1..1)", rows.Type)
	}
	if err := a.takeShape(rows.Shape, layout); err != nil {
		return nil, err
	}
	const most = 1 << 16
	if a.c > most || a.h > most || a.w > most || rows.Shape[0] > math.MaxInt32 {
		return nil, fmt.Errorf("shape %v: want samples of at most %d in each dimension", rows.Shape, most)
	}
	return a, nil
}

func (a *Arrays) takeShape(s []int, layout string) error {
	channels := func(n int) bool { return n == 1 || n == 3 }
	a.c, a.h, a.w = 1, 1, 1
	switch len(s) {
	case 2:
		a.c = s[1]
		return nil
	case 3:
		a.h, a.w = s[1], s[2]
		return nil
	case 4:
	default:
		return fmt.Errorf("shape %v: want N,H,W,C or N,C,H,W or N,H,W images, or N,D vectors", s)
	}
	first, last := channels(s[1]), channels(s[3])
	switch layout {
	case LayoutNHWC:
		first = false
	case LayoutNCHW:
		last = false
	default:
		if first && last {
			return fmt.Errorf("shape %v may be N,C,H,W or N,H,W,C: say which with data.layout = %q or %q", s, LayoutNCHW, LayoutNHWC)
		}
	}
	switch {
	case last:
		a.h, a.w, a.c = s[1], s[2], s[3]
	case first:
		a.c, a.h, a.w, a.planar = s[1], s[2], s[3], true
	default:
		return fmt.Errorf("shape %v with data.layout %q: want 1 or 3 channels", s, layout)
	}
	return nil
}

// readLabels takes the labels, one integer a sample from 0 on.
func (a *Arrays) readLabels(rows *npy.Rows) error {
	if len(rows.Shape) != 1 || rows.Shape[0] != a.Len() {
		return fmt.Errorf("labels of shape %v for %d samples: want (%d,)", rows.Shape, a.Len(), a.Len())
	}
	values, err := rows.Read(0, a.Len())
	if err != nil {
		return fmt.Errorf("labels: %w", err)
	}
	a.labels = make([]int32, a.Len())
	for i := range a.labels {
		var v int64
		switch values := values.(type) {
		case []uint8:
			v = int64(values[i])
		case []int32:
			v = int64(values[i])
		case []int64:
			v = values[i]
		default:
			return fmt.Errorf("labels of type %s: want int32, int64 or uint8", rows.Type)
		}
		if v < 0 || v >= maxArrayClasses {
			return fmt.Errorf("label %d of sample %d: want 0..%d", v, i, maxArrayClasses-1)
		}
		a.labels[i] = int32(v)
		a.classes = max(a.classes, int(v)+1)
	}
	return nil
}

// Len implements Dataset.
func (a *Arrays) Len() int { return a.rows.Shape[0] }

// Shape implements Dataset.
func (a *Arrays) Shape() (channels, height, width int) { return a.c, a.h, a.w }

// Classes implements Dataset.
func (a *Arrays) Classes() int { return a.classes }

// Sample implements Dataset.
func (a *Arrays) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(a, i, dst); err != nil {
		return 0, err
	}
	row, err := a.rows.Read(i, 1)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", a.label, err)
	}
	switch row := row.(type) {
	case []uint8:
		for at := range dst {
			dst[at] = pixelValue[row[a.source(at)]]
		}
	case []float32:
		for at := range dst {
			dst[at] = row[a.source(at)]
			if x := float64(dst[at]); math.IsNaN(x) || math.IsInf(x, 0) {
				return 0, fmt.Errorf("%s: sample %d holds %v: repair it, or leave it out", a.label, i, x)
			}
		}
	}
	if a.labels == nil {
		return 0, nil
	}
	return a.labels[i], nil
}

// source is where element at, counted in H,W,C order, lies in a row.
func (a *Arrays) source(at int) int {
	if !a.planar {
		return at
	}
	return at%a.c*(a.h*a.w) + at/a.c
}

// Close closes the file.
func (a *Arrays) Close() error { return a.close() }
