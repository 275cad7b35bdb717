package sampler_test

import (
	"slices"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/sampler"
)

// TestOneLine adds a sampler as any file of the package does and finds it everywhere that a name is looked up.
func TestOneLine(t *testing.T) {
	sampler.Register(sampler.Sampler{Name: "test-mean", Help: "jumps to x_0", Class: "TestScheduler", Steps: 1,
		Build: func(*diffusion.Process, sampler.Options) (*sampler.Table, error) {
			return &sampler.Table{Name: "test-mean", Init: 1,
				Steps: []sampler.Step{{T: 9, TPrev: -1, InScale: 1, X0Out: 1, Next: sampler.Coef{X0: 1}}}}, nil
		}})
	if !slices.Contains(sampler.Names(), "test-mean") || !slices.IsSorted(sampler.Names()) {
		t.Errorf("names are %v", sampler.Names())
	}
	s, err := sampler.Lookup("test-mean")
	if err != nil || s.Help != "jumps to x_0" {
		t.Fatalf("lookup gave %+v, %v", s, err)
	}
	if of, err := sampler.OfClass("TestScheduler"); err != nil || of != s {
		t.Errorf("class gave %+v, %v", of, err)
	}
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 10})
	if err != nil {
		t.Fatal(err)
	}
	if table, err := s.Table(p, sampler.Options{PredictionType: diffusion.Epsilon}); err != nil || len(table.Steps) != 1 {
		t.Errorf("table is %+v, %v", table, err)
	}
}

func TestUnknownNames(t *testing.T) {
	if _, err := sampler.Lookup("ddpn"); err == nil {
		t.Error("an unknown name was found")
	}
	if _, err := sampler.OfClass(""); err == nil {
		t.Error("the empty class was found")
	}
}

func TestRegisterRefuses(t *testing.T) {
	build := func(*diffusion.Process, sampler.Options) (*sampler.Table, error) { return nil, nil }
	for name, s := range map[string]sampler.Sampler{
		"taken name":  {Name: "ddpm", Help: "again", Build: build},
		"taken class": {Name: "ddpm-again", Help: "again", Class: "DDPMScheduler", Build: build},
		"no help":     {Name: "silent", Build: build},
		"no builder":  {Name: "empty", Help: "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("registered")
				}
			}()
			sampler.Register(s)
		})
	}
}
