package mlp

import (
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	c, err := ParseConfig([]byte(`{"_class_name": "UnnoiseMLP", "hidden": 64}`))
	if err != nil {
		t.Fatal(err)
	}
	if m := c; m.Hidden != 64 || m.Layers != 4 || m.InChannels != 2 || m.ActFn != "silu" {
		t.Errorf("parsed as %+v", m)
	}
	if got, want := string(c.JSON()), "{\n  \"_class_name\": \"UnnoiseMLP\",\n  \"hidden\": 64\n}\n"; got != want {
		t.Errorf("written as %s", got)
	}
	for text, want := range map[string]string{
		`{"_class_name": "UnnoiseMLP", "hidden": 0}`:          `"hidden" is 0`,
		`{"_class_name": "UnnoiseMLP", "time_embed_dim": 33}`: `"time_embed_dim" is 33: want an even number`,
		`{"_class_name": "UnnoiseMLP", "depth": 3}`:           `key "depth" is 3`,
		`{"_class_name": "Other"}`:                            `"_class_name" is "Other"`,
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %s", text, err, want)
		}
	}
}

func TestDefaultConfig(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	again, err := ParseConfig(c.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if string(again.JSON()) != string(c.JSON()) {
		t.Error("the default configuration changes when read and written")
	}
}
