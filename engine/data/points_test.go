package data

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPointSets(t *testing.T) {
	const n = 1 << 16
	for _, name := range PointSets() {
		a, err := Generate(name, n, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		c, h, w := a.Shape()
		if a.Len() != n || c != 2 || h != 1 || w != 1 {
			t.Errorf("%s: %d samples of %dx%dx%d", name, a.Len(), c, h, w)
		}
		var m, v [2]float64
		for i, x := range a.Values() {
			m[i%2] += float64(x) / n
			v[i%2] += float64(x) * float64(x) / n
		}
		variance := (v[0] - m[0]*m[0] + v[1] - m[1]*m[1]) / 2
		if math.Abs(m[0]) > .02 || math.Abs(m[1]) > .02 || math.Abs(variance-1) > .02 {
			t.Errorf("%s: mean (%.4f, %.4f), variance %.4f", name, m[0], m[1], variance)
		}
		few, err := Generate(name, 100, 1, 0)
		if err != nil || !slices.Equal(few.Values(), a.Values()[:200]) {
			t.Errorf("%s: the first points depend on how many are drawn (%v)", name, err)
		}
		second, err := Generate(name, 100, 1, 1)
		if err != nil || slices.Equal(few.Values(), second.Values()) {
			t.Errorf("%s: two draws are the same (%v)", name, err)
		}
		other, err := Generate(name, 100, 2, 0)
		if err != nil || slices.Equal(few.Values(), other.Values()) {
			t.Errorf("%s: two seeds draw the same (%v)", name, err)
		}
	}
}

func TestCheckerboard(t *testing.T) {
	a, err := Generate("checkerboard", 4000, 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	squares := map[[2]int]int{}
	for i := range a.Len() {
		x := int(math.Floor(float64(a.Values()[2*i]) * 1.154701))
		y := int(math.Floor(float64(a.Values()[2*i+1]) * 1.154701))
		squares[[2]int{x, y}]++
	}
	if len(squares) != 8 {
		t.Fatalf("points in %d squares: %v", len(squares), squares)
	}
	for s, n := range squares {
		if (s[0]+s[1])&1 != 0 || n < 400 || n > 600 {
			t.Errorf("square %v holds %d points", s, n)
		}
	}
}

// TestSwissRoll: each point lies near the curve that defines the set.
func TestSwissRoll(t *testing.T) {
	a, err := Generate("swissroll", 2000, 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Len() {
		x := float64(a.Values()[2*i])*6.807482 + 2
		y := float64(a.Values()[2*i+1])*6.807482 + 0.212207
		// On the curve, radius - angle is a whole number of turns.
		turns := (math.Hypot(x, y) - math.Atan2(y, x)) / (2 * math.Pi)
		if d := math.Abs(turns-math.Round(turns)) * 2 * math.Pi; d > 5*0.52 {
			t.Errorf("point %d (%.3f, %.3f) is %.3f off the roll", i, x, y, d)
		}
	}
}

func TestGenerateErrors(t *testing.T) {
	if _, err := Generate("swiss", 10, 0, 0); err == nil || !strings.Contains(err.Error(), "swissroll") {
		t.Errorf("unknown set: %v", err)
	}
	for _, n := range []int{0, -1, MaxPoints + 1} {
		if _, err := Generate("moons", n, 0, 0); err == nil {
			t.Errorf("%d points were drawn", n)
		}
	}
}

func TestOpen(t *testing.T) {
	s := openTest(t, Options{Source: "moons", Points: 50, Seed: 7})
	if s.Kind != "points" || s.Train.Len() != 50 || s.HeldOut.Len() != 50 || s.Train.Classes() != 2 {
		t.Fatalf("moons: %d + %d points", s.Train.Len(), s.HeldOut.Len())
	}
	dir := writeFiles(t, map[string][]byte{"train-images-idx3-ubyte": idxBytes(make([]byte, 20*4), 20, 2, 2)})
	if s := openTest(t, Options{Source: dir, Seed: 7}); s.Train.Len() != 18 || s.HeldOut.Len() != 2 {
		t.Fatalf("images without a test set: %d + %d", s.Train.Len(), s.HeldOut.Len())
	}
	if _, err := OpenSet(Options{Source: filepath.Join(dir, "none")}); err == nil || !strings.Contains(err.Error(), "neither a point set") {
		t.Errorf("missing source: %v", err)
	}
	one := writeFiles(t, map[string][]byte{"train-images-idx3-ubyte": idxBytes(make([]byte, 4), 1, 2, 2)})
	if s := openTest(t, Options{Source: one}); s.Train.Len() != 1 || s.HeldOut.Len() != 1 || !slices.ContainsFunc(s.Notes, func(n string) bool {
		return strings.HasPrefix(n, "one sample: ")
	}) {
		t.Errorf("one image: %d + %d, %q", s.Train.Len(), s.HeldOut.Len(), s.Notes)
	}
}
