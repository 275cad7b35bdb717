package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/unnoise/unnoise/cli"
	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/nn/config"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/embed"
)

// affine is a network that the project does not have: out(x) + time(t) for points in the plane.
type affine struct {
	Width    int
	document *pyjson.Object
}

const affineDefaults = `{"_class_name": "TestAffine", "_diffusers_version": "0.30.0", "width": 4}`

// registerAffine is all that the program is told of it.
var registerAffine = sync.OnceFunc(func() {
	nn.Register(nn.Class{Name: "TestAffine", Doc: "a network of this test"}, parseAffine,
		func(a *affine) nn.Network { return a })
})

func (a *affine) fields() []pyjson.Field { return []pyjson.Field{{Key: "width", Ptr: &a.Width}} }

func parseAffine(data []byte) (*affine, error) {
	a := &affine{}
	var err error
	if a.document, err = config.Parse(data, "TestAffine", a.fields(), config.MustObject(affineDefaults)); err != nil {
		return nil, err
	}
	return a, a.Validate()
}

func (a *affine) ClassName() string { return "TestAffine" }
func (a *affine) Validate() error   { return config.InRange("width", a.Width, 1, 64) }
func (a *affine) JSON() []byte {
	return config.Text(a.document, a.fields(), config.MustObject(affineDefaults))
}
func (a *affine) Channels() (in, out int) { return 2, 2 }
func (a *affine) Config() nn.Config       { return a }
func (a *affine) Signature() nn.Signature { return nn.Signature{Layout: nn.Points, H: 1, W: 1} }

func (a *affine) Forward(c *nn.Context, in nn.Inputs) kernels.Value {
	e := kernels.Emit1(c.G, embed.Sinusoidal{Dim: 2 * a.Width}, in.T)
	e = c.Linear(e, kernels.Value{}, nn.LinearLayer{Name: "time", Out: a.Width})
	h := c.Linear(in.X, e, nn.LinearLayer{Name: "in", Out: a.Width})
	h = kernels.Emit1(c.G, elementwise.Activation{Kind: elementwise.SiLU}, h)
	return c.Linear(h, kernels.Value{}, nn.LinearLayer{Name: "out", Out: 2, Output: true})
}

const affineRecipe = `
[network]
_class_name = "TestAffine"
width = 6
[data]
source = "swissroll"
[diffusion]
schedule = { kind = "linear", timesteps = 8 }
[train]
steps = 2
micro_batch = 4
sample_count = 4
eval_samples = 4
`

// TestNewNetwork adds a network in one place and uses it by its class name: a recipe trains it, the
// command line inspects and samples it, checkpoints hold it.
func TestNewNetwork(t *testing.T) {
	registerAffine()
	dir := t.TempDir()
	recipeFile, run := filepath.Join(dir, "affine.toml"), filepath.Join(dir, "run")
	if err := os.WriteFile(recipeFile, []byte(affineRecipe), 0o666); err != nil {
		t.Fatal(err)
	}
	unnoise := func(args ...string) string {
		t.Helper()
		var out, messages bytes.Buffer
		if code := cli.Main(append([]string{"unnoise"}, args...), &out, &messages); code != 0 {
			t.Fatalf("unnoise %s ends with %d:\n%s%s", strings.Join(args, " "), code, out.String(), messages.String())
		}
		return out.String()
	}
	type inspection struct {
		Class      string
		Sample     []int
		Parameters int
	}
	want := inspection{"TestAffine", []int{2}, 2*6*6 + 6 + 2*6 + 6 + 6*2 + 2}
	inspected := func(args ...string) {
		t.Helper()
		var got inspection
		if err := json.Unmarshal([]byte(unnoise(append([]string{"inspect", "--json"}, args...)...)), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("inspect %q prints %+v, expected %+v", args, got, want)
		}
	}
	inspected("--config", recipeFile)
	unnoise("train", "--config", recipeFile, "--out", run, "--quiet", "--device", "cpu")
	inspected("--model", run)
	unnoise("sample", "--model", run, "-n", "3", "--out", filepath.Join(dir, "y.npy"), "--quiet", "--device", "cpu")
	if help := unnoise("inspect", "--help"); !strings.Contains(help, "TestAffine (a network of this test)") {
		t.Errorf("inspect --help does not name the class:\n%s", help)
	}

	m, err := model.Load(run, false)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy")
	m.Index = nil // made anew
	if err := m.Save(copied); err != nil {
		t.Fatal(err)
	}
	again, err := model.Load(copied, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Net.Config().(*affine); got.Width != 6 || fmt.Sprint(again.Weights) != fmt.Sprint(m.Weights) {
		t.Errorf("a saved network of width %d is loaded with width %d or other weights", 6, got.Width)
	}
	if index := string(again.Index); !strings.Contains(index, "\"unnoise\",\n    \"TestAffine\"") {
		t.Errorf("model_index.json is\n%s", index)
	}
}
