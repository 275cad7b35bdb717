// linear: y = x w^T + bias + residual on the rows of x (N,H,W,I), w (O,1,1,I): the product core of gemm.cuh with M = N H W rows,
// N = O, K = I, both operands k-major. y has the type of x; the linear_widen kernels store the product of bf16 in float32.
//   linear_<tile>   16-byte rows: 128 for big outputs, 64 where those are too few for the machine, 32 for few rows (time embeddings)
//   linear_any      any pitch and alignment, 64
//   linear_reduce   adds the parts of a product that was split along K
// Bytes: x, w, residual read and y written once, w again for every tile of rows, x for every tile of columns (level 2).
// Work: 2 M N K FLOPs.
#include "gemm.cuh"

GEMM_KERNEL(linear_128_f32, float, float, true, true, 128, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_64_f32, float, float, true, true, 64, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_32_f32, float, float, true, true, 32, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_any_f32, float, float, true, true, 64, false, with_bias | with_residual, false)
GEMM_REDUCE(linear_reduce_f32, float, with_bias | with_residual, false)

GEMM_KERNEL(linear_128_bf16, bf16, bf16, true, true, 128, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_64_bf16, bf16, bf16, true, true, 64, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_32_bf16, bf16, bf16, true, true, 32, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_any_bf16, bf16, bf16, true, true, 64, false, with_bias | with_residual, false)
GEMM_REDUCE(linear_reduce_bf16, bf16, with_bias | with_residual, false)

GEMM_KERNEL(linear_widen_128_bf16, bf16, float, true, true, 128, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_widen_64_bf16, bf16, float, true, true, 64, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_widen_32_bf16, bf16, float, true, true, 32, true, with_bias | with_residual, false)
GEMM_KERNEL(linear_widen_any_bf16, bf16, float, true, true, 64, false, with_bias | with_residual, false)
