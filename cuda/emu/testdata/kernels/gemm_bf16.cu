// gemm_bf16: C[M,N] = A[M,K] B[K,N], row-major; A and B bfloat16, C float32, float32 sums on tensor cores (mma.m16n8k16).
// A block of 128 threads computes 64 x 64 of C, each of its 4 warps 32 x 32. Tiles of depth 32 arrive by cp.async in a ring of
// three stages (dynamic shared memory, 3 x 8 KiB), 16-byte chunks XOR-swizzled so that ldmatrix meets no bank conflict.
// N and K must be multiples of 8 (16-byte rows); M is free. Chunks outside are filled with zeros.

#include "tensor_core.cuh"
#include <cuda_bf16.h>

constexpr int tile = 64, depth = 32, stages = 3;
constexpr int a_bytes = tile * depth * 2, b_bytes = depth * tile * 2, stage_bytes = a_bytes + b_bytes;

__device__ __forceinline__ int a_chunk(int row, int chunk) { return (row * 4 + (chunk ^ ((row >> 1) & 3))) * 16; }
__device__ __forceinline__ int b_chunk(int row, int chunk) { return (row * 8 + (chunk ^ (row & 7))) * 16; }

extern "C" __global__ void __launch_bounds__(128) gemm_bf16(int M, int N, int K, const __nv_bfloat16 *__restrict__ A,
                                                            const __nv_bfloat16 *__restrict__ B, float *__restrict__ C) {
    extern __shared__ __align__(128) unsigned char shared[];
    int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
    int row0 = blockIdx.y * tile, col0 = blockIdx.x * tile;
    int warp_row = (warp >> 1) * 32, warp_col = (warp & 1) * 32;
    int tiles = (K + depth - 1) / depth;

    auto fetch = [&](int t) {
        unsigned char *a = shared + (t % stages) * stage_bytes, *b = a + a_bytes;
#pragma unroll
        for (int i = thread; i < tile * 4; i += 128) {
            int row = i >> 2, chunk = i & 3, k = t * depth + chunk * 8;
            bool valid = row0 + row < M && k < K;
            copy_async(a + a_chunk(row, chunk), valid ? A + (size_t)(row0 + row) * K + k : A, valid);
        }
#pragma unroll
        for (int i = thread; i < depth * 8; i += 128) {
            int row = i >> 3, chunk = i & 7, k = t * depth + row, col = col0 + chunk * 8;
            bool valid = k < K && col < N;
            copy_async(b + b_chunk(row, chunk), valid ? B + (size_t)k * N + col : B, valid);
        }
    };

    float sum[2][4][4] = {};
#pragma unroll
    for (int t = 0; t < stages - 1; t++) {
        if (t < tiles) fetch(t);
        copy_commit();
    }
    for (int t = 0; t < tiles; t++) {
        copy_wait<stages - 2>();
        __syncthreads();
        if (t + stages - 1 < tiles) fetch(t + stages - 1);
        copy_commit();
        const unsigned char *a = shared + (t % stages) * stage_bytes, *b = a + a_bytes;
#pragma unroll
        for (int k = 0; k < depth / 16; k++) {
            unsigned af[2][4], bf[2][4];
#pragma unroll
            for (int i = 0; i < 2; i++) load_matrices(af[i], a + a_chunk(warp_row + i * 16 + (lane & 15), k * 2 + (lane >> 4)));
#pragma unroll
            for (int j = 0; j < 2; j++) load_matrices_transposed(bf[j], b + b_chunk(k * 16 + (lane & 15), warp_col / 8 + j * 2 + (lane >> 4)));
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) mma_bf16(sum[i][j], af[i], bf[j >> 1][(j & 1) * 2], bf[j >> 1][(j & 1) * 2 + 1]);
        }
    }
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int h = 0; h < 2; h++) {
                int row = row0 + warp_row + i * 16 + h * 8 + (lane >> 2), col = col0 + warp_col + j * 8 + (lane & 3) * 2;
                if (row < M && col < N) *reinterpret_cast<float2 *>(C + (size_t)row * N + col) = make_float2(sum[i][j][2 * h], sum[i][j][2 * h + 1]);
            }
}
