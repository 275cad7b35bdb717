package evaluate

import (
	"math"
	"testing"

	"github.com/unnoise/unnoise/engine/model"
)

// TestSpread holds the variance inside classes to one worked out by hand; a class of one image does not count.
func TestSpread(t *testing.T) {
	x := &model.Images{N: 6, H: 1, W: 2, C: 1, Data: []float32{0, 0, 2, 0, 4, 0, 10, 1, 10, 3, 99, 99}}
	want := (4.0 + 2.0) / 2 // class 0: variance 4 in one pixel; class 1: 2 in the other
	if got := spread(x, []int32{0, 0, 0, 1, 1, 2}, 3); math.Abs(got-want) > 1e-12 {
		t.Errorf("spread %g, want %g", got, want)
	}
}
