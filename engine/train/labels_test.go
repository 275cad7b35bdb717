package train_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
)

// TestLabelDropout trains with dropped labels and samples with guidance: the checkpoint names the null label, has one embedding for
// it, and is the same after a stop and a resume.
func TestLabelDropout(t *testing.T) {
	dir := t.TempDir()
	writeIDX(t, dir, "train", 10, 8, 4, 3)
	writeIDX(t, dir, "t10k", 4, 8, 4, 3)
	take := func(out string, resume bool, set ...string) string {
		set = append(set, "network.num_class_embeds=4", "train.label_dropout=0.4", "sample.guidance_scale=2")
		r, err := recipe.Parse("pictures", fmt.Sprintf(pictures, dir), set)
		if err != nil {
			t.Fatal(err)
		}
		return run(t, train.Options{Recipe: r, Out: filepath.Join(dir, out), Resume: resume}).Checkpoint
	}
	whole := take("whole", false)
	take("parts", false, "train.steps=2")
	same(t, whole, take("parts", true))
	text, err := os.ReadFile(filepath.Join(whole, "unet", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"_null_label": 3`, `"num_class_embeds": 4`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("config.json lacks %s:\n%s", want, text)
		}
	}
	m, err := model.Load(whole, false)
	if err != nil {
		t.Fatal(err)
	}
	if l := m.Signature.Labels(); l.Null != 3 || l.Named() != 3 {
		t.Errorf("loaded labels are %+v", l)
	}
	moved := func(row int) (d float64) { // how far training moved an embedding, squared
		p, first := m.Params.Find("class_embedding.weight"), make([]float32, m.Params.Size())
		m.Params.Initialize(first, 0)
		was, is := make([]float32, p.Elements()), make([]float32, p.Elements())
		p.Take(first, was)
		p.Take(m.Weights, is)
		for i := range p.Shape[1] {
			e := float64(is[row*p.Shape[1]+i] - was[row*p.Shape[1]+i])
			d += e * e
		}
		return d
	}
	for row := range 4 {
		if moved(row) == 0 {
			t.Errorf("training did not move the embedding of label %d", row)
		}
	}
}

// TestLabelDropoutRefused names the key that has to change.
func TestLabelDropoutRefused(t *testing.T) {
	dir := t.TempDir()
	writeIDX(t, dir, "train", 10, 8, 4, 3)
	for want, set := range map[string][]string{
		"train.label_dropout = 1.5":                         {"train.label_dropout=1.5"},
		"want 4":                                            {"train.label_dropout=0.1", "network.num_class_embeds=3"},
		"set network.num_class_embeds":                      {"train.label_dropout=0.1", "network.num_class_embeds=null"},
		"sample.guidance_scale = 2":                         {"sample.guidance_scale=2"},
		"set train.label_dropout to 0.1":                    {"network._null_label=2"},
		"key \"_null_label\" is 1: want the last class":     {"network._null_label=1"},
		"sample.guidance_scale = NaN: want a finite number": {"sample.guidance_scale=nan"},
		"log.histogram_every = -1: want 0 (a fiftieth ":     {"log.histogram_every=-1"},
	} {
		r, err := recipe.Parse("pictures", fmt.Sprintf(pictures, dir), set)
		if err == nil {
			_, err = train.Run(context.Background(), train.Options{Recipe: r, Out: filepath.Join(t.TempDir(), "run"), Executor: cpu()})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", set, err, want)
		}
	}
}
