package conv

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// tile is a kernel's share of the product that one block computes.
type tile struct {
	rows, columns int
	threads       int
	depth         int     // of one step along k
	minSteps      int     // of k in a split
	shared        int     // bytes of dynamic shared memory
	perSM         int     // blocks that a multiprocessor holds at once (kernels/ptx/resources.txt)
	rate          float64 // multiply-adds per clock of a full tile, relative to the family's best
}

func (t tile) String() string { return fmt.Sprintf("%dx%d", t.rows, t.columns) }

// fmaWeightTile is a tile of plain float32 multiply-adds. Rates follow from the shared memory reads for a multiply-add.
func fmaWeightTile(rows, columns, threads, perSM int, rate float64) tile {
	return tile{rows: rows, columns: columns, threads: threads, depth: 8, minSteps: 8, perSM: perSM, rate: rate}
}

// fmaGatherTile is one whose operands, in two buffers, and later sums lie in dynamic shared memory.
func fmaGatherTile(rows, columns, threads, perSM int, rate float64) tile {
	t := fmaWeightTile(rows, columns, threads, perSM, rate)
	t.shared = max(2*t.depth*(rows+columns+8)*4, rows*columns*4)
	return t
}

// mmaTile is a tile of tensor cores in warps of a 64x64 or a quarter of the tile. Four stages of 32 deep operands and later the sums lie in shared memory. Rates
// follow from the ldmatrix for a product and the copies for a step.
func mmaTile(rows, columns, perSM int, rate float64) tile {
	return tile{rows: rows, columns: columns, threads: max(128, rows*columns/128), depth: 32, minSteps: 4, perSM: perSM, rate: rate,
		shared: max(4*(rows+columns)*64, rows*columns*4)}
}

// The tiles of the gathered products (forward and input gradient) and of the weight gradient.
var (
	fmaForwardTiles = []tile{fmaGatherTile(128, 128, 256, 2, 1), fmaGatherTile(64, 64, 256, 3, 0.6), fmaGatherTile(256, 8, 128, 4, 0.5)}
	fmaAdjointTiles = []tile{fmaGatherTile(128, 128, 256, 1, 0.8), fmaGatherTile(64, 64, 256, 3, 0.6), fmaGatherTile(256, 8, 128, 4, 0.5)}
	fmaWeightTiles  = []tile{fmaWeightTile(128, 128, 256, 2, 1), fmaWeightTile(64, 64, 256, 3, 0.6), fmaWeightTile(8, 256, 128, 4, 0.4),
		fmaWeightTile(128, 32, 128, 4, 0.6)}
	mmaForwardTiles = []tile{mmaTile(128, 128, 2, 1), mmaTile(128, 64, 3, 0.8), mmaTile(64, 64, 4, 0.6), mmaTile(256, 128, 1, 1.05), mmaTile(128, 16, 4, 0.25)}
	mmaAdjointTiles = mmaForwardTiles[:4]
	mmaWeightTiles  = []tile{mmaTile(128, 128, 2, 1), mmaTile(64, 64, 4, 0.6), mmaTile(256, 128, 1, 1.05)}
)

// matrix is the size of a product, or of each of several products of one size.
type matrix struct{ rows, columns, depth, products int }

// plan is how a product is cut into blocks.
type plan struct {
	tile
	splits int // of k; their partial sums are added in order
	pitch  int // of partial sums, in floats
}

const maxSplits = 64

// cut plans a product with a tile: k is split where the blocks would leave multiprocessors idle.
func (t tile) cut(m matrix, sms int) plan {
	p := plan{tile: t, splits: 1, pitch: (m.columns + 3) &^ 3}
	p.splits = max(1, min(sms*t.perSM/t.blocks(m), gpu.Ceil(m.depth, t.depth)/t.minSteps, maxSplits))
	return p
}

func (t tile) blocks(m matrix) int {
	return gpu.Ceil(m.rows, t.rows) * gpu.Ceil(m.columns, t.columns) * m.products
}

// cost estimates the time of a plan in multiply-adds of a multiprocessor: whole waves of blocks, each a full tile deep, and
// writing and reading the partial sums.
func (p plan) cost(m matrix, sms int) float64 {
	waves := gpu.Ceil(p.blocks(m)*p.splits, sms*p.perSM)
	steps := gpu.Ceil(gpu.Ceil(m.depth, p.depth), p.splits)
	cost := float64(waves*p.perSM) * float64(p.tile.rows*p.tile.columns) * float64(steps*p.depth) / p.rate
	if p.splits > 1 {
		const partialSum = 64 // multiply-adds in the time of a partial sum's 8 bytes
		cost += partialSum * float64(p.splits) * float64(m.rows*m.columns*m.products) / float64(sms)
	}
	return cost
}

// fits reports whether a block of the tile finds its shared memory on a device.
func (t tile) fits(p kernels.Props) bool { return t.shared+staticShared <= p.Shared }

// staticShared is an upper bound of the tables of a block in bytes.
const staticShared = 10 << 10

// choose returns the cheapest plan of the tiles that fit a device, of which there must be one.
func choose(tiles []tile, m matrix, p kernels.Props) plan {
	var best plan
	for _, t := range tiles {
		if !t.fits(p) {
			continue
		}
		if c := t.cut(m, p.SMs); best.rows == 0 || c.cost(m, p.SMs) < best.cost(m, p.SMs) {
			best = c
		}
	}
	return best
}

// partialBytes is the size of the partial sums of so many rows.
func (p plan) partialBytes(rows int) int64 { return 4 * int64(p.splits) * int64(rows) * int64(p.pitch) }
