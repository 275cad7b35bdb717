package emu

import (
	"sync"
	"sync/atomic"
)

// journal keeps the old contents of every page that a parallel launch writes. When a block fails, memory is put back and the
// blocks are run again one after the other, so that what is reported does not depend on how they were scheduled.
type journal struct {
	mu    sync.Mutex
	pages map[*allocation]*savedPages
}

// savedPages holds the saved pages of one allocation; saved[i] is set once page i is safe to write.
type savedPages struct {
	saved []atomic.Bool
	data  map[int][]byte
	init  map[int][]byte
}

func newJournal() *journal { return &journal{pages: map[*allocation]*savedPages{}} }

// of returns the record of an allocation.
func (j *journal) of(a *allocation) *savedPages {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.pages[a]
	if s == nil {
		s = &savedPages{saved: make([]atomic.Bool, len(a.data)>>pageShift), data: map[int][]byte{}, init: map[int][]byte{}}
		j.pages[a] = s
	}
	return s
}

// save copies the pages of [off, off+n) unless that was done.
func (j *journal) save(a *allocation, s *savedPages, off, n uint64) {
	for p := int(off >> pageShift); p <= int((off+n-1)>>pageShift); p++ {
		if s.saved[p].Load() {
			continue
		}
		j.mu.Lock()
		if !s.saved[p].Load() {
			lo, hi := p<<pageShift, (p+1)<<pageShift
			s.data[p] = append([]byte(nil), a.data[lo:hi]...)
			s.init[p] = append([]byte(nil), a.init[lo:hi]...)
			s.saved[p].Store(true)
		}
		j.mu.Unlock()
	}
}

// undo restores every saved page.
func (j *journal) undo() {
	for a, s := range j.pages {
		for p, d := range s.data {
			copy(a.data[p<<pageShift:], d)
			copy(a.init[p<<pageShift:], s.init[p])
		}
	}
}
