//go:build !openblas

package blas

import "gonum.org/v1/gonum/blas/gonum"

var library gonum.Implementation
