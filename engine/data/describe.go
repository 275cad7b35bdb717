package data

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Description is what a source holds. Numbers are over the whole source, held-out samples included, in model units.
type Description struct {
	Source     string           `json:"source"`
	Kind       string           `json:"kind"` // points, idx, cifar10, cifar100, pictures, array
	Train      int              `json:"train"`
	HeldOut    int              `json:"held_out"`
	Channels   int              `json:"channels"` // of a sample, as training sees it
	Height     int              `json:"height"`
	Width      int              `json:"width"`
	Classes    []ClassCount     `json:"classes,omitempty"`
	Scanned    int              `json:"samples_scanned"` // samples that the following are of
	Mean       []float64        `json:"mean"`            // by channel
	Variance   []float64        `json:"variance"`        // by channel
	Min        float64          `json:"min"`
	Max        float64          `json:"max"`
	Pictures   *PictureSummary  `json:"pictures,omitempty"`
	Notes      []string         `json:"notes,omitempty"` // what was left out, recognised or lacks samples
	BadSamples []BadDescription `json:"bad,omitempty"`
}

// ClassCount is a class and how many of the samples scanned are of it.
type ClassCount struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// PictureSummary is what picture files are before they are scaled and cropped: {width, height}.
type PictureSummary struct {
	Formats  map[string]int `json:"formats"`
	Smallest [2]int         `json:"smallest"` // by area
	Median   [2]int         `json:"median"`
	Largest  [2]int         `json:"largest"`
	Ignored  int            `json:"ignored_files"` // that are no pictures by their names
	LeftOut  map[string]int `json:"left_out"`      // the same by the endings of their names
}

// BadDescription is a picture that cannot be read.
type BadDescription struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// Describe looks at the first samples of a source (0: all of them), workers at a time. Pictures are
// all decoded; those that cannot be
// read are listed.
func Describe(ctx context.Context, s *Set, source string, samples, workers int) (*Description, error) {
	d := &Description{Source: source, Kind: s.Kind, Train: s.Train.Len(), HeldOut: s.HeldOut.Len(), Notes: s.Notes}
	d.Channels, d.Height, d.Width = s.Train.Shape()
	sets := []Dataset{s.Train, s.HeldOut}
	if s.HeldOut == s.Train {
		sets = sets[:1]
	}
	if s.Pictures() != nil {
		sets = []Dataset{s.Pictures()}
	}
	t := newTally(d.Channels)
	var sizes []pictureHeader
	for _, ds := range sets {
		n := ds.Len()
		if samples > 0 {
			n = min(n, samples-d.Scanned)
		}
		d.Scanned += n
		found, err := look(ctx, ds, n, max(workers, 1), t)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, found...)
	}
	t.describe(d, max(s.Train.Classes(), s.HeldOut.Classes()), s.ClassNames)
	if p := s.Pictures(); p != nil {
		d.Pictures = summary(sizes, p.leftOut)
		for _, e := range t.bad {
			d.BadSamples = append(d.BadSamples, BadDescription{e.Path, e.Err.Error()})
		}
	}
	return d, nil
}

// look adds samples 0..n of a set to a tally, and returns the headers of pictures.
func look(ctx context.Context, ds Dataset, n, workers int, total *tally) ([]pictureHeader, error) {
	const part = 16
	parts := (n + part - 1) / part
	tallies, errs := make([]*tally, parts), make([]error, parts)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, parts) {
		wg.Go(func() {
			for k := int(next.Add(1)) - 1; k < parts && ctx.Err() == nil; k = int(next.Add(1)) - 1 {
				tallies[k] = newTally(len(total.sum))
				errs[k] = tallies[k].add(ds, k*part, min((k+1)*part, n))
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var sizes []pictureHeader
	for k, t := range tallies {
		if errs[k] != nil {
			return nil, errs[k]
		}
		total.merge(t)
		sizes = append(sizes, t.headers...)
	}
	return sizes, nil
}

// tally is sums over some samples.
type tally struct {
	samples, elements int // elements of a channel
	sum, squares      []float64
	least, greatest   float64
	classes           map[int32]int // samples of each class that there are any of
	headers           []pictureHeader
	bad               []*BadPictureError
}

func newTally(channels int) *tally {
	return &tally{sum: make([]float64, channels), squares: make([]float64, channels), classes: map[int32]int{},
		least: math.Inf(1), greatest: math.Inf(-1)}
}

// add counts samples lo..hi.
func (t *tally) add(ds Dataset, lo, hi int) error {
	x := make([]float32, SampleSize(ds))
	for i := lo; i < hi; i++ {
		if p, ok := ds.(*Pictures); ok {
			if bad := t.header(p, i); bad != nil {
				t.bad = append(t.bad, bad)
				continue
			}
		}
		label, err := ds.Sample(i, x)
		if err != nil {
			return fmt.Errorf("data: sample %d: %w", i, err)
		}
		t.samples++
		t.elements += len(x) / len(t.sum)
		t.classes[label]++
		for k, v := range x {
			f := float64(v)
			t.sum[k%len(t.sum)] += f
			t.squares[k%len(t.sum)] += f * f
			t.least, t.greatest = min(t.least, f), max(t.greatest, f)
		}
	}
	return nil
}

// header notes the format and size of picture i, which is decoded as a whole.
func (t *tally) header(p *Pictures, i int) *BadPictureError {
	file := int(p.files[i])
	b, err := p.store.Read(file)
	if err != nil {
		return &BadPictureError{p.store.Label(file), err}
	}
	h, err := readPictureHeader(b)
	if err == nil {
		pixels := make([]byte, p.c*p.h*p.w)
		if err = decodePicture(b, p.c, p.h, p.w, pixels); err == nil {
			p.keep(i, pixels)
		}
	}
	if err != nil {
		return &BadPictureError{p.store.Label(file), err}
	}
	t.headers = append(t.headers, h)
	return nil
}

func (t *tally) merge(o *tally) {
	t.samples, t.elements = t.samples+o.samples, t.elements+o.elements
	t.least, t.greatest = min(t.least, o.least), max(t.greatest, o.greatest)
	for c := range t.sum {
		t.sum[c] += o.sum[c]
		t.squares[c] += o.squares[c]
	}
	for c, n := range o.classes {
		t.classes[c] += n
	}
	t.bad = append(t.bad, o.bad...)
}

func (t *tally) describe(d *Description, classes int, names []string) {
	for c := range t.sum {
		mean := t.sum[c] / float64(max(t.elements, 1))
		d.Mean = append(d.Mean, mean)
		d.Variance = append(d.Variance, max(t.squares[c]/float64(max(t.elements, 1))-mean*mean, 0))
	}
	if t.elements > 0 {
		d.Min, d.Max = t.least, t.greatest
	}
	for c := range classes {
		name := fmt.Sprint(c)
		if c < len(names) {
			name = names[c]
		}
		d.Classes = append(d.Classes, ClassCount{name, t.classes[int32(c)]})
	}
}

// summary sorts the sizes of pictures.
func summary(headers []pictureHeader, leftOut endings) *PictureSummary {
	s := &PictureSummary{Formats: map[string]int{}, Ignored: leftOut.total(), LeftOut: leftOut}
	for _, h := range headers {
		s.Formats[h.format.name]++
	}
	if len(headers) == 0 {
		return s
	}
	slices.SortFunc(headers, func(a, b pictureHeader) int { return a.width*a.height - b.width*b.height })
	size := func(h pictureHeader) [2]int {
		height, width := h.size()
		return [2]int{width, height}
	}
	s.Smallest, s.Median, s.Largest = size(headers[0]), size(headers[len(headers)/2]), size(headers[len(headers)-1])
	return s
}
