package cli

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
)

// TestStuckReader: a write whose reader stopped reading ends with the context, and so does the next; one that is read passes.
func TestStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer r.Close()
		ctx, cancel := context.WithCancel(context.Background())
		p := &pipe{w: w, ctx: ctx}
		got := make([]byte, 4)
		go r.Read(got)
		if n, err := p.Write([]byte("line")); n != 4 || err != nil || string(got) != "line" {
			t.Errorf("wrote %d, %v: %q", n, err, got)
		}
		go func() { synctest.Wait(); cancel() }()
		for range 2 {
			if _, err := p.Write([]byte("more")); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, expected %v", err, context.Canceled)
			}
		}
	})
}
