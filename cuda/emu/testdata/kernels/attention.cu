// attention: out = softmax(scale q k^T) v for every head (Vaswani et al. 2017), by tiles of keys with a running maximum and sum, so that no
// score is written (Dao et al. 2022). q, k, v, out are (heads, T, 64) bfloat16; scores and sums are float32, probabilities are rounded to
// bfloat16 for the second product. A block of 4 warps handles 64 queries, a warp 16; 32 keys a step. grid = (ceil(T / 64), heads).

#include "tensor_core.cuh"
#include <cuda_bf16.h>

constexpr int width = 64, pitch = width + 8, queries = 64, keys = 32;

__device__ __forceinline__ void fetch(__nv_bfloat16 (*to)[pitch], const __nv_bfloat16 *from, int rows, int first, int T) {
    for (int i = threadIdx.x; i < rows * (width / 8); i += 128) {
        int row = i / (width / 8), column = i % (width / 8) * 8;
        bool valid = first + row < T;
        copy_async(&to[row][column], valid ? from + (size_t)(first + row) * width + column : from, valid);
    }
}

__device__ __forceinline__ unsigned pack(float low, float high) {
    __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<unsigned *>(&pair);
}

extern "C" __global__ void __launch_bounds__(128) attention(int T, float scale, const __nv_bfloat16 *__restrict__ q,
                                                            const __nv_bfloat16 *__restrict__ k, const __nv_bfloat16 *__restrict__ v,
                                                            __nv_bfloat16 *__restrict__ out) {
    __shared__ __align__(16) __nv_bfloat16 qs[queries][pitch], ks[keys][pitch], vs[keys][pitch];
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, first = blockIdx.x * queries;
    size_t head = (size_t)blockIdx.y * T * width;
    fetch(qs, q + head, queries, first, T);
    copy_commit();
    copy_wait<0>();
    __syncthreads();
    unsigned qf[width / 16][4];
#pragma unroll
    for (int i = 0; i < width / 16; i++) load_matrices(qf[i], &qs[warp * 16 + (lane & 15)][i * 16 + (lane >> 4) * 8]);

    float sum[8][4] = {}, top[2] = {-1e30f, -1e30f}, total[2] = {0, 0};
    for (int k0 = 0; k0 < T; k0 += keys) {
        __syncthreads();
        fetch(ks, k + head, keys, k0, T);
        fetch(vs, v + head, keys, k0, T);
        copy_commit();
        copy_wait<0>();
        __syncthreads();
        float s[4][4] = {};
#pragma unroll
        for (int i = 0; i < width / 16; i++)
#pragma unroll
            for (int j = 0; j < 2; j++) {
                unsigned b[4];
                load_matrices(b, &ks[j * 16 + (lane & 7) + (lane >> 4) * 8][i * 16 + ((lane >> 3) & 1) * 8]);
                mma_bf16(s[2 * j], qf[i], b[0], b[1]);
                mma_bf16(s[2 * j + 1], qf[i], b[2], b[3]);
            }
        float m[2] = {top[0], top[1]};
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                int key = k0 + j * 8 + (lane & 3) * 2 + (e & 1);
                s[j][e] = key < T ? s[j][e] * scale : -1e30f;
                m[e >> 1] = fmaxf(m[e >> 1], s[j][e]);
            }
        float shrink[2];
#pragma unroll
        for (int h = 0; h < 2; h++) {
            m[h] = fmaxf(m[h], __shfl_xor_sync(0xffffffffu, m[h], 1));
            m[h] = fmaxf(m[h], __shfl_xor_sync(0xffffffffu, m[h], 2));
            shrink[h] = __expf(top[h] - m[h]);
            top[h] = m[h];
            total[h] *= shrink[h];
        }
#pragma unroll
        for (int j = 0; j < 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) sum[j][e] *= shrink[e >> 1];
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                s[j][e] = __expf(s[j][e] - top[e >> 1]);
                total[e >> 1] += s[j][e];
            }
#pragma unroll
        for (int i = 0; i < keys / 16; i++) {
            unsigned p[4] = {pack(s[2 * i][0], s[2 * i][1]), pack(s[2 * i][2], s[2 * i][3]), pack(s[2 * i + 1][0], s[2 * i + 1][1]),
                             pack(s[2 * i + 1][2], s[2 * i + 1][3])};
#pragma unroll
            for (int j = 0; j < width / 16; j++) {
                unsigned b[4];
                load_matrices_transposed(b, &vs[i * 16 + (lane & 15)][j * 16 + (lane >> 4) * 8]);
                mma_bf16(sum[2 * j], p, b[0], b[1]);
                mma_bf16(sum[2 * j + 1], p, b[2], b[3]);
            }
        }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
        total[h] += __shfl_xor_sync(0xffffffffu, total[h], 1);
        total[h] += __shfl_xor_sync(0xffffffffu, total[h], 2);
        int row = first + warp * 16 + h * 8 + (lane >> 2);
        if (row >= T) continue;
#pragma unroll
        for (int j = 0; j < 8; j++)
            *reinterpret_cast<unsigned *>(out + head + (size_t)row * width + j * 8 + (lane & 3) * 2) =
                pack(sum[j][2 * h] / total[h], sum[j][2 * h + 1] / total[h]);
    }
}
