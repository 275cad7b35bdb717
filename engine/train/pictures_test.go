package train_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/recipe"
)

// pictureFolder fills a folder with n pictures of two classes, both formats and many sizes.
func pictureFolder(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		img := image.NewNRGBA(image.Rect(0, 0, 9+i%5, 9+i%3))
		for k := range img.Pix {
			img.Pix[k] = byte(k * (i + 3))
		}
		img.Set(0, 0, color.NRGBA{255, 255, 255, 255})
		var b bytes.Buffer
		name := fmt.Sprintf("%c/%d.png", "ab"[i%2], i)
		err := png.Encode(&b, img)
		if i%4 > 1 {
			b.Reset()
			name, err = fmt.Sprintf("%c/%d.jpg", "ab"[i%2], i), jpeg.Encode(&b, img, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// pictureRecipe is a tiny U-Net with two classes on a folder of pictures.
func pictureRecipe(t *testing.T, dir string, set ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Preset("images", append([]string{fmt.Sprintf("data.source=%q", dir), "network.sample_size=8",
		"network.block_out_channels=[4, 8]", `network.down_block_types=["DownBlock2D", "DownBlock2D"]`,
		`network.up_block_types=["UpBlock2D", "UpBlock2D"]`, "network.norm_num_groups=2", "network.layers_per_block=1",
		"network.num_class_embeds=2", "diffusion.schedule.timesteps=10", "sample.steps=3", "train.steps=6", "train.micro_batch=5", "train.log_every=2",
		"train.sample_count=2", "train.eval_samples=2"}, set...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
