package rng

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// drawCost is the cost of drawing: about 60 integer operations for four numbers and the write.
func drawCost(out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 20 * float64(out[0].Elements()), Bytes: kernels.IOBytes(nil, out)}
}

// place writes one sample's logical values to the rows of image n of y.
func place(y *kernels.Operand, n int, values []float32) {
	for p := range y.H * y.W {
		row := (n*y.H*y.W + p) * y.Pitch
		copy(y.F32[row:row+y.C], values[p*y.C:])
	}
}

// taskElements is about how many elements a task draws: several small samples together.
const taskElements = 2048

// fillFunc draws the elements of one sample.
type fillFunc func(dst []float32, seed uint64, sample, step, stream uint32)

// drawWorkspace is one sample for each worker, where rows are not dense.
func drawWorkspace(c *kernels.Call, p kernels.Props) int64 {
	y := c.Out[0]
	if y.Pitch == y.C {
		return 0
	}
	return 4 * int64(p.Workers) * int64(y.H*y.W*y.C)
}

// drawAll draws every sample of y by fill.
func drawAll(q kernels.Queue, c *kernels.Call, stream uint32, fill fillFunc) {
	y, s := c.Out[0], c.State
	size := y.H * y.W * y.C
	grain := max(1, taskElements/size)
	cpu.Of(q).Tasks((y.N+grain-1)/grain, func(i, worker int) {
		for n := i * grain; n < min((i+1)*grain, y.N); n++ {
			sample := s.SampleBase + uint32(n)
			if y.Pitch == y.C {
				fill(y.F32[n*size:(n+1)*size], s.Seed, sample, s.Step, stream)
				continue
			}
			buf := c.Workspace[worker*size : (worker+1)*size]
			fill(buf, s.Seed, sample, s.Step, stream)
			place(y, n, buf)
		}
	})
}

// eachWord calls fn with the random word of every element of y, straight from the definition of the counter.
func eachWord(y kernels.Spec, s *kernels.StepState, stream uint32, fn func(n, h, w, c int, group [4]uint32, word int)) {
	for n := range y.N {
		for i := range y.H * y.W * y.C {
			group := Philox4x32(Counter(uint64(i), s.SampleBase+uint32(n), s.Step, stream), Key(s.Seed))
			fn(n, i/y.C/y.W, i/y.C%y.W, i%y.C, group, i%4)
		}
	}
}
