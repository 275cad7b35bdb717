// Package cpu is the queue that CPU kernels run on: a fixed set of workers and loops split over them.
package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/unnoise/unnoise/kernels"
)

// Queue runs kernels on the calling goroutine and its workers, one kernel after the other.
type Queue struct{ workers int }

// NewQueue returns a queue with that many workers; 0 means one for each processor that Go may use.
func NewQueue(workers int) *Queue {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return &Queue{workers: workers}
}

// Backend implements kernels.Queue.
func (q *Queue) Backend() string { return "cpu" }

// Workers returns the number of workers.
func (q *Queue) Workers() int { return q.workers }

// Of returns the queue as a CPU queue; a reference run without one gets a single worker.
func Of(q kernels.Queue) *Queue {
	if c, ok := q.(*Queue); ok {
		return c
	}
	return &Queue{workers: 1}
}

// Tasks calls fn(i, worker) for every i in 0..n-1, each once, spread over the workers; worker < Workers() tells scratch
// memory apart. Results must not depend on which worker takes which task.
func (q *Queue) Tasks(n int, fn func(i, worker int)) {
	w := min(q.workers, n)
	if w <= 1 {
		for i := range n {
			fn(i, 0)
		}
		return
	}
	var next atomic.Int64
	var failed atomic.Pointer[any]
	var wg sync.WaitGroup
	body := func(worker int) {
		defer wg.Done()
		defer func() {
			if r := recover(); r != nil {
				failed.CompareAndSwap(nil, &r)
			}
		}()
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			fn(i, worker)
		}
	}
	wg.Add(w)
	for k := 1; k < w; k++ {
		go body(k)
	}
	body(0)
	wg.Wait()
	if r := failed.Load(); r != nil {
		panic(*r) // on the caller's goroutine, where it can be recovered
	}
}

// Range splits 0..n-1 into chunks of at most grain elements and calls fn(lo, hi) for each. The chunks depend on n and
// grain alone, so that sums over chunks are the same on any machine.
func (q *Queue) Range(n, grain int, fn func(lo, hi int)) {
	if n <= 0 {
		return
	}
	chunks := (n + grain - 1) / grain
	q.Tasks(chunks, func(i, _ int) { fn(i*grain, min((i+1)*grain, n)) })
}

// SumRange is Range with a float64 partial sum per chunk, added in chunk order.
func (q *Queue) SumRange(n, grain int, fn func(lo, hi int) float64) float64 {
	if n <= 0 {
		return 0
	}
	parts := make([]float64, (n+grain-1)/grain)
	q.Tasks(len(parts), func(i, _ int) { parts[i] = fn(i*grain, min((i+1)*grain, n)) })
	var sum float64
	for _, p := range parts {
		sum += p
	}
	return sum
}
