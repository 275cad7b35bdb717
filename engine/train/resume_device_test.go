package train_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels"
)

// TestResumeOnDevice: in bf16 on the emulator a run that is resumed writes the same bytes as one that never stopped, whatever was
// evaluated and sampled in between; going on in another type is warned of.
func TestResumeOnDevice(t *testing.T) {
	dir := t.TempDir()
	part := func(name, steps string, dtype kernels.DType, resume bool) warned {
		t.Helper()
		var w warned
		o := train.Options{Recipe: tiny(t, "train.steps="+steps, "train.eval_every=2", "train.sample_every=3", "train.checkpoint_every=4", "sample.steps=3"),
			Out: filepath.Join(dir, name), Resume: resume, DType: dtype, Executor: emulator(t), OnWarning: w.add}
		if _, err := train.Run(context.Background(), o); err != nil {
			t.Fatal(name, err)
		}
		return w
	}
	part("whole", "8", kernels.BF16, false)
	part("parts", "5", kernels.BF16, false)
	if w := part("parts", "8", kernels.BF16, true); w.has("rounding") {
		t.Errorf("a run that goes on as it was is warned of: %v", w)
	}
	same(t, filepath.Join(dir, "whole", "checkpoints", "step-8"), filepath.Join(dir, "parts", "checkpoints", "step-8"))
	if w := part("parts", "9", kernels.F32, true); !w.has("--dtype bf16 keeps the type") {
		t.Errorf("going on in another type is not warned of: %v", w)
	}
}

// TestBadStepOnDevice drives a network to infinity on the emulator: the step is found by the flag on the device, taken again operator by
// operator, and a tensor is named.
func TestBadStepOnDevice(t *testing.T) {
	for _, dtype := range []kernels.DType{kernels.F32, kernels.BF16} {
		r := tiny(t, "train.learning_rate=1e30", "train.max_grad_norm=0", "train.warmup_steps=0", "train.micro_batches=2")
		_, err := train.Run(context.Background(), train.Options{Recipe: r, Out: t.TempDir(), Executor: emulator(t), DType: dtype})
		var bad *train.BadStepError
		if !errors.As(err, &bad) || bad.Tensor == "" || bad.Checkpoint == "" {
			t.Errorf("%s: %v", dtype, err)
		}
		t.Log(err)
	}
}
