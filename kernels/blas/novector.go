//go:build openblas || gonum

package blas

// noVector is the vector product of builds that compare libraries.
func noVector(bool, bool, int, int, int, float32, []float32, int, []float32, int, float32, []float32, int) bool {
	return false
}
