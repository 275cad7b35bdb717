package sample

import (
	"fmt"
	"strings"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sampler"
)

// Method chooses a sampling chain. The zero value is what the model's scheduler says.
type Method struct {
	Name    string          // of sampler.Names(); "": the one of the scheduler's class
	Steps   int             // 0: the sampler's default
	Eta     *float64        // share of noise, 0 deterministic, 1 ancestral; nil: the sampler's default
	Spacing sampler.Spacing // "": as the model says
	// UseClippedModelOutput lets the noise estimate of ddim belong to the clipped x_0, as in OpenAI's code; diffusers' switch.
	UseClippedModelOutput bool
	Rule                  sampler.Rule // "": unnoise's for networks that unnoise trained, diffusers' for others
}

// fewSteps is the sampler that takes the place of one that needs every timestep.
const fewSteps = "ddim"

// Sampler returns the method's sampler for a model.
func (s Method) Sampler(m *model.Model) (*sampler.Sampler, error) {
	if s.Name != "" {
		return sampler.Lookup(s.Name)
	}
	if m.Scheduler == nil {
		return nil, m.NoScheduler
	}
	return sampler.OfClass(m.Scheduler.ClassName)
}

// Table makes the method's chain with the schedule and the keys of the model's scheduler that the sampler reads.
func Table(m *model.Model, s Method) (*sampler.Table, error) {
	if m.Scheduler == nil {
		return nil, m.NoScheduler
	}
	if m.NoSamples != nil {
		return nil, m.NoSamples
	}
	method, err := s.Sampler(m)
	if err != nil {
		return nil, err
	}
	if edm := strings.HasPrefix(m.Scheduler.ClassName, "EDM"); edm != method.Preconditioned {
		return nil, preconditioningError(m.Scheduler.ClassName, method.Name, edm)
	}
	o, err := m.Scheduler.Options(method)
	if err != nil {
		return nil, err
	}
	o.Steps, o.Rule, o.UseClippedModelOutput = s.Steps, s.Rule, s.UseClippedModelOutput
	if o.Rule == "" && !m.Own {
		o.Rule = sampler.Diffusers
	}
	if s.Spacing != "" {
		o.TimestepSpacing = s.Spacing
	}
	if s.Eta != nil {
		if *s.Eta != 0 && !TakesEta(method) {
			return nil, fmt.Errorf("eta %g: sampler %s takes none, it has no share of noise to choose", *s.Eta, method.Name)
		}
		o.Eta = *s.Eta
	}
	return method.Table(m.Process, o)
}

func preconditioningError(class, method string, edm bool) error {
	if edm {
		return fmt.Errorf("sampler %s: the model's scheduler is %s, whose networks have EDM's preconditioning; choose edm, edm-euler or "+
			"edm-dpmpp-2m", method, class)
	}
	return fmt.Errorf("sampler %s is for networks with EDM's preconditioning, the model's scheduler is %s; choose heun, euler or dpmpp-2m",
		method, class)
}

// TakesEta reports whether a sampler has a share of noise to choose.
func TakesEta(s *sampler.Sampler) bool { return s.Defaults.Eta != 0 || s.Name == fewSteps }

// AtMost returns the method with at most so many steps: another number of them, and another sampler in place of one that needs
// every timestep.
func (s Method) AtMost(m *model.Model, steps int) (Method, error) {
	t, err := Table(m, s)
	if err != nil || t.SampleSteps() <= steps {
		return s, err
	}
	method, err := s.Sampler(m)
	if err != nil {
		return s, err
	}
	s.Steps = steps
	if method.Steps == 0 {
		s = Method{Name: fewSteps, Steps: steps, Rule: s.Rule}
	}
	return s, nil
}
