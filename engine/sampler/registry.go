package sampler

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// Sampler is one sampling method.
type Sampler struct {
	Name     string   // as the command line, recipes and reports spell it
	Help     string   // one line, without the name
	Class    string   // diffusers' scheduler class it stands for; "" if there is none
	Steps    int      // default number of sampling steps; 0: every timestep of the schedule
	Keys     []string // the options it reads, beyond those of CommonKeys
	Defaults Options  // diffusers' configuration of the class
	// Preconditioned: it calls networks with the preconditioning of Karras et al. 2022 (EDM), others call those that were
	// trained with timesteps.
	Preconditioned bool
	// Build makes the table. The process may be nil when the options give a grid.
	Build func(p *diffusion.Process, o Options) (*Table, error)
}

// CommonKeys are the options that every sampler reads.
var CommonKeys = []string{"prediction_type", "timestep_spacing", "steps_offset"}

// Reads says whether the sampler reads a key of scheduler_config.json.
func (s *Sampler) Reads(key string) bool {
	return slices.Contains(CommonKeys, key) || slices.Contains(s.Keys, key)
}

var registry = map[string]*Sampler{}

// Register adds a sampler. It panics on a name, or a class, that is taken.
func Register(s Sampler) {
	if s.Name == "" || s.Help == "" || s.Build == nil {
		panic(fmt.Sprintf("sampler: %q needs a name, a line of help and a builder", s.Name))
	}
	for _, other := range registry {
		if other.Name == s.Name || s.Class != "" && other.Class == s.Class {
			panic(fmt.Sprintf("sampler: %q (%s) is registered twice", s.Name, s.Class))
		}
	}
	registry[s.Name] = &s
}

// Names returns every sampler's name, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registry)) }

// Lookup returns the sampler of that name.
func Lookup(name string) (*Sampler, error) {
	if s := registry[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("unknown sampler %q: expected one of %s", name, strings.Join(Names(), ", "))
}

// OfClass returns the sampler that stands for a scheduler class of diffusers.
func OfClass(class string) (*Sampler, error) {
	var known []string
	for _, name := range Names() {
		s := registry[name]
		if s.Class == class && class != "" {
			return s, nil
		}
		if s.Class != "" {
			known = append(known, s.Class)
		}
	}
	return nil, fmt.Errorf("unsupported scheduler class %q: expected one of %s", class, strings.Join(known, ", "))
}

// Table builds and validates the sampler's table. Steps 0 in the options takes
// the sampler's default, or every timestep of a schedule that has fewer.
func (s *Sampler) Table(p *diffusion.Process, o Options) (*Table, error) {
	if p == nil && o.Grid == nil {
		return nil, fmt.Errorf("sampler %s: needs a schedule or a grid of noise levels", s.Name)
	}
	if o.Steps == 0 && p != nil {
		o.Steps = s.Steps
		if o.Steps == 0 || o.Steps > p.Timesteps() {
			o.Steps = p.Timesteps()
		}
	}
	pred, err := diffusion.ParsePrediction(string(o.PredictionType))
	if err != nil {
		return nil, fmt.Errorf("sampler %s: %w", s.Name, err)
	}
	o.PredictionType = pred
	t, err := s.Build(p, o)
	if err != nil {
		return nil, fmt.Errorf("sampler %s: %w", s.Name, err)
	}
	return t, t.Validate()
}
