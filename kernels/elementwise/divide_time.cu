// divide_time: y = x / t with one t for each image of `pixels` rows. Layout: kernels/include/pointwise.cuh, rows as they are; t is
// float32 at distance pt.
//   divide_time_f32, divide_time_bf16           16-byte accesses, four in flight a thread
//   divide_time_any_f32, divide_time_any_bf16   any pitch and alignment
// Bytes an element: 8 (f32), 4 (bf16). FLOPs: 1; one division by the time for a group of elements.
#include "divide.cuh"
#include "pointwise.cuh"

template <int N, typename T>
__device__ __forceinline__ void divide_time(Rows rows, const T *__restrict__ x, int px, const float *__restrict__ t, int pt,
                                            T *__restrict__ y, int py, Divisor pixels) {
    Tile<N> tile(rows);
    auto factor = [&](int k) { return __fdividef(1.0f, t[(long long)(quotient(tile.row(k), pixels)) * pt]); };
    Group<T, N> in[thread_rows];
#pragma unroll
    for (int k = 0; k < thread_rows; k++)
        if (tile.whole(k)) load(in[k], x + tile.offset(k, px));
#pragma unroll
    for (int k = 0; k < thread_rows; k++) {
        if (!tile.whole(k)) continue;
        float v[N], f = factor(k);
        widen(v, in[k]);
#pragma unroll
        for (int i = 0; i < N; i++) v[i] *= f;
        store(y + tile.offset(k, py), v);
    }
    tile.rest([&](int k, int i) { y[tile.offset(k, py) + i] = from_float<T>(factor(k) * to_float(x[tile.offset(k, px) + i])); });
}

#define DIVIDE_TIME(name, T, N)                                                                                                 \
    extern "C" __global__ void __launch_bounds__(256)                                                                           \
    name(int rows, int c, int last, const T *__restrict__ x, int px, const float *__restrict__ t, int pt, T *__restrict__ y,     \
         int py, Divisor pixels) {                                                                                                  \
        divide_time<N>(Rows{rows, c, last}, x, px, t, pt, y, py, pixels);                                                       \
    }
EACH_TYPE(DIVIDE_TIME, divide_time)
