// gemm_f16_nt: C[M,N] = A[M,K] B[N,K]^T, float16, float32 sums on tensor cores, C rounded to float16. One warp computes 16 x 16 of C
// through 8 KiB of shared memory loaded with plain 16-byte loads; both operands keep k contiguous, so ldmatrix needs no transpose.
// M and N multiples of 16, K a multiple of 16.
// mma_shapes: one warp, one product with each remaining shape: m16n8k8 bfloat16, m16n8k4 tf32, m16n8k16 with float16 sums.

#include "tensor_core.cuh"
#include <cuda_fp16.h>

extern "C" __global__ void gemm_f16_nt(int M, int N, int K, const __half *__restrict__ A, const __half *__restrict__ B, __half *__restrict__ C) {
    __shared__ __align__(16) __half as[16][24], bs[16][24];
    int lane = threadIdx.x, row0 = blockIdx.y * 16, col0 = blockIdx.x * 16;
    float sum[2][4] = {};
    for (int k0 = 0; k0 < K; k0 += 16) {
        int row = lane >> 1, k = (lane & 1) * 8;
        *reinterpret_cast<uint4 *>(&as[row][k]) = *reinterpret_cast<const uint4 *>(A + (size_t)(row0 + row) * K + k0 + k);
        *reinterpret_cast<uint4 *>(&bs[row][k]) = *reinterpret_cast<const uint4 *>(B + (size_t)(col0 + row) * K + k0 + k);
        __syncwarp();
        unsigned a[4], b[4];
        load_matrices(a, &as[lane & 15][(lane >> 4) * 8]);
        load_matrices(b, &bs[(lane & 7) + (lane >> 4) * 8][((lane >> 3) & 1) * 8]);
        mma_f16(sum[0], a, b[0], b[1]);
        mma_f16(sum[1], a, b[2], b[3]);
        __syncwarp();
    }
#pragma unroll
    for (int j = 0; j < 2; j++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int row = row0 + h * 8 + (lane >> 2), col = col0 + j * 8 + (lane & 3) * 2;
            *reinterpret_cast<__half2 *>(C + (size_t)row * N + col) = __floats2half2_rn(sum[j][2 * h], sum[j][2 * h + 1]);
        }
}

// Fragments lie in memory in the order of the registers: word j of lane l at [j * 32 + l].
extern "C" __global__ void mma_shapes(const unsigned *__restrict__ a, const unsigned *__restrict__ b, const float *__restrict__ c,
                                      float *__restrict__ bf16_k8, float *__restrict__ tf32_k4, unsigned *__restrict__ f16_sums) {
    int lane = threadIdx.x;
    unsigned a0 = a[lane], a1 = a[32 + lane], a2 = a[64 + lane], a3 = a[96 + lane], b0 = b[lane], b1 = b[32 + lane];
    float d[4], e[4];
#pragma unroll
    for (int j = 0; j < 4; j++) d[j] = e[j] = c[j * 32 + lane];
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a0), "r"(a1), "r"(b0));
    asm volatile("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                 : "+f"(e[0]), "+f"(e[1]), "+f"(e[2]), "+f"(e[3])
                 : "r"(a0), "r"(a1), "r"(b0));
    unsigned h0 = 0, h1 = 0;
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%0,%1};"
                 : "+r"(h0), "+r"(h1)
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
#pragma unroll
    for (int j = 0; j < 4; j++) {
        bf16_k8[j * 32 + lane] = d[j];
        tf32_k4[j * 32 + lane] = e[j];
    }
    f16_sums[lane] = h0;
    f16_sums[32 + lane] = h1;
}
