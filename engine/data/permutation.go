package data

import (
	"math/bits"

	"github.com/unnoise/unnoise/kernels/rng"
)

// The Philox streams of this package.
var (
	streamShuffle = rng.StreamID("data/shuffle")
	streamFlip    = rng.StreamID("data/flip")
	streamSplit   = rng.StreamID("data/split")
)

// feistelRounds is the number of rounds of the Feistel network; four make a
// pseudo-random permutation (Luby & Rackoff 1988), the rest cover small domains.
const feistelRounds = 8

// permutation is a pseudo-random bijection of 0..n-1 with random access and no
// table: a balanced Feistel network with Philox as its round function on the
// smallest even number of bits that hold n, walked until the value lands below n
// (Black & Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
type permutation struct {
	n             uint64
	half          uint // bits of each half
	key           [2]uint32
	round, stream uint32
}

// newPermutation returns permutation number round of 0..n-1, n in 1..2^62.
func newPermutation(n int, seed uint64, round, stream uint32) permutation {
	half := uint(bits.Len64(uint64(n-1))+1) / 2
	return permutation{n: uint64(n), half: max(half, 1), key: rng.Key(seed), round: round, stream: stream}
}

// at returns the image of i, 0 <= i < n.
func (p permutation) at(i int) int {
	v := uint64(i)
	for {
		if v = p.feistel(v); v < p.n {
			return int(v)
		}
	}
}

func (p permutation) feistel(v uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	left, right := v>>p.half, v&mask
	for r := range uint32(feistelRounds) {
		w := rng.Philox4x32([4]uint32{uint32(right), r, p.round, p.stream}, p.key)
		left, right = right, left^uint64(w[0])&mask
	}
	return left<<p.half | right
}
