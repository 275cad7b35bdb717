package norm

import (
	"sync"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/simd"
)

// band is what one task works on: some groups of one image, C channels from c0 on.
type band struct {
	n, g0, groups, c0, c, size int
}

// rows returns the band's part of a tensor from pixel r of its image on.
func (b band) rows(o *kernels.Operand, r int) simd.Rows {
	return simd.Rows{Data: o.F32[(b.n*o.H*o.W+r)*o.Pitch+b.c0:], Pitch: o.Pitch}
}

// bands splits images into bands: whole images where there are many, else bands of at least bandChannels channels.
type bands struct {
	count  int // bands an image
	groups int // groups a band, fewer in the last one
	total  int // groups an image
	size   int // channels a group
}

const (
	manyImages   = 8  // from here on an image is one task
	bandChannels = 32 // the least width that keeps vector loops busy
)

// bandsOf depends on the shape alone.
func bandsOf(x *kernels.Spec, groups int) bands {
	size := x.C / groups
	per := groups
	if x.N < manyImages {
		per = max((bandChannels+size-1)/size, (groups*x.N+manyImages-1)/manyImages)
		per = min(wholeVectors(per, size), groups)
	}
	return bands{count: (groups + per - 1) / per, groups: per, total: groups, size: size}
}

// wholeVectors rounds groups up to a number whose channels fill vectors of eight: a channel is then in a vector or in the rest of
// a row wherever the image is split, and a sample does not depend on how many others are in its batch.
func wholeVectors(groups, size int) int {
	for groups*size%8 != 0 {
		groups++
	}
	return groups
}

// band returns the band of a task.
func (s bands) band(task int) band {
	g0 := task % s.count * s.groups
	g := min(s.groups, s.total-g0)
	return band{n: task / s.count, g0: g0, groups: g, c0: g0 * s.size, c: g * s.size, size: s.size}
}

// tileElements is the size of the tile that stays in the first-level cache.
const tileElements = 4096

// scratch is a task's memory. Its vectors hold one entry a channel, mean and rstd one a group.
type scratch struct {
	tile, mask                []float32 // tileRows x C
	partA, partB              []float32 // float32 sums of one tile
	sumA, sumB                []float64 // their float64 totals
	scale, shift, slope, lift []float32
	center                    []float32 // mean of each channel's group
	mean, rstd                []float64
	tileRows                  int
}

var scratches sync.Pool

// newScratch returns scratch memory for tensors of x's shape. Tiles hold a multiple of four rows, so that each begins at a
// whole Philox counter.
func newScratch(x *kernels.Spec) *scratch {
	rows := max(4, tileElements/x.C/4*4)
	s, _ := scratches.Get().(*scratch)
	if s == nil || len(s.scale) < x.C || len(s.tile) < rows*x.C {
		single := func() []float32 { return make([]float32, x.C) }
		double := func() []float64 { return make([]float64, x.C) }
		s = &scratch{tile: make([]float32, rows*x.C), mask: make([]float32, rows*x.C), partA: single(), partB: single(), sumA: double(), sumB: double(),
			scale: single(), shift: single(), slope: single(), lift: single(), center: single(), mean: double(), rstd: double()}
	}
	s.tileRows = rows
	return s
}

func (s *scratch) release() { scratches.Put(s) }

// tiles calls fn for each tile of rows.
func (s *scratch) tiles(rows int, fn func(lo, rows int)) {
	for lo := 0; lo < rows; lo += s.tileRows {
		fn(lo, min(s.tileRows, rows-lo))
	}
}

// total adds the float32 sums of a tile to sumA and sumB.
func (s *scratch) total(c int) {
	for i, v := range s.partA[:c] {
		s.sumA[i] += float64(v)
		s.sumB[i] += float64(s.partB[i])
	}
}

// maskRows returns the dropout factors of a tile: those of whole rows, of which the band sees its columns.
func (s *scratch) maskRows(d dropout, x *kernels.Operand, b band, lo, rows int) simd.Rows {
	d.mask(s.mask[:rows*x.C], b.n, lo*x.C)
	return simd.Rows{Data: s.mask[b.c0:], Pitch: x.C}
}
