package recipe

import (
	"slices"
	"testing"
)

// FuzzParse: any text is a recipe that reads back as itself, or an error.
func FuzzParse(f *testing.F) {
	for _, name := range Presets() {
		text, err := presets.ReadFile("presets/" + name + ".toml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "train.steps=5")
	}
	f.Add("[train]\nsteps = 1\n[network]\n_class_name = \"UnnoiseMLP\"", "network.hidden=8")
	f.Add("[data]\nsource = 'x'\n[network]\n_class_name = \"UnnoiseMLP\"", "data.flip=true")
	f.Add("x = 1", "data.source=swissroll")
	f.Add("[diffusion]\nschedule = { kind = \"cosine\", timesteps = 3 }", "=")
	f.Fuzz(func(t *testing.T, text, set string) {
		r, err := Parse("fuzz", text, []string{set})
		if err != nil {
			return
		}
		written, err := r.Encode()
		if err != nil {
			t.Fatalf("a recipe that was read cannot be written: %v", err)
		}
		again, err := Parse("fuzz", string(written), nil)
		if err != nil {
			t.Fatalf("%s\ndoes not read back: %v", written, err)
		}
		if c := Changes(r, again); len(c) > 0 || r.Hash() != again.Hash() {
			slices.Sort(c)
			t.Fatalf("%s\nreads back with changes %v", written, c)
		}
	})
}
