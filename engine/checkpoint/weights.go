package checkpoint

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Weights is the file, or files, of a network seen under today's diffusers
// names: tensors with the attention names of diffusers before 0.17 are
// renamed, and a 1x1 convolution in their place loses its two last
// dimensions, as diffusers does on loading.
type Weights struct {
	file  source
	names []string
	from  map[string]string // public name -> name in the file
}

// attentionNames maps the last name part of legacy attention layers.
var attentionNames = map[string]string{"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}

// OpenWeights opens a network's weights: a safetensors file, an index of shards (NAME.index.json), or a file of torch.save
// (.bin, .pt, .pth). The caller closes them.
func OpenWeights(path string) (*Weights, error) {
	f, err := openSource(path)
	if err != nil {
		return nil, err
	}
	w := &Weights{file: f, from: map[string]string{}}
	for _, name := range f.Names() {
		public := PublicName(name)
		if _, twin := f.Info("time_proj.weight"); twin && name == "time_proj.W" {
			continue // diffusers registers the Fourier frequencies under both names
		}
		if other, dup := w.from[public]; dup {
			f.Close()
			return nil, fmt.Errorf("%s: %q and %q are the same parameter", path, other, name)
		}
		w.from[public] = name
		w.names = append(w.names, public)
	}
	slices.Sort(w.names)
	return w, nil
}

// PublicName returns today's diffusers name of a tensor.
func PublicName(name string) string {
	if name == "time_proj.W" {
		return "time_proj.weight"
	}
	parts := strings.Split(name, ".")
	n := len(parts)
	if n < 4 || parts[n-4] != "attentions" {
		return name
	}
	if renamed, ok := attentionNames[parts[n-2]]; ok {
		parts[n-2] = renamed
	}
	return strings.Join(parts, ".")
}

// Close closes the file.
func (w *Weights) Close() error { return w.file.Close() }

// Names returns the public names, sorted. The caller must not change the slice.
func (w *Weights) Names() []string { return w.names }

// Shape returns a tensor's shape and whether it exists.
func (w *Weights) Shape(name string) ([]int, bool) {
	from, ok := w.from[name]
	if !ok {
		return nil, false
	}
	info, _ := w.file.Info(from)
	shape := info.Shape
	if n := len(shape); n == 4 && shape[2] == 1 && shape[3] == 1 && strings.Contains(name, ".attentions.") {
		shape = shape[:2]
	}
	return shape, true
}

// ReadFloat32 reads a tensor by its public name; see File.ReadFloat32. A NaN or an infinity is an error: a network with one
// has no use.
func (w *Weights) ReadFloat32(name string, dst []float32) error {
	from, ok := w.from[name]
	if !ok {
		return fmt.Errorf("%s: no tensor %q", w.file.Path(), name)
	}
	if err := w.file.ReadFloat32(from, dst); err != nil {
		return err
	}
	for i, v := range dst {
		if v-v != 0 {
			return fmt.Errorf("%s: tensor %q holds %v at element %d: expected finite weights; take another checkpoint of the model",
				w.file.Path(), from, v, i)
		}
	}
	return nil
}

// Match compares the file with the tensors a network expects (Data and Fill
// are not used). The error names the first wrong shape, else the missing and
// the unexpected names.
func (w *Weights) Match(want []Tensor) error {
	var missing []string
	expected := make(map[string]bool, len(want))
	for _, t := range want {
		expected[t.Name] = true
		shape, ok := w.Shape(t.Name)
		if !ok {
			missing = append(missing, t.Name)
		} else if !slices.Equal(shape, t.Shape) {
			return fmt.Errorf("%s: tensor %q has shape %v, the network of %s wants %v", w.file.Path(), t.Name, shape, configFile, t.Shape)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: %s that the network of %s wants: %s", w.file.Path(), count(len(missing), "missing tensor"), configFile, abbreviate(missing))
	}
	extra := slices.DeleteFunc(slices.Clone(w.names), func(name string) bool { return expected[name] })
	if len(extra) > 0 {
		return fmt.Errorf("%s: %s that the network of %s does not have: %s", w.file.Path(), count(len(extra), "tensor"), configFile, abbreviate(extra))
	}
	return nil
}

// count returns "1 tensor" or "3 tensors".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// abbreviate lists the first names.
func abbreviate(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// WeightChanges says how the weights at path differ from one safetensors file of float32 tensors under today's names.
func WeightChanges(path string) ([]string, error) {
	w, err := OpenWeights(path)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	var changes []string
	if filepath.Base(path) != weightsFile {
		changes = append(changes, fmt.Sprintf("%s becomes %s", filepath.Base(path), weightsFile))
	}
	renamed, types := 0, map[DType]int{}
	for _, name := range w.names {
		from := w.from[name]
		if from != name {
			renamed++
		}
		if info, _ := w.file.Info(from); info.DType != F32 {
			types[info.DType]++
		}
	}
	if renamed > 0 {
		changes = append(changes, fmt.Sprintf("%s renamed to the names that diffusers has used since 0.17", count(renamed, "tensor")))
	}
	for _, d := range slices.Sorted(maps.Keys(types)) {
		changes = append(changes, fmt.Sprintf("%s of type %s become F32", count(types[d], "tensor"), d))
	}
	return changes, nil
}
