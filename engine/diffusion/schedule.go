// Package diffusion holds the mathematics of denoising diffusion: variance
// schedules, the tables of the forward and reverse processes, objectives and
// bounds. Everything is computed in float64; whoever feeds
// a float32 kernel casts last.
//
// Timesteps are 0-based, t in 0..T-1, as in the code of Ho et al.; a paper's t
// is index + 1. Notation: beta_t, alpha_t = 1 - beta_t, abar_t = prod alpha.
package diffusion

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The kinds of schedule.
const (
	Linear       = "linear"        // evenly spaced betas (Ho et al. 2020)
	ScaledLinear = "scaled-linear" // evenly spaced square roots of betas (latent diffusion)
	Quadratic    = "quadratic"     // the name of scaled-linear in Ho et al.'s code ("quad"); the same betas
	Cosine       = "cosine"        // squared-cosine abar (Nichol & Dhariwal 2021, equation 17)
	Sigmoid      = "sigmoid"       // a logistic ramp over -6..6 between the two betas
	Constant     = "constant"      // every beta is BetaEnd
	JSD          = "jsd"           // 1/T, 1/(T-1), ..., 1 (Sohl-Dickstein et al. 2015, section 2.4.1), capped at MaxBeta
)

// Kinds lists every kind of schedule.
func Kinds() []string {
	return []string{Linear, ScaledLinear, Quadratic, Cosine, Sigmoid, Constant, JSD}
}

var kindAliases = map[string]string{
	"scaled_linear":     ScaledLinear,
	"squaredcos_cap_v2": Cosine,
	"quad":              Quadratic,
	"const":             Constant,
}

// ParseKind returns the kind that name means; it also knows the names of
// diffusers ("beta_schedule") and of Ho et al.'s code.
func ParseKind(name string) (string, error) {
	if slices.Contains(Kinds(), name) {
		return name, nil
	}
	if k, ok := kindAliases[name]; ok {
		return k, nil
	}
	return "", fmt.Errorf("diffusion: unknown schedule %q; known are %s", name, strings.Join(Kinds(), ", "))
}

// DiffusersName returns diffusers' beta_schedule for a kind. Kinds that diffusers
// lacks, and a cosine schedule other than its s = 0.008, cap 0.999, are an error:
// such a schedule is written as trained_betas.
func (s Schedule) DiffusersName() (string, error) {
	s, err := s.Normalized()
	if err != nil {
		return "", err
	}
	switch {
	case s.Kind == Linear || s.Kind == Sigmoid:
		return s.Kind, nil
	case s.Kind == ScaledLinear || s.Kind == Quadratic:
		return "scaled_linear", nil
	case s.Kind == Cosine && s.CosineS == DefaultCosineS && s.MaxBeta == DefaultMaxBeta:
		return "squaredcos_cap_v2", nil
	}
	return "", fmt.Errorf("diffusion: diffusers has no name for schedule %q with these parameters; write its betas as trained_betas", s.Kind)
}

// Defaults of Schedule's fields, used where a field is zero.
const (
	DefaultBetaStart = 1e-4
	DefaultBetaEnd   = 0.02
	DefaultCosineS   = 0.008
	DefaultMaxBeta   = 0.999
)

// Schedule describes the betas of a forward process. A zero field takes its
// default; fields that a kind does not use are ignored.
type Schedule struct {
	Kind      string  `toml:"kind" json:"kind"`
	Timesteps int     `toml:"timesteps" json:"timesteps"`   // T, at least 1
	BetaStart float64 `toml:"beta_start" json:"beta_start"` // linear, scaled-linear, quadratic, sigmoid
	BetaEnd   float64 `toml:"beta_end" json:"beta_end"`     // the same, and constant
	CosineS   float64 `toml:"cosine_s" json:"cosine_s"`     // cosine: the offset s
	MaxBeta   float64 `toml:"max_beta" json:"max_beta"`     // cosine and jsd: the largest beta
}

// MaxTimesteps bounds Schedule.Timesteps.
const MaxTimesteps = 1 << 20

// Normalized returns s with the kind's canonical name and every default filled
// in, or an error naming the field that is wrong.
func (s Schedule) Normalized() (Schedule, error) {
	kind, err := ParseKind(s.Kind)
	if err != nil {
		return s, err
	}
	s.Kind = kind
	if s.Timesteps < 1 || s.Timesteps > MaxTimesteps {
		return s, fmt.Errorf("diffusion: schedule %s: timesteps is %d; want 1..%d", s.Kind, s.Timesteps, MaxTimesteps)
	}
	for _, f := range []struct {
		name string
		v    *float64
		def  float64
	}{
		{"beta_start", &s.BetaStart, DefaultBetaStart},
		{"beta_end", &s.BetaEnd, DefaultBetaEnd},
		{"cosine_s", &s.CosineS, DefaultCosineS},
		{"max_beta", &s.MaxBeta, DefaultMaxBeta},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if !(*f.v > 0 && *f.v < 1) {
			return s, fmt.Errorf("diffusion: schedule %s: %s is %v; want a number between 0 and 1, both excluded", s.Kind, f.name, *f.v)
		}
	}
	return s, nil
}

// Betas returns the T betas of the schedule, each in (0, 1).
func (s Schedule) Betas() ([]float64, error) {
	s, err := s.Normalized()
	if err != nil {
		return nil, err
	}
	n := s.Timesteps
	var betas []float64
	switch s.Kind {
	case Linear:
		betas = linspace(s.BetaStart, s.BetaEnd, n)
	case ScaledLinear, Quadratic:
		betas = linspace(math.Sqrt(s.BetaStart), math.Sqrt(s.BetaEnd), n)
		for i, r := range betas {
			betas[i] = r * r
		}
	case Cosine:
		betas = cosineBetas(n, s.CosineS, s.MaxBeta)
	case Sigmoid:
		betas = linspace(-6, 6, n)
		for i, x := range betas {
			betas[i] = (s.BetaEnd-s.BetaStart)/(1+math.Exp(-x)) + s.BetaStart
		}
	case Constant:
		betas = slices.Repeat([]float64{s.BetaEnd}, n)
	case JSD:
		betas = make([]float64, n)
		for i := range betas {
			betas[i] = math.Min(1/float64(n-i), s.MaxBeta)
		}
	}
	return betas, nil
}

func cosineBetas(n int, s, maxBeta float64) []float64 {
	abar := func(u float64) float64 {
		c := math.Cos((u + s) / (1 + s) * math.Pi / 2)
		return c * c
	}
	betas := make([]float64, n)
	for i := range betas {
		betas[i] = math.Min(1-abar(float64(i+1)/float64(n))/abar(float64(i)/float64(n)), maxBeta)
	}
	return betas
}

// linspace returns n evenly spaced numbers from a to b, both included; a for n = 1.
func linspace(a, b float64, n int) []float64 {
	v := make([]float64, n)
	if n == 1 {
		v[0] = a
		return v
	}
	step := (b - a) / float64(n-1)
	for i := range v {
		v[i] = a + float64(i)*step
	}
	v[n-1] = b
	return v
}
