// Package metrics measures what a diffusion model has learned: distances between
// sample sets, errors of arrays, and the closed-form optimum of a finite data set.
package metrics

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// EnergyDistance is 2 E|X-Y| - E|X-X'| - E|Y-Y'| between two samples (Székely &
// Rizzo 2013), the expectations taken over all pairs of the samples, a point with
// itself included: never negative, zero only for equal sets. a and b hold points
// of dim coordinates one after the other. The result does not depend on the
// number of cores.
func EnergyDistance(a, b []float32, dim int) (float64, error) {
	if dim < 1 || len(a) == 0 || len(b) == 0 || len(a)%dim != 0 || len(b)%dim != 0 {
		return 0, fmt.Errorf("metrics: %d and %d values are not two sets of points of dimension %d", len(a), len(b), dim)
	}
	x, y := widen(a), widen(b)
	return 2*meanDistance(x, y, dim) - meanDistance(x, x, dim) - meanDistance(y, y, dim), nil
}

// meanDistance is the mean Euclidean distance over all pairs (a_i, b_j).
func meanDistance(a, b []float64, dim int) float64 {
	n, m := len(a)/dim, len(b)/dim
	rows := make([]float64, n)
	parallel(n, 64, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			rows[i] = distanceSum(a[i*dim:(i+1)*dim], b)
		}
	})
	sum := 0.0
	for _, r := range rows {
		sum += r
	}
	return sum / float64(n) / float64(m)
}

// distanceSum is the sum of the distances from p to the points of b.
func distanceSum(p, b []float64) float64 {
	sum := 0.0
	if len(p) == 2 {
		for j := 0; j+1 < len(b); j += 2 {
			dx, dy := b[j]-p[0], b[j+1]-p[1]
			sum += math.Sqrt(dx*dx + dy*dy)
		}
		return sum
	}
	for j := 0; j < len(b); j += len(p) {
		sq := 0.0
		for k, v := range b[j : j+len(p)] {
			sq += (v - p[k]) * (v - p[k])
		}
		sum += math.Sqrt(sq)
	}
	return sum
}

// MSE is the mean of (a-b)^2.
func MSE(a, b []float32) (float64, error) {
	if len(a) != len(b) || len(a) == 0 {
		return 0, fmt.Errorf("metrics: %d values against %d", len(a), len(b))
	}
	sum := 0.0
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return sum / float64(len(a)), nil
}

// PSNR is 10 log10(span^2 / MSE) in dB, +Inf for equal arrays; span is the width
// of the value range, 2 for images in [-1, 1].
func PSNR(a, b []float32, span float64) (float64, error) {
	mse, err := MSE(a, b)
	if err != nil {
		return 0, err
	}
	if !(span > 0) {
		return 0, fmt.Errorf("metrics: PSNR over a value range of width %v; want a positive number", span)
	}
	return 10 * math.Log10(span*span/mse), nil
}

// RelativeL2 is |got-want| / |want| in the Euclidean norm: 0 where both vanish,
// +Inf where only want does, NaN where a value is not a number.
func RelativeL2(got, want []float32) (float64, error) {
	if len(got) != len(want) || len(got) == 0 {
		return 0, fmt.Errorf("metrics: %d values against %d", len(got), len(want))
	}
	var diff, norm float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		diff += d * d
		norm += float64(w) * float64(w)
	}
	if diff == 0 && norm == 0 {
		return 0, nil
	}
	return math.Sqrt(diff / norm), nil
}

func widen(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// parallel runs f over 0..n-1 in blocks of at most block, on all cores.
func parallel(n, block int, f func(lo, hi int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+block-1)/block)
	if workers <= 1 {
		f(0, n)
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				hi := int(next.Add(int64(block)))
				if hi-block >= n {
					return
				}
				f(hi-block, min(hi, n))
			}
		})
	}
	wg.Wait()
}
