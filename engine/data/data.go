// Package data holds the data sets: generated 2-D point sets, IDX images
// (MNIST, Fashion-MNIST), CIFAR-10, folders and zips of pictures, NumPy arrays,
// and the loader that makes batches as a pure function of the seed and the
// global sample position.
//
// Samples are float32 in model units, H,W,C order (channels last), contiguous.
package data

import (
	"fmt"
	"slices"
)

// Dataset is a finite set of equally shaped samples. Implementations are safe
// for concurrent use.
type Dataset interface {
	// Len is the number of samples, at least 1.
	Len() int
	// Shape is the shape of one sample; a point of dimension D is (D, 1, 1).
	Shape() (channels, height, width int)
	// Classes is the number of classes, 0 where samples carry no label.
	Classes() int
	// Sample writes sample i to dst, which holds H*W*C elements, and returns its
	// label, 0 where there is none.
	Sample(i int, dst []float32) (label int32, err error)
}

// SampleSize is the number of elements of one sample.
func SampleSize(ds Dataset) int {
	c, h, w := ds.Shape()
	return c * h * w
}

// checkSample refuses an index or a destination that does not fit ds.
func checkSample(ds Dataset, i int, dst []float32) error {
	if i < 0 || i >= ds.Len() {
		return fmt.Errorf("data: sample %d asked of a set of %d", i, ds.Len())
	}
	if n := SampleSize(ds); len(dst) != n {
		return fmt.Errorf("data: destination has %d elements; a sample has %d", len(dst), n)
	}
	return nil
}

// Array is a data set in memory.
type Array struct {
	values  []float32 // N,H,W,C
	labels  []int32   // nil or N
	c, h, w int
	n       int
	classes int
}

// NewArray wraps values, N,H,W,C float32 in model units, and labels, nil or N
// numbers in 0..classes-1. The slices are kept, not copied.
func NewArray(values []float32, channels, height, width int, labels []int32, classes int) (*Array, error) {
	const most = 1 << 16
	for _, d := range []int{channels, height, width} {
		if d < 1 || d > most {
			return nil, fmt.Errorf("data: shape %dx%dx%d (channels, height, width): want each 1..%d", channels, height, width, most)
		}
	}
	size := channels * height * width
	if len(values) == 0 || len(values)%size != 0 {
		return nil, fmt.Errorf("data: %d values are not one or more samples of %d (channels %d, height %d, width %d)",
			len(values), size, channels, height, width)
	}
	n := len(values) / size
	if (labels == nil) != (classes == 0) || classes < 0 {
		return nil, fmt.Errorf("data: %d labels with %d classes; want both or neither", len(labels), classes)
	}
	if labels != nil && len(labels) != n {
		return nil, fmt.Errorf("data: %d labels for %d samples", len(labels), n)
	}
	if i := slices.IndexFunc(labels, func(l int32) bool { return l < 0 || int(l) >= classes }); i >= 0 {
		return nil, fmt.Errorf("data: label %d of sample %d is not in 0..%d", labels[i], i, classes-1)
	}
	return &Array{values: values, labels: labels, c: channels, h: height, w: width, n: n, classes: classes}, nil
}

// Len implements Dataset.
func (a *Array) Len() int { return a.n }

// Shape implements Dataset.
func (a *Array) Shape() (channels, height, width int) { return a.c, a.h, a.w }

// Classes implements Dataset.
func (a *Array) Classes() int { return a.classes }

// Values returns every sample, N,H,W,C; the caller must not write to it.
func (a *Array) Values() []float32 { return a.values }

// Sample implements Dataset.
func (a *Array) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(a, i, dst); err != nil {
		return 0, err
	}
	copy(dst, a.values[i*len(dst):])
	if a.labels == nil {
		return 0, nil
	}
	return a.labels[i], nil
}

// subset is a pseudo-random part of a data set.
type subset struct {
	Dataset
	perm      permutation
	offset, n int
}

// Split parts ds into a training set and a held-out set of held samples, drawn
// without order by seed. The two are disjoint and together make ds.
func Split(ds Dataset, held int, seed uint64) (train, heldOut Dataset, err error) {
	n := ds.Len()
	if held < 1 || held >= n {
		return nil, nil, fmt.Errorf("data: cannot hold out %d of %d samples; want 1..%d", held, n, n-1)
	}
	perm := newPermutation(n, seed, 0, streamSplit)
	return &subset{ds, perm, held, n - held}, &subset{ds, perm, 0, held}, nil
}

func (s *subset) Len() int { return s.n }

// decodes tells a loader whether samples are worth a goroutine each.
func (s *subset) decodes() bool { return decodes(s.Dataset) }

// decodes reports whether samples of ds are worth a goroutine each.
func decodes(ds Dataset) bool {
	d, ok := ds.(interface{ decodes() bool })
	return ok && d.decodes()
}

func (s *subset) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(s, i, dst); err != nil {
		return 0, err
	}
	return s.Dataset.Sample(s.perm.at(s.offset+i), dst)
}
