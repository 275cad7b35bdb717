package data

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/unnoise/unnoise/kernels/rng"
)

// Loader makes batches. What lies at a global sample position (step * batch size
// + index in the batch, over all ranks and micro-batches) depends on the seed and
// the position alone, so a resumed run sees what it would have seen. Every epoch
// visits each sample exactly once, in an order of its own.
//
// A Loader is safe for concurrent use.
type Loader struct {
	ds      Dataset
	cfg     LoaderConfig
	n       uint64
	size    int
	h, w, c int

	mu   sync.Mutex
	next *prefetched
}

// LoaderConfig says how a Loader draws.
type LoaderConfig struct {
	Seed    uint64
	Ordered bool // visit samples in their order instead of shuffled
	Flip    bool // mirror each sample left to right with probability 1/2
}

// prefetched is a batch that is being, or has been, made in advance.
type prefetched struct {
	position uint64
	n        int
	values   []float32
	labels   []int32
	err      error
	done     chan struct{}
}

// NewLoader returns a loader of ds.
func NewLoader(ds Dataset, cfg LoaderConfig) (*Loader, error) {
	n := ds.Len()
	if n < 1 || int64(n) > math.MaxUint32 {
		return nil, fmt.Errorf("data: a loader needs 1..%d samples, the set has %d", uint32(math.MaxUint32), n)
	}
	c, h, w := ds.Shape()
	return &Loader{ds: ds, cfg: cfg, n: uint64(n), size: c * h * w, h: h, w: w, c: c}, nil
}

// Dataset returns the set that the loader draws from.
func (l *Loader) Dataset() Dataset { return l.ds }

// Index returns which sample lies at a global position, and whether it is
// mirrored.
func (l *Loader) Index(position uint64) (sample int, flip bool) {
	return l.index(position, l.epoch(position/l.n))
}

func (l *Loader) epoch(number uint64) permutation {
	// Epochs beyond 2^32 fold their upper half into the key.
	return newPermutation(int(l.n), l.cfg.Seed^number>>32<<32, uint32(number), streamShuffle)
}

func (l *Loader) index(position uint64, perm permutation) (sample int, flip bool) {
	sample = int(position % l.n)
	if !l.cfg.Ordered {
		sample = perm.at(sample)
	}
	if l.cfg.Flip {
		w := rng.Philox4x32(rng.Counter(0, uint32(position), uint32(position>>32), streamFlip), rng.Key(l.cfg.Seed))
		flip = w[0]>>31 == 1
	}
	return sample, flip
}

// Batch writes the n samples from position on to dst (N,H,W,C) and their labels
// to labels, which may be nil.
func (l *Loader) Batch(position uint64, n int, dst []float32, labels []int32) error {
	if n < 1 || len(dst) != n*l.size || (labels != nil && len(labels) != n) {
		return fmt.Errorf("data: batch of %d samples of %d elements into %d elements and %d labels", n, l.size, len(dst), len(labels))
	}
	if p := l.take(position, n); p != nil {
		<-p.done
		copy(dst, p.values)
		copy(labels, p.labels)
		return p.err
	}
	return l.fill(position, n, dst, labels)
}

// Prefetch starts making the batch of n samples at position in the background;
// the Batch call for the same position and n takes it. One batch is kept: a
// second Prefetch replaces the first.
func (l *Loader) Prefetch(position uint64, n int) {
	if n < 1 {
		return
	}
	p := &prefetched{position: position, n: n, done: make(chan struct{})}
	l.mu.Lock()
	if old := l.next; old != nil && old.position == position && old.n == n {
		l.mu.Unlock()
		return
	}
	l.next = p
	l.mu.Unlock()
	go func() {
		defer close(p.done)
		p.values, p.labels = make([]float32, n*l.size), make([]int32, n)
		p.err = l.fill(position, n, p.values, p.labels)
	}()
}

func (l *Loader) take(position uint64, n int) *prefetched {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.next
	if p == nil || p.position != position || p.n != n {
		return nil
	}
	l.next = nil
	return p
}

// parallelElements is the batch size, in elements, from which decoding is split
// over the cores.
const parallelElements = 1 << 16

func (l *Loader) fill(position uint64, n int, dst []float32, labels []int32) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	if n*l.size < parallelElements {
		workers = 1
	}
	if workers == 1 {
		return l.fillRange(position, 0, n, dst, labels)
	}
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() { errs[k] = l.fillRange(position, k*n/workers, (k+1)*n/workers, dst, labels) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) fillRange(position uint64, lo, hi int, dst []float32, labels []int32) error {
	number := (position + uint64(lo)) / l.n
	perm := l.epoch(number)
	for i := lo; i < hi; i++ {
		pos := position + uint64(i)
		if e := pos / l.n; e != number {
			number, perm = e, l.epoch(e)
		}
		sample, flip := l.index(pos, perm)
		row := dst[i*l.size : (i+1)*l.size]
		label, err := l.ds.Sample(sample, row)
		if err != nil {
			return fmt.Errorf("data: sample %d: %w", sample, err)
		}
		if flip {
			mirror(row, l.h, l.w, l.c)
		}
		if labels != nil {
			labels[i] = label
		}
	}
	return nil
}

// mirror reverses the width of an H,W,C sample in place.
func mirror(x []float32, h, w, c int) {
	for y := range h {
		row := x[y*w*c : (y+1)*w*c]
		for a, b := 0, w-1; a < b; a, b = a+1, b-1 {
			for k := range c {
				row[a*c+k], row[b*c+k] = row[b*c+k], row[a*c+k]
			}
		}
	}
}
