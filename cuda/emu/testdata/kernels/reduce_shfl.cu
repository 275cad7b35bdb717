// Reductions of one block's slice by warp shuffles, then across warps through shared memory.
// sum_shfl: out[b] = sum of x over block b's grid-stride share; down-shuffles fix the order of additions.
// max_shfl: out[b] = max of the same, with butterfly shuffles; NaN is ignored as by fmaxf.

__device__ __forceinline__ float warp_sum(float v) {
#include <math_constants.h>

#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v += __shfl_down_sync(0xffffffffu, v, d);
    return v;
}

__device__ __forceinline__ float warp_max(float v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, d));
    return v;
}

extern "C" __global__ void sum_shfl(int n, const float *__restrict__ x, float *__restrict__ out) {
    __shared__ float partial[32];
    float v = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) v += x[i];
    v = warp_sum(v);
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    if (warp == 0) {
        v = lane < (blockDim.x + 31) / 32 ? partial[lane] : 0.0f;
        v = warp_sum(v);
        if (lane == 0) out[blockIdx.x] = v;
    }
}

extern "C" __global__ void max_shfl(int n, const float *__restrict__ x, float *__restrict__ out) {
    __shared__ float partial[32];
    float v = -CUDART_INF_F;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) v = fmaxf(v, x[i]);
    v = warp_max(v);
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    v = lane < (blockDim.x + 31) / 32 ? partial[lane] : -CUDART_INF_F;
    v = warp_max(v);
    if (threadIdx.x == 0) out[blockIdx.x] = v;
}
