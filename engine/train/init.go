package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
)

// renewable begin the names of the tensors that --init-partial may begin anew: the first and the last
// layer, whose shape follows the channels, and the table of classes.
var renewable = []string{"conv_in.", "conv_out.", "linear_in.", "linear_out.", "class_embedding."}

// takeWeights makes the averaged weights of another model those that the run begins with.
func (t *trainer) takeWeights(m *model.Model) error {
	files, err := checkpoint.ResolveModel(t.Init)
	if err != nil {
		return fmt.Errorf("--init: %w", err)
	}
	for _, note := range files.Notes {
		t.warn("%s", note)
	}
	if err := t.compareConfigs(m, files); err != nil {
		return err
	}
	differences, err := m.ReadFitting(files.Weights)
	if err != nil {
		return fmt.Errorf("--init: %w", err)
	}
	return t.judge(differences)
}

// judge refuses weights of other shapes; the renewable ones it names, and takes if the run may.
func (t *trainer) judge(differences []model.Difference) error {
	var renewed, wrong []string
	for _, d := range differences {
		text := fmt.Sprintf("%s (%s there, %s here)", d.Name, shapeText(d.Have), shapeText(d.Want))
		if slices.ContainsFunc(renewable, func(layer string) bool { return strings.HasPrefix(d.Name, layer) }) {
			renewed = append(renewed, text)
		} else {
			wrong = append(wrong, text)
		}
	}
	switch {
	case len(wrong) > 0:
		return fmt.Errorf("--init %s: the network is another one, %d of its tensors differ: %s; "+
			"take the network's settings from there, without --preset and --config",
			t.Init, len(wrong), firstOf(wrong))
	case len(renewed) > 0 && !t.InitPartial:
		return fmt.Errorf("--init %s: these tensors differ: %s; "+
			"--init-partial begins them anew and takes the rest", t.Init, firstOf(renewed))
	case len(renewed) > 0:
		t.warn("begun anew, not taken from %s: %s", t.Init, firstOf(renewed))
	}
	return nil
}

// firstOf lists the first texts of many.
func firstOf(list []string) string {
	const shown = 8
	if len(list) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
	}
	return strings.Join(list, ", ")
}

func shapeText(shape []int) string {
	if shape == nil {
		return "missing"
	}
	return fmt.Sprint(shape)
}

// compareConfigs warns where the model that weights are taken from was trained for another size or
// another prediction, and refuses another class of network.
func (t *trainer) compareConfigs(m *model.Model, files *checkpoint.Model) error {
	text, err := checkpoint.ReadText(files.Config)
	if err != nil {
		return err
	}
	cfg, err := nn.ParseConfig(text)
	if err != nil {
		return fmt.Errorf("--init: %s: %w", files.Config, err)
	}
	if there, here := cfg.ClassName(), m.Net.Config().ClassName(); there != here {
		return fmt.Errorf("--init %s: its network is a %s, network._class_name is %s", t.Init, there, here)
	}
	net, err := nn.New(cfg)
	if err != nil {
		return fmt.Errorf("--init: %s: %w", files.Config, err)
	}
	if s := net.Signature(); s.H > 0 && (s.H != m.H || s.W != m.W) {
		t.warn("%s was trained on samples of %dx%d, this run on %dx%d", t.Init, s.H, s.W, m.H, m.W)
	}
	if files.Scheduler == "" {
		return nil
	}
	there, err := checkpoint.ReadScheduler(files.Scheduler)
	if err != nil {
		t.warn("%v; whether this run's diffusion is that of %s is not known", err, t.Init)
		return nil
	}
	if here := m.Scheduler.PredictionType; there.PredictionType != here {
		return fmt.Errorf("--init %s: its network predicts %s, diffusion.prediction is %s: set diffusion.prediction=%s",
			t.Init, there.PredictionType, here, there.PredictionType)
	}
	return nil
}
