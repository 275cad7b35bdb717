// linear_wgrad: dw = dy^T x and db = sum over rows of dy, for x (R,I) and dy (R,O): the product core of gemm.cuh with M = O, N = I,
// K = R, both operands read along their rows (ldmatrix.trans). dw and db are float32 whatever x is and add to what is there after
// the first micro-batch. K is long and the output small: K is split over the machine, the parts are added in a fixed order.
// db comes from the panels of dy in the blocks of the first column of tiles: on tensor cores as a product with ones.
//   linear_wgrad_<tile>   16-byte rows: 128 for big outputs, 64 and 32 for small ones
//   linear_wgrad_any      any pitch and alignment, 64
//   linear_wgrad_reduce   adds the parts
// Bytes: x and dy read, dw written; x again for every tile of outputs, dy for every tile of inputs (level 2); 8 bytes an element of
// dw and part for the parts. Work: 2 M N K FLOPs.
#include "gemm.cuh"

GEMM_KERNEL(linear_wgrad_128_f32, float, float, false, false, 128, true, accumulated, true)
GEMM_KERNEL(linear_wgrad_64_f32, float, float, false, false, 64, true, accumulated, true)
GEMM_KERNEL(linear_wgrad_32_f32, float, float, false, false, 32, true, accumulated, true)
GEMM_KERNEL(linear_wgrad_any_f32, float, float, false, false, 64, false, accumulated, true)
GEMM_REDUCE(linear_wgrad_reduce_f32, float, accumulated, true)

GEMM_KERNEL(linear_wgrad_128_bf16, bf16, float, false, false, 128, true, accumulated, true)
GEMM_KERNEL(linear_wgrad_64_bf16, bf16, float, false, false, 64, true, accumulated, true)
GEMM_KERNEL(linear_wgrad_32_bf16, bf16, float, false, false, 32, true, accumulated, true)
GEMM_KERNEL(linear_wgrad_any_bf16, bf16, float, false, false, 64, false, accumulated, true)
