package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
	"github.com/unnoise/unnoise/engine/nn"
)

// Conversion says what Convert wrote.
type Conversion struct {
	Path       string   `json:"path"`
	Tensors    int      `json:"tensors"`
	Parameters int      `json:"parameters"`
	Changes    []string `json:"changes"` // a sentence each
}

// Convert writes a model as a plain diffusers directory: unet/ with float32 safetensors under today's names and a
// configuration with sorted keys, scheduler/ and model_index.json as they are. The scheduler may be of any class. A directory
// out that exists is an error.
func Convert(in, out string, o LoadOptions) (*Conversion, error) {
	if _, err := os.Lstat(out); err == nil {
		return nil, fmt.Errorf("%s exists: expected the name of a new directory; nothing is written", out)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var c *Conversion
	var plain *checkpoint.Checkpoint
	err := checkpoint.ReadResolved(in, o.Variant, func(files *checkpoint.Model) (err error) {
		c = &Conversion{Path: out, Changes: append([]string{}, files.Notes...)}
		plain, err = c.read(files)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, checkpoint.Save(out, plain)
}

// read loads the parts of the model and notes what the plain directory has otherwise.
func (c *Conversion) read(files *checkpoint.Model) (*checkpoint.Checkpoint, error) {
	plain := &checkpoint.Checkpoint{}
	m, err := c.readNetwork(files, plain)
	if err != nil {
		return nil, err
	}
	if err := c.networkAlone(files); err != nil {
		return nil, err
	}
	plain.Weights = m.tensors("", m.Weights)
	c.Tensors, c.Parameters = len(plain.Weights), m.Params.Count()
	if files.Index != "" {
		if plain.Index, err = checkpoint.ReadText(files.Index); err != nil {
			return nil, err
		}
		if err := checkParts(files.Index, plain.Index); err != nil {
			return nil, err
		}
	}
	if files.Scheduler == "" {
		c.note("no scheduler is written; sampling needs one")
	} else if plain.SchedulerText, err = checkpoint.ReadText(files.Scheduler); err != nil {
		return nil, err
	}
	if files.Index == "" && files.Scheduler != "" {
		c.note("model_index.json is made from the classes of network and scheduler")
	}
	if files.State != "" {
		c.note("%s is left out: training cannot be resumed from %s", filepath.Base(files.State), c.Path)
	}
	return plain, nil
}

// readNetwork reads configuration and weights.
func (c *Conversion) readNetwork(files *checkpoint.Model, plain *checkpoint.Checkpoint) (*Model, error) {
	text, err := checkpoint.ReadText(files.Config)
	if err != nil {
		return nil, err
	}
	cfg, err := nn.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Config, err)
	}
	if plain.Config, err = c.canonical(text, cfg.JSON()); err != nil {
		return nil, fmt.Errorf("%s: %w", files.Config, err)
	}
	plain.Library = nn.Lookup(cfg.ClassName()).Library
	anyScheduler, err := checkpoint.NewScheduler(checkpoint.DDPMScheduler)
	if err != nil {
		return nil, err
	}
	m, err := empty(cfg, anyScheduler, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Config, err)
	}
	if err := m.ReadWeights(files.Weights); err != nil {
		return nil, err
	}
	if filepath.Dir(files.Config) == filepath.Clean(files.Dir) {
		c.note("configuration and weights move to unet/")
	}
	changes, err := checkpoint.WeightChanges(files.Weights)
	c.Changes = append(c.Changes, changes...)
	return m, err
}

// averageKeys are what diffusers' EMAModel leaves in the config.json of unet_ema/.
var averageKeys = []string{"decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step", "use_ema_warmup"}

// canonical is the configuration without the keys of EMAModel.
func (c *Conversion) canonical(old, text []byte) ([]byte, error) {
	document, err := pyjson.ParseObject(text)
	if err != nil {
		return nil, err
	}
	kept := pyjson.NewObject()
	var dropped []string
	for _, key := range document.Keys() {
		if slices.Contains(averageKeys, key) {
			dropped = append(dropped, key)
			continue
		}
		value, _ := document.Get(key)
		kept.Set(key, value)
	}
	out := pyjson.Encode(kept)
	switch {
	case len(dropped) > 0:
		c.note("config.json loses the keys of the moving average: %s", strings.Join(dropped, ", "))
	case string(old) != string(out):
		c.note("config.json is written with sorted keys, two spaces of indentation and a final newline")
	}
	return out, nil
}

// networkAlone drops the scheduler and the index around a network's folder that was named, where they are those of a pipeline
// with more parts.
func (c *Conversion) networkAlone(files *checkpoint.Model) error {
	if files.Index == "" || filepath.Dir(files.Index) == filepath.Clean(files.Dir) {
		return nil
	}
	index, err := checkpoint.ReadText(files.Index)
	if err != nil {
		return err
	}
	if checkParts(files.Index, index) != nil {
		c.note("%s is that of a pipeline with more parts: only the network is written", files.Index)
		files.Index, files.Scheduler = "", ""
	}
	return nil
}

// checkParts refuses a pipeline with more than a network and a scheduler, which the plain directory would lack.
func checkParts(path string, index []byte) error {
	document, err := pyjson.ParseObject(index)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, key := range document.Keys() {
		value, _ := document.Get(key)
		part, ok := value.([]any)
		if !ok || key == "unet" || key == "scheduler" || !slices.ContainsFunc(part, func(v any) bool { return v != nil }) {
			continue
		}
		return fmt.Errorf("%s: the pipeline has a %q, which is not converted: name the network's folder, unet/, to convert it alone",
			path, key)
	}
	return nil
}

func (c *Conversion) note(format string, args ...any) {
	c.Changes = append(c.Changes, fmt.Sprintf(format, args...))
}
