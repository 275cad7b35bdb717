package simd

import (
	"fmt"
	"testing"
)

// BenchmarkFunctions reports bytes read and written per second: vectors that stay in the first cache level, rows of 32
// channels, and an array that does not fit in cache.
func BenchmarkFunctions(b *testing.B) {
	for _, size := range []struct{ rows, c int }{{1, 2048}, {512, 32}, {1, 1 << 22}} {
		n := size.rows * size.c
		dst := Rows{make([]float32, n), size.c}
		var src []Rows
		for k := range 5 {
			src = append(src, Rows{randn(n, uint64(k)), size.c})
		}
		for _, op := range operations() {
			b.Run(fmt.Sprintf("%s/%dx%d", op.name, size.rows, size.c), func(b *testing.B) {
				b.SetBytes(int64(4 * n * (op.sources + 1)))
				for b.Loop() {
					op.f(dst, src, size.rows, size.c)
				}
			})
		}
	}
}

func BenchmarkReductions(b *testing.B) {
	for _, n := range []int{2048, 1 << 22} {
		x, y := randn(n, 1), randn(n, 2)
		var s, d [256]float64
		for name, f := range map[string]func(){
			"sum": func() { Sum(x) }, "max": func() { Max(x) }, "dot": func() { Dot(x, y) }, "expsubsum": func() { ExpSubSum(y, x, 3) },
			"columnmoments32":  func() { ColumnMoments(s[:32], d[:32], Rows{x, 32}, n/32) },
			"columnmoments256": func() { ColumnMoments(s[:], d[:], Rows{x, 256}, n/256) },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(4 * n))
				for b.Loop() {
					f()
				}
			})
		}
	}
}

func BenchmarkAdamW(b *testing.B) {
	const n = 1 << 20
	p, m, v, ema, g := randn(n, 1), randn(n, 2), randn(n, 3), randn(n, 4), randn(n, 5)
	Mul(v, v, v)
	k := NewAdamWParams(1, 1e-3, 0, 0.9, 0.999, 1e-8, 0.1, 1e-3, 0.99)
	b.SetBytes(4 * n * 9)
	for b.Loop() {
		AdamW(p, m, v, ema, g, &k)
	}
}
