package model

import (
	"slices"

	"github.com/unnoise/unnoise/engine/checkpoint"
)

// Difference is a tensor that a file and a network do not share.
type Difference struct {
	Name string
	Have []int // shape in the file; nil: the file lacks it
	Want []int // shape in the network; nil: the network lacks it
}

// ReadFitting fills the arena from the tensors of a network's weights that the model has in the same
// shape, see checkpoint.OpenWeights. The others stay as they are and are returned.
func (m *Model) ReadFitting(path string) ([]Difference, error) {
	f, err := checkpoint.OpenWeights(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var differences []Difference
	known := map[string]bool{}
	for _, p := range m.Params.All() {
		known[p.Name] = true
		have, ok := f.Shape(p.Name)
		if !ok || !slices.Equal(have, p.Shape) {
			differences = append(differences, Difference{Name: p.Name, Have: have, Want: p.Shape})
			continue
		}
		buf := make([]float32, p.Elements())
		if err := f.ReadFloat32(p.Name, buf); err != nil {
			return nil, err
		}
		p.Put(m.Weights, buf)
	}
	for _, name := range f.Names() {
		if have, _ := f.Shape(name); !known[name] {
			differences = append(differences, Difference{Name: name, Have: have})
		}
	}
	return differences, nil
}
