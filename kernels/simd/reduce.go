package simd

// Sum returns the sum of x, added in float64.
func Sum(x []float32) float64 {
	if len(x) == 0 {
		return 0
	}
	return sum(x)
}

// SumSquares returns the sum of x*x, added in float64.
func SumSquares(x []float32) float64 { return Dot(x, x) }

// Dot returns the sum of a*b over len(a) elements, added in float64.
func Dot(a, b []float32) float64 {
	if len(a) == 0 {
		return 0
	}
	return dot(a, b[:len(a)])
}

// SumSquaredDiff returns the sum of (a-b)^2 over len(a) elements; the difference is taken in float32, the sum in float64.
func SumSquaredDiff(a, b []float32) float64 {
	if len(a) == 0 {
		return 0
	}
	return sumSquaredDiff(a, b[:len(a)])
}

// Max returns the largest element of x, which must not be empty. NaN where x holds one.
func Max(x []float32) float32 { return maximum(x) }

// ExpSubSum computes dst = exp(x - max) and returns the sum of dst, added in float64 per vector lane.
func ExpSubSum(dst, x []float32, max float32) float64 {
	if len(dst) == 0 {
		return 0
	}
	return expSubSum(dst, x[:len(dst)], max)
}
