package all

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/nn/mlp"
	"github.com/unnoise/unnoise/engine/nn/unet2d"
)

func TestNames(t *testing.T) {
	names := nn.Names()
	for _, want := range []string{unet2d.ClassName, mlp.ClassName} {
		if c := nn.Lookup(want); c == nil || c.Doc == "" || c.Library == "" || !slices.Contains(names, want) {
			t.Errorf("class %s is registered as %+v among %q", want, c, names)
		}
	}
	for text, want := range map[string]string{
		`{"_class_name": "Other"}`: `"_class_name" is "Other": supported are "UNet2DModel" and "UnnoiseMLP"`,
		`{"_class_name": 3}`:       `"_class_name" is 3`,
		`{}`:                       `"_class_name" is missing`,
		`[]`:                       `config.json: `,
	} {
		if _, err := nn.ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected one with %s", text, err, want)
		}
	}
}

func TestConfigsOfDiffusersAreIdenticalWhenWrittenBack(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../testdata/golden/*/config.json", "../../testdata/golden/*/unet/config.json"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := nn.ParseConfig(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if string(c.JSON()) != string(text) {
			t.Errorf("%s changes when read and written", path)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(unet2d.DefaultConfig().JSON())
	f.Add([]byte(`{"_class_name": "UnnoiseMLP", "hidden": 64}`))
	f.Add([]byte(`{"_class_name":"UNet2DModel","block_out_channels":[],"down_block_types":[],"up_block_types":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := nn.ParseConfig(data)
		if err != nil {
			return
		}
		again, err := nn.ParseConfig(c.JSON())
		if err != nil {
			t.Fatalf("own output does not parse: %v", err)
		}
		if string(again.JSON()) != string(c.JSON()) {
			t.Fatal("the text changes when written again")
		}
	})
}
