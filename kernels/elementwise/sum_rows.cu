// sum_rows: y = the sum of an image's rows, channel by channel, added to y where it accumulates and the micro-batch is not the first.
// x holds images of `rows` rows at distance px. A block sums `chunk` rows of one image (blockIdx.x = image * chunks + chunk) for
// N * blockDim.x channels (blockIdx.y): a thread adds rows blockDim.y apart, four loads in flight, then the block halves its rows in
// shared memory, in a fixed order. Where an image has several chunks, y is float32 scratch of one row a chunk, and a second launch
// sums those (sum_rows_any_f32, sum_rows_join_bf16). blockDim: powers of two, at most 256 threads, at least N rows.
//   sum_rows_f32                            16-byte loads, f32 to f32
//   sum_rows_bf16, sum_rows_wide            16-byte loads, bf16 to bf16, bf16 to f32
//   sum_rows_any_f32, _any_bf16, _any_wide  any pitch and alignment
//   sum_rows_join_bf16                      f32 to bf16, the second launch
// Bytes an element: 4 (f32), 2 (bf16), and 8 / chunk. FLOPs: 1.
#include "pointwise.cuh"
#include "state.cuh"

template <int N, typename X, typename Y>
__device__ __forceinline__ void sum_rows(int rows, int c, int chunk, int chunks, const X *__restrict__ x, int px, Y *__restrict__ y,
                                         int py, bool add) {
    constexpr int apart = 256 + 32 / N; // sums of a group lie so far apart that a warp takes them from different banks
    __shared__ float room[N * apart];
    int image = blockIdx.x / chunks, first = (blockIdx.x - image * chunks) * chunk, end = min(first + chunk, rows);
    int at = (blockIdx.y * blockDim.x + threadIdx.x) * N, size = min(N, c - at);
    const X *from = x + (long long)image * rows * px + at;
    float sum[N] = {};
    int step = blockDim.y, r = first + threadIdx.y;
    if (size == N) {
#pragma unroll 1
        for (; r < end; r += 4 * step) {
            Group<X, N> in[4] = {};
#pragma unroll
            for (int k = 0; k < 4; k++)
                if (r + k * step < end) load(in[k], from + (long long)(r + k * step) * px);
#pragma unroll
            for (int k = 0; k < 4; k++) {
                float v[N];
                widen(v, in[k]);
#pragma unroll
                for (int i = 0; i < N; i++) sum[i] += v[i];
            }
        }
    } else {
#pragma unroll 1
        for (; r < end; r += step)
#pragma unroll
            for (int i = 0; i < N - 1; i++)
                if (i < size) sum[i] += to_float(from[(long long)r * px + i]);
    }
    int thread = threadIdx.y * blockDim.x + threadIdx.x;
#pragma unroll
    for (int i = 0; i < N; i++) room[i * apart + thread] = sum[i];
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
#pragma unroll
            for (int i = 0; i < N; i++) room[i * apart + thread] += room[i * apart + thread + half * blockDim.x];
        }
    }
    if constexpr (N > 1) __syncthreads(); // with N 1 a thread takes the sum that it made itself
    int column = blockIdx.y * blockDim.x * N + thread;
    if (thread >= blockDim.x * N || column >= c) return;
    float total = room[thread % N * apart + thread / N];
    y += (long long)blockIdx.x * py + column;
    *y = from_float<Y>(add ? to_float(*y) + total : total);
}

#define SUM_ROWS(name, X, Y, N)                                                                                        \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
    name(const StepState *__restrict__ state, int rows, int c, int chunk, int chunks, const X *__restrict__ x, int px, \
         Y *__restrict__ y, int py, int accumulate) {                                                                  \
        sum_rows<N>(rows, c, chunk, chunks, x, px, y, py, accumulate && state->micro > 0);                             \
    }
SUM_ROWS(sum_rows_f32, float, float, 4)
SUM_ROWS(sum_rows_bf16, bf16, bf16, 8)
SUM_ROWS(sum_rows_wide, bf16, float, 8)
SUM_ROWS(sum_rows_any_f32, float, float, 1)
SUM_ROWS(sum_rows_any_bf16, bf16, bf16, 1)
SUM_ROWS(sum_rows_any_wide, bf16, float, 1)
SUM_ROWS(sum_rows_join_bf16, float, bf16, 1)
