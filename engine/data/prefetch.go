package data

import "slices"

// prefetched is a batch that is being, or has been, made in advance.
type prefetched struct {
	position uint64
	n        int
	Batch
	err   error
	begun bool // guarded by the loader's mutex
	done  chan struct{}
}

// Prefetch makes the batch of n samples at position and those that follow it in the background, LoaderConfig.Ahead in all; the Batch
// call for the same position and n takes one. Batches prepared for other positions are given up.
func (l *Loader) Prefetch(position uint64, n int) {
	if n < 1 {
		return
	}
	ahead := max(l.cfg.Ahead, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted := func(p *prefetched) bool {
		steps := (p.position - position) / uint64(n)
		return p.n == n && p.position >= position && (p.position-position)%uint64(n) == 0 && steps < uint64(ahead)
	}
	l.pending = slices.DeleteFunc(l.pending, func(p *prefetched) bool { return !wanted(p) })
	for k := range ahead {
		at := position + uint64(k*n)
		if !slices.ContainsFunc(l.pending, func(p *prefetched) bool { return p.position == at }) {
			l.pending = append(l.pending, l.newPrefetched(at, n))
		}
	}
	slices.SortFunc(l.pending, func(a, b *prefetched) int {
		if a.position < b.position {
			return -1
		}
		return 1
	})
	if !l.making {
		l.making = true
		go l.make()
	}
}

// newPrefetched takes memory that is free, or new memory.
func (l *Loader) newPrefetched(position uint64, n int) *prefetched {
	p := &prefetched{position: position, n: n, done: make(chan struct{})}
	if k := len(l.spare) - 1; k >= 0 {
		p.Batch = l.spare[k].Batch
		l.spare = l.spare[:k]
	}
	if len(p.X) != n*l.size {
		p.Batch = Batch{X: make([]float32, n*l.size), Labels: make([]int32, n)}
	}
	return p
}

// make fills the pending batches in the order of their positions and ends when there is none.
func (l *Loader) make() {
	for {
		l.mu.Lock()
		at := slices.IndexFunc(l.pending, func(p *prefetched) bool { return !p.begun })
		if at < 0 {
			l.making = false
			l.mu.Unlock()
			return
		}
		p := l.pending[at]
		p.begun = true
		l.mu.Unlock()
		p.err = l.fill(p.position, p.n, p.Batch)
		close(p.done)
	}
}

// take hands out a pending batch, nil if there is none. One that nobody has begun is made by the caller.
func (l *Loader) take(position uint64, n int) *prefetched {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.pending, func(p *prefetched) bool { return p.position == position && p.n == n })
	if at < 0 {
		return nil
	}
	p := l.pending[at]
	l.pending = slices.Delete(l.pending, at, at+1)
	if !p.begun {
		return nil
	}
	return p
}

// release makes a batch's memory free for the next.
func (l *Loader) release(p *prefetched) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spare) < max(l.cfg.Ahead, 1) {
		l.spare = append(l.spare, p)
	}
}
