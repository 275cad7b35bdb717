package model_test

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels/rng"
)

// publishedConfigs holds the networks' configurations, NAME.json.
const publishedConfigs = "../nn/unet2d/testdata/published"

// published lists models that people download and how their files lie. Scheduler and index are in testdata/published.
var published = []struct {
	name    string
	network string // the network's folder, "." for a flat directory
	weights string
	legacy  bool // attention layers have the names of diffusers before 0.17
}{
	{"ddpm-cifar10-32", ".", "diffusion_pytorch_model.safetensors", true},
	{"ddpm-church-256", ".", "diffusion_pytorch_model.bin", true},
	{"ddpm-ema-bedroom-256", ".", "diffusion_pytorch_model.bin", true},
	{"audio-diffusion-256", "unet", "diffusion_pytorch_model.bin", true},
	{"ddpm-butterflies-128", "unet", "diffusion_pytorch_model.bin", true},
	{"train-unconditional-64-ema", "unet_ema", "diffusion_pytorch_model.safetensors", false},
	{"cd-imagenet64", "unet", "diffusion_pytorch_model.fp16.safetensors", false},
}

// TestPublishedModels writes random weights in the layout of each model, loads the directory and predicts. Channels are a
// quarter of the model's; UNNOISE_FULL_WIDTH=1 takes all of them (up to 460 MB a model).
func TestPublishedModels(t *testing.T) {
	if testing.Short() {
		t.Skip("seven networks of millions of parameters")
	}
	for _, p := range published {
		t.Run(p.name, func(t *testing.T) {
			from := filepath.Join("testdata/published", p.name)
			config := narrow(t, filepath.Join(publishedConfigs, p.name+".json"))
			dir := layout(t, map[string]string{filepath.Join(p.network, "config.json"): string(config)})
			scheduler := "scheduler_config.json"
			if p.network != "." {
				scheduler = "scheduler/" + scheduler
			}
			copyFile(t, filepath.Join(from, "scheduler_config.json"), filepath.Join(dir, scheduler))
			copyFile(t, filepath.Join(from, "model_index.json"), filepath.Join(dir, "model_index.json"))
			weights := randomWeights(t, config)
			writeWeights(t, filepath.Join(dir, p.network, p.weights), weights, p.legacy)
			predictPublished(t, dir, weights)
		})
	}
}

// narrow reads a configuration and divides its numbers of channels, unless UNNOISE_FULL_WIDTH is set.
func narrow(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UNNOISE_FULL_WIDTH") != "" {
		return text
	}
	document, err := pyjson.ParseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	const divisor = 4
	for _, key := range []string{"attention_head_dim", "norm_num_groups", "attn_norm_num_groups"} {
		if n, ok := document.Get(key); ok && n != nil {
			document.Set(key, integer(t, n)/divisor)
		}
	}
	channels, _ := document.Get("block_out_channels")
	var list []any
	for _, n := range channels.([]any) {
		list = append(list, integer(t, n)/divisor)
	}
	document.Set("block_out_channels", list)
	return pyjson.Encode(document)
}

func integer(t *testing.T, v any) int {
	t.Helper()
	n, err := pyjson.Int(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// randomWeights draws the parameters of a configuration's network.
func randomWeights(t *testing.T, config []byte) []checkpoint.Tensor {
	t.Helper()
	cfg, err := nn.ParseConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	sched, err := checkpoint.NewScheduler(checkpoint.DDPMScheduler)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Describe(cfg, sched)
	if err != nil {
		t.Fatal(err)
	}
	var list []checkpoint.Tensor
	for _, p := range m.Params.All() {
		data := make([]float32, p.Elements())
		rng.FillNormal(data, 3, 0, 0, rng.StreamID(p.Name))
		for i := range data {
			data[i] *= float32(1 / math.Sqrt(float64(max(1, len(data)/p.Shape[0]))))
		}
		list = append(list, checkpoint.Tensor{Name: p.Name, Shape: p.Shape, Data: data})
	}
	return list
}

// legacyNames are the names of attention layers before diffusers 0.17.
var legacyNames = strings.NewReplacer(".to_q.", ".query.", ".to_k.", ".key.", ".to_v.", ".value.", ".to_out.0.", ".proj_attn.")

// writeWeights writes safetensors or, under a name that ends in .bin, what torch.save writes.
func writeWeights(t *testing.T, path string, weights []checkpoint.Tensor, legacy bool) {
	t.Helper()
	named := append([]checkpoint.Tensor(nil), weights...)
	for i := range named {
		if legacy {
			named[i].Name = legacyNames.Replace(named[i].Name)
		}
	}
	var err error
	if filepath.Ext(path) == ".bin" {
		err = writeTorch(path, named)
	} else {
		err = checkpoint.Write(path, checkpoint.FormatPT(), named)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// writeTorch writes an OrderedDict of tensors in the zip format of torch.save.
func writeTorch(path string, tensors []checkpoint.Tensor) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	pkl, err := z.CreateHeader(&zip.FileHeader{Name: "archive/data.pkl"})
	if err != nil {
		return err
	}
	fmt.Fprint(pkl, "\x80\x02ccollections\nOrderedDict\n)R(")
	for i, w := range tensors {
		strides, n := make([]int, len(w.Shape)), 1
		for d := len(w.Shape) - 1; d >= 0; d-- {
			strides[d], n = n, n*w.Shape[d]
		}
		fmt.Fprintf(pkl, "V%s\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV%d\nVcpu\nI%d\ntQI0\n%s%s\x89NtR",
			w.Name, i, n, tuple(w.Shape), tuple(strides))
	}
	fmt.Fprint(pkl, "u.")
	for i, w := range tensors {
		data, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("archive/data/%d", i)})
		if err == nil {
			err = binary.Write(data, binary.LittleEndian, w.Data)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// tuple is the pickle code of a tuple of integers.
func tuple(items []int) string {
	var b strings.Builder
	b.WriteByte('(')
	for _, n := range items {
		fmt.Fprintf(&b, "I%d\n", n)
	}
	return b.String() + "t"
}

// predictPublished loads a directory, requires the weights that were written, and predicts an image of 64 pixels a side.
func predictPublished(t *testing.T, dir string, weights []checkpoint.Tensor) {
	t.Helper()
	m, err := model.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string][]float32{}
	for _, w := range weights {
		byName[w.Name] = w.Data
	}
	for _, p := range m.Params.All() {
		got := make([]float32, p.Elements())
		p.Take(m.Weights, got)
		for i, want := range byName[p.Name] {
			if got[i] != want {
				t.Fatalf("%s: element %d is %v, expected %v", p.Name, i, got[i], want)
			}
		}
	}
	x := model.NewImages(1, min(m.H, 64), min(m.W, 64), m.C)
	rng.FillNormal(x.Data, 4, 0, 0, 0)
	batch := model.Batch{X: x, T: []float32{500}}
	if len(m.Signature.Conditions) > 0 {
		batch.Labels = []int32{3}
	}
	y, err := m.Predict(exec.NewCPU(exec.CPUOptions{}), batch)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range y.Data {
		sum += float64(v) * float64(v)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		t.Errorf("the output's sum of squares is %v", sum)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o777)
	}
	if err == nil {
		err = os.WriteFile(to, text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
