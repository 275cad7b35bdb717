package cli

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// signals ends a context at the first SIGINT or SIGTERM, so that work is saved, and the process at the second.
type signals struct {
	ctx    context.Context
	cancel context.CancelFunc
	ch     chan os.Signal
	first  atomic.Int32 // number of the first signal, 0: none
}

func newSignals(parent context.Context) *signals {
	s := &signals{ch: make(chan os.Signal, 2)}
	s.ctx, s.cancel = context.WithCancel(parent)
	return s
}

// listen starts to catch signals, for commands that look at the context; others end at the first one.
func (s *signals) listen() {
	signal.Notify(s.ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		for received := range s.ch {
			n, _ := received.(syscall.Signal)
			if !s.first.CompareAndSwap(0, int32(n)) {
				os.Exit(s.code())
			}
			s.cancel()
		}
	}()
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
