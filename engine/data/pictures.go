package data

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// pictureStore holds encoded pictures by number.
type pictureStore interface {
	// Names are paths with slashes, relative to the store, of every file in it. One that ends in a
	// slash is a folder that cannot be read.
	Names() []string
	// Notes are lines about what the store left out.
	Notes() []string
	// Read returns the bytes of file i; errors do not name it.
	Read(i int) ([]byte, error)
	// Label is what errors call file i.
	Label(i int) string
	Close() error
}

// Pictures is a set of picture files in a folder or a zip, all brought to one size. See
// newPictureLayout for classes and splits.
type Pictures struct {
	store   pictureStore
	files   []int32  // of the store, sorted by name
	names   []string // of the files, without folders that hold everything
	parts   []part   // of the files
	labels  []int32  // nil or one a picture
	classes []string
	c, h, w int
	leftOut endings // files that are no pictures by their names
	notes   []string

	cache []atomic.Pointer[[]byte] // decoded, H,W,C
	room  atomic.Int64             // bytes left for the cache
}

var errNoPictures = errors.New("no pictures (.png, .jpg, .webp, .bmp, .tif, .gif)")

// openPictures lists the pictures of a store.
func openPictures(store pictureStore, o Options) (*Pictures, error) {
	if o.Channels != 1 && o.Channels != 3 {
		return nil, fmt.Errorf("pictures have 1 channel (grey) or 3 (colour), not %d: set network.in_channels and network.out_channels", o.Channels)
	}
	if o.Height < 1 || o.Width < 1 || o.Height > 1<<13 || o.Width > 1<<13 {
		return nil, fmt.Errorf("pictures of %dx%d: want each side 1..%d", o.Height, o.Width, 1<<13)
	}
	p := &Pictures{store: store, c: o.Channels, h: o.Height, w: o.Width, leftOut: endings{}}
	names := store.Names()
	for i, name := range names {
		switch name = slashes(name); {
		case hidden(name):
		case isPicture(name) || strings.HasSuffix(name, "/"):
			p.files = append(p.files, int32(i))
		default:
			p.leftOut.add(name)
		}
	}
	if len(p.files) == 0 {
		return nil, fmt.Errorf("%w among %d files (%s)", errNoPictures, p.leftOut.total(), p.leftOut)
	}
	slices.SortFunc(p.files, func(a, b int32) int { return strings.Compare(names[a], names[b]) })
	p.arrange(names)
	p.cache = make([]atomic.Pointer[[]byte], len(p.files))
	p.room.Store(o.CacheBytes)
	return p, nil
}

// arrange takes classes and splits from the names, and leaves out the pictures that are of neither part.
func (p *Pictures) arrange(names []string) {
	sorted := make([]string, len(p.files))
	for i, f := range p.files {
		sorted[i] = slashes(names[f])
	}
	l := newPictureLayout(sorted)
	p.names, p.parts, p.labels, p.classes = l.names, l.parts, l.labels, l.classes
	p.notes = append(p.store.Notes(), l.notes...)
	if len(p.leftOut) > 0 {
		p.notes = append(p.notes, "left out: "+p.leftOut.String())
	}
	p.keepOnly(func(i int) bool { return p.parts[i] != partNone })
}

// pictureEndings are of the names of pictures; their first bytes decide what they are.
var pictureEndings = []string{".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}

func isPicture(name string) bool {
	return slices.Contains(pictureEndings, strings.ToLower(path.Ext(name)))
}

// Len implements Dataset.
func (p *Pictures) Len() int { return len(p.files) }

// Shape implements Dataset.
func (p *Pictures) Shape() (channels, height, width int) { return p.c, p.h, p.w }

// Classes implements Dataset.
func (p *Pictures) Classes() int { return len(p.classes) }

// ClassNames are the classes' names by number, nil without classes.
func (p *Pictures) ClassNames() []string { return p.classes }

// decodes tells a loader that samples are worth a goroutine each.
func (p *Pictures) decodes() bool { return true }

// BadPictureError is a picture that cannot be read.
type BadPictureError struct {
	Path string // file, or archive and entry
	Err  error
}

func (e *BadPictureError) Error() string {
	return fmt.Sprintf("%s: %v: repair or remove it, or leave out every bad picture with data.skip_bad = true (unnoise data info lists them)", e.Path, e.Err)
}

func (e *BadPictureError) Unwrap() error { return e.Err }

// Sample implements Dataset.
func (p *Pictures) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(p, i, dst); err != nil {
		return 0, err
	}
	pixels, err := p.pixels(i)
	if err != nil {
		return 0, err
	}
	for j, v := range pixels {
		dst[j] = pixelValue[v]
	}
	return p.label(i), nil
}

// label returns the class of picture i, 0 without classes.
func (p *Pictures) label(i int) int32 {
	if p.labels == nil {
		return 0
	}
	return p.labels[i]
}

// pixels returns picture i, H,W,C, from the cache or decoded.
func (p *Pictures) pixels(i int) ([]byte, error) {
	if kept := p.cache[i].Load(); kept != nil {
		return *kept, nil
	}
	pixels := make([]byte, p.c*p.h*p.w)
	b, err := p.store.Read(int(p.files[i]))
	if err == nil {
		err = decodePicture(b, p.c, p.h, p.w, pixels)
	}
	if err != nil {
		return nil, &BadPictureError{p.store.Label(int(p.files[i])), err}
	}
	p.keep(i, pixels)
	return pixels, nil
}

// keep puts a decoded picture into the cache if there is room.
func (p *Pictures) keep(i int, pixels []byte) {
	size := int64(len(pixels))
	if p.room.Add(-size) < 0 || !p.cache[i].CompareAndSwap(nil, &pixels) { // or another goroutine decoded it too
		p.room.Add(size)
	}
}

// Bad decodes every picture, workers at a time, and returns the errors of those that cannot be
// read, in order. What fits stays in the
// cache. When ctx ends it stops with ctx's error.
func (p *Pictures) Bad(ctx context.Context, workers int) ([]*BadPictureError, error) {
	errs := make([]*BadPictureError, p.Len())
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < p.Len() && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if _, err := p.pixels(i); err != nil {
					errors.As(err, &errs[i])
				}
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(errs, func(e *BadPictureError) bool { return e == nil }), ctx.Err()
}

// drop leaves the pictures of the given errors out. Classes stay as they are, also one that loses its last picture.
func (p *Pictures) drop(bad []*BadPictureError) {
	paths := map[string]bool{}
	for _, e := range bad {
		paths[e.Path] = true
	}
	p.keepOnly(func(i int) bool { return !paths[p.store.Label(int(p.files[i]))] })
}

// keepOnly leaves out the pictures that keep refuses.
func (p *Pictures) keepOnly(keep func(i int) bool) {
	cache := make([]atomic.Pointer[[]byte], len(p.cache))
	n := 0
	for i := range p.files {
		if !keep(i) {
			continue
		}
		p.files[n], p.names[n], p.parts[n] = p.files[i], p.names[i], p.parts[i]
		if p.labels != nil {
			p.labels[n] = p.labels[i]
		}
		if p.cache != nil {
			cache[n].Store(p.cache[i].Load())
		}
		n++
	}
	p.files, p.names, p.parts = p.files[:n], p.names[:n], p.parts[:n]
	if p.cache != nil {
		p.cache = cache[:n]
	}
	if p.labels != nil {
		p.labels = p.labels[:n]
	}
}

// split returns the training pictures and the held-out ones, nil where the source has none of its own.
func (p *Pictures) split() (train, heldOut Dataset) {
	var of [2][]int32
	for i, part := range p.parts {
		of[part] = append(of[part], int32(i))
	}
	if len(of[partHeldOut]) == 0 || len(of[partTrain]) == 0 {
		return p, nil
	}
	return &selection{p, of[partTrain]}, &selection{p, of[partHeldOut]}
}

// selection is some samples of a data set, by number.
type selection struct {
	Dataset
	samples []int32
}

func (s *selection) Len() int { return len(s.samples) }

// decodes tells a loader whether samples are worth a goroutine each.
func (s *selection) decodes() bool { return decodes(s.Dataset) }

// label returns the class of sample i, which is one of a data set with labels.
func (s *selection) label(i int) int32 { return s.Dataset.(labelled).label(int(s.samples[i])) }

func (s *selection) Sample(i int, dst []float32) (int32, error) {
	if err := checkSample(s, i, dst); err != nil {
		return 0, err
	}
	return s.Dataset.Sample(int(s.samples[i]), dst)
}

// Close closes the store.
func (p *Pictures) Close() error { return p.store.Close() }
