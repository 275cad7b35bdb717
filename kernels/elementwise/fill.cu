// fill: y = value. Layout: kernels/include/pointwise.cuh.
//   fill_f32, fill_bf16           16-byte stores
//   fill_any_f32, fill_any_bf16   any pitch and alignment
// Bytes an element: 4 (f32), 2 (bf16). FLOPs: 0.
#include "pointwise.cuh"

template <int N, typename T> __device__ __forceinline__ void fill(Rows rows, T *y, int py, float value) {
    Tile<N> t(rows);
    float v[N];
#pragma unroll
    for (int i = 0; i < N; i++) v[i] = value;
#pragma unroll
    for (int k = 0; k < thread_rows; k++)
        if (t.whole(k)) store(y + t.offset(k, py), v);
    t.rest([&](int k, int i) { y[t.offset(k, py) + i] = from_float<T>(value); });
}

#define FILL(name, T, N)                                                    \
    extern "C" __global__ void __launch_bounds__(256)                       \
    name(int rows, int c, int last, T *__restrict__ y, int py, float value) { \
        fill<N>(Rows{rows, c, last}, y, py, value);                         \
    }
EACH_TYPE(FILL, fill)
