package train_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/train"
)

// TestInit: a run begins with the averaged weights of a run or a diffusers directory, and is continued
// from them after an end before its first checkpoint.
func TestInit(t *testing.T) {
	dir := t.TempDir()
	first := run(t, train.Options{Recipe: tiny(t), Out: filepath.Join(dir, "first")})
	scratch := run(t, train.Options{Recipe: tiny(t, "train.steps=1"), Out: filepath.Join(dir, "scratch")})
	exported := filepath.Join(dir, "exported")
	if err := first.Model.Save(exported); err != nil {
		t.Fatal(err)
	}
	for i, from := range []string{filepath.Join(dir, "first"), first.Checkpoint, exported} {
		out := filepath.Join(dir, "tuned", string(rune('a'+i)))
		res := run(t, train.Options{Recipe: tiny(t, "train.steps=1"), Out: out, Init: from})
		if res.Evaluation.HeldOut >= scratch.Evaluation.HeldOut {
			t.Errorf("%s: got a held-out loss of %v, expected less than %v from scratch", from, res.Evaluation.HeldOut, scratch.Evaluation.HeldOut)
		}
		begun, err := model.Load(filepath.Join(out, "checkpoints", "step-0"), true)
		if err != nil {
			t.Fatal(err)
		}
		for k, w := range first.Model.Weights {
			if begun.Weights[k] != w {
				t.Fatalf("%s: weight %d: got %v, expected %v", from, k, begun.Weights[k], w)
			}
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	parts, o := filepath.Join(dir, "parts"), train.Options{Recipe: tiny(t, "train.steps=1"), Executor: cpu()}
	o.Out, o.Init, o.OnCheckpoint = parts, exported, func(int, string) { cancel() }
	if _, err := train.Run(ended, o); err == nil {
		t.Fatal("a run that was ended ended well")
	}
	res := run(t, train.Options{Recipe: tiny(t, "train.steps=1"), Out: parts, Resume: true})
	same(t, filepath.Join(dir, "tuned", "c", "checkpoints", "step-1"), res.Checkpoint)
}

// TestInitDiffers: other shapes are named; the classes are begun anew only where that is asked for.
func TestInitDiffers(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	pictureFolder(t, data, 12)
	from := filepath.Join(dir, "from")
	run(t, train.Options{Recipe: pictureRecipe(t, data, "train.steps=1"), Out: from})
	for set, want := range map[string]string{
		"network.num_class_embeds=3":       "class_embedding.weight ([2 16] there, [3 16] here); --init-partial",
		"network.block_out_channels=[4,6]": "the network is another one",
		"diffusion.prediction=sample":      "set diffusion.prediction=epsilon",
	} {
		o := train.Options{Recipe: pictureRecipe(t, data, "train.steps=1", set), Out: filepath.Join(dir, "new"), Init: from, Executor: cpu()}
		if _, err := train.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, expected one with %q", set, err, want)
		}
	}
	var w warned
	r := pictureRecipe(t, data, "train.steps=1", "network.num_class_embeds=3", "network.sample_size=12")
	run(t, train.Options{Recipe: r, Out: filepath.Join(dir, "partial"), Init: from, InitPartial: true, OnWarning: w.add})
	if text := strings.Join(w, "\n"); !strings.Contains(text, "begun anew") || !strings.Contains(text, "8x8, this run on 12x12") {
		t.Errorf("got warnings %q, expected the size and the classes", text)
	}
}
