//go:build unix

package cli

import (
	"bytes"
	"context"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// gaps are the times between two signals.
var gaps = []time.Duration{0, time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond, grace - 1, grace, time.Hour}

// TestSignalPairs sends every pair of signals at every distance: the context ends at the first, and
// only a SIGINT after the grace ends the process, with the code of the first.
func TestSignalPairs(t *testing.T) {
	for _, first := range stopSignals {
		for _, second := range stopSignals {
			for _, apart := range gaps {
				synctest.Test(t, func(t *testing.T) {
					var said bytes.Buffer
					s := newSignals(context.Background(), &said)
					code := 0
					s.exit = func(n int) { code = n }
					go s.handle(true)
					s.ch <- first
					time.Sleep(apart)
					s.ch <- second
					synctest.Wait()
					close(s.ch)
					want := 0
					if second == os.Interrupt && apart >= grace {
						want = 128 + int(first.(syscall.Signal))
					}
					if code != want || (said.Len() > 0) != (want != 0) || s.ctx.Err() == nil {
						t.Errorf("%v, %v after %v: ended with %d, said %q, context %v; expected %d",
							first, second, apart, code, &said, s.ctx.Err(), want)
					}
				})
			}
		}
	}
}

// TestSignalWhileWaiting: a command that saves nothing ends after its patience, whatever it waits for.
func TestSignalWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSignals(context.Background(), new(bytes.Buffer))
		code := 0
		s.exit = func(n int) { code = n }
		go s.handle(false)
		s.ch <- syscall.SIGHUP
		time.Sleep(patience + 1)
		synctest.Wait()
		close(s.ch)
		if code != 129 {
			t.Errorf("got code %d, expected 129", code)
		}
	})
}
