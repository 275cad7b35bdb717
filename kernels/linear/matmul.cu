// matmul: c = alpha op(a) op(b) for the matrices of a batch: the product core of gemm.cuh, the batch on the grid's second axis. The
// first letter after matmul says whether a is transposed, the second whether b is.
//   matmul_.._<tile>   16-byte rows: 128 for big outputs, 64 for small ones
//   matmul_.._any      any pitch and alignment, 64
// Bytes: a and b read and c written once, a again for every tile of columns, b for every tile of rows (level 2).
// Work: 2 M N K FLOPs a matrix.
#include "gemm.cuh"

#define MATMUL_TYPE(layout, a_k, b_k, T, type)                                      \
    GEMM_KERNEL(matmul_##layout##_128_##type, T, T, a_k, b_k, 128, true, plain, false)     \
    GEMM_KERNEL(matmul_##layout##_64_##type, T, T, a_k, b_k, 64, true, plain, false)       \
    GEMM_KERNEL(matmul_##layout##_any_##type, T, T, a_k, b_k, 64, false, plain, false)

#define MATMUL(layout, a_k, b_k)                \
    MATMUL_TYPE(layout, a_k, b_k, float, f32)   \
    MATMUL_TYPE(layout, a_k, b_k, bf16, bf16)

MATMUL(nn, true, false)
MATMUL(nt, true, true)
MATMUL(tn, false, false)
MATMUL(tt, false, true)
