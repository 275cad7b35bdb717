package emu_test

import (
	"slices"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

func TestKernelCollatz(t *testing.T) {
	const limit = 100
	x := make1(500, func(i int) uint32 { return uint32(i) })
	want := make1(len(x), func(i int) int32 {
		if i == 0 {
			return -1
		}
		steps := int32(0)
		for v := uint64(i); v != 1; steps++ {
			if steps == limit {
				return -2
			}
			if v%2 == 1 {
				v = 3*v + 1
			} else {
				v /= 2
			}
		}
		return steps
	})
	if !slices.Contains(want, -2) {
		t.Fatal("no number takes the early return")
	}
	d, f := kernel(t, "divergence", "collatz")
	steps := emutest.Out[int32](d, "steps", len(x))
	d.Run(f, emutest.Grid1(len(x), 64), int32(len(x)), int32(limit), emutest.In(d, "x", x), steps)
	emutest.Equal(t, "steps", steps.Get(), want)
}

func TestKernelPrimes(t *testing.T) {
	x := make1(70, func(i int) int32 { return int32(i*i) % 401 })
	count, last, sum := make([]int32, len(x)), make([]int32, len(x)), make([]uint32, len(x))
	for i, bound := range x {
		sum[i] = 1
		for p := int32(2); p < bound; p++ {
			prime := true
			for d := int32(2); d*d <= p; d++ {
				prime = prime && p%d != 0
			}
			if prime {
				count[i]++
				last[i] = p
				sum[i] = sum[i]*31 + uint32(p)
			}
		}
	}
	d, f := kernel(t, "divergence", "primes")
	outCount, outLast, outSum := emutest.Out[int32](d, "count", len(x)), emutest.Out[int32](d, "last", len(x)), emutest.Out[uint32](d, "sum", len(x))
	d.Run(f, emutest.Grid1(len(x), 64), int32(len(x)), emutest.In(d, "x", x), outCount, outLast, outSum)
	emutest.Equal(t, "count", outCount.Get(), count)
	emutest.Equal(t, "last", outLast.Get(), last)
	emutest.Equal(t, "sum", outSum.Get(), sum)
}

// maze is the kernel of that name for one thread.
func maze(v int32) int32 {
	bound, sum := v&15, int32(0)
	for a := int32(0); a < bound; a++ {
		for b := a; b < 12; b++ {
			sum += a*b + v
			if sum%17 == 3 {
				return sum
			}
			if sum%11 == 5 {
				bound--
				continue
			}
			for range 20 {
				sum ^= b
				if sum&64 != 0 {
					break
				}
				sum += 9
				if sum%5 == 0 {
					break
				}
			}
			if sum%29 == 1 {
				return -sum
			}
		}
		sum += 1000
	}
	return sum
}

func TestKernelMaze(t *testing.T) {
	r := random(40)
	x := make1(600, func(int) int32 { return int32(r.IntN(4000) - 1000) })
	d, f := kernel(t, "divergence", "maze")
	y := emutest.Out[int32](d, "y", len(x))
	d.Run(f, emutest.Grid1(len(x), 128), int32(len(x)), emutest.In(d, "x", x), y)
	emutest.Equal(t, "y", y.Get(), make1(len(x), func(i int) int32 { return maze(x[i]) }))
}

func TestKernelLocalArrays(t *testing.T) {
	const n = 45
	r := random(41)
	x := make1(16*n, func(int) int32 { return int32(r.Uint32()) })
	want := slices.Clone(x)
	for i := range n {
		slices.Sort(want[16*i : 16*i+16])
	}
	d, f := kernel(t, "local_array", "sort_rows")
	y := emutest.Out[int32](d, "y", len(x))
	d.Run(f, emutest.Grid1(n, 32), int32(n), emutest.In(d, "x", x), y)
	emutest.Equal(t, "sorted", y.Get(), want)

	u := make1(n, func(int) uint32 { return r.Uint32() >> r.IntN(32) })
	walk := d.Function(emutest.KernelPath(kernelFolder, "local_array"), "digit_walk")
	out := emutest.Out[int32](d, "y", n)
	d.Run(walk, emutest.Grid1(n, 32), int32(n), emutest.In(d, "x", u), out)
	emutest.Equal(t, "walk", out.Get(), make1(n, func(i int) int32 {
		var table [10]uint8
		for v := u[i]; v != 0; v /= 10 {
			table[v%10]++
		}
		at, sum := int(u[i]%10), int32(0)
		for range 8 {
			at = int(table[at] % 10)
			sum = sum*10 + int32(at)
		}
		return sum
	}))
}

func TestKernelCalls(t *testing.T) {
	const n, degree = 150, 7
	r := random(42)
	path := emutest.KernelPath(kernelFolder, "calls")
	d := emutest.Open(t)
	c, x := normals(r, degree+1, 1), normals(r, n, 1)
	in, y := emutest.In(d, "x", x), emutest.Out[float32](d, "y", n)
	d.Run(d.Function(path, "polynomial"), emutest.Grid1(n, 64), int32(n), int32(degree), emutest.In(d, "c", c), in, y)
	evaluate := func(degree int, x float32) float32 {
		v := c[degree]
		for k := degree - 1; k >= 0; k-- {
			v = emutest.FMA32(v, x, c[k])
		}
		return v
	}
	emutest.Equal(t, "polynomial", y.Get(), make1(n, func(i int) float32 {
		if x[i] < 0 {
			return -evaluate(degree-1, -x[i])
		}
		return evaluate(degree, x[i])
	}))

	const rows, columns = 15, 10
	mean, spread := emutest.Out[float32](d, "mean", rows), emutest.Out[float32](d, "spread", rows)
	count := emutest.Out[int32](d, "count", rows)
	d.Run(d.Function(path, "mean_and_spread"), emutest.Grid1(rows, 32), int32(rows), int32(columns), in, mean, spread, count)
	wantMean, wantSpread := make([]float32, rows), make([]float32, rows)
	for i := range rows {
		var m, s float32
		for _, v := range x[i*columns : (i+1)*columns] {
			m += v
		}
		m /= columns
		for _, v := range x[i*columns : (i+1)*columns] {
			s = emutest.FMA32(v-m, v-m, s)
		}
		if i%2 == 1 {
			m, s = m*2, s*4
		}
		wantMean[i], wantSpread[i] = m, s
	}
	emutest.Equal(t, "mean", mean.Get(), wantMean)
	emutest.Equal(t, "spread", spread.Get(), wantSpread)
	emutest.Equal(t, "count", count.Get(), make1(rows, func(int) int32 { return columns }))

	d.Run(d.Function(path, "choose_space"), emutest.Grid1(n, 128), int32(n), in, y)
	emutest.Equal(t, "choose_space", y.Get(), make1(n, func(i int) float32 {
		first, lane := i/128*128, i%128
		other := 127 - lane
		if first+other >= n {
			other = lane
		}
		if i%3 == 0 {
			return x[first+other]
		}
		return 2 * x[first+other]
	}))
}

func TestKernelRecursion(t *testing.T) {
	const n = 40
	path := emutest.KernelPath(kernelFolder, "recursion")
	d := emutest.Open(t)
	x := make1(n, func(i int) uint32 { return uint32(i % 13) })
	fib := []uint32{0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144}
	y := emutest.Out[uint32](d, "y", n)
	d.Run(d.Function(path, "fibonacci"), emutest.Grid1(n, 64), int32(n), emutest.In(d, "x", x), y)
	emutest.Equal(t, "fibonacci", y.Get(), make1(n, func(i int) uint32 { return fib[x[i]] }))

	// A(0, n) = n + 1 and A(1, n) = n + 2.
	d.Run(d.Function(path, "ackermann"), emutest.Grid1(n, 64), int32(n), emutest.In(d, "x", x), y)
	emutest.Equal(t, "ackermann", y.Get(), make1(n, func(i int) uint32 { return x[i]>>1 + 1 + x[i]&1 }))

	const rows, columns = 40, 25
	r := random(43)
	v := make1(rows*columns, func(int) int32 { return int32(r.IntN(200)) })
	sorted := slices.Clone(v)
	for i := range rows {
		slices.Sort(sorted[i*columns : (i+1)*columns])
	}
	out := emutest.InOut(d, "v", v)
	d.Run(d.Function(path, "quicksort"), emutest.Grid1(rows, 64), int32(rows), int32(columns), out)
	emutest.Equal(t, "quicksort", out.Get(), sorted)
}

func TestKernelFunctionPointers(t *testing.T) {
	const n = 100
	r := random(44)
	path := emutest.KernelPath(kernelFolder, "function_pointer")
	functions := []func(float32) float32{
		func(x float32) float32 { return -x },
		func(x float32) float32 { return x * x },
		func(x float32) float32 { return 1 / x },
		func(x float32) float32 { return x + 1 },
		func(x float32) float32 { return max(x, -x) },
	}
	x, op := normals(r, n, 1), make1(n, func(int) int32 { return int32(r.IntN(5)) })
	d, f := kernel(t, "function_pointer", "apply")
	in, y := emutest.In(d, "x", x), emutest.Out[float32](d, "y", n)
	d.Run(f, emutest.Grid1(n, 64), int32(n), in, emutest.In(d, "op", op), y)
	emutest.Equal(t, "apply", y.Get(), make1(n, func(i int) float32 { return functions[op[i]](x[i]) }))
	d.Run(d.Function(path, "apply_twice"), emutest.Grid1(n, 64), int32(n), int32(1), int32(3), in, y)
	emutest.Equal(t, "apply_twice", y.Get(), make1(n, func(i int) float32 { return float32(x[i]*x[i]) + 1 }))
}

// interpret is one thread of the kernel interpreter.
func interpret(i int32, program uint64) int32 {
	a, b := i, int32(1)
	for p := program; p != 0; p >>= 4 {
		switch p & 15 {
		case 1:
			a += b
		case 2:
			a -= b
		case 3:
			a *= 3
		case 4:
			b = a
		case 5:
			a ^= b << 3
		case 6:
			if a < 0 {
				a = -a
			}
			b++
		case 7:
			b++
		case 8:
			a >>= 1
		case 9:
			a = b & 0xff
		case 10:
			a |= 0x10
		case 11:
			a, b = b, a
		case 12:
			if a > b {
				a = b
			}
		case 13:
			a = ^a
		default:
			b -= a & 3
		}
	}
	return a*31 + b
}

func TestKernelSwitch(t *testing.T) {
	const n = 300
	r := random(45)
	program := make1(n, func(int) uint64 { return r.Uint64() >> r.IntN(60) })
	d, f := kernel(t, "switch", "interpreter")
	y := emutest.Out[int32](d, "y", n)
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "program", program), y)
	emutest.Equal(t, "interpreter", y.Get(), make1(n, func(i int) int32 { return interpret(int32(i), program[i]) }))

	x := make1(n, func(i int) int32 { return []int32{-1000000, 0, 77, 78, 123456789, int32(i)}[r.IntN(6)] })
	d.Run(d.Function(emutest.KernelPath(kernelFolder, "switch"), "sparse"), emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), y)
	known := map[int32]int32{-1000000: 1, 0: 2, 77: 3, 78: 4, 123456789: 5}
	emutest.Equal(t, "sparse", y.Get(), make1(n, func(i int) int32 {
		if v, ok := known[x[i]]; ok {
			return v
		}
		return x[i] + 6
	}))
}

func TestKernelSharedMixed(t *testing.T) {
	const n, keys, threads = 300, 9, 128
	r := random(46)
	key, value := make1(n, func(int) uint8 { return uint8(r.IntN(keys)) }), normals(r, n, 1)
	spec := emutest.Grid1(n, threads)
	spec.Shared = 5 * threads
	grouped, starts := []float32{}, []int32{}
	for b := range spec.Grid.X {
		first, last := b*threads, min(n, (b+1)*threads)
		for k := range uint8(keys) {
			starts = append(starts, int32(len(grouped)-first))
			for i := first; i < last; i++ {
				if key[i] == k {
					grouped = append(grouped, value[i])
				}
			}
		}
		starts = append(starts, int32(len(grouped)-first))
	}
	d, f := kernel(t, "shared_mixed", "group_by_key")
	outGrouped, outStarts := emutest.Out[float32](d, "grouped", n), emutest.Out[int32](d, "starts", len(starts))
	d.Run(f, spec, int32(n), int32(keys), emutest.In(d, "key", key), emutest.In(d, "value", value), outGrouped, outStarts)
	emutest.Equal(t, "starts", outStarts.Get(), starts)
	emutest.Equal(t, "grouped", outGrouped.Get(), grouped)
}

func TestKernelBarriers(t *testing.T) {
	const threads, blocks = 96, 4
	r := random(47)
	path := emutest.KernelPath(kernelFolder, "barriers")
	d := emutest.Open(t)
	x := make1(threads*blocks, func(i int) int32 { return int32(r.IntN(100) - 45 - 10*(i/threads%2)) })
	x[2*threads+5], x[threads] = 42, -60
	want := make([]int32, len(x))
	for b := range blocks {
		part := x[b*threads : (b+1)*threads]
		v := int32(0)
		if !slices.ContainsFunc(part, func(v int32) bool { return v <= -50 }) {
			v += 2
		}
		if slices.Contains(part, 42) {
			v++
		}
		for _, e := range part {
			if e > 0 {
				v += 4
			}
		}
		for i := range part {
			want[b*threads+i] = v
		}
	}
	out := emutest.Out[int32](d, "out", len(x))
	d.Run(d.Function(path, "block_vote"), emutest.Grid1(len(x), threads), emutest.In(d, "x", x), out)
	emutest.Equal(t, "block_vote", out.Get(), want)

	const rounds = 5
	y := emutest.Out[int32](d, "y", 64*rounds)
	d.Run(d.Function(path, "named"), emutest.Spec{Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: 128}}, int32(rounds), emutest.In(d, "x", x), y)
	emutest.Equal(t, "named", y.Get(), make1(64*rounds, func(i int) int32 { return x[i/64*64+63-i%64]*3 + int32(i/64) }))

	v := make1(1024, func(int) uint32 { return r.Uint32() })
	sorted := slices.Clone(v)
	slices.Sort(sorted[:512])
	slices.Sort(sorted[512:])
	buffer := emutest.InOut(d, "v", v)
	d.Run(d.Function(path, "bitonic"), emutest.Spec{Grid: cuda.Dim3{X: 2}, Block: cuda.Dim3{X: 256}}, buffer)
	emutest.Equal(t, "bitonic", buffer.Get(), sorted)
}

func boolean(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
