package emu_test

import (
	"math"
	"math/bits"
	"slices"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// lanes are the values of one warp.
type lanes []int32

func (w lanes) mask(f func(lane int) bool) int32 {
	var m uint32
	for l := range w {
		if f(l) {
			m |= 1 << l
		}
	}
	return int32(m)
}

func (w lanes) fold(f func(a, b int32) int32) int32 {
	v := w[0]
	for _, x := range w[1:] {
		v = f(v, x)
	}
	return v
}

// at reads another lane of a segment, or the lane's own value outside of it.
func (w lanes) at(lane, source, segment int) int32 {
	if source/segment != lane/segment || source < 0 || source > 31 {
		return w[lane]
	}
	return w[source]
}

// operations is what warp_ops writes for one lane.
func (w lanes) operations(l int) []int32 {
	v := w[l]
	unsigned := func(f func(a, b uint32) uint32) func(a, b int32) int32 {
		return func(a, b int32) int32 { return int32(f(uint32(a), uint32(b))) }
	}
	branch := w.mask(func(i int) bool { return w[i]&2 != 0 })
	top := w.fold(func(a, b int32) int32 { return max(a, b) })
	uniform := boolean(w.mask(func(i int) bool { return w[i]>>8 == w[0]>>8 }) == -1)
	inBranch, result := branch, int32(bits.OnesCount32(uint32(branch&w.mask(func(i int) bool { return w[i]&4 != 0 }))))
	if v&2 == 0 {
		inBranch, result = branch, 0
		for i := range w {
			if w[i]&2 == 0 {
				result += int32(i)
			}
		}
	}
	half := w[l/16*16 : l/16*16+16]
	return []int32{
		boolean(!slices.ContainsFunc(w, func(x int32) bool { return x <= -100 })),
		boolean(top > 90),
		w.mask(func(i int) bool { return w[i]&1 != 0 }),
		w.mask(func(i int) bool { return w[i]&7 == v&7 }),
		-uniform,
		uniform,
		w.fold(func(a, b int32) int32 { return a + b }),
		w.fold(func(a, b int32) int32 { return min(a, b) }),
		top,
		w.fold(unsigned(func(a, b uint32) uint32 { return min(a, b) })),
		w.fold(unsigned(func(a, b uint32) uint32 { return max(a, b) })),
		w.fold(func(a, b int32) int32 { return a & b }),
		w.fold(func(a, b int32) int32 { return a | b }),
		w.fold(func(a, b int32) int32 { return a ^ b }),
		w[5],
		w[(l*7+3)%32],
		w[l/8*8+3],
		w.at(l, l-3, 32),
		w.at(l, l-2, 8),
		w.at(l, l+9, 32),
		w.at(l, l+3, 16),
		w[l^13],
		// Segments of 4: a lane xor 5 lies in the next or the previous segment; reading upwards out of a segment keeps the own value.
		xorSegment(w, l, 5, 4),
		inBranch,
		result,
		half[l%16^15],
		boolean(slices.Contains(half, 7)),
		int32(toInteger(float64(w.at(l, l+1, 32))*1.5, math.Trunc, math.MinInt32, math.MaxInt32, 0)),
	}
}

// xorSegment is shfl.bfly with a width: the source lane may lie in a lower
// segment but not in a higher one (PTX ISA, shfl.sync: j <= maxLane).
func xorSegment(w lanes, lane, mask, width int) int32 {
	source, last := lane^mask, lane/width*width+width-1
	if source > last {
		return w[lane]
	}
	return w[source]
}

func TestKernelWarpOperations(t *testing.T) {
	const warps, words = 6, 28
	r := random(48)
	x := make1(32*warps, func(i int) int32 {
		switch i / 32 {
		case 0:
			return int32(r.IntN(256))
		case 1:
			return int32(r.Uint32())
		}
		return int32(r.IntN(200) - 99)
	})
	want := make([]int32, 0, words*len(x))
	for i := range x {
		want = append(want, lanes(x[i/32*32:i/32*32+32]).operations(i%32)...)
	}
	d, f := kernel(t, "warp_ops", "warp_ops")
	out := emutest.Out[int32](d, "out", len(want))
	d.Run(f, emutest.Grid1(len(x), 64), emutest.In(d, "x", x), out)
	emutest.Equal(t, "out", out.Get(), want)
}

func TestKernelAggregate(t *testing.T) {
	const n, limit = 500, 30
	r := random(49)
	x := make1(n, func(int) int32 { return int32(r.IntN(100)) })
	var want []int32
	for _, v := range x {
		if v < limit {
			want = append(want, v)
		}
	}
	slices.Sort(want)
	d, f := kernel(t, "warp_ops", "aggregate")
	counter, kept := emutest.InOut(d, "counter", []int32{0}), emutest.Out[int32](d, "kept", len(want))
	d.Run(f, emutest.Grid1(n, 128), int32(n), int32(limit), emutest.In(d, "x", x), counter, kept)
	emutest.Equal(t, "counter", counter.Get(), []int32{int32(len(want))})
	got := kept.Get()
	slices.Sort(got)
	emutest.Equal(t, "kept", got, want)
}

func TestKernelCooperativeGroups(t *testing.T) {
	const n, threads = 128, 64
	r := random(50)
	x := make1(n, func(i int) int32 { return int32(r.IntN(200) - 99 + 30*(i/16%2)) })
	var tiles []int32
	for i := range x {
		tile := lanes(x[i/16*16 : i/16*16+16])
		tiles = append(tiles,
			tile.fold(func(a, b int32) int32 { return a + b }),
			tile.fold(func(a, b int32) int32 { return max(a, b) }),
			tile[i%16^3],
			boolean(slices.Contains(tile, 7))+2*boolean(slices.Min(tile) > -90)+4*int32(i%threads/16),
			tile.mask(func(l int) bool { return tile[l]&1 != 0 }))
	}
	ranks := make1(n, func(i int) int32 {
		warp := lanes(x[i/32*32 : i/32*32+32])
		odd := uint32(warp.mask(func(l int) bool { return warp[l]&1 != 0 }))
		if x[i]&1 == 0 {
			return -1
		}
		return int32(bits.OnesCount32(odd&(1<<(i%32)-1)) + 100*bits.OnesCount32(odd))
	})
	d, f := kernel(t, "cooperative", "tiles")
	in, out := emutest.In(d, "x", x), emutest.Out[int32](d, "out", 5*n)
	d.Run(f, emutest.Grid1(n, threads), in, out)
	emutest.Equal(t, "tiles (5 a thread)", out.Get(), tiles)
	out = emutest.Out[int32](d, "out", n)
	d.Run(d.Function(emutest.KernelPath(kernelFolder, "cooperative"), "coalesced"), emutest.Grid1(n, threads), in, out)
	emutest.Equal(t, "coalesced", out.Get(), ranks)
}
