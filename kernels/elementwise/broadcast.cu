// broadcast: every row of y is a row of b: row r of y is row r / pixels of b. Layout: kernels/include/pointwise.cuh, rows as they
// are; with one row for all, pixels is the number of rows.
//   broadcast_f32, broadcast_bf16           16-byte accesses
//   broadcast_any_f32, broadcast_any_bf16   any pitch and alignment
// Bytes an element: 4 (f32), 2 (bf16); b stays in the caches. FLOPs: 0.
#include "divide.cuh"
#include "pointwise.cuh"

template <int N, typename T>
__device__ __forceinline__ void broadcast(Rows rows, const T *__restrict__ b, int pb, T *__restrict__ y, int py, Divisor pixels) {
    Tile<N> t(rows);
    auto from = [&](int k) { return b + (long long)(quotient(t.row(k), pixels)) * pb + t.at; };
    Group<T, N> in[thread_rows];
#pragma unroll
    for (int k = 0; k < thread_rows; k++)
        if (t.whole(k)) load(in[k], from(k));
#pragma unroll
    for (int k = 0; k < thread_rows; k++) {
        if (!t.whole(k)) continue;
        float v[N];
        widen(v, in[k]);
        store(y + t.offset(k, py), v);
    }
    t.rest([&](int k, int i) { y[t.offset(k, py) + i] = from(k)[i]; });
}

#define BROADCAST(name, T, N)                                                                                             \
    extern "C" __global__ void __launch_bounds__(256)                                                                     \
    name(int rows, int c, int last, const T *__restrict__ b, int pb, T *__restrict__ y, int py, Divisor pixels) {             \
        broadcast<N>(Rows{rows, c, last}, b, pb, y, py, pixels);                                                          \
    }
EACH_TYPE(BROADCAST, broadcast)
