package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// grace is how long every further signal is ignored after the first: supervisors and nervous hands send several.
const grace = 2 * time.Second

// patience is how long a command that has nothing to save may take to end after the first signal.
const patience = 5 * time.Second

// signals ends a context at the first of stopSignals, so that work is saved. After the grace a
// SIGINT, and no other signal, gives that up and ends the process.
//
// From the first signal to the end: the operator under way is finished (0.1 s is usual, its own
// time is the bound), then the checkpoint is written, once, as fast as the disk takes it. A save
// under way is finished and is the only one. Opening data ends at once. Commands without anything
// to save end within patience whatever they wait for.
type signals struct {
	ctx    context.Context
	cancel context.CancelFunc
	ch     chan os.Signal
	first  atomic.Int32 // number of the first signal, 0: none
	stderr io.Writer
	exit   func(code int)
}

func newSignals(parent context.Context, stderr io.Writer) *signals {
	s := &signals{ch: make(chan os.Signal, 16), stderr: stderr, exit: os.Exit}
	s.ctx, s.cancel = context.WithCancel(parent)
	return s
}

// listen starts to catch signals, for commands that look at the context; others end at the first
// one. A SIGHUP that was ignored when the program began (nohup) stays ignored. A command that saves
// goes on when the reader of its output has gone away.
func (s *signals) listen(saves bool) {
	caught := stopSignals
	if signal.Ignored(syscall.SIGHUP) {
		caught = withoutHangup
	}
	signal.Notify(s.ch, caught...)
	if saves {
		signal.Ignore(syscall.SIGPIPE)
	}
	go s.handle(saves)
}

// handle acts on the signals that come.
func (s *signals) handle(saves bool) {
	var began time.Time
	for received := range s.ch {
		n, _ := received.(syscall.Signal)
		switch {
		case s.first.CompareAndSwap(0, int32(n)):
			began = time.Now()
			s.cancel()
			if !saves {
				time.AfterFunc(patience, func() { s.giveUp("stopped; nothing more is written") })
			}
		case n == syscall.SIGINT && time.Since(began) >= grace:
			s.giveUp("interrupted again: the work under way is given up unsaved, earlier checkpoints stay whole")
			return
		}
	}
}

// giveUp ends the process at once.
func (s *signals) giveUp(text string) {
	fmt.Fprintf(s.stderr, "unnoise: %s\n", text)
	s.exit(s.code())
}

// code is the exit code of an interrupted run, 0 if no signal came.
func (s *signals) code() int {
	if n := s.first.Load(); n != 0 {
		return 128 + int(n)
	}
	return 0
}

func (s *signals) stop() {
	signal.Stop(s.ch)
	s.cancel()
}
