package exec

import (
	"context"

	"github.com/unnoise/unnoise/kernels"
)

// RunContext runs a program, and on executors that can, ends it between two operators once ctx is done: then the error is ctx's, outputs
// and what the program writes to persistent buffers are unfinished. Programs whose writes belong together are run with LoadedProgram.Run.
func RunContext(ctx context.Context, r LoadedProgram, s *kernels.StepState) error {
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

func (r *cpuProgram) runContext(ctx context.Context, s *kernels.StepState) error {
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
