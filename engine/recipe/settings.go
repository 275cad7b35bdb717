package recipe

import (
	"bytes"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// Setting describes one key of a recipe.
type Setting struct {
	Key     string `json:"key"`
	Type    string `json:"type"`    // text, number, whole number or true/false
	Default string `json:"default"` // as TOML
	About   string `json:"about"`
	// Resumable tells that --resume may change it: it does not change what is learned.
	Resumable bool `json:"resumable"`
}

// about explains every key, in one line that also stands in a run's config.toml.
var about = map[string]string{
	"data.cache_mb":   "memory for decoded pictures, in MB of 10^6 bytes",
	"data.flip":       "mirror images left to right at random; wrong for digits and letters",
	"data.layout":     "of .npy and .npz images: auto, nhwc or nchw",
	"data.num_points": "points of a 2-D set",
	"data.prefetch":   "batches made in advance",
	"data.seed":       "of a 2-D set, and of what is held out of sets that bring no test set",
	"data.skip_bad":   "leave out pictures that cannot be read; they are looked for before training",
	"data.source":     "a folder or archive of pictures, IDX or CIFAR files, a .npy or .npz file, or the name of a 2-D set",
	"data.workers":    "goroutines that make a batch; 0: one a processor",

	"diffusion.clip_sample_range":   "bound of the predicted x_0 when sampling; 0: none",
	"diffusion.huber_delta":         "error at which huber turns from squared to linear",
	"diffusion.loss":                "mse, huber or l1",
	"diffusion.objective.gamma":     "of min-snr; 0: 5",
	"diffusion.objective.kind":      "weight of timesteps: simple (all 1), bound (the variational bound) or min-snr",
	"diffusion.prediction":          "what the network predicts: epsilon, sample or v_prediction",
	"diffusion.schedule.beta_end":   "last beta; 0: 0.02",
	"diffusion.schedule.beta_start": "first beta; 0: 0.0001",
	"diffusion.schedule.cosine_s":   "offset s of cosine; 0: 0.008",
	"diffusion.schedule.kind":       "betas: linear, scaled-linear, quadratic, cosine, sigmoid, constant or jsd",
	"diffusion.schedule.max_beta":   "largest beta of cosine and jsd; 0: 0.999",
	"diffusion.schedule.timesteps":  "T, the steps of the forward process",
	"diffusion.variance":            "of the reverse process: fixed_small (posterior) or fixed_large (beta)",

	"log.histogram_every": "steps between histograms of weights and gradients; 0: a fiftieth of the run",
	"log.tensorboard":     "write event files to tensorboard/",

	"sample.eta":            "noise of ddim: 0 none, 1 as much as ddpm",
	"sample.guidance_scale": "weight of classifier-free guidance; 0 and 1: none",
	"sample.sampler":        "method of the pictures made along the way: unnoise sample --list names them",
	"sample.spacing":        "which timesteps a shorter chain visits: leading, trailing, linspace or quadratic; empty: the method's",
	"sample.steps":          "sampling steps; 0: the method's own number",

	"train.beta1":            "Adam's decay of the mean of gradients",
	"train.beta2":            "Adam's decay of the mean of squared gradients",
	"train.checkpoint_every": "steps between checkpoints; 0: only at the end",
	"train.ema_decay":        "decay of the averaged weights",
	"train.ema_warmup":       "decay min(ema_decay, (1+n)/(10+n)) at update n",
	"train.epsilon":          "Adam's epsilon",
	"train.eval_every":       "steps between held-out losses; 0: only at the end",
	"train.eval_samples":     "samples of a held-out loss",
	"train.keep_checkpoints": "newest checkpoints that are kept",
	"train.label_dropout":    "probability that a sample's class is hidden, for guidance; 0: never",
	"train.learning_rate":    "after the warm-up",
	"train.log_every":        "steps between lines of progress",
	"train.lr_decay_steps":   "step at which the cosine rate reaches 0; 0: train.steps, as the run begins",
	"train.lr_schedule":      "constant or cosine",
	"train.max_grad_norm":    "gradients with a larger global norm are scaled down to it; 0: never",
	"train.micro_batch":      "samples that are computed at once",
	"train.micro_batches":    "micro-batches of a step: their gradients are averaged",
	"train.sample_count":     "samples of a picture made along the way",
	"train.sample_every":     "steps between such pictures; 0: only at the end",
	"train.seed":             "of every random draw",
	"train.steps":            "steps in total",
	"train.warmup_steps":     "steps over which the rate rises from 0",
	"train.weight_decay":     "of AdamW, on matrices and convolutions only",
}

// Settings describes every key but the network's, which are those of its config.json, in order.
func Settings() []Setting {
	kinds := kindsOf(reflect.TypeFor[Recipe]())
	var list []Setting
	for key, value := range flatten(defaults()) {
		s := Setting{Key: key, Type: kinds[key], Default: value, About: about[key], Resumable: resumableKeys[key]}
		if s.Type == "text" {
			s.Default = fmt.Sprintf("%q", value)
		}
		list = append(list, s)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Key < list[j].Key })
	return list
}

// kindsOf names the type of every key in words.
func kindsOf(t reflect.Type) map[string]string {
	out := map[string]string{}
	var walk func(prefix string, t reflect.Type)
	walk = func(prefix string, t reflect.Type) {
		switch t.Kind() {
		case reflect.Struct:
			for i := range t.NumField() {
				if f := t.Field(i); f.IsExported() {
					walk(prefix+"."+f.Tag.Get("toml"), f.Type)
				}
			}
			return
		case reflect.String:
			out[prefix[1:]] = "text"
		case reflect.Bool:
			out[prefix[1:]] = "true/false"
		case reflect.Float64:
			out[prefix[1:]] = "number"
		case reflect.Int, reflect.Uint64:
			out[prefix[1:]] = "whole number"
		}
	}
	walk("", t)
	return out
}

// comment writes what each key is about above its line of an encoded recipe.
func comment(encoded []byte) []byte {
	var b bytes.Buffer
	table := ""
	for _, line := range strings.SplitAfter(string(encoded), "\n") {
		text := strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(text, "[") {
			table = strings.Trim(text, "[]") + "."
		}
		key, _, ok := strings.Cut(text, " = ")
		if words := about[table+key]; ok && words != "" {
			b.WriteString("# " + words + "\n")
		}
		b.WriteString(line)
	}
	return b.Bytes()
}
