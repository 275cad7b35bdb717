package checkpoint

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestResolveDiffusersDirectories(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		want  Model
	}{
		"nested": {
			[]string{"model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.bin", "scheduler/scheduler_config.json"},
			Model{Config: "unet/config.json", Weights: "unet/diffusion_pytorch_model.safetensors", Index: "model_index.json", Scheduler: "scheduler/scheduler_config.json"},
		},
		"flat": {
			[]string{"model_index.json", "config.json", "diffusion_pytorch_model.safetensors", "scheduler_config.json"},
			Model{Config: "config.json", Weights: "diffusion_pytorch_model.safetensors", Index: "model_index.json", Scheduler: "scheduler_config.json"},
		},
		"network only": {
			[]string{"config.json", "diffusion_pytorch_model.safetensors"},
			Model{Config: "config.json", Weights: "diffusion_pytorch_model.safetensors"},
		},
		"half precision": {
			[]string{"unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors"},
			Model{Config: "unet/config.json", Weights: "unet/diffusion_pytorch_model.fp16.safetensors",
				Notes: []string{"DIR/unet: no plain weights, the variant \"fp16\" is taken: diffusion_pytorch_model.fp16.safetensors"}},
		},
		"pickle": {
			[]string{"config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.safetensors"},
			Model{Config: "config.json", Weights: "diffusion_pytorch_model.bin"},
		},
		"shards": {
			[]string{"unet/config.json", "unet/diffusion_pytorch_model.safetensors.index.json",
				"unet/diffusion_pytorch_model-00001-of-00002.safetensors", "unet/diffusion_pytorch_model.bin"},
			Model{Config: "unet/config.json", Weights: "unet/diffusion_pytorch_model.safetensors.index.json"},
		},
		"moving average only": {
			[]string{"unet_ema/config.json", "unet_ema/diffusion_pytorch_model.safetensors", "model_index.json"},
			Model{Config: "unet_ema/config.json", Weights: "unet_ema/diffusion_pytorch_model.safetensors", Index: "model_index.json",
				Notes: []string{"DIR has no unet/, so unet_ema/ is taken"}},
		},
		"both": {
			[]string{"unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet_ema/config.json"},
			Model{Config: "unet/config.json", Weights: "unet/diffusion_pytorch_model.safetensors",
				Notes: []string{"DIR/unet/ is taken; the moving average of its weights is in DIR/unet_ema"}},
		},
		"another name": {
			[]string{"config.json", "model.pt", "optimizer.pt", "training_state.safetensors"},
			Model{Config: "config.json", Weights: "model.pt", State: "training_state.safetensors",
				Notes: []string{"DIR: no diffusion_pytorch_model.safetensors, model.pt is taken"}},
		},
		"checkpoint": {
			[]string{"unet/config.json", "unet/diffusion_pytorch_model.safetensors", "training_state.safetensors"},
			Model{Config: "unet/config.json", Weights: "unet/diffusion_pytorch_model.safetensors", State: "training_state.safetensors"},
		},
	} {
		dir := t.TempDir()
		files := map[string]string{}
		for _, f := range c.files {
			files[f] = ""
		}
		writeFiles(t, dir, files)
		m, err := ResolveModel(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := c.want
		want.Dir = dir
		for _, p := range []*string{&want.Config, &want.Weights, &want.Index, &want.Scheduler, &want.State} {
			if *p != "" {
				*p = filepath.Join(dir, *p)
			}
		}
		for i := range m.Notes {
			m.Notes[i] = filepath.ToSlash(strings.ReplaceAll(m.Notes[i], dir, "DIR"))
		}
		if !reflect.DeepEqual(*m, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, *m, want)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	for want, files := range map[string][]string{
		"variants fp16, non_ema: choose one":  {"unet/config.json", "unet/diffusion_pytorch_model.fp16.bin", "unet/diffusion_pytorch_model.non_ema.safetensors"},
		"but a.pt, b.bin: rename the one":     {"unet/config.json", "unet/a.pt", "unet/b.bin"},
		"for Flax, which are not read":        {"unet/config.json", "unet/diffusion_flax_model.msgpack"},
		"no diffusion_pytorch_model.safe":     {"unet/config.json"},
		"no config.json there or in unet/":    {"README.md"},
		"no config.json there or in unet/: w": {"config.json/unet", "unet/config.json/config.json"},
		"no complete checkpoint":              {"checkpoints/.unnoise-tmp-step-3/unet/config.json"},
		"want a run, a checkpoint or a diffu": {"unet/model.safetensors"},
	} {
		dir := t.TempDir()
		for _, f := range files {
			writeFiles(t, dir, map[string]string{f: ""})
		}
		if _, err := ResolveModel(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%v: error %v, want one with %q", files, err, want)
		}
	}
	if _, err := ResolveModel(filepath.Join(t.TempDir(), "nowhere")); !os.IsNotExist(err) {
		t.Errorf("missing path: %v", err)
	}
}

func TestParseWeightsName(t *testing.T) {
	for name, want := range map[string]*weightsName{
		"diffusion_pytorch_model.safetensors":                     {variant: "", form: formSafetensors},
		"diffusion_pytorch_model.fp16.safetensors":                {variant: "fp16", form: formSafetensors},
		"diffusion_pytorch_model.non_ema.bin":                     {variant: "non_ema", form: formPickle},
		"diffusion_pytorch_model.fp16.non_ema.bin":                {variant: "fp16.non_ema", form: formPickle},
		"diffusion_pytorch_model.safetensors.index.json":          {variant: "", form: formShards},
		"diffusion_pytorch_model.safetensors.index.fp16.json":     {variant: "fp16", form: formShards},
		"diffusion_pytorch_model.fp16.safetensors.index.json":     {variant: "fp16", form: formShards},
		"diffusion_pytorch_model.safetensors.fp16.index.json":     {variant: "fp16", form: formShards},
		"diffusion_pytorch_model.bin.index.json":                  {variant: "", form: formPickleShards},
		"diffusion_pytorch_model-00001-of-00002.safetensors":      nil,
		"diffusion_pytorch_model.fp16-00001-of-00002.safetensors": nil,
		"diffusion_pytorch_model.safetensors.json":                nil,
		"diffusion_pytorch_model.safetensors.index":               nil,
		"diffusion_pytorch_model.safetensors.part":                nil,
		"diffusion_pytorch_model.msgpack":                         nil,
		"diffusion_flax_model.safetensors":                        nil,
		"config.json":                                             nil,
	} {
		got, ok := parseWeightsName(name)
		if ok != (want != nil) || ok && (got.variant != want.variant || got.form != want.form) {
			t.Errorf("%s: got %+v, %v", name, got, ok)
		}
	}
}

func TestResolveVariant(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"config.json", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.bin",
		"diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.non_ema.bin"} {
		writeFiles(t, dir, map[string]string{name: ""})
	}
	for variant, want := range map[string]string{"": "diffusion_pytorch_model.safetensors",
		"fp16": "diffusion_pytorch_model.fp16.safetensors", "non_ema": "diffusion_pytorch_model.non_ema.bin"} {
		m, err := ResolveVariant(dir, variant)
		if err != nil || filepath.Base(m.Weights) != want || len(m.Notes) > 0 {
			t.Errorf("variant %q: %+v, %v", variant, m, err)
		}
	}
	if _, err := ResolveVariant(dir, "bf16"); err == nil || !strings.Contains(err.Error(), "the plain ones, fp16, non_ema") {
		t.Errorf("variant that is not there: %v", err)
	}
}

// TestResolveNetworkFolder names the network's folder: the scheduler and the index beside it are found.
func TestResolveNetworkFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"model_index.json", "scheduler/scheduler_config.json", "unet/config.json",
		"unet/diffusion_pytorch_model.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"} {
		writeFiles(t, dir, map[string]string{name: ""})
	}
	m, err := ResolveModel(filepath.Join(dir, "unet"))
	if err != nil || m.Scheduler != filepath.Join(dir, "scheduler/scheduler_config.json") || m.Index == "" || len(m.Notes) != 1 {
		t.Errorf("unet: %+v, %v", m, err)
	}
	if m, err = ResolveModel(filepath.Join(dir, "vae")); err != nil || m.Scheduler != "" || m.Index != "" {
		t.Errorf("another folder: %+v, %v", m, err)
	}
}

func TestPublicName(t *testing.T) {
	for name, want := range map[string]string{
		"down_blocks.1.attentions.0.query.weight":  "down_blocks.1.attentions.0.to_q.weight",
		"mid_block.attentions.0.proj_attn.bias":    "mid_block.attentions.0.to_out.0.bias",
		"up_blocks.2.attentions.1.key.bias":        "up_blocks.2.attentions.1.to_k.bias",
		"up_blocks.2.attentions.1.value.weight":    "up_blocks.2.attentions.1.to_v.weight",
		"mid_block.attentions.0.to_out.0.weight":   "mid_block.attentions.0.to_out.0.weight",
		"mid_block.attentions.0.group_norm.weight": "mid_block.attentions.0.group_norm.weight",
		"query.weight":                              "query.weight",
		"time_proj.W":                               "time_proj.weight",
		"down_blocks.0.resnets.0.conv1.weight":      "down_blocks.0.resnets.0.conv1.weight",
		"down_blocks.1.attentions.0.to_q.lora.down": "down_blocks.1.attentions.0.to_q.lora.down",
	} {
		if got := PublicName(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
}

// writeWeights writes tensors of ones.
func writeWeights(t *testing.T, tensors ...Tensor) string {
	t.Helper()
	for i := range tensors {
		tensors[i].Fill = func(dst []float32) error {
			for j := range dst {
				dst[j] = float32(i + 1)
			}
			return nil
		}
	}
	path := filepath.Join(t.TempDir(), weightsFile)
	if err := Write(path, FormatPT(), tensors); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWeightsWithLegacyNames(t *testing.T) {
	const prefix = "mid_block.attentions.0."
	w, err := OpenWeights(writeWeights(t,
		Tensor{Name: prefix + "query.weight", Shape: []int{4, 4, 1, 1}}, Tensor{Name: prefix + "proj_attn.weight", Shape: []int{4, 4}},
		Tensor{Name: "time_proj.W", Shape: []int{3}}, Tensor{Name: "time_proj.weight", Shape: []int{3}}))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	want := []string{prefix + "to_out.0.weight", prefix + "to_q.weight", "time_proj.weight"}
	if !slices.Equal(w.Names(), want) {
		t.Errorf("names %v, want %v", w.Names(), want)
	}
	if shape, ok := w.Shape(prefix + "to_q.weight"); !ok || !slices.Equal(shape, []int{4, 4}) {
		t.Errorf("shape %v", shape)
	}
	got := make([]float32, 16)
	if err := w.ReadFloat32(prefix+"to_out.0.weight", got); err != nil || got[15] != 2 {
		t.Errorf("read %v, %v", got, err)
	}
	if err := w.ReadFloat32(prefix+"query.weight", got); err == nil {
		t.Error("a legacy name is still readable")
	}
	if _, err := OpenWeights(writeWeights(t, Tensor{Name: prefix + "query.bias", Shape: []int{1}}, Tensor{Name: prefix + "to_q.bias", Shape: []int{1}})); err == nil ||
		!strings.Contains(err.Error(), "the same parameter") {
		t.Errorf("both names: %v", err)
	}
}

func TestMatch(t *testing.T) {
	w, err := OpenWeights(writeWeights(t, Tensor{Name: "a", Shape: []int{2, 3}}, Tensor{Name: "b", Shape: []int{1}}))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, c := range []struct {
		want []Tensor
		text string
	}{
		{[]Tensor{{Name: "a", Shape: []int{3, 2}}, {Name: "b", Shape: []int{1}}}, `tensor "a" has shape [2 3], the network of config.json wants [3 2]`},
		{[]Tensor{{Name: "a", Shape: []int{2, 3}}}, "1 tensor that the network of config.json does not have: b"},
		{[]Tensor{{Name: "a", Shape: []int{2, 3}}, {Name: "b", Shape: []int{1}}, {Name: "c"}, {Name: "d"}, {Name: "e"}, {Name: "f"}, {Name: "g"}, {Name: "h"}},
			"6 missing tensors that the network of config.json wants: c, d, e, f, g, and 1 more"},
	} {
		if err := w.Match(c.want); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("error %v, want one with %q", err, c.text)
		}
	}
	if err := w.Match([]Tensor{{Name: "b", Shape: []int{1}}, {Name: "a", Shape: []int{2, 3}}}); err != nil {
		t.Error(err)
	}
}

func TestLegacyFileReadsAsTheNewOne(t *testing.T) {
	want := slices.DeleteFunc(cifar10Tensors(), func(t Tensor) bool { return !strings.Contains(t.Name, "attentions") })
	legacy := slices.Clone(want)
	for i := range legacy {
		legacy[i].Name = legacyName(legacy[i].Name)
	}
	w, err := OpenWeights(writeWeights(t, legacy...))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Match(want); err != nil {
		t.Error(err)
	}
}
