package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// pipe is a writer to a pipe whose reader may stop reading without going away: a write that waits
// for it ends when ctx does, soon after, and so do later ones.
type pipe struct {
	w     io.Writer
	ctx   context.Context
	stuck atomic.Bool
}

// lastWords is how long a write may take once ctx has ended.
const lastWords = time.Second

// unblocked makes a pipe of a writer that is one.
func unblocked(ctx context.Context, w io.Writer) io.Writer {
	f, ok := w.(*os.File)
	if !ok {
		return w
	}
	if info, err := f.Stat(); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return w
	}
	return &pipe{w: w, ctx: ctx}
}

func (p *pipe) Write(text []byte) (int, error) {
	if p.stuck.Load() {
		return 0, context.Cause(p.ctx)
	}
	type written struct {
		n   int
		err error
	}
	done := make(chan written, 1)
	text = bytes.Clone(text) // the caller's, who goes on when the write is left behind
	go func() {
		n, err := p.w.Write(text)
		done <- written{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-p.ctx.Done():
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-time.After(lastWords):
		p.stuck.Store(true)
		return 0, context.Cause(p.ctx)
	}
}
