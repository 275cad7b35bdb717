// Changes of resolution by two and their gradients. pool: y(h,w) = factor (x(2h,2w) + x(2h,2w+1) + x(2h+1,2w) + x(2h+1,2w+1)), the
// mean with factor 1/4, the gradient of nearest with 1. spread: y(2h+i,2w+j) = factor x(h,w), nearest with factor 1, the gradient of
// the mean with 1/4; what x does not cover is 0. A block takes a line of the small side (blockIdx.x = image * height + h): threadIdx.x
// (and blockIdx.y) counts groups of N channels, threadIdx.y the pixels of the line.
//   pool_f32, pool_bf16, spread_f32, spread_bf16                   16-byte accesses, four in flight a thread
//   pool_any_f32, pool_any_bf16, spread_any_f32, spread_any_bf16   any pitch and alignment
// Bytes an element of the large side: 5 (f32), 2.5 (bf16). FLOPs: 1.
#include "pointwise.cuh"

// pixel is the offset of an image's pixel: line counts the lines of all images.
__device__ __forceinline__ long long pixel(long long line, int width, int w, int pitch) { return (line * width + w) * pitch; }

// y is (ho,wo) an image, x (h,w).
template <int N, typename T>
__device__ __forceinline__ void pool(int ho, int wo, int c, const T *__restrict__ x, int px, int h, int w, T *__restrict__ y, int py,
                                     float factor) {
    int image = blockIdx.x / ho, line = blockIdx.x - image * ho, at = (blockIdx.y * blockDim.x + threadIdx.x) * N;
    long long top = (long long)image * h + 2 * line;
    for (int i = threadIdx.y; i < wo; i += blockDim.y) {
        const T *upper = x + pixel(top, w, 2 * i, px) + at, *lower = upper + (long long)w * px;
        T *to = y + pixel(blockIdx.x, wo, i, py) + at;
        if (at + N <= c) {
            Group<T, N> in[4];
            load(in[0], upper), load(in[1], upper + px), load(in[2], lower), load(in[3], lower + px);
            float sum[N], v[N];
            widen(sum, in[0]);
#pragma unroll
            for (int k = 1; k < 4; k++) {
                widen(v, in[k]);
#pragma unroll
                for (int e = 0; e < N; e++) sum[e] += v[e];
            }
#pragma unroll
            for (int e = 0; e < N; e++) sum[e] *= factor;
            store(to, sum);
        } else if constexpr (N > 1) {
#pragma unroll 1
            for (int e = 0; e < c - at; e++)
                to[e] = from_float<T>(factor * (to_float(upper[e]) + to_float(upper[px + e]) + to_float(lower[e]) + to_float(lower[px + e])));
        }
    }
}

// y is (ho,wo) an image, x (h,w); a block takes a pair of lines of y, which x need not cover.
template <int N, typename T>
__device__ __forceinline__ void spread(int ho, int wo, int c, const T *__restrict__ x, int px, int h, int w, T *__restrict__ y, int py,
                                       float factor) {
    int pairs = (ho + 1) / 2, image = blockIdx.x / pairs, line = blockIdx.x - image * pairs;
    int at = (blockIdx.y * blockDim.x + threadIdx.x) * N;
    long long top = (long long)image * ho + 2 * line;
    for (int i = threadIdx.y; i < (wo + 1) / 2; i += blockDim.y) {
        // Where both sizes allow it x covers the four pixels; else one or two of them are left over.
        bool right = 2 * i + 1 < wo, below = 2 * line + 1 < ho;
        const T *from = x + pixel((long long)image * h + line, w, i, px) + at;
        T *upper = y + pixel(top, wo, 2 * i, py) + at, *lower = upper + (long long)wo * py;
        auto four = [&](auto write) { write(upper), write(upper + py), write(lower), write(lower + py); };
        T *neighbour = right ? upper + py : lower;
        auto left_over = [&](auto write) {
            write(upper);
            if (right || below) write(neighbour);
        };
        if (at + N <= c) {
            float v[N] = {};
            if (right && below) {
                Group<T, N> in;
                load(in, from);
                widen(v, in);
#pragma unroll
                for (int e = 0; e < N; e++) v[e] *= factor;
                four([&](T *to) { store(to, v); });
            } else {
                left_over([&](T *to) { store(to, v); });
            }
        } else if (N > 1 && right && below) {
#pragma unroll 1
            for (int e = 0; e < c - at; e++) {
                T v = from_float<T>(factor * to_float(from[e]));
                four([&](T *to) { to[e] = v; });
            }
        } else if (N > 1) {
#pragma unroll 1
            for (int e = 0; e < c - at; e++) left_over([&](T *to) { to[e] = from_float<T>(0.0f); });
        }
    }
}

#define RESAMPLE(name, T, N, how)                                                                                              \
    extern "C" __global__ void __launch_bounds__(256)                                                                          \
    name(int ho, int wo, int c, const T *__restrict__ x, int px, int h, int w, T *__restrict__ y, int py, float factor) {       \
        how<N>(ho, wo, c, x, px, h, w, y, py, factor);                                                                         \
    }
#define POOL(name, T, N) RESAMPLE(name, T, N, pool)
#define SPREAD(name, T, N) RESAMPLE(name, T, N, spread)
EACH_TYPE(POOL, pool)
EACH_TYPE(SPREAD, spread)
