//go:build cuda && cgo

package driver

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/unnoise/unnoise/cuda"
)

// thread runs jobs one after the other on one operating-system thread.
type thread struct {
	jobs chan *job
	mu   sync.RWMutex // held for reading while a job is handed over
	over bool
}

// job is one call. Jobs are used again: launches come by the thousand.
type job struct {
	run  func() error
	err  error
	done chan struct{}
}

var jobPool = sync.Pool{New: func() any { return &job{done: make(chan struct{}, 1)} }}

func startThread() *thread {
	t := &thread{jobs: make(chan *job)}
	go t.loop()
	return t
}

func (t *thread) loop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for j := range t.jobs {
		j.call()
		j.done <- struct{}{}
	}
}

// call runs the job; a panic in it becomes an error of the caller.
func (j *job) call() {
	defer func() {
		if r := recover(); r != nil {
			j.err = &cuda.Error{Code: cuda.Unknown, Detail: fmt.Sprintf("internal error of package driver: %v", r)}
		}
	}()
	j.err = j.run()
}

// do runs f on the thread and returns its error; after stop it answers that the device is closed.
func (t *thread) do(f func() error) error {
	t.mu.RLock()
	if t.over {
		t.mu.RUnlock()
		return &cuda.Error{Code: cuda.Deinitialized, Advice: "the device was closed"}
	}
	j := jobPool.Get().(*job)
	j.run, j.err = f, nil
	t.jobs <- j
	<-j.done
	t.mu.RUnlock()
	err := j.err
	j.run = nil
	jobPool.Put(j)
	return err
}

// stop lets the thread end when the jobs that were handed over have run.
func (t *thread) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.over = true
		close(t.jobs)
	}
}
