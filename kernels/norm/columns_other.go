//go:build !amd64

package norm

import "github.com/unnoise/unnoise/kernels/simd"

// vector is false: there is no assembly for this processor, and the functions below are not called.
const vector = false

func wide(int) int { return 0 }

func momentsVector(_, _ []float32, _ simd.Rows, _, _ int, _ []float32) {}

func productsVector(_, _ []float32, _, _ simd.Rows, _, _ int, _ []float32) {}

func combineVector(_, _, _ simd.Rows, _, _ int, _, _, _ []float32) {}
