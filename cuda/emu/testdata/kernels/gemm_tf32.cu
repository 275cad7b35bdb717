// gemm_tf32: C[M,N] = A[M,K] B[K,N], row-major float32; operands rounded to tf32 (10 bits of fraction, ties away), float32 sums on
// tensor cores (mma.m16n8k8). A block of 128 threads computes 64 x 64 of C, each warp 32 x 32. Tiles of depth 16 arrive by
// cp.async, two stages in static shared memory; pitches of 20 and 72 floats keep the fragment loads free of bank conflicts.
// K and N must be multiples of 4; chunks outside are zeros.

#include "tensor_core.cuh"

constexpr int tile = 64, depth = 16, a_pitch = depth + 4, b_pitch = tile + 8;

__device__ __forceinline__ unsigned tf32(float v) {
    unsigned r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(v));
    return r;
}

extern "C" __global__ void __launch_bounds__(128) gemm_tf32(int M, int N, int K, const float *__restrict__ A,
                                                            const float *__restrict__ B, float *__restrict__ C) {
    __shared__ __align__(16) float as[2][tile][a_pitch];
    __shared__ __align__(16) float bs[2][depth][b_pitch];
    int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5, group = lane >> 2, in_group = lane & 3;
    int row0 = blockIdx.y * tile, col0 = blockIdx.x * tile, warp_row = (warp >> 1) * 32, warp_col = (warp & 1) * 32;
    int tiles = (K + depth - 1) / depth;

    auto fetch = [&](int t) {
#pragma unroll
        for (int i = thread; i < tile * depth / 4; i += 128) {
            int row = i >> 2, k = (i & 3) * 4;
            bool in_a = row0 + row < M && t * depth + k < K;
            copy_async(&as[t & 1][row][k], in_a ? A + (size_t)(row0 + row) * K + t * depth + k : A, in_a);
            int kb = i >> 4, col = (i & 15) * 4;
            bool in_b = t * depth + kb < K && col0 + col < N;
            copy_async(&bs[t & 1][kb][col], in_b ? B + (size_t)(t * depth + kb) * N + col0 + col : B, in_b);
        }
        copy_commit();
    };

    float sum[2][4][4] = {};
    fetch(0);
    for (int t = 0; t < tiles; t++) {
        copy_wait<0>();
        __syncthreads();
        if (t + 1 < tiles) fetch(t + 1);
#pragma unroll
        for (int k = 0; k < depth; k += 8) {
            unsigned a[2][4], b[4][2];
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) a[i][j] = tf32(as[t & 1][warp_row + i * 16 + (j & 1) * 8 + group][k + (j >> 1) * 4 + in_group]);
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 2; j++) b[i][j] = tf32(bs[t & 1][k + j * 4 + in_group][warp_col + i * 8 + group]);
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) mma_tf32(sum[i][j], a[i], b[j][0], b[j][1]);
        }
    }
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int v = 0; v < 4; v++) {
                int row = row0 + warp_row + i * 16 + (v >> 1) * 8 + group, col = col0 + warp_col + j * 8 + in_group * 2 + (v & 1);
                if (row < M && col < N) C[(size_t)row * N + col] = sum[i][j][v];
            }
}
