package data

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/kernels/rng"
)

// pointSet describes a family of 2-D points: the raw distribution, and the mean
// and scale that bring it to mean 0 and variance 1 (the mean of the two
// coordinates' variances). They belong to the distribution, not to a draw, so
// two draws are samples of the same law.
type pointSet struct {
	name    string
	classes int
	mean    [2]float64
	scale   float64
	noise   float64 // standard deviation of the raw noise in each coordinate
	// curve gives the raw point without noise from two uniforms and a class.
	curve func(u, v float64, class int) (x, y float64)
}

var pointSets = []pointSet{
	// (a cos a, a sin a), a uniform in [1.5 pi, 4.5 pi].
	{"swissroll", 0, [2]float64{2, 0.212207}, 6.807482, 0.5, func(u, _ float64, _ int) (float64, float64) {
		a := 1.5 * math.Pi * (1 + 2*u)
		return a * math.Cos(a), a * math.Sin(a)
	}},
	// Two half circles of radius 1; the second is turned over and moved by (1, 0.5).
	{"moons", 2, [2]float64{0.5, 0.25}, 0.712106, 0.1, func(u, _ float64, class int) (float64, float64) {
		x, y := math.Cos(math.Pi*u), math.Sin(math.Pi*u)
		if class == 1 {
			return 1 - x, 0.5 - y
		}
		return x, y
	}},
	// Two circles about the origin, radii 1 and 0.5.
	{"circles", 2, [2]float64{}, 0.561249, 0.05, func(u, _ float64, class int) (float64, float64) {
		r := 1 / float64(1+class)
		return r * math.Cos(2*math.Pi*u), r * math.Sin(2*math.Pi*u)
	}},
	// Eight Gaussians, evenly on the circle of radius 2.
	{"gaussians", 8, [2]float64{}, 1.417745, 0.1, func(_, _ float64, class int) (float64, float64) {
		return 2 * math.Cos(math.Pi/4*float64(class)), 2 * math.Sin(math.Pi/4*float64(class))
	}},
	// The eight dark squares of a 4 x 4 board on [-2, 2]^2, uniformly.
	{"checkerboard", 0, [2]float64{}, 1.154701, 0, func(u, v float64, _ int) (float64, float64) {
		x, row := 4*u-2, 4*v-2 // the half of [-2, 2) that v falls in, then the place within it
		column := math.Floor(x)
		base, place := -2.0, row+2
		if row >= 0 {
			base, place = 0, row
		}
		return x, base + place/2 + math.Abs(math.Mod(column, 2))
	}},
	// Two arms (a cos a, a sin a), one turned by half a turn, a = 3 pi sqrt(u).
	{"spiral", 2, [2]float64{}, 4.721929, 0.3, func(u, _ float64, class int) (float64, float64) {
		a, s := 3*math.Pi*math.Sqrt(u), float64(1-2*class)
		return s * a * math.Cos(a), s * a * math.Sin(a)
	}},
}

// PointSets lists the names of the generated 2-D sets.
func PointSets() []string {
	names := make([]string, len(pointSets))
	for i, s := range pointSets {
		names[i] = s.name
	}
	return names
}

// MaxPoints bounds Generate's n.
const MaxPoints = 1 << 26

// Generate draws n points of a named 2-D set, normalised to mean 0 and variance
// about 1. Point i is a pure function of (name, seed, draw, i): draw 0 is the
// training set by convention, another draw is a fresh sample of the same law.
func Generate(name string, n int, seed uint64, draw uint32) (*Array, error) {
	k := slices.IndexFunc(pointSets, func(s pointSet) bool { return s.name == name })
	if k < 0 {
		return nil, fmt.Errorf("data: unknown point set %q; known are %s", name, strings.Join(PointSets(), ", "))
	}
	if n < 1 || n > MaxPoints {
		return nil, fmt.Errorf("data: %d points of %s; want 1..%d", n, name, MaxPoints)
	}
	set := pointSets[k]
	key, stream := rng.Key(seed), rng.StreamID("data/"+name)
	values := make([]float32, 2*n)
	var labels []int32
	if set.classes > 0 {
		labels = make([]int32, n)
	}
	for i := range n {
		// Words of group 0: curve parameter, second parameter, class; group 1: noise.
		w := rng.Philox4x32(rng.Counter(0, uint32(i), draw, stream), key)
		noise := rng.Philox4x32(rng.Counter(4, uint32(i), draw, stream), key)
		class := 0
		if labels != nil {
			class = rng.UniformInt(w[2], set.classes)
			labels[i] = int32(class)
		}
		x, y := set.curve(float64(rng.Uniform(w[0])), float64(rng.Uniform(w[1])), class)
		nx, ny := rng.BoxMuller(noise[0], noise[1])
		values[2*i] = float32((x + set.noise*float64(nx) - set.mean[0]) / set.scale)
		values[2*i+1] = float32((y + set.noise*float64(ny) - set.mean[1]) / set.scale)
	}
	return NewArray(values, 2, 1, 1, labels, set.classes)
}
