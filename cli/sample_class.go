package cli

import (
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
)

// readClass fills the labels, and the weight of guidance: the flag's, or the run's own.
func readClass(c *urfave.Context, m *model.Model, r *recipe.Recipe, o *sample.Options) error {
	l := m.Signature.Labels()
	if l.Kind != nn.ClassCondition {
		if c.IsSet("class") {
			return usagef("--class %s: the model is not conditioned on classes", c.String("class"))
		}
	} else {
		classes, err := parseClasses(c.String("class"), c.IsSet("class"), l)
		if err != nil {
			return err
		}
		o.Labels = make([]int32, o.N)
		for i := range o.Labels {
			o.Labels[i] = classes[i%len(classes)]
		}
	}
	switch {
	case c.IsSet("guidance"):
		o.Guidance = c.Float64("guidance")
		if o.Guidance == 0 { // the prediction without label alone
			if l.Null == 0 {
				return usagef("--guidance 0: the network has no null label to predict without class; it was trained without train.label_dropout")
			}
			for i := range o.Labels {
				o.Labels[i] = int32(l.Null)
			}
		}
	case r != nil:
		o.Guidance = r.Sample.GuidanceScale
	}
	if c.String("class") == "none" {
		o.Guidance = 1
	}
	if err := sample.CheckGuidance(m, o.Guidance); err != nil {
		return usagef("--%w", err)
	}
	return nil
}

// parseClasses reads a list of class numbers, "all" or "none", for a network's labels.
func parseClasses(list string, set bool, l nn.Condition) ([]int32, error) {
	named := l.Named()
	switch {
	case !set && named == 0:
		return nil, usagef("the model is conditioned on a class number: choose one with --class")
	case !set:
		return nil, usagef("the model is conditioned on %d classes: choose one with --class 0..%d, several as 0,3,5, or all", named, named-1)
	case list == "none" && l.Null == 0:
		return nil, usagef("--class none: the model has no null label, it was trained without train.label_dropout")
	case list == "none":
		return []int32{int32(l.Null)}, nil
	case list == "all" && named == 0:
		return nil, usagef("--class all: the model takes any number, name those that you want")
	}
	var classes []int32
	if list == "all" {
		for k := range named {
			classes = append(classes, int32(k))
		}
		return classes, nil
	}
	for _, word := range strings.Split(list, ",") {
		k, err := strconv.ParseInt(strings.TrimSpace(word), 10, 32)
		switch {
		case err != nil:
			return nil, usagef("--class %s: want a class number, several with commas between them, all, or none", list)
		case named > 0 && (k < 0 || int(k) >= named):
			return nil, usagef("--class %d: the model has classes 0..%d", k, named-1)
		case k < 0:
			return nil, usagef("--class %d: want a number from 0 on", k)
		}
		classes = append(classes, int32(k))
	}
	return classes, nil
}
