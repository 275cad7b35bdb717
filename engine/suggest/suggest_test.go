package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"train", "sample", "n", "train.learning_rate", "train.steps", "cifar10", "cifar10-small"}
	for name, want := range map[string]string{"trian": "train", "sampel": "sample", "train.learning_rat": "train.learning_rate", "x": "", "m": "",
		"cifar": "cifar10", "cifar-10-small": "cifar10-small", "frobnicate": "", "train.step": "train.steps"} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"flaw", "lawn", 2}} {
		if got := Distance(tt.a, tt.b); got != tt.want || Distance(tt.b, tt.a) != got {
			t.Errorf("%q, %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
