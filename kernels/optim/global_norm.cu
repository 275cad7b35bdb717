// global_norm: sqrt(sum g^2) over the flat gradients, float32. Two launches: blocks of 256 threads leave one partial sum each, one block
// adds the partials in float64. Threads take elements in a fixed order, the number of blocks depends on the size alone: the same bits on
// every run and device, without atomics.
//   global_norm_partials   16-byte loads, four in flight a thread; the elements behind the last whole vector by the first threads
//   global_norm_scalar     any alignment
//   global_norm_finish     the partials, one a thread
// Bytes: 4 read an element. Work: one multiply-add an element.
#include "reduce.cuh"
#include "types.cuh"

// leave_partial stores the sum over the block of 256 threads.
__device__ __forceinline__ void leave_partial(float sum, float *partials) {
    __shared__ float room[8];
    sum = warp_sum(sum);
    if ((threadIdx.x & 31) == 0) room[threadIdx.x >> 5] = sum;
    __syncthreads();
    if (threadIdx.x != 0) return;
    float total = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) total += room[i];
    partials[blockIdx.x] = total;
}

extern "C" __global__ void __launch_bounds__(256)
global_norm_partials(long long count, const float *__restrict__ g, float *__restrict__ partials) {
    long long vectors = count / 4;
    float sum[4] = {0, 0, 0, 0};
#pragma unroll 1
    for (long long first = (long long)blockIdx.x * 1024 + threadIdx.x; first < vectors; first += (long long)gridDim.x * 1024) {
        float x[4][4] = {};
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (first + 256 * j < vectors) load16(x[j], g + 4 * (first + 256 * j));
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int l = 0; l < 4; l++) sum[l] += x[j][l] * x[j][l];
        }
    }
    long long rest = 4 * vectors + (long long)blockIdx.x * 256 + threadIdx.x;
    if (rest < count) sum[0] += g[rest] * g[rest];
    leave_partial((sum[0] + sum[1]) + (sum[2] + sum[3]), partials);
}

extern "C" __global__ void __launch_bounds__(256)
global_norm_scalar(long long count, const float *__restrict__ g, float *__restrict__ partials) {
    float sum = 0;
#pragma unroll 1
    for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; i < count; i += (long long)gridDim.x * 256) sum += g[i] * g[i];
    leave_partial(sum, partials);
}

extern "C" __global__ void __launch_bounds__(1024)
global_norm_finish(int count, const float *__restrict__ partials, float *__restrict__ norm) {
    __shared__ double room[32];
    double sum = threadIdx.x < count ? (double)partials[threadIdx.x] : 0.0;
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) sum += __shfl_xor_sync(0xffffffffu, sum, d);
    if ((threadIdx.x & 31) == 0) room[threadIdx.x >> 5] = sum;
    __syncthreads();
    if (threadIdx.x != 0) return;
    double total = 0;
#pragma unroll 1
    for (int i = 0; i < 32; i++) total += room[i];
    *norm = (float)sqrt(total);
}
