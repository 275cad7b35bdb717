// The instructions of the tensor-core kernels: one file of ptx/ for each family, one function for each instruction.
#pragma once
#include "ptx/cp_async.cuh"
#include "ptx/ldmatrix.cuh"
#include "ptx/mma.cuh"

// shared_address is an address in shared memory as those instructions take it.
__device__ __forceinline__ unsigned shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
