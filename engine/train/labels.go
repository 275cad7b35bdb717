package train

import (
	"fmt"
	"maps"

	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	update "github.com/unnoise/unnoise/kernels/diffusion"
)

// dropLabels hides labels with the recipe's probability behind the network's null label.
func (p Programs) dropLabels(c *nn.Context, conditions map[string]kernels.Value) map[string]kernels.Value {
	if p.Recipe.Train.LabelDropout == 0 {
		return conditions
	}
	drop := update.LabelDropout{Null: p.Model.Signature.Labels().Null, Probability: p.Recipe.Train.LabelDropout, Stream: c.Stream("label_dropout")}
	kept := maps.Clone(conditions)
	kept[nn.LabelsInput] = kernels.Emit1(c.G, drop, conditions[nn.LabelsInput])
	return kept
}

// checkConditions verifies that the data have what the network is conditioned on.
func (t *trainer) checkConditions(conditions []nn.Condition) error {
	for _, k := range conditions {
		switch {
		case k.Name != nn.LabelsInput:
			return fmt.Errorf("the network is conditioned on %s, which %s does not have", k, t.Recipe.Data.Source)
		case k.Kind != nn.ClassCondition || t.source.train.Classes() == 0:
			return fmt.Errorf("the network is conditioned on labels that %s does not have", t.Recipe.Data.Source)
		}
		if err := t.checkClasses(k); err != nil {
			return err
		}
	}
	return nil
}

// checkClasses verifies that the network has a class for each of the data's.
func (t *trainer) checkClasses(l nn.Condition) error {
	have, source := t.source.train.Classes(), t.Recipe.Data.Source
	switch {
	case l.Classes == 0 || l.Named() >= have:
		return nil
	case l.Null > 0:
		return fmt.Errorf("network.num_class_embeds = %d: %s has %d classes, and train.label_dropout needs one more: want %d", l.Classes, source,
			have, have+1)
	}
	return fmt.Errorf("network.num_class_embeds = %d: %s has %d classes", l.Classes, source, have)
}
