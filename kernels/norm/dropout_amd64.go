package norm

// maskBlock is the number of elements that maskAVX2 writes at a time.
const maskBlock = 32

// maskAVX2 writes the factors of blocks*maskBlock elements: 0 where the high 23 bits of an element's Philox word are below
// the threshold, keep elsewhere. There must be at least one block.
//
//go:noescape
func maskAVX2(dst *float32, blocks int, counter *[4]uint32, key *[2]uint32, threshold int32, keep float32)

// maskBlocks writes whole blocks where the processor can and returns how many elements it wrote.
func (d dropout) maskBlocks(dst []float32, counter [4]uint32) int {
	blocks := len(dst) / maskBlock
	if blocks == 0 || !vector {
		return 0
	}
	maskAVX2(&dst[0], blocks, &counter, &d.key, d.words, d.keep)
	return blocks * maskBlock
}
