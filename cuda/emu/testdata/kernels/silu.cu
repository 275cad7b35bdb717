// silu: y = x * sigmoid(x) = x / (1 + exp(-x)), float32 with expf and an IEEE division.
// silu_fast: the same with the hardware's ex2.approx and a fast division.
// silu_bf16: two bfloat16 values a thread; computed in float32, rounded once.

#include <cuda_bf16.h>

extern "C" __global__ void silu(int n, const float *__restrict__ x, float *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] / (1.0f + expf(-x[i]));
}

extern "C" __global__ void silu_fast(int n, const float *__restrict__ x, float *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = __fdividef(x[i], 1.0f + __expf(-x[i]));
}

extern "C" __global__ void silu_bf16(int pairs, const __nv_bfloat162 *__restrict__ x, __nv_bfloat162 *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= pairs) return;
    float2 v = __bfloat1622float2(x[i]);
    v.x = v.x / (1.0f + expf(-v.x));
    v.y = v.y / (1.0f + expf(-v.y));
    y[i] = __float22bfloat162_rn(v);
}
