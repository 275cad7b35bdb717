package sampler

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// Level is one noise level: x = Alpha x_0 + Sigma eps. At the end of a chain
// only Alpha and Sigma count.
type Level struct {
	T            float64 // what the network is told
	Alpha, Sigma float64
	InScale      float64 // the network's input is InScale x
	X0X, X0Out   float64 // x_0 = X0X x + X0Out out, of the unscaled x
}

// Grid is the noise levels of a chain, given directly or made from a schedule.
type Grid struct {
	Levels []Level // first to last; the chain ends at the last, where the network is not called
	Init   float64 // the chain starts at Init * noise
	// At returns the level of any Sigma/Alpha, for methods that call the network between the levels; nil refuses
	// them.
	At func(ratio float64) Level
}

// ratio is Sigma/Alpha, the noise level of k-diffusion and EDM.
func (l *Level) ratio() float64 { return l.Sigma / l.Alpha }

// lambda is log(Alpha/Sigma), half the log of the signal-to-noise ratio.
func (l *Level) lambda() float64 { return math.Log(l.Alpha / l.Sigma) }

func (g *Grid) calls() []Level { return g.Levels[:len(g.Levels)-1] }

// validate checks that the noise falls from level to level.
func (g *Grid) validate() error {
	if len(g.Levels) < 2 {
		return fmt.Errorf("a grid of %d noise levels; expected at least 2", len(g.Levels))
	}
	for i := 1; i < len(g.Levels); i++ {
		if before, after := g.Levels[i-1].ratio(), g.Levels[i].ratio(); !(after <= before) {
			return fmt.Errorf("noise level %d of the grid is %v, expected at most %v, the one before", i, after, before)
		}
	}
	return nil
}

// preserving is the level of unit variance with Sigma/Alpha = ratio.
func preserving(pred diffusion.Prediction, ratio, t float64) (Level, error) {
	alpha := 1 / math.Sqrt(ratio*ratio+1)
	l := Level{T: t, Alpha: alpha, Sigma: ratio * alpha, InScale: 1}
	err := l.predict(pred)
	return l, err
}

// exploding is the level x_0 + ratio eps, whose network takes it at unit
// variance.
func exploding(pred diffusion.Prediction, ratio, t float64) (Level, error) {
	l := Level{T: t, Alpha: 1, Sigma: ratio, InScale: 1 / math.Sqrt(ratio*ratio+1)}
	err := l.predict(pred)
	return l, err
}

// predict sets X0X and X0Out for a network trained on unit variance.
func (l *Level) predict(pred diffusion.Prediction) error {
	norm := math.Hypot(l.Alpha, l.Sigma)
	switch pred {
	case diffusion.Epsilon:
		l.X0X, l.X0Out = 1/l.Alpha, -l.Sigma/l.Alpha
	case diffusion.Sample:
		l.X0X, l.X0Out = 0, 1
	case diffusion.VPrediction:
		l.X0X, l.X0Out = l.Alpha/(norm*norm), -l.Sigma/norm
	default:
		return fmt.Errorf("prediction_type is %q; expected epsilon, sample or v_prediction", pred)
	}
	return nil
}
