package recipe

import "testing"

// TestNetworkDefaults: the class follows the data and the settings, channels the data unless they are set.
func TestNetworkDefaults(t *testing.T) {
	for text, want := range map[string]string{
		"[data]\nsource = \"moons\"":  "UnnoiseMLP",
		"[network]\nhidden = 8":       "UnnoiseMLP",
		"[network]\nsample_size = 32": "UNet2DModel",
	} {
		r, err := Parse("test", text, nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := r.Network["_class_name"]; got != want {
			t.Errorf("%s: got class %v, expected %s", text, got, want)
		}
	}
	r, err := Parse("test", "[network]\nin_channels = 1", nil)
	if err != nil {
		t.Fatal(err)
	}
	with, err := r.WithChannels(4)
	if err != nil {
		t.Fatal(err)
	}
	if with.Network["in_channels"] != int64(1) || with.Network["out_channels"] != int64(4) || r.Network["out_channels"] != nil {
		t.Errorf("got %v of %v, expected in_channels 1, as set, and out_channels 4", with.Network, r.Network)
	}
	same, err := r.WithChannels(3)
	if err != nil || same.Hash() != r.Hash() {
		t.Errorf("the default of the class: got %v, %v, expected no key more, as old runs have it", same.Network, err)
	}
}
