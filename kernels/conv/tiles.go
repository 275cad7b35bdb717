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
	perSM         int     // blocks that a multiprocessor holds at once (kernels/ptx/resources.txt)
	rate          float64 // multiply-adds per clock of a full tile, relative to the family's best
}

func (t tile) String() string { return fmt.Sprintf("%dx%d", t.rows, t.columns) }

// The tiles of plain float32 multiply-adds: of the gathered products (forward and input gradient) and of the weight gradient.
// Rates follow from the shared memory reads for a multiply-add until they are measured.
var (
	gatherTiles = []tile{
		{rows: 128, columns: 128, threads: 256, depth: 8, perSM: 1, rate: 1},
		{rows: 64, columns: 64, threads: 256, depth: 8, perSM: 4, rate: 0.6},
		{rows: 256, columns: 8, threads: 128, depth: 8, perSM: 5, rate: 0.5},
	}
	weightTiles = []tile{
		{rows: 128, columns: 128, threads: 256, depth: 8, perSM: 1, rate: 1},
		{rows: 64, columns: 64, threads: 256, depth: 8, perSM: 4, rate: 0.6},
		{rows: 8, columns: 256, threads: 128, depth: 8, perSM: 4, rate: 0.4},
		{rows: 128, columns: 32, threads: 128, depth: 8, perSM: 4, rate: 0.6},
	}
)

// matrix is the size of a product.
type matrix struct{ rows, columns, depth int }

// plan is how a product is cut into blocks.
type plan struct {
	tile
	splits int // of k; their partial sums are added in order
	pitch  int // of partial sums, in floats
}

const (
	minSteps  = 8 // of k in a split
	maxSplits = 64
)

// cut plans a product with a tile: k is split where the blocks would leave multiprocessors idle.
func (t tile) cut(m matrix, sms int) plan {
	p := plan{tile: t, splits: 1, pitch: (m.columns + 3) &^ 3}
	p.splits = max(1, min(sms*t.perSM/t.blocks(m), gpu.Ceil(m.depth, t.depth)/minSteps, maxSplits))
	return p
}

func (t tile) blocks(m matrix) int { return gpu.Ceil(m.rows, t.rows) * gpu.Ceil(m.columns, t.columns) }

// cost estimates the time of a plan in multiply-adds of a multiprocessor: whole waves of blocks, each a full tile deep, and
// writing and reading the partial sums.
func (p plan) cost(m matrix, sms int) float64 {
	waves := gpu.Ceil(p.blocks(m)*p.splits, sms*p.perSM)
	steps := gpu.Ceil(gpu.Ceil(m.depth, p.depth), p.splits)
	cost := float64(waves*p.perSM) * float64(p.tile.rows*p.tile.columns) * float64(steps*p.depth) / p.rate
	if p.splits > 1 {
		const partialSum = 64 // multiply-adds in the time of a partial sum's 8 bytes
		cost += partialSum * float64(p.splits) * float64(m.rows*m.columns) / float64(sms)
	}
	return cost
}

// choose returns the cheapest plan of a list of tiles.
func choose(tiles []tile, m matrix, p kernels.Props) plan {
	var best plan
	for i, t := range tiles {
		if c := t.cut(m, p.SMs); i == 0 || c.cost(m, p.SMs) < best.cost(m, p.SMs) {
			best = c
		}
	}
	return best
}

// partialBytes is the scratch of a plan: partial sums, and those of a bias gradient.
func (p plan) partialBytes(rows int) int64 { return 4 * int64(p.splits) * int64(rows) * int64(p.pitch) }
