package viz

import (
	"math"
	"testing"
)

// Points on a line through three coordinates colour the diagonal of each panel off the middle.
func TestScatterMatrix(t *testing.T) {
	var points []float32
	for k := range 41 {
		v := float32(k-20) / 20
		points = append(points, v, -v, v)
	}
	img, err := ScatterMatrix(points, 3)
	if err != nil {
		t.Fatal(err)
	}
	coloured := func(row, column, x, y int) bool { // at x, y in 0..200 of a panel
		r, g, b, _ := img.At(10+column*210+x, 10+row*210+y).RGBA()
		return max(r, g, b)-min(r, g, b) > 0x2000
	}
	extent := 1.1 // of coordinates -1..1
	at := int(100 * (0.5/extent + 1))
	for row := range 3 {
		for column := range 3 {
			rising := (row == 1) == (column == 1)
			if up, down := coloured(row, column, at, 200-at), coloured(row, column, at, at); up != rising || down == rising {
				t.Errorf("panel %d, %d: rising %v, falling %v", row, column, up, down)
			}
		}
	}
	for name, c := range map[string]struct {
		points []float32
		dims   int
	}{
		"one dimension": {[]float32{1, 2}, 1}, "no points": {nil, 2}, "a part of a point": {[]float32{1, 2, 3}, 2},
		"not finite": {[]float32{1, 2, float32(math.NaN())}, 3},
	} {
		if _, err := ScatterMatrix(c.points, c.dims); err == nil {
			t.Errorf("%s was drawn", name)
		}
	}
	if img, err := ScatterMatrix(make([]float32, 40), 20); err != nil || img.Bounds().Dx() != 6*110+10 {
		t.Errorf("20 dimensions: %v", err)
	}
}
