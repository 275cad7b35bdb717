package emu_test

import (
	"math"
	"slices"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// strided is the sum, in the kernel's order, of what a thread of a grid-stride
// loop adds up.
func strided(first, step, n int, start float32, add func(sum float32, i int) float32) float32 {
	for i := first; i < n; i += step {
		start = add(start, i)
	}
	return start
}

// warpSum is the value of lane 0 after down-shuffles by 16, 8, 4, 2, 1.
func warpSum(v [32]float32) float32 {
	for d := 16; d > 0; d >>= 1 {
		for i := range d {
			v[i] += v[i+d]
		}
	}
	return v[0]
}

func TestKernelReduceShuffle(t *testing.T) {
	forSizes(t, func(t *testing.T, n int) {
		const blocks, threads = 3, 160
		x := normals(random(20), n, 100)
		wantSum, wantMax := make([]float32, blocks), make([]float32, blocks)
		for b := range blocks {
			var warps [32]float32
			wantMax[b] = float32(math.Inf(-1))
			for w := range threads / 32 {
				var lanes [32]float32
				for l := range lanes {
					lanes[l] = strided(b*threads+w*32+l, blocks*threads, n, 0, func(s float32, i int) float32 {
						wantMax[b] = max(wantMax[b], x[i])
						return s + x[i]
					})
				}
				warps[w] = warpSum(lanes)
			}
			wantSum[b] = warpSum(warps)
		}
		d, f := kernel(t, "reduce_shfl", "sum_shfl")
		spec := emutest.Spec{Grid: cuda.Dim3{X: blocks}, Block: cuda.Dim3{X: threads}}
		in, out := emutest.In(d, "x", x), emutest.Out[float32](d, "out", blocks)
		d.Run(f, spec, int32(n), in, out)
		emutest.Equal(t, "sum", out.Get(), wantSum)
		d.Run(d.Function(emutest.KernelPath(kernelFolder, "reduce_shfl"), "max_shfl"), spec, int32(n), in, out)
		emutest.Equal(t, "max", out.Get(), wantMax)
	})
}

// tree adds in shared memory: step d adds element i + d to element i.
func tree(v []float32) float32 {
	for d := len(v) / 2; d > 0; d >>= 1 {
		for i := range d {
			v[i] += v[i+d]
		}
	}
	return v[0]
}

func TestKernelReduceShared(t *testing.T) {
	forSizes(t, func(t *testing.T, n int) {
		const threads = 128
		x := normals(random(21), n, 1)
		spec := emutest.Grid1(n, threads)
		spec.Shared = 4 * threads
		want := make1(spec.Grid.X, func(b int) float32 {
			v := make([]float32, threads)
			copy(v, x[b*threads:min(n, (b+1)*threads)])
			return tree(v)
		})
		d, f := kernel(t, "reduce_shared", "sum_shared")
		out := emutest.Out[float32](d, "out", spec.Grid.X)
		d.Run(f, spec, int32(n), emutest.In(d, "x", x), out)
		emutest.Equal(t, "sum", out.Get(), want)
	})
}

// TestKernelDotLastBlock checks a reduction across blocks in one launch: a
// fence, an atomic counter, and the last block adds the partial sums.
func TestKernelDotLastBlock(t *testing.T) {
	const n, blocks = 5000, 7
	r := random(22)
	x, y := normals(r, n, 1), normals(r, n, 1)
	var want float32
	for b := range blocks {
		want += tree(make1(256, func(i int) float32 {
			return strided(b*256+i, blocks*256, n, 0, func(s float32, i int) float32 { return emutest.FMA32(x[i], y[i], s) })
		}))
	}
	d, f := kernel(t, "reduce_shared", "dot_last_block")
	partials, counter := emutest.Out[float32](d, "partials", blocks), emutest.InOut(d, "counter", []uint32{0})
	a, b := emutest.In(d, "x", x), emutest.In(d, "y", y)
	for range 2 { // the counter wraps to zero, ready for the next launch
		out := emutest.Out[float32](d, "out", 1)
		d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: blocks}, Block: cuda.Dim3{X: 256}}, int32(n), a, b, partials, counter, out)
		emutest.Equal(t, "dot", out.Get(), []float32{want})
		emutest.Equal(t, "counter", counter.Get(), []uint32{0})
	}
}

func TestKernelScan(t *testing.T) {
	forSizes(t, func(t *testing.T, n int) {
		const threads = 128
		r := random(23)
		x := make1(n, func(int) int32 { return int32(r.IntN(2000) - 1000) })
		path := emutest.KernelPath(kernelFolder, "scan_block")
		d := emutest.Open(t)

		y := emutest.Out[int32](d, "y", n)
		d.Run(d.Function(path, "scan_shfl"), emutest.Grid1(n, threads), int32(n), emutest.In(d, "x", x), y)
		want, sum := make([]int32, n), int32(0)
		for i := range x {
			if i%threads == 0 {
				sum = 0
			}
			sum += x[i]
			want[i] = sum
		}
		emutest.Equal(t, "scan_shfl", y.Get(), want)

		// Sums of small integers are exact in float32, whatever the order.
		z := emutest.Out[float32](d, "y", n)
		spec := emutest.Grid1(n, threads)
		spec.Shared = 2 * 4 * threads
		d.Run(d.Function(path, "scan_double_buffer"), spec, int32(n), emutest.In(d, "x", make1(n, func(i int) float32 { return float32(x[i]) })), z)
		emutest.Equal(t, "scan_double_buffer", z.Get(), make1(n, func(i int) float32 { return float32(want[i]) }))

		u := make1(n, func(i int) uint32 { return uint32(x[i]) })
		v := emutest.Out[uint32](d, "y", n)
		spec = emutest.Grid1((n+1)/2, threads)
		spec.Shared = 4 * 2 * threads
		d.Run(d.Function(path, "scan_work_efficient"), spec, int32(n), emutest.In(d, "x", u), v)
		exclusive, before := make([]uint32, n), uint32(0)
		for i := range u {
			if i%(2*threads) == 0 {
				before = 0
			}
			exclusive[i] = before
			before += u[i]
		}
		emutest.Equal(t, "scan_work_efficient", v.Get(), exclusive)
	})
}

func TestKernelScanSegmented(t *testing.T) {
	forSizes(t, func(t *testing.T, n int) {
		r := random(24)
		x := make1(n, func(int) int32 { return int32(r.IntN(200) - 100) })
		head := make1(n, func(int) uint8 { return uint8(max(0, r.IntN(40)-36)) })
		want, sum := make([]int32, n), int32(0)
		for i := range x {
			if head[i] != 0 {
				sum = 0
			}
			sum += x[i]
			want[i] = sum
		}
		d, f := kernel(t, "scan_segmented", "scan_segmented")
		y := emutest.Out[int32](d, "y", n)
		d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: 96}}, int32(n), emutest.In(d, "x", x), emutest.In(d, "head", head), y)
		emutest.Equal(t, "y", y.Get(), want)
	})
}

func TestKernelHistogram(t *testing.T) {
	const words = 3000
	r := random(25)
	x := make1(4*words, func(int) uint8 { return uint8(r.NormFloat64()*20 + 128) })
	counts := make([]uint32, 256)
	sum := uint64(0)
	for _, v := range x {
		counts[v]++
		sum += uint64(v)
	}
	d, f := kernel(t, "histogram", "histogram")
	in, out := emutest.In(d, "x", x), emutest.InOut(d, "counts", make([]uint32, 256))
	d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: 5}, Block: cuda.Dim3{X: 128}}, int32(words), in, out)
	emutest.Equal(t, "counts", out.Get(), counts)

	out = emutest.InOut(d, "counts", make([]uint32, 256))
	total := emutest.InOut(d, "sum", []uint64{0})
	low, high := emutest.InOut(d, "lowest", []int32{1000}), emutest.InOut(d, "highest", []int32{-1})
	d.Run(d.Function(emutest.KernelPath(kernelFolder, "histogram"), "histogram_global"), emutest.Grid1(4*words, 256), int32(4*words), in, out, total, low, high)
	emutest.Equal(t, "global counts", out.Get(), counts)
	emutest.Equal(t, "sum", total.Get(), []uint64{sum})
	emutest.Equal(t, "lowest", low.Get(), []int32{int32(slices.Min(x))})
	emutest.Equal(t, "highest", high.Get(), []int32{int32(slices.Max(x))})
}

func TestKernelFloatMax(t *testing.T) {
	x := normals(random(26), 700, 10)
	d, f := kernel(t, "atomics", "float_max")
	out := emutest.InOut(d, "out", []float32{-1e30})
	d.Run(f, emutest.Grid1(len(x), 128), int32(len(x)), emutest.In(d, "x", x), out)
	emutest.Equal(t, "max", out.Get(), []float32{slices.Max(x)})
}

func TestKernelAtomicSuite(t *testing.T) {
	const blocks, threads, n = 3, 96, 288
	start := []uint32{7, 7, 1 << 31, 0, 5, 0xffffff00, 0xffffffff, 0, 0x1234, 0, 0, 0}
	wide := []uint64{1, 1 << 60, 0, math.MaxUint64, 0, 99}
	want, wantWide := slices.Clone(start), slices.Clone(wide)
	want[11] = n
	for i := range uint32(n) {
		s := int32(i) - 100
		want[0] += i
		want[1] -= i
		want[2] = min(want[2], i+5)
		want[3] = max(want[3], i*3)
		want[4] = uint32(min(int32(want[4]), s))
		want[5] = uint32(max(int32(want[5]), s))
		want[6] &^= 1 << (i & 7)
		want[7] |= 1 << (i & 31)
		want[8] ^= i * 2654435761
		want[9] = (i + 1) % 10
		want[10] = 6 - i%7
		wantWide[0] += uint64(i) << 30
		wantWide[1] = min(wantWide[1], 0x1000000000+uint64(i))
		wantWide[2] = max(wantWide[2], uint64(i)<<33)
		wantWide[3] &^= 1 << (i & 63)
		wantWide[4] |= 1 << (i & 63)
		wantWide[5] ^= uint64(i) * 0x9E3779B97F4A7C15
	}
	d, f := kernel(t, "atomics", "atomic_suite")
	out, out64, ticket := emutest.InOut(d, "out", start), emutest.InOut(d, "wide", wide), emutest.Out[uint32](d, "ticket", n)
	d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: blocks}, Block: cuda.Dim3{X: threads}}, out, out64, ticket)
	emutest.Equal(t, "out", out.Get(), want)
	emutest.Equal(t, "wide", out64.Get(), wantWide)
	tickets := ticket.Get()
	slices.Sort(tickets)
	emutest.Equal(t, "sorted tickets", tickets, make1(n, func(i int) uint32 { return uint32(i) }))
}

func TestKernelFloatAdd(t *testing.T) {
	const n = 256
	d, f := kernel(t, "atomics", "float_add")
	sum, wide := emutest.InOut(d, "f", []float32{0}), emutest.InOut(d, "d", []float64{0})
	half, returned := emutest.InOut(d, "h", []uint16{0, 0}), emutest.Out[float32](d, "returned", n)
	d.Run(f, emutest.Grid1(n, 64), sum, wide, half, returned)
	emutest.Equal(t, "float", sum.Get(), []float32{n / 4 * 6})
	emutest.Equal(t, "double", wide.Get(), []float64{n * (n - 1) / 2})
	emutest.Equal(t, "half2", half.Get(), []uint16{f16(n / 2), f16(n / 2)})
	// Whatever the order, the old values are sums of the terms before.
	got := returned.Get()
	for i, v := range got {
		if v < 0 || v > n/4*6 || v != float32(math.Trunc(float64(v))) {
			t.Errorf("returned[%d] = %g, want a partial sum", i, v)
		}
	}
}

func TestKernelSpinLock(t *testing.T) {
	d, f := kernel(t, "atomics", "spin_lock")
	lock, count := emutest.InOut(d, "lock", []int32{0}), emutest.InOut(d, "count", []int32{0})
	d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: 2}, Block: cuda.Dim3{X: 64}}, lock, count)
	emutest.Equal(t, "count", count.Get(), []int32{128})
}

func TestKernelGroupNorm(t *testing.T) {
	const samples, pixels, channels, groups, epsilon = 2, 35, 12, 3, 1e-5
	const width = channels / groups
	r := random(27)
	x, gamma, beta := normals(r, samples*pixels*channels, 2), normals(r, channels, 1), normals(r, channels, 1)
	want := make([]float64, len(x))
	for s := range samples {
		for g := range groups {
			var sum, squares float64
			each := func(f func(i, c int)) {
				for p := range pixels {
					for c := g * width; c < (g+1)*width; c++ {
						f((s*pixels+p)*channels+c, c)
					}
				}
			}
			each(func(i, _ int) { sum += float64(x[i]) })
			mean := sum / (pixels * width)
			each(func(i, _ int) { squares += (float64(x[i]) - mean) * (float64(x[i]) - mean) })
			scale := 1 / math.Sqrt(squares/(pixels*width)+epsilon)
			each(func(i, c int) { want[i] = (float64(x[i])-mean)*scale*float64(gamma[c]) + float64(beta[c]) })
		}
	}
	for _, name := range []string{"group_norm", "group_norm_silu"} {
		d, f := kernel(t, "group_norm", name)
		y := emutest.Out[float32](d, "y", len(x))
		d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: groups, Y: samples}, Block: cuda.Dim3{X: 96}}, int32(pixels), int32(channels), int32(groups),
			float32(epsilon), emutest.In(d, "x", x), emutest.In(d, "gamma", gamma), emutest.In(d, "beta", beta), y)
		if name == "group_norm_silu" {
			for i, v := range want {
				want[i] = silu64(v)
			}
		}
		// 140 float32 sums and six roundings of values up to about 10.
		emutest.Close(t, name, y.Get(), want, func(i int) float64 { return 4e-6 * (1 + math.Abs(want[i])) })
	}
}

func TestKernelSoftmax(t *testing.T) {
	for _, columns := range []int{1, 5, 32, 100} {
		const rows, scale = 9, 0.35
		x := normals(random(28), rows*columns, 20)
		want := make([]float64, len(x))
		for r := range rows {
			row := x[r*columns : (r+1)*columns]
			var sum float64
			top := float64(slices.Max(row)) * scale
			for c, v := range row {
				want[r*columns+c] = math.Exp(float64(v)*scale - top)
				sum += want[r*columns+c]
			}
			for c := range row {
				want[r*columns+c] /= sum
			}
		}
		d, f := kernel(t, "softmax", "softmax")
		y := emutest.Out[float32](d, "y", len(x))
		d.Run(f, emutest.Grid1(32*rows, 64), int32(rows), int32(columns), float32(scale), emutest.In(d, "x", x), y)
		// Arguments up to 100 are rounded to float32 before exp: 100 x 2^-24, twice.
		emutest.Close(t, "softmax", y.Get(), want, func(i int) float64 { return 2e-5*want[i] + 1e-30 })
	}
}
