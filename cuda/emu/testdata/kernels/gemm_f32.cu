// gemm_f32: C[M,N] = A[M,K] B[K,N], row-major float32, sums in ascending k with fused multiply-add.
// A block of 16 x 16 threads computes 64 x 64 of C, 4 x 4 a thread; tiles of depth 16 go through shared memory.
// Any M, N, K: elements outside are read as zero and not written.

constexpr int tile = 64, depth = 16, per = 4;

extern "C" __global__ void gemm_f32(int M, int N, int K, const float *__restrict__ A, const float *__restrict__ B, float *__restrict__ C) {
    __shared__ float as[depth][tile + 4];
    __shared__ float bs[depth][tile];
    int tx = threadIdx.x, ty = threadIdx.y, thread = ty * 16 + tx;
    int row0 = blockIdx.y * tile, col0 = blockIdx.x * tile;
    float sum[per][per] = {};
    for (int k0 = 0; k0 < K; k0 += depth) {
#pragma unroll
        for (int i = thread; i < tile * depth; i += 256) {
            int r = i / depth, k = i % depth;
            as[k][r] = row0 + r < M && k0 + k < K ? A[(row0 + r) * K + k0 + k] : 0.0f;
            int kb = i / tile, c = i % tile;
            bs[kb][c] = k0 + kb < K && col0 + c < N ? B[(k0 + kb) * N + col0 + c] : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < depth; k++) {
            float a[per], b[per];
#pragma unroll
            for (int i = 0; i < per; i++) {
                a[i] = as[k][ty * per + i];
                b[i] = bs[k][tx * per + i];
            }
#pragma unroll
            for (int i = 0; i < per; i++)
#pragma unroll
                for (int j = 0; j < per; j++) sum[i][j] = fmaf(a[i], b[j], sum[i][j]);
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < per; i++)
#pragma unroll
        for (int j = 0; j < per; j++) {
            int r = row0 + ty * per + i, c = col0 + tx * per + j;
            if (r < M && c < N) C[r * N + c] = sum[i][j];
        }
}
