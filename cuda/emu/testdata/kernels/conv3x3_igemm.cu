// conv3x3_igemm: the convolution of conv3x3.cu in bfloat16 as an implicit matrix product on tensor cores: M = N H W pixels,
// N = O outputs, K = 9 C. NHWC activations and OHWI weights, both with k contiguous, so one ldmatrix form serves both operands.
// A block of 128 threads computes 64 pixels x 32 outputs, each warp 32 x 16; k goes in steps of 32 channels of one of the nine taps,
// by cp.async in two stages. C must be a multiple of 8, O even; y is bfloat16, rounded once from float32 sums plus bias.

#include "tensor_core.cuh"
#include <cuda_bf16.h>

constexpr int pixels = 64, outputs = 32, depth = 32, pitch = depth + 8;

extern "C" __global__ void __launch_bounds__(128) conv3x3_igemm(int images, int H, int W, int C, int O, const __nv_bfloat16 *__restrict__ x,
                                                                const __nv_bfloat16 *__restrict__ weight, const float *__restrict__ bias,
                                                                __nv_bfloat16 *__restrict__ y) {
    __shared__ __align__(16) __nv_bfloat16 xs[2][pixels][pitch];
    __shared__ __align__(16) __nv_bfloat16 ws[2][outputs][pitch];
    int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5, M = images * H * W;
    int m0 = blockIdx.x * pixels, o0 = blockIdx.y * outputs, warp_m = (warp >> 1) * 32, warp_o = (warp & 1) * 16;
    int slices = (C + depth - 1) / depth, steps = 9 * slices;

    auto fetch = [&](int step) {
        int tap = step / slices, c0 = step % slices * depth, r = tap / 3 - 1, s = tap % 3 - 1;
#pragma unroll
        for (int i = thread; i < pixels * 4; i += 128) {
            int row = i >> 2, c = (i & 3) * 8, m = m0 + row, w = m % W + s, h = m / W % H + r;
            bool inside = m < M && h >= 0 && h < H && w >= 0 && w < W && c0 + c < C;
            const __nv_bfloat16 *from = x + (size_t)(m + r * W + s) * C + c0 + c;
            copy_async(&xs[step & 1][row][c], inside ? from : x, inside);
        }
        int row = thread >> 2, c = (thread & 3) * 8;
        bool inside = o0 + row < O && c0 + c < C;
        const __nv_bfloat16 *from = weight + (size_t)((o0 + row) * 9 + tap) * C + c0 + c;
        copy_async(&ws[step & 1][row][c], inside ? from : weight, inside);
        copy_commit();
    };

    float sum[2][2][4] = {};
    fetch(0);
    for (int step = 0; step < steps; step++) {
        copy_wait<0>();
        __syncthreads();
        if (step + 1 < steps) fetch(step + 1);
#pragma unroll
        for (int k = 0; k < depth; k += 16) {
            unsigned a[2][4], b[4];
#pragma unroll
            for (int i = 0; i < 2; i++) load_matrices(a[i], &xs[step & 1][warp_m + i * 16 + (lane & 15)][k + (lane >> 4) * 8]);
            load_matrices(b, &ws[step & 1][warp_o + (lane & 7) + (lane >> 4) * 8][k + ((lane >> 3) & 1) * 8]);
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < 2; j++) mma_bf16(sum[i][j], a[i], b[2 * j], b[2 * j + 1]);
        }
    }
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int h = 0; h < 2; h++) {
                int m = m0 + warp_m + i * 16 + h * 8 + (lane >> 2), o = o0 + warp_o + j * 8 + (lane & 3) * 2;
                if (m < M && o < O)
                    *reinterpret_cast<__nv_bfloat162 *>(y + (size_t)m * O + o) =
                        __floats2bfloat162_rn(sum[i][j][2 * h] + bias[o], sum[i][j][2 * h + 1] + bias[o + 1]);
            }
}
