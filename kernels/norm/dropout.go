package norm

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/rng"
)

// dropout decides which elements are kept. Both passes ask the same counters, so that no mask is stored.
type dropout struct {
	threshold float32 // elements with a uniform below it are dropped
	words     int32   // the same for the 23 bits that a uniform is made of: dropped where they are below it
	keep      float32 // what the others are multiplied by
	key       [2]uint32
	step      uint32
	base      uint32
	stream    uint32
}

func newDropout(op GroupNorm, s *kernels.StepState) dropout {
	d := dropout{threshold: float32(op.Dropout), keep: float32(1 / (1 - op.Dropout)), stream: op.Stream}
	d.words = int32(math.Ceil(float64(d.threshold)*(1<<23) - 0.5))
	if s != nil {
		d.key, d.step, d.base = rng.Key(s.Seed), s.Step, s.SampleBase
	}
	return d
}

// active reports whether anything is dropped at all.
func (d dropout) active() bool { return d.threshold > 0 }

// factor returns what element e of image n is multiplied by: 0 or 1/(1-p).
func (d dropout) factor(n, e int) float64 {
	if !d.active() {
		return 1
	}
	w := rng.Philox4x32(rng.Counter(uint64(e), d.base+uint32(n), d.step, d.stream), d.key)
	if rng.Uniform(w[e%4]) < d.threshold {
		return 0
	}
	return float64(d.keep)
}

// mask writes the factors of the elements from first on, a multiple of four, of image n.
func (d dropout) mask(dst []float32, n, first int) {
	counter := func(i int) [4]uint32 {
		return rng.Counter(uint64(first+i), d.base+uint32(n), d.step, d.stream)
	}
	for i := d.maskBlocks(dst, counter(0)); i < len(dst); i += 4 {
		w := rng.Philox4x32(counter(i), d.key)
		for j := range min(4, len(dst)-i) {
			dst[i+j] = d.keep
			if int32(w[j]>>9) < d.words {
				dst[i+j] = 0
			}
		}
	}
}
