// Package model joins a network, its weights and its diffusion process: it loads them from a directory, predicts, differentiates
// and samples on any machine.
package model

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/nn"
	_ "github.com/unnoise/unnoise/engine/nn/all" // register
	"github.com/unnoise/unnoise/kernels"
)

// Model is a network with its parameters, weights and diffusion process.
type Model struct {
	Net       nn.Network
	Signature nn.Signature // of Net
	Params    *nn.ParamSet
	Weights   []float32                   // the arena, laid out by Params
	Scheduler *checkpoint.SchedulerConfig // nil where the directory's is not supported
	Process   *diffusion.Process          // nil with the scheduler
	// NoScheduler says why the scheduler is nil, NoSamples why what the network denoises are no samples; else nil.
	NoScheduler, NoSamples error
	Assumed                string // what was taken because a file is missing; "" for nothing
	Own                    bool   // made or trained by unnoise, not read from a directory of others
	Source                 string // the directory it was loaded from, "" for a new one
	Index                  []byte // model_index.json as loaded
	H, W, C                int    // sample size
	// DType is the type of activations and of the matrices they are multiplied with: F32, or BF16 on devices.
	DType kernels.DType
}

// Fallback is the sample size of networks whose configuration names none.
const fallbackSize = 32

// New makes a model with initial weights.
func New(cfg nn.Config, sched *checkpoint.SchedulerConfig, seed uint64) (*Model, error) {
	m, err := empty(cfg, sched, 0, 0)
	if err != nil {
		return nil, err
	}
	m.Params.Initialize(m.Weights, seed)
	return m, nil
}

// Describe makes a model whose weights are zero: its shapes, parameters and programs are what New's are.
func Describe(cfg nn.Config, sched *checkpoint.SchedulerConfig) (*Model, error) {
	return empty(cfg, sched, 0, 0)
}

// empty makes a model without weights for samples of h x w pixels (0: as the configuration says).
func empty(cfg nn.Config, sched *checkpoint.SchedulerConfig, h, w int) (*Model, error) {
	net, err := nn.New(cfg)
	if err != nil {
		return nil, err
	}
	m := &Model{Net: net, Signature: net.Signature(), Scheduler: sched, H: h, W: w, Own: true}
	m.C, _ = cfg.Channels()
	if h == 0 {
		if m.H, m.W = m.Signature.H, m.Signature.W; m.H == 0 {
			m.H, m.W = fallbackSize, fallbackSize
		}
	}
	if sched != nil {
		if m.Process, err = ProcessOf(sched); err != nil {
			return nil, err
		}
	}
	m.Params, err = nn.Declare(net, kernels.Dense(kernels.F32, 1, m.H, m.W, m.C))
	if err != nil {
		return nil, err
	}
	m.Weights = make([]float32, m.Params.Size())
	return m, nil
}

// ProcessOf computes the process of a scheduler configuration.
func ProcessOf(s *checkpoint.SchedulerConfig) (*diffusion.Process, error) {
	if s.TrainedBetas != nil {
		return diffusion.ProcessFromBetas(s.TrainedBetas)
	}
	kind, err := diffusion.ParseKind(s.BetaSchedule)
	if err != nil {
		return nil, fmt.Errorf("scheduler_config.json: beta_schedule: %w", err)
	}
	return diffusion.NewProcess(diffusion.Schedule{Kind: kind, Timesteps: s.NumTrainTimesteps, BetaStart: s.BetaStart, BetaEnd: s.BetaEnd})
}

// LoadOptions choose among the weights of a directory.
type LoadOptions struct {
	Raw     bool         // the weights that training works on, not their moving average
	Variant string       // of the weights' file, such as fp16; "": the plain file, else the only variant
	Say     func(string) // is told what was taken where the directory left a choice; may be nil
}

// Load reads a model: path is a run, a checkpoint or any diffusers directory. With raw set the weights are those that training
// works on, not their moving average.
func Load(path string, raw bool) (*Model, error) { return LoadWith(path, LoadOptions{Raw: raw}) }

// LoadWith is Load with a choice of weights.
func LoadWith(path string, o LoadOptions) (*Model, error) {
	var m *Model
	var notes []string
	err := checkpoint.ReadResolved(path, o.Variant, func(files *checkpoint.Model) (err error) {
		notes = files.Notes
		m, err = read(files, o.Raw)
		return err
	})
	if o.Say != nil {
		for _, note := range notes {
			o.Say(note)
		}
	}
	return m, err
}

// read reads the model that was found.
func read(files *checkpoint.Model, raw bool) (*Model, error) {
	text, err := checkpoint.ReadText(files.Config)
	if err != nil {
		return nil, err
	}
	cfg, err := nn.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Config, err)
	}
	m, err := empty(cfg, nil, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Config, err)
	}
	m.Source, m.Own = files.Dir, files.State != ""
	m.readScheduler(files)
	if files.Index != "" {
		if m.Index, err = checkpoint.ReadText(files.Index); err != nil {
			return nil, err
		}
	}
	if raw {
		if files.State == "" {
			return nil, fmt.Errorf("%s has no training_state.safetensors, so no raw weights: use --weights ema", files.Dir)
		}
		return m, m.readState(files.State, "raw.", m.Weights)
	}
	return m, m.ReadWeights(files.Weights)
}

// readScheduler reads the scheduler's file, or takes Ho et al.'s where there is none and says so. What prevents it is kept: predictions need
// no scheduler.
func (m *Model) readScheduler(files *checkpoint.Model) {
	path := files.Scheduler
	m.NoSamples = checkpoint.CheckPipeline(files.Index)
	switch {
	case path != "":
		m.Scheduler, m.NoScheduler = checkpoint.ReadScheduler(path)
	case files.State != "":
		m.NoScheduler = fmt.Errorf("%s has no scheduler/scheduler_config.json, which says what its network was trained for: "+
			"copy it from another checkpoint of the run", files.Dir)
	default:
		m.Scheduler, m.NoScheduler = checkpoint.NewScheduler(checkpoint.DDPMScheduler)
		m.Assumed = fmt.Sprintf("%s has no scheduler_config.json: taking %s with its defaults, linear betas %g to %g over %d timesteps",
			files.Dir, m.Scheduler.ClassName, m.Scheduler.BetaStart, m.Scheduler.BetaEnd, m.Scheduler.NumTrainTimesteps)
	}
	if m.NoScheduler == nil {
		if m.Process, m.NoScheduler = ProcessOf(m.Scheduler); m.NoScheduler != nil {
			m.Scheduler, m.NoScheduler = nil, fmt.Errorf("%s: %w", path, m.NoScheduler)
		}
	}
}

// tensors lists the parameters as a checkpoint names them, filled from an arena.
func (m *Model) tensors(prefix string, arena []float32) []checkpoint.Tensor {
	var list []checkpoint.Tensor
	for _, p := range m.Params.All() {
		list = append(list, checkpoint.Tensor{Name: prefix + p.Name, Shape: p.Shape, Fill: func(dst []float32) error {
			p.Take(arena, dst)
			return nil
		}})
	}
	return list
}

// ReadWeights fills the arena from a network's weights, see checkpoint.OpenWeights.
func (m *Model) ReadWeights(path string) error {
	f, err := checkpoint.OpenWeights(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Match(m.tensors("", nil)); err != nil {
		return err
	}
	for _, p := range m.Params.All() {
		buf := make([]float32, p.Elements())
		if err := f.ReadFloat32(p.Name, buf); err != nil {
			return err
		}
		p.Put(m.Weights, buf)
	}
	return nil
}

// readState fills an arena from the tensors of training_state.safetensors with a prefix.
func (m *Model) readState(path, prefix string, arena []float32) error {
	f, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range m.Params.All() {
		info, ok := f.Info(prefix + p.Name)
		if !ok || info.Elements() != p.Elements() {
			return fmt.Errorf("%s: tensor %q of %d elements is missing: the file belongs to another network", path, prefix+p.Name, p.Elements())
		}
		buf := make([]float32, p.Elements())
		if err := f.ReadFloat32(prefix+p.Name, buf); err != nil {
			return err
		}
		p.Put(arena, buf)
	}
	return nil
}

// Save writes the model as a diffusers directory.
func (m *Model) Save(dir string) error { return checkpoint.Save(dir, m.Checkpoint(m.Weights)) }

// Checkpoint describes the model with the given weights arena for checkpoint.Save.
func (m *Model) Checkpoint(weights []float32) *checkpoint.Checkpoint {
	cfg := m.Net.Config()
	return &checkpoint.Checkpoint{Config: cfg.JSON(), Scheduler: m.Scheduler, Index: m.Index,
		Library: nn.Lookup(cfg.ClassName()).Library, Weights: m.tensors("", weights)}
}

// StateTensors lists an arena's tensors under a prefix for training_state.safetensors.
func (m *Model) StateTensors(prefix string, arena []float32) []checkpoint.Tensor {
	return m.tensors(prefix, arena)
}

// ReadState fills an arena from the tensors of training_state.safetensors with a prefix.
func (m *Model) ReadState(path, prefix string, arena []float32) error {
	return m.readState(path, prefix, arena)
}

// Points reports whether samples are points (N,D) rather than images (N,C,H,W).
func (m *Model) Points() bool { return m.Signature.Layout == nn.Points }

// Prediction returns what the network's output means.
func (m *Model) Prediction() (diffusion.Prediction, error) {
	if m.Scheduler == nil {
		return "", m.NoScheduler
	}
	return diffusion.ParsePrediction(m.Scheduler.PredictionType)
}
