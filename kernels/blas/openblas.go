//go:build openblas

package blas

// #cgo LDFLAGS: -lopenblas
// void openblas_set_num_threads(int n);
import "C"

import "gonum.org/v1/netlib/blas/netlib"

var library netlib.Implementation

var vector = noVector

func init() { C.openblas_set_num_threads(1) }

// Name says which matrix product is in use.
func Name() string { return "openblas" }
