package golden

import "math"

// RandomState is numpy's legacy generator: the Mersenne twister MT19937
// (Matsumoto & Nishimura 1998) with normals by the polar method.
type RandomState struct {
	key   [twisterWords]uint32
	next  int
	gauss float64 // the second normal of a pair
	kept  bool
}

const (
	twisterWords = 624
	twisterShift = 397
)

// NewRandomState is numpy.random.RandomState(seed).
func NewRandomState(seed uint32) *RandomState {
	r := &RandomState{next: twisterWords}
	r.key[0] = seed
	for i := 1; i < twisterWords; i++ {
		r.key[i] = 1812433253*(r.key[i-1]^r.key[i-1]>>30) + uint32(i)
	}
	return r
}

func (r *RandomState) uint32() uint32 {
	if r.next == twisterWords {
		r.twist()
	}
	y := r.key[r.next]
	r.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (r *RandomState) twist() {
	for i := range r.key {
		y := r.key[i]&0x80000000 | r.key[(i+1)%twisterWords]&0x7fffffff
		mixed := r.key[(i+twisterShift)%twisterWords] ^ y>>1
		if y&1 != 0 {
			mixed ^= 0x9908b0df
		}
		r.key[i] = mixed
	}
	r.next = 0
}

// Float64 is random_sample(): uniform in [0, 1) with 53 bits.
func (r *RandomState) Float64() float64 {
	a, b := r.uint32()>>5, r.uint32()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// NormFloat64 is standard_normal().
func (r *RandomState) NormFloat64() float64 {
	if r.kept {
		r.kept = false
		return r.gauss
	}
	for {
		x1, x2 := 2*r.Float64()-1, 2*r.Float64()-1
		if s := x1*x1 + x2*x2; s < 1 && s != 0 {
			f := math.Sqrt(-2 * math.Log(s) / s)
			r.gauss, r.kept = f*x1, true
			return f * x2
		}
	}
}

// Normals fills dst with standard normals.
func (r *RandomState) Normals(dst []float64) {
	for i := range dst {
		dst[i] = r.NormFloat64()
	}
}
