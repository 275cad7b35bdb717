package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/unnoise/unnoise/cli"
)

// examplesScript makes what the examples of --help work on.
const examplesScript = `
mkdir data
mkidx data/train-images-idx3-ubyte 20,8,8
mkidx data/train-labels-idx1-ubyte 20
mkidx data/t10k-images-idx3-ubyte 10,8,8
mkidx data/t10k-labels-idx1-ubyte 10
mkpictures pictures 12
mknpy x.npy f4 2,1,8,8
mknpy t.npy i8 2
mknpy y.npy i8 2
unnoise train --config garments.toml --data data --out runs/garments --quiet
`

const garments = `
-- garments.toml --
[network]
_class_name = "UNet2DModel"
sample_size = 8
in_channels = 1
out_channels = 1
block_out_channels = [4, 4]
down_block_types = ["DownBlock2D", "AttnDownBlock2D"]
up_block_types = ["AttnUpBlock2D", "UpBlock2D"]
layers_per_block = 1
norm_num_groups = 2
attention_head_dim = 4
num_class_embeds = 11

[diffusion]
schedule = { kind = "linear", timesteps = 10 }

[train]
steps = 3
micro_batch = 4
label_dropout = 0.1
log_every = 1
eval_samples = 4
sample_count = 4
`

// TestExamplesRun runs every example that --help shows, in the order of the commands.
func TestExamplesRun(t *testing.T) {
	var script strings.Builder
	script.WriteString(examplesScript)
	for _, e := range cli.Examples() {
		script.WriteString(e + "\n")
	}
	script.WriteString("exists rolls.png rolls.gif rolls.npy garments.png eps.npy grads.safetensors contact.png runs/roll/report.html garments.html\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "examples.txtar"), []byte(script.String()+garments), 0o666); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir})
}

// TestCompletionShells has each shell read its script, where the shell is installed.
func TestCompletionShells(t *testing.T) {
	for shell, check := range map[string]string{"bash": "-n", "zsh": "-n", "fish": "--no-execute"} {
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skipf("no %s on this machine", shell)
			}
			var script strings.Builder
			if code := cli.Main([]string{"unnoise", "completion", shell}, &script, &script); code != 0 {
				t.Fatal(script.String())
			}
			file := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(file, []byte(script.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(path, check, file).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
