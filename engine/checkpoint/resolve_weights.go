package checkpoint

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// weightsStem starts the names of diffusers' weights: STEM[.VARIANT].safetensors.
const weightsStem = "diffusion_pytorch_model"

// The forms of weights, in the order of preference.
const (
	formSafetensors = iota
	formShards
	formPickle
	formPickleShards
)

// weightsName is what the name of a file of weights says.
type weightsName struct {
	name    string
	variant string // fp16, non_ema; "" for the plain file
	form    int
}

// shardName matches one of several files, which an index lists.
var shardName = regexp.MustCompile(`-\d+-of-\d+\.(safetensors|bin)$`)

// parseWeightsName reads names such as diffusion_pytorch_model.fp16.safetensors or
// diffusion_pytorch_model.safetensors.index.fp16.json. Releases of diffusers put the variant in different places.
func parseWeightsName(name string) (weightsName, bool) {
	rest, ok := strings.CutPrefix(name, weightsStem+".")
	if !ok || shardName.MatchString(name) {
		return weightsName{}, false
	}
	w := weightsName{name: name, form: -1}
	index := false
	var variant []string
	for _, part := range strings.Split(rest, ".") {
		switch part {
		case "safetensors":
			w.form = formSafetensors
		case "bin", "pt", "pth":
			w.form = formPickle
		case "index":
			index = true
		case "json":
		default:
			variant = append(variant, part)
		}
	}
	w.variant = strings.Join(variant, ".")
	isJSON := strings.HasSuffix(name, ".json")
	if w.form < 0 || index != isJSON || w.variant != "" && !isJSON && strings.HasSuffix(name, w.variant) {
		return weightsName{}, false
	}
	if index {
		w.form++
	}
	return w, true
}

// findWeights returns the weights in a network's folder: those of the variant, without one the plain ones, else those of the
// only variant, else the only file of weights under another name. The note says what was taken that is not the plain file.
func findWeights(dir, variant string) (path, note string, err error) {
	items, err := os.ReadDir(dir)
	if err != nil {
		return "", "", err
	}
	var found []weightsName
	for _, item := range items {
		if w, ok := parseWeightsName(item.Name()); ok && existing(dir, item.Name()) != "" {
			found = append(found, w)
		}
	}
	slices.SortFunc(found, func(a, b weightsName) int {
		return cmp.Or(cmp.Compare(a.variant, b.variant), cmp.Compare(a.form, b.form), cmp.Compare(a.name, b.name))
	})
	if len(found) == 0 && variant == "" {
		return otherWeights(dir, items)
	}
	variants := slices.Compact(variantsOf(found))
	switch {
	case variant == "" && found[0].variant != "" && len(variants) > 1:
		return "", "", fmt.Errorf("%s: no plain weights, but variants %s: choose one with --variant", dir, strings.Join(variants, ", "))
	case variant == "" && found[0].variant != "":
		note = fmt.Sprintf("%s: no plain weights, the variant %q is taken: %s", dir, found[0].variant, found[0].name)
	case variant != "" && !slices.Contains(variants, variant):
		return "", "", fmt.Errorf("%s: no weights of variant %q; there are: %s", dir, variant, variantList(variants))
	}
	at := max(slices.Index(variantsOf(found), variant), 0)
	return filepath.Join(dir, found[at].name), note, nil
}

func variantsOf(found []weightsName) []string {
	var list []string
	for _, w := range found {
		list = append(list, w.variant)
	}
	return list
}

// variantList names variants for a message.
func variantList(variants []string) string {
	if len(variants) == 0 {
		return "none"
	}
	named := slices.Clone(variants)
	if named[0] == "" {
		named[0] = "the plain ones"
	}
	return strings.Join(named, ", ")
}

// notWeights matches what training programs leave beside a network: optimizer.bin, scheduler.bin, random_states_0.pkl.
var notWeights = regexp.MustCompile(`^(optimizer|scheduler|random_states|training_args|training_state|scaler|sampler|rng_state)`)

// otherWeights takes the only file of weights under a name that is not diffusers'.
func otherWeights(dir string, items []os.DirEntry) (path, note string, err error) {
	var names []string
	for _, ext := range []string{".safetensors", ".bin .pt .pth"} {
		for _, item := range items {
			name := item.Name()
			isWeights := filepath.Ext(name) != "" && slices.Contains(strings.Fields(ext), filepath.Ext(name))
			if isWeights && !notWeights.MatchString(name) && existing(dir, name) != "" {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			break
		}
	}
	switch len(names) {
	case 0:
		return "", "", fmt.Errorf("%s: no %s%s", dir, weightsFile, foreignWeights(dir))
	case 1:
		return filepath.Join(dir, names[0]), fmt.Sprintf("%s: no %s, %s is taken", dir, weightsFile, names[0]), nil
	}
	return "", "", fmt.Errorf("%s: no %s, but %s: rename the one to use", dir, weightsFile, abbreviate(names))
}

// foreignWeights says which weights of other frameworks are there.
func foreignWeights(dir string) string {
	for name, what := range map[string]string{"diffusion_flax_model.msgpack": "Flax", "model.onnx": "ONNX"} {
		if existing(dir, name) != "" {
			return fmt.Sprintf("; %s holds weights for %s, which are not read: save the model from PyTorch", name, what)
		}
	}
	return ""
}
