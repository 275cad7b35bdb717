package data

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

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

	decodes bool // samples are worth a goroutine each

	mu      sync.Mutex
	pending []*prefetched // by position; one maker works through them
	making  bool
	spare   []*prefetched // whose memory is free
}

// LoaderConfig says how a Loader draws. Workers and Ahead change how fast batches are made, never what they hold.
type LoaderConfig struct {
	Seed    uint64
	Ordered bool // visit samples in their order instead of shuffled
	Flip    bool // mirror each sample left to right with probability 1/2
	Workers int  // goroutines that make a batch; 0: one a processor
	Ahead   int  // batches that Prefetch makes in advance; 0: one
}

// NewLoader returns a loader of ds.
func NewLoader(ds Dataset, cfg LoaderConfig) (*Loader, error) {
	n := ds.Len()
	if n < 1 || int64(n) > math.MaxUint32 {
		return nil, fmt.Errorf("data: a loader needs 1..%d samples, the set has %d", uint32(math.MaxUint32), n)
	}
	c, h, w := ds.Shape()
	d, ok := ds.(interface{ decodes() bool })
	return &Loader{ds: ds, cfg: cfg, n: uint64(n), size: c * h * w, h: h, w: w, c: c, decodes: ok && d.decodes()}, nil
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

// Batch fills dst with the samples from position on, as many as it holds.
func (l *Loader) Batch(position uint64, dst Batch) error {
	n, err := dst.samples(l.h, l.w, l.c)
	if err != nil {
		return err
	}
	p := l.take(position, n)
	if p == nil {
		return l.fill(position, n, dst)
	}
	<-p.done
	if p.err == nil {
		dst.Put(0, l.c, p.X)
		copy(dst.Labels, p.Labels)
	}
	err = p.err
	l.release(p)
	return err
}

// parallelElements is the batch size, in elements, from which decoding is split
// over the cores.
const parallelElements = 1 << 16

func (l *Loader) fill(position uint64, n int, dst Batch) error {
	workers := l.cfg.Workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	if !l.decodes && n*l.size < parallelElements {
		workers = 1
	}
	if workers = min(workers, n); workers == 1 {
		return l.fillRange(position, 0, n, dst)
	}
	// Pictures differ in size, so each worker takes a few samples at a time; the error reported is that of the first bad sample.
	part := n / workers
	if l.decodes {
		part = max(1, part/8)
	}
	errs := make([]error, (n+part-1)/part)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for k := int(next.Add(1)) - 1; k < len(errs); k = int(next.Add(1)) - 1 {
				errs[k] = l.fillRange(position, k*part, min((k+1)*part, n), dst)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// fillRange makes samples lo..hi-1 of a batch, in place where its pixels stand close together.
func (l *Loader) fillRange(position uint64, lo, hi int, dst Batch) error {
	var padded []float32
	if dst.pitch(l.c) != l.c {
		padded = make([]float32, l.size)
	}
	number := (position + uint64(lo)) / l.n
	perm := l.epoch(number)
	for i := lo; i < hi; i++ {
		pos := position + uint64(i)
		if e := pos / l.n; e != number {
			number, perm = e, l.epoch(e)
		}
		sample, flip := l.index(pos, perm)
		row := padded
		if row == nil {
			row = dst.X[i*l.size : (i+1)*l.size]
		}
		label, err := l.ds.Sample(sample, row)
		if err != nil {
			return fmt.Errorf("data: sample %d: %w", sample, err)
		}
		if flip {
			mirror(row, l.h, l.w, l.c)
		}
		if padded != nil {
			dst.Put(i*l.h*l.w, l.c, padded)
		}
		if dst.Labels != nil {
			dst.Labels[i] = label
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
