package data

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// pictureStore holds encoded pictures by number.
type pictureStore interface {
	// Names are paths with slashes, relative to the store, of every file in it.
	Names() []string
	// Read returns the bytes of file i; errors do not name it.
	Read(i int) ([]byte, error)
	// Label is what errors call file i.
	Label(i int) string
	Close() error
}

// Pictures is a set of PNG and JPEG files in a folder or a zip, all brought to one size. Where every picture lies in a sub-folder, the
// first part of its path is its class; classes are numbered in the order of their names.
type Pictures struct {
	store   pictureStore
	files   []int32 // of the store, sorted by name
	labels  []int32 // nil or one a picture
	classes []string
	c, h, w int
	ignored int // files that are no pictures by their names

	cache []atomic.Pointer[[]byte] // decoded, H,W,C
	room  atomic.Int64             // bytes left for the cache
}

var errNoPictures = errors.New("no pictures (.png, .jpg, .jpeg)")

// openPictures lists the pictures of a store.
func openPictures(store pictureStore, o Options) (*Pictures, error) {
	if o.Channels != 1 && o.Channels != 3 {
		return nil, fmt.Errorf("pictures have 1 channel (grey) or 3 (colour), not %d: set network.in_channels and network.out_channels", o.Channels)
	}
	if o.Height < 1 || o.Width < 1 || o.Height > 1<<13 || o.Width > 1<<13 {
		return nil, fmt.Errorf("pictures of %dx%d: want each side 1..%d", o.Height, o.Width, 1<<13)
	}
	p := &Pictures{store: store, c: o.Channels, h: o.Height, w: o.Width}
	names := store.Names()
	for i, name := range names {
		switch base := path.Base(name); {
		case strings.HasPrefix(base, ".") || strings.HasPrefix(name, "__MACOSX/"):
		case isPicture(base):
			p.files = append(p.files, int32(i))
		default:
			p.ignored++
		}
	}
	if len(p.files) == 0 {
		return nil, fmt.Errorf("%w among %d files", errNoPictures, len(names))
	}
	slices.SortFunc(p.files, func(a, b int32) int { return strings.Compare(names[a], names[b]) })
	p.label(names)
	p.cache = make([]atomic.Pointer[[]byte], len(p.files))
	p.room.Store(o.CacheBytes)
	return p, nil
}

func isPicture(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(path.Ext(name)))
}

// label takes the classes from the paths.
func (p *Pictures) label(names []string) {
	labels := make([]int32, len(p.files))
	number := map[string]int32{}
	for _, f := range p.files {
		class, _, ok := strings.Cut(names[f], "/")
		if !ok {
			return
		}
		number[class] = 0
	}
	p.classes = slices.Sorted(maps.Keys(number))
	for i, class := range p.classes {
		number[class] = int32(i)
	}
	for i, f := range p.files {
		class, _, _ := strings.Cut(names[f], "/")
		labels[i] = number[class]
	}
	p.labels = labels
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
	if p.labels == nil {
		return 0, nil
	}
	return p.labels[i], nil
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

// Bad decodes every picture, workers at a time, and returns the errors of those that cannot be read, in order. What fits stays in the
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
	cache := make([]atomic.Pointer[[]byte], 0, p.Len())
	n := 0
	for i, f := range p.files {
		if paths[p.store.Label(int(f))] {
			continue
		}
		p.files[n] = f
		if p.labels != nil {
			p.labels[n] = p.labels[i]
		}
		cache = cache[:n+1]
		cache[n].Store(p.cache[i].Load())
		n++
	}
	p.files, p.cache = p.files[:n], cache
	if p.labels != nil {
		p.labels = p.labels[:n]
	}
}

// Close closes the store.
func (p *Pictures) Close() error { return p.store.Close() }
