package graph

import (
	"context"

	"github.com/unnoise/unnoise/kernels"
)

// RunContext runs a program, and on machines that can, ends it between two operators once ctx is done: then the error is ctx's, outputs
// and what the program writes to persistent buffers are unfinished. Programs whose writes belong together are run with Runner.Run.
func RunContext(ctx context.Context, r Runner, s *kernels.StepState) error {
	if i, ok := r.(interface {
		runContext(context.Context, *kernels.StepState) error
	}); ok {
		return i.runContext(ctx, s)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.Run(s)
}

func (r *cpuRunner) runContext(ctx context.Context, s *kernels.StepState) error {
	for i := range r.calls {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.step(i, s); err != nil {
			return err
		}
	}
	return nil
}
