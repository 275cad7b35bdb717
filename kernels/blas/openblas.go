//go:build openblas

package blas

// #cgo LDFLAGS: -lopenblas
// void openblas_set_num_threads(int n);
import "C"

import "gonum.org/v1/netlib/blas/netlib"

var implementation netlib.Implementation

const implementationName = "openblas"

func init() { C.openblas_set_num_threads(1) }
