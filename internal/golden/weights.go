package golden

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// Weights makes a case's tensors from a seed, in sorted order of names: vectors
// that end in "weight" are 1 + 0.1 z, other vectors 0.1 z, everything else
// z / sqrt(fan in), with z standard normal in float32.
func Weights(shapes map[string][]int, seed uint32) map[string][]float32 {
	r := NewRandomState(seed)
	out := make(map[string][]float32, len(shapes))
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		shape := shapes[name]
		n := 1
		for _, d := range shape {
			n *= d
		}
		w := make([]float32, n)
		for i := range w {
			z := float32(r.NormFloat64())
			switch {
			case len(shape) != 1:
				w[i] = z / float32(math.Sqrt(float64(n/shape[0])))
			case strings.HasSuffix(name, "weight"):
				w[i] = 1 + float32(0.1)*z
			default:
				w[i] = float32(0.1) * z
			}
		}
		out[name] = w
	}
	return out
}
