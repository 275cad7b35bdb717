package simd

import "math"

// AdamWParams are the scalars of one step of AdamW with an exponential moving average of the parameters.
type AdamWParams struct {
	GradScale    float32 // the clipping factor, multiplied into the gradient
	Beta1, Beta2 float32
	OneMinus1    float32 // 1 - Beta1, rounded from float64
	OneMinus2    float32 // 1 - Beta2
	Decay        float32 // 1 - learning rate * weight decay
	StepSize     float32 // learning rate / (1 - Beta1^t)
	InvRoot2     float32 // 1 / sqrt(1 - Beta2^t)
	Epsilon      float32
	OneMinusEMA  float32 // 1 - EMA decay
}

// NewAdamWParams computes the scalars in float64 and rounds them once.
func NewAdamWParams(gradScale, learningRate, weightDecay, beta1, beta2, epsilon, correction1, correction2, emaDecay float64) AdamWParams {
	return AdamWParams{
		GradScale: float32(gradScale), Beta1: float32(beta1), Beta2: float32(beta2),
		OneMinus1: float32(1 - beta1), OneMinus2: float32(1 - beta2),
		Decay: float32(1 - learningRate*weightDecay), StepSize: float32(learningRate / correction1),
		InvRoot2: float32(1 / math.Sqrt(correction2)), Epsilon: float32(epsilon), OneMinusEMA: float32(1 - emaDecay),
	}
}

// AdamW does one step in place (Loshchilov and Hutter 2019, algorithm 2, with the schedule multiplier in the learning rate):
//
//	g' = GradScale g;  m = Beta1 m + (1-Beta1) g';  v = Beta2 v + (1-Beta2) g'^2
//	p = Decay p - StepSize m / (sqrt(v) InvRoot2 + Epsilon);  ema = ema + (1-EMA decay) (p - ema)
//
// All slices have len(p) elements.
func AdamW(p, m, v, ema, g []float32, k *AdamWParams) {
	n := len(p)
	if n > 0 {
		adamW(p, m[:n], v[:n], ema[:n], g[:n], k)
	}
}
