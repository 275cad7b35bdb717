//go:build !openblas && !gonum

package blas

import "github.com/unnoise/unnoise/kernels/simd"

var vector = simd.Gemm

// Name says which matrix product is in use.
func Name() string {
	if unit := simd.Unit(); unit != "portable" {
		return "unnoise " + unit
	}
	return "gonum"
}
