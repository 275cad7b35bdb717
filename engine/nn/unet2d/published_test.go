package unet2d

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
)

const published = "testdata/published"

// TestPublished reads the configurations of published models, writes them back, and builds the networks
// at full width: each has as many parameters as diffusers counts.
func TestPublished(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(published, "parameters.json"))
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]int{}
	if err := json.Unmarshal(text, &parameters); err != nil || len(parameters) == 0 {
		t.Fatalf("%d models, %v", len(parameters), err)
	}
	for name, want := range parameters {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(published, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := nn.ParseConfig(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(cfg.JSON()); got != string(text) {
				t.Errorf("read and written again:\n%s", got)
			}
			net, err := nn.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			s := net.Signature()
			in, _ := cfg.Channels()
			set, err := nn.Declare(net, kernels.Dense(kernels.F32, 1, s.H, s.W, in))
			if err != nil {
				t.Fatal(err)
			}
			if got := set.Count(); got != want {
				t.Errorf("%d parameters, expected %d", got, want)
			}
		})
	}
}
