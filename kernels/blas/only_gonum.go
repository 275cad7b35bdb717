//go:build gonum && !openblas

package blas

var vector = noVector

// Name says which matrix product is in use.
func Name() string { return "gonum" }
