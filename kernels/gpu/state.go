package gpu

import (
	"encoding/binary"
	"math"

	"github.com/unnoise/unnoise/kernels"
)

// State is StepState of kernels/include/state.cuh: the step's scalars in device memory, rounded once from float64.
type State struct {
	Seed                    [2]uint32 // Philox key, low word first
	Step, Micro             uint32
	SampleBase, ChainIndex  uint32
	LearningRate            float32
	WeightDecay             float32
	Beta1, Beta2            float32
	OneMinusBeta1           float32
	OneMinusBeta2           float32
	Epsilon                 float32
	Correction1             float32
	Correction2             float32
	EMADecay, OneMinusDecay float32
	ClipNorm, LossScale     float32
	Guidance                float32
}

// StateBytes is the size of State on a device.
const StateBytes = 80

// NewState rounds the host's scalars.
func NewState(s *kernels.StepState) State {
	if s == nil {
		s = &kernels.StepState{}
	}
	return State{Seed: [2]uint32{uint32(s.Seed), uint32(s.Seed >> 32)}, Step: s.Step, Micro: s.Micro, SampleBase: s.SampleBase,
		ChainIndex: s.ChainIndex, LearningRate: float32(s.LearningRate), WeightDecay: float32(s.WeightDecay), Beta1: float32(s.Beta1),
		Beta2: float32(s.Beta2), OneMinusBeta1: float32(1 - s.Beta1), OneMinusBeta2: float32(1 - s.Beta2), Epsilon: float32(s.Epsilon),
		Correction1: float32(s.Correction1), Correction2: float32(s.Correction2), EMADecay: float32(s.EMADecay),
		OneMinusDecay: float32(1 - s.EMADecay), ClipNorm: float32(s.ClipNorm), LossScale: float32(s.LossScale), Guidance: float32(s.Guidance)}
}

// Put writes the struct as the device reads it into dst, at least StateBytes long.
func (s *State) Put(dst []byte) {
	le := binary.LittleEndian
	words := []uint32{s.Seed[0], s.Seed[1], s.Step, s.Micro, s.SampleBase, s.ChainIndex}
	for _, f := range []float32{s.LearningRate, s.WeightDecay, s.Beta1, s.Beta2, s.OneMinusBeta1, s.OneMinusBeta2, s.Epsilon, s.Correction1,
		s.Correction2, s.EMADecay, s.OneMinusDecay, s.ClipNorm, s.LossScale, s.Guidance} {
		words = append(words, math.Float32bits(f))
	}
	for i, w := range words {
		le.PutUint32(dst[4*i:], w)
	}
}
