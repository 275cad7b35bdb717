// Package rng draws the project's random numbers: counter-based, so that a draw
// is a pure function of (seed, stream, step, sample, element) and every backend
// and every split of a batch sees the same numbers.
//
// Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011).
package rng

import "math/bits"

// Rounds is the number of Philox rounds that every draw of this project uses.
const Rounds = 10

// Multipliers of the two lanes and Weyl increments of the two key words
// (Salmon et al. 2011, table 2 and section 3.3).
const (
	philoxM0 = 0xD2511F53
	philoxM1 = 0xCD9E8D57
	philoxW0 = 0x9E3779B9
	philoxW1 = 0xBB67AE85
)

// Philox4x32 maps a 128-bit counter to 128 random bits under a 64-bit key, with
// ten rounds.
func Philox4x32(counter [4]uint32, key [2]uint32) [4]uint32 {
	return Philox4x32Rounds(counter, key, Rounds)
}

// Philox4x32Rounds is Philox4x32 with the given number of rounds; published
// known answers exist for 7 and 10.
func Philox4x32Rounds(counter [4]uint32, key [2]uint32, rounds int) [4]uint32 {
	c0, c1, c2, c3 := counter[0], counter[1], counter[2], counter[3]
	k0, k1 := key[0], key[1]
	for range rounds {
		hi0, lo0 := bits.Mul32(philoxM0, c0)
		hi1, lo1 := bits.Mul32(philoxM1, c2)
		c0, c1, c2, c3 = hi1^c1^k0, lo1, hi0^c3^k1, lo0
		k0 += philoxW0
		k1 += philoxW1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// Key splits a seed into the two key words, low word first.
func Key(seed uint64) [2]uint32 { return [2]uint32{uint32(seed), uint32(seed >> 32)} }

// Counter builds the counter of the group of four words that holds element:
// (element/4, sample, step, stream); the element's word is element%4. element
// is the logical H,W,C index inside one sample and must be below 2^34.
func Counter(element uint64, sample, step, stream uint32) [4]uint32 {
	return [4]uint32{uint32(element >> 2), sample, step, stream}
}

// StreamID is FNV-1a with 32 bits of a stream's path ("eps", "t",
// "dropout/mid_block.resnets.0"). Two paths of one program must not share an
// identifier; whoever builds the program refuses a collision.
func StreamID(path string) uint32 {
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for i := range len(path) {
		h ^= uint32(path[i])
		h *= prime
	}
	return h
}

// UniformInt maps a random word to 0..n-1 by the high half of w*n (n in
// 1..2^31-1). No value is favoured by more than n/2^32 of its share.
func UniformInt(w uint32, n int) int {
	hi, _ := bits.Mul32(w, uint32(n))
	return int(hi)
}

// Uniform maps a random word to the open interval (0, 1): (w>>9 + 0.5) * 2^-23.
// All three steps are exact in float32, so the result is never 0 and never 1.
func Uniform(w uint32) float32 {
	h := float32(w>>9) + 0.5
	return float32(h * 0x1p-23)
}

// Uniform4 is Uniform of each word.
func Uniform4(w [4]uint32) [4]float32 {
	return [4]float32{Uniform(w[0]), Uniform(w[1]), Uniform(w[2]), Uniform(w[3])}
}

// FillUniform writes the uniforms of elements 0..len(dst)-1 of one sample.
func FillUniform(dst []float32, seed uint64, sample, step, stream uint32) {
	key, c := Key(seed), Counter(0, sample, step, stream)
	n := len(dst) &^ 3
	for i := 0; i < n; i += 4 {
		v := Uniform4(Philox4x32(c, key))
		copy(dst[i:i+4], v[:])
		c[0]++
	}
	if n < len(dst) {
		v := Uniform4(Philox4x32(c, key))
		copy(dst[n:], v[:])
	}
}
