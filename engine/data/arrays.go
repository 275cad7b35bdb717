package data

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/unnoise/unnoise/engine/npy"
	"github.com/unnoise/unnoise/engine/safefile"
)

// Arrays is a set of images or vectors in a NumPy file, read row by row: N,H,W,C or N,C,H,W with
// any number of channels, N,H,W for grey images, N,D for vectors, or one image. See findRange for
// what values become.
type Arrays struct {
	rows    *npy.Rows
	name    string // what errors call it
	planar  bool   // N,C,H,W
	vectors bool
	c, h, w int
	values  valueRange
	labels  []int32
	classes int
	notes   []string
	close   func() error
}

// The layouts of images.
const (
	LayoutAuto = "auto"
	LayoutNHWC = "nhwc"
	LayoutNCHW = "nchw"
	LayoutNHW  = "nhw"
)

// OpenNPY opens a .npy file. An array in Fortran order is brought into memory, at most maxBytes of it.
func OpenNPY(file, layout string, maxBytes int64) (*Arrays, error) {
	f, err := safefile.Open(file)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	info, err := f.Stat()
	var a *Arrays
	if err == nil {
		a, err = newArrays(f, info.Size(), layout, maxBytes)
	}
	if err == nil {
		err = a.findRange()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data: %s: %w", file, lfsPointer(f, err))
	}
	a.name, a.close = file, f.Close
	return a, nil
}

// newArrays finds what the dimensions of an array mean.
func newArrays(r io.ReaderAt, size int64, layout string, maxBytes int64) (*Arrays, error) {
	rows, err := npy.OpenRows(r, size, maxBytes)
	if err != nil {
		return nil, err
	}
	if layout == "" {
		layout = LayoutAuto
	}
	a := &Arrays{rows: rows, close: func() error { return nil }}
	if err := a.takeShape(layout); err != nil {
		return nil, err
	}
	const most = 1 << 16
	if a.c > most || a.h > most || a.w > most || a.rows.Shape[0] > math.MaxInt32 {
		return nil, fmt.Errorf("shape %v: expected samples of at most %d in each dimension", rows.Shape, most)
	}
	return a, nil
}

// takeShape sets the size of a sample.
func (a *Arrays) takeShape(layout string) error {
	s := a.rows.Shape
	switch len(s) {
	case 2:
		a.c, a.h, a.w, a.vectors = s[1], 1, 1, true
		return nil
	case 3:
		return a.takeGrey(layout)
	case 4:
		return a.takeChannels(layout)
	}
	return fmt.Errorf("shape %v: expected N,H,W,C or N,C,H,W or N,H,W images, one H,W,C image, or N,D vectors", s)
}

// takeGrey takes three dimensions, which are N,H,W unless one is the channels of a single image.
func (a *Arrays) takeGrey(layout string) error {
	s := a.rows.Shape
	const least = 4 // pixels on a side, above which 1, 3 or 4 beside it are channels
	last := layout == LayoutNHWC || layout == LayoutAuto && (s[2] == 1 || s[2] == 3 || s[2] == 4) && min(s[0], s[1]) > least
	first := layout == LayoutNCHW || layout == LayoutAuto && (s[0] == 1 || s[0] == 3) && min(s[1], s[2]) > least
	if first && last && layout == LayoutAuto {
		return fmt.Errorf("shape %v may be one image, H,W,C or C,H,W, or grey images, N,H,W: say which with data.layout = %q, %q or %q", s, LayoutNHWC, LayoutNCHW, LayoutNHW)
	}
	switch {
	case last:
		a.h, a.w, a.c = s[0], s[1], s[2]
	case first:
		a.c, a.h, a.w, a.planar = s[0], s[1], s[2], true
	default:
		a.c, a.h, a.w = 1, s[1], s[2]
		return nil
	}
	if layout == LayoutAuto && a.c > 1 {
		a.notes = append(a.notes, fmt.Sprintf("shape %v is one image of %d channels; for %d grey images set data.layout = %q", s, a.c, s[0], LayoutNHW))
	}
	a.rows = a.rows.AsOneRow()
	return nil
}

// takeChannels takes four dimensions. Of the second and the fourth, the channels are the one that is
// 1 or 3, or else the one that is less than the other two.
func (a *Arrays) takeChannels(layout string) error {
	s := a.rows.Shape
	usual := func(n int) bool { return n == 1 || n == 3 }
	first, last := usual(s[1]), usual(s[3])
	if !first && !last {
		first, last = s[1] < min(s[2], s[3]), s[3] < min(s[1], s[2])
	}
	switch {
	case layout == LayoutNHWC:
		first, last = false, true
	case layout == LayoutNCHW:
		first, last = true, false
	case layout == LayoutNHW:
		return fmt.Errorf("shape %v with data.layout = %q: expected three dimensions", s, LayoutNHW)
	case first == last:
		return fmt.Errorf("shape %v may be N,C,H,W or N,H,W,C: say which with data.layout = %q or %q",
			s, LayoutNCHW, LayoutNHWC)
	}
	if last {
		a.h, a.w, a.c = s[1], s[2], s[3]
	} else {
		a.c, a.h, a.w, a.planar = s[1], s[2], s[3], true
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
		return 0, fmt.Errorf("%s: %w", a.name, err)
	}
	value := numberAt(row)
	for at := range dst {
		x := value(a.source(at))
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return 0, fmt.Errorf("%s: sample %d holds %v: repair it, or leave it out", a.name, i, x)
		}
		dst[at] = a.values.toModel(x)
	}
	return a.label(i), nil
}

// label returns the class of sample i, 0 without classes.
func (a *Arrays) label(i int) int32 {
	if a.labels == nil {
		return 0
	}
	return a.labels[i]
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

// lfsPointer adds to an error that a file is the pointer of Git LFS, which stands for one that was not fetched.
func lfsPointer(r io.ReaderAt, err error) error {
	const first = "version https://git-lfs"
	b := make([]byte, len(first))
	if n, _ := r.ReadAt(b, 0); strings.HasPrefix(string(b[:n]), first) {
		return fmt.Errorf("a Git LFS pointer, not the file: fetch it with git lfs pull (%w)", err)
	}
	return err
}
