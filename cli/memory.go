package cli

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels"
)

// memory returns the bytes that programs hold: shared persistent buffers, and for each its own inputs, outputs and arena of
// temporaries. Kernels' scratch memory is not counted.
func memory(programs ...*graph.Program) int64 {
	var bytes int64
	seen := map[string]bool{}
	for _, p := range programs {
		size := func(b graph.Buffer) int64 { return int64(b.Elements()) * int64(b.Spec.DType.Size()) }
		bytes += p.Plan(size).Size
		for _, b := range p.Buffers {
			if b.Kind == graph.Temporary || b.Kind == graph.Persistent && seen[b.Name] {
				continue
			}
			seen[b.Name] = seen[b.Name] || b.Kind == graph.Persistent
			bytes += size(b)
		}
	}
	return bytes
}

// trainingPrograms builds the two programs of a training step.
func trainingPrograms(r *recipe.Recipe, m *model.Model) ([]*graph.Program, error) {
	return train.Programs{Recipe: r, Model: m}.Compile()
}

// describe makes a recipe's model without weights.
func describe(r *recipe.Recipe) (*model.Model, error) {
	cfg, err := r.NetworkConfig()
	if err != nil {
		return nil, err
	}
	sched, err := r.Scheduler()
	if err != nil {
		return nil, err
	}
	return model.Describe(cfg, sched)
}

// checkTrainingMemory refuses a recipe that the memory of what it is to run on cannot hold, and returns the bytes that it needs.
func checkTrainingMemory(r *recipe.Recipe, mach exec.Executor, dtype kernels.DType) (int64, error) {
	m, err := describe(r)
	if err != nil {
		return 0, err
	}
	m.DType = dtype
	programs, err := trainingPrograms(r, m)
	if err != nil {
		return 0, err
	}
	if n := r.Train.EvalSamples; n > 0 {
		evaluation, err := (train.Programs{Recipe: r, Model: m}).Evaluate(min(n, train.EvaluationBatch))
		if err != nil {
			return 0, err
		}
		programs = append(programs, evaluation)
	}
	need := memory(programs...)
	return need, checkDeviceMemory(mach, need, fmt.Sprintf("training with batches of %d", r.Train.MicroBatch), "lower --batch and raise train.micro_batches")
}

// checkDeviceMemory is checkMemory for what a machine computes on: a device's free memory, or the host's.
func checkDeviceMemory(mach exec.Executor, need int64, what, advice string) error {
	d, ok := mach.(*exec.Device)
	if !ok {
		return checkMemory(need, what, advice)
	}
	free, _, err := d.Device().MemInfo()
	if err != nil || need <= free {
		return err
	}
	return fmt.Errorf("%s needs %.1f GB of device memory, %s has %.1f GB free: %s", what, float64(need)/1e9, mach.Name(), float64(free)/1e9, advice)
}

// checkMemory refuses work that needs more bytes than this process may have, where the system says how much that is.
func checkMemory(need int64, what, advice string) error {
	have := availableMemory()
	if have.bytes == 0 || need <= have.bytes {
		return nil
	}
	return fmt.Errorf("%s needs %.1f GB of memory, %s %.1f GB: %s", what, float64(need)/1e9, have.by, float64(have.bytes)/1e9, advice)
}
