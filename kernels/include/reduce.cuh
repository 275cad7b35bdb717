// Sums over warps and blocks in a fixed order: the same bits on every run.
#pragma once

// warp_sum returns the sum over the 32 lanes in all of them; every lane must take part.
__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(0xffffffffu, x, d);
    return x;
}

__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, d));
    return x;
}

// block_sum returns the sum over a one-dimensional block of whole warps, at most 32 of them, in all threads. room is shared
// memory of one float a warp; the block may use it again after the call.
__device__ __forceinline__ float block_sum(float x, float *room) {
    int warps = blockDim.x >> 5;
    x = warp_sum(x);
    if ((threadIdx.x & 31) == 0) room[threadIdx.x >> 5] = x;
    __syncthreads();
    float total = 0;
    for (int i = 0; i < warps; i++) total += room[i];
    __syncthreads();
    return total;
}
