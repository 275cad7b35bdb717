package train_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/train"
)

// A held-out loss averages over all t, however few samples are held out: 1, 2, 12 and 40 points give
// what 4,096 draws of them give, within two standard errors. The loss of a draw is of the order of 1,
// so that its standard deviation is at most 1.5.
func TestHeldOutLossOfFew(t *testing.T) {
	loss := func(points, draws int) float64 {
		r := tiny(t, "train.steps=1", "train.sample_count=0", fmt.Sprintf("data.num_points=%d", points), fmt.Sprintf("train.eval_samples=%d", draws))
		return run(t, train.Options{Recipe: r, Out: filepath.Join(t.TempDir(), "r")}).Evaluation.HeldOut
	}
	for _, points := range []int{1, 2, 12, 40} {
		const draws, deviation = 1000, 1.5
		few, many := loss(points, draws), loss(points, 4096)
		if d := math.Abs(few - many); !(d < 2*deviation/math.Sqrt(draws)) {
			t.Errorf("%d points: %v with %d draws, %v with 4096", points, few, draws, many)
		}
	}
}

// A quartile of t in which no draw fell has no loss: null in the metrics, not 0.
func TestQuartilesWithoutDraws(t *testing.T) {
	out := filepath.Join(t.TempDir(), "r")
	res := run(t, train.Options{Recipe: tiny(t, "train.steps=1", "train.eval_samples=4", "data.num_points=1"), Out: out})
	// Four multiples of the golden ratio, modulo 1: 0, 0.62, 0.24, 0.85.
	for q, drawn := range []bool{true, false, true, true} {
		if loss := res.Evaluation.Quartiles[q]; math.IsNaN(loss) == drawn {
			t.Errorf("quartile %d: %v", q, loss)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, "metrics.jsonl"))
	if err != nil || !strings.Contains(string(text), ",null,") {
		t.Errorf("metrics without null: %s, %v", text, err)
	}
}
