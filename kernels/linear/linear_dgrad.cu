// linear_dgrad: dx = dy w + residual on the rows of dy (N,H,W,O), w (O,1,1,I): the product core of gemm.cuh with M = N H W rows,
// N = I, K = O; w is read as it lies, along its rows (ldmatrix.trans).
//   linear_dgrad_<tile>   16-byte rows: 128 for big outputs, 64 where those are too few for the machine, 32 for few rows
//   linear_dgrad_any      any pitch and alignment, 64
//   linear_dgrad_reduce   adds the parts of a product that was split along K
// Bytes: dy, w, residual read and dx written once, w again for every tile of rows, dy for every tile of columns (level 2).
// Work: 2 M N K FLOPs.
#include "gemm.cuh"

GEMM_KERNEL(linear_dgrad_128_f32, float, float, true, false, 128, true, with_residual, false)
GEMM_KERNEL(linear_dgrad_64_f32, float, float, true, false, 64, true, with_residual, false)
GEMM_KERNEL(linear_dgrad_32_f32, float, float, true, false, 32, true, with_residual, false)
GEMM_KERNEL(linear_dgrad_any_f32, float, float, true, false, 64, false, with_residual, false)
GEMM_REDUCE(linear_dgrad_reduce_f32, float, with_residual, false)

GEMM_KERNEL(linear_dgrad_128_bf16, bf16, bf16, true, false, 128, true, with_residual, false)
GEMM_KERNEL(linear_dgrad_64_bf16, bf16, bf16, true, false, 64, true, with_residual, false)
GEMM_KERNEL(linear_dgrad_32_bf16, bf16, bf16, true, false, 32, true, with_residual, false)
GEMM_KERNEL(linear_dgrad_any_bf16, bf16, bf16, true, false, 64, false, with_residual, false)
GEMM_REDUCE(linear_dgrad_reduce_bf16, bf16, with_residual, false)
