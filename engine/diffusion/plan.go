package diffusion

import (
	"fmt"
	"math"
	"strings"
)

// PlanStep is one step of a sampler, from x at timestep T to x at TPrev:
//
//	x_0    = X0FromX * x + X0FromOut * out      (out: the network at T)
//	x_0    = clamp(x_0, -Clip, Clip)            (if the plan clips)
//	x_prev = C0 * x_0 + CX * x + Sigma * z      (z standard normal)
//
// The noise estimate that DDIM needs is x and x_0 again, so it always belongs to
// the clipped x_0. TPrev is -1 at the last step, where Sigma is 0.
type PlanStep struct {
	T, TPrev           int
	X0FromX, X0FromOut float64
	C0, CX, Sigma      float64
}

// Plan is a whole sampling chain, first step first, for x that starts as a
// standard normal.
type Plan struct {
	Name  string
	Steps []PlanStep
	Clip  float64 // bound of |x_0|; 0 means none
}

// Spacing says which of the T timesteps a shorter chain visits.
type Spacing string

// The spacings, with the timesteps of 10 steps of T = 1000.
const (
	Leading       Spacing = "leading"   // multiples of floor(T/S): 900, 800, ..., 0
	Trailing      Spacing = "trailing"  // T - i T/S - 1, rounded: 999, 899, ..., 99
	Linspace      Spacing = "linspace"  // evenly over 0..T-1, both ends: 999, 888, ..., 0
	QuadraticTime Spacing = "quadratic" // squares evenly up to 0.8 T (Song et al. 2021): 800, 632, ..., 9, 0
)

// ParseSpacing returns the spacing of that name (diffusers' timestep_spacing).
func ParseSpacing(name string) (Spacing, error) {
	for _, s := range []Spacing{Leading, Trailing, Linspace, QuadraticTime} {
		if string(s) == name {
			return s, nil
		}
	}
	return "", fmt.Errorf("diffusion: unknown spacing %q; known are leading, trailing, linspace, quadratic", name)
}

// SpacedTimesteps returns the timesteps of a chain of steps steps over T
// timesteps, strictly decreasing. offset is added to leading timesteps
// (diffusers' steps_offset). Where quadratic spacing would visit a small timestep
// twice, later ones are moved up to the next free one. One linspace step is T-1.
func SpacedTimesteps(T, steps int, spacing Spacing, offset int) ([]int, error) {
	if steps < 1 || steps > T {
		return nil, fmt.Errorf("diffusion: %d sampling steps; want 1..%d, the timesteps of the schedule", steps, T)
	}
	if offset != 0 && spacing != Leading {
		return nil, fmt.Errorf("diffusion: a steps offset of %d needs leading spacing, not %s", offset, spacing)
	}
	ts := make([]int, steps) // ts[steps-1-i] is the i-th timestep from below
	last := -1
	for i := range steps {
		var t int
		switch spacing {
		case Leading:
			t = i*(T/steps) + offset
		case Trailing:
			t = int(math.RoundToEven(float64(i+1)*float64(T)/float64(steps))) - 1
		case Linspace:
			t = T - 1
			if steps > 1 {
				t = int(math.RoundToEven(float64(i) * float64(T-1) / float64(steps-1)))
			}
		case QuadraticTime:
			if steps > 1 {
				u := float64(i) / float64(steps-1)
				t = int(math.Floor(0.8*float64(T)*u*u + 1e-9))
			}
			t = max(t, last+1)
		default:
			_, err := ParseSpacing(string(spacing))
			return nil, err
		}
		if t <= last || t >= T {
			return nil, fmt.Errorf("diffusion: %d %s steps with offset %d do not fit %d timesteps", steps, spacing, offset, T)
		}
		last = t
		ts[steps-1-i] = t
	}
	return ts, nil
}

// x0Coefficients gives x_0 = fromX x_t + fromOut out at abar.
func x0Coefficients(pred Prediction, abar float64) (fromX, fromOut float64) {
	switch pred {
	case Sample:
		return 0, 1
	case VPrediction:
		return math.Sqrt(abar), -math.Sqrt(1 - abar)
	}
	return 1 / math.Sqrt(abar), -math.Sqrt((1 - abar) / abar)
}

// DDPM describes the ancestral sampler of Ho et al. 2020, algorithm 2: x_0 is
// estimated (and clipped), then x_prev drawn from the posterior. A chain shorter
// than T uses the process respaced to its timesteps, beta' = 1 - abar_t/abar_prev
// (Nichol & Dhariwal 2021, section 4); with Steps = T it is the process itself.
// No noise is added at the last step.
type DDPM struct {
	Prediction  Prediction
	Variance    Variance
	Steps       int
	Spacing     Spacing // "" means Linspace
	StepsOffset int     // leading spacing only
	Clip        float64 // bound of |x_0|; 0 means none
}

// NewDDPMPlan is DDPM with linspace spacing.
func NewDDPMPlan(p *Process, pred Prediction, variance Variance, steps int, clip float64) (*Plan, error) {
	return DDPM{Prediction: pred, Variance: variance, Steps: steps, Clip: clip}.Plan(p)
}

// Plan returns the chain for a process.
func (d DDPM) Plan(p *Process) (*Plan, error) {
	if d.Spacing == "" {
		d.Spacing = Linspace
	}
	variance, err := ParseVariance(string(d.Variance))
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("ddpm-%d-%s-%s", d.Steps, d.Spacing, strings.ReplaceAll(string(variance), "_", "-"))
	return chain(p, name, d.Prediction, d.Steps, d.Spacing, d.StepsOffset, d.Clip, 1, func(s *PlanStep, abar, prev float64) {
		alpha := abar / prev
		beta := 1 - alpha
		if s.T == s.TPrev+1 { // neighbours: the table has more digits than the quotient
			alpha, beta = p.Alphas[s.T], p.Betas[s.T]
		}
		s.C0 = beta * math.Sqrt(prev) / (1 - abar)
		s.CX = (1 - prev) * math.Sqrt(alpha) / (1 - abar)
		switch {
		case s.TPrev < 0:
		case variance == FixedLarge:
			s.Sigma = math.Sqrt(beta)
		default:
			s.Sigma = math.Sqrt(beta * (1 - prev) / (1 - abar))
		}
	})
}

// DDIM describes the sampler of Song et al. 2021, equation 12, with
// sigma = Eta sqrt((1-abar_prev)/(1-abar)) sqrt(1 - abar/abar_prev): Eta 0 is
// deterministic, 1 ancestral. The previous timestep is always the next one of
// the chain.
type DDIM struct {
	Prediction  Prediction
	Steps       int
	Eta         float64 // 0..1
	Spacing     Spacing // "" means Leading
	StepsOffset int     // leading spacing only
	Clip        float64 // bound of |x_0|; 0 means none
	// KeepAlphaZero ends the chain at abar_0 of the schedule instead of 1
	// (diffusers' set_alpha_to_one = false).
	KeepAlphaZero bool
}

// NewDDIMPlan is DDIM that ends at abar = 1.
func NewDDIMPlan(p *Process, pred Prediction, steps int, eta float64, spacing Spacing, clip float64) (*Plan, error) {
	return DDIM{Prediction: pred, Steps: steps, Eta: eta, Spacing: spacing, Clip: clip}.Plan(p)
}

// Plan returns the chain for a process.
func (d DDIM) Plan(p *Process) (*Plan, error) {
	if d.Spacing == "" {
		d.Spacing = Leading
	}
	if !(d.Eta >= 0 && d.Eta <= 1) {
		return nil, fmt.Errorf("diffusion: ddim: eta is %v; want 0..1", d.Eta)
	}
	final := 1.0
	if d.KeepAlphaZero {
		final = p.AlphasCumprod[0]
	}
	name := fmt.Sprintf("ddim-%d-%s-eta%g", d.Steps, d.Spacing, d.Eta)
	return chain(p, name, d.Prediction, d.Steps, d.Spacing, d.StepsOffset, d.Clip, final, func(s *PlanStep, abar, prev float64) {
		if s.TPrev >= 0 {
			s.Sigma = d.Eta * math.Sqrt((1-prev)/(1-abar)*(1-abar/prev))
		}
		s.CX = math.Sqrt(math.Max(0, 1-prev-s.Sigma*s.Sigma) / (1 - abar))
		s.C0 = math.Sqrt(prev) - math.Sqrt(abar)*s.CX
	})
}

// chain builds the steps that both samplers share and lets fill set C0, CX and
// Sigma from abar at T and at TPrev (final behind the last step).
func chain(p *Process, name string, pred Prediction, steps int, spacing Spacing, offset int, clip, final float64,
	fill func(s *PlanStep, abar, prev float64)) (*Plan, error) {
	pred, err := ParsePrediction(string(pred))
	if err != nil {
		return nil, err
	}
	if !(clip >= 0) || math.IsInf(clip, 0) {
		return nil, fmt.Errorf("diffusion: the bound of x_0 is %v; want a positive number, or 0 for none", clip)
	}
	ts, err := SpacedTimesteps(p.Timesteps(), steps, spacing, offset)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Name: name, Steps: make([]PlanStep, steps), Clip: clip}
	for i, t := range ts {
		s := PlanStep{T: t, TPrev: -1}
		abar, prev := p.AlphasCumprod[t], final
		if i+1 < steps {
			s.TPrev = ts[i+1]
			prev = p.AlphasCumprod[s.TPrev]
		}
		s.X0FromX, s.X0FromOut = x0Coefficients(pred, abar)
		fill(&s, abar, prev)
		plan.Steps[i] = s
	}
	return plan, nil
}
