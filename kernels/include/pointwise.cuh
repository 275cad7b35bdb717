// Pointwise kernels see their tensors as a matrix of rows of c elements, the last row of `last`: a tensor with pads keeps its own
// rows, tensors without pads are cut into long rows. Threads: x (and blocks along y) counts groups of N elements of a row, y (and
// blocks along x) counts rows; a thread takes `thread_rows` of them, blockDim.y apart, and has the loads of U rows in flight. N is
// the elements of one access: 16 bytes in vector kernels, where what is left at the end of a row is taken one by one; else 1.
#pragma once
#include "types.cuh"

constexpr int thread_rows = 4;

struct Rows {
    int count, c, last;
};

// EACH_TYPE instantiates KERNEL(name, type, elements of an access): by vectors, and for any pitch and alignment.
#define EACH_TYPE(KERNEL, name)      \
    KERNEL(name##_f32, float, 4)     \
    KERNEL(name##_bf16, bf16, 8)     \
    KERNEL(name##_any_f32, float, 1) \
    KERNEL(name##_any_bf16, bf16, 1)

// Tile is a thread's place: a group of N elements in each of its rows k, 0 <= k < thread_rows.
template <int N> struct Tile {
    Rows rows;
    int first, at;
    __device__ __forceinline__ Tile(Rows r)
        : rows(r), first(blockIdx.x * blockDim.y * thread_rows + threadIdx.y), at((blockIdx.y * blockDim.x + threadIdx.x) * N) {}
    __device__ __forceinline__ int row(int k) const { return first + k * (int)blockDim.y; }
    // size is the number of elements of group k that are there, at most N.
    __device__ __forceinline__ int size(int k) const {
        int r = row(k);
        return r >= rows.count ? 0 : min(N, (r == rows.count - 1 ? rows.last : rows.c) - at);
    }
    __device__ __forceinline__ bool whole(int k) const { return size(k) == N; }
    __device__ __forceinline__ long long offset(int k, int pitch) const { return (long long)row(k) * pitch + at; }
    // rest calls f(k, i) for the elements i of groups that are not whole.
    template <typename F> __device__ __forceinline__ void rest(F f) const {
        if constexpr (N > 1) {
            if (at + N <= rows.last) return;
#pragma unroll 1
            for (int k = 0; k < thread_rows; k++) {
                int n = size(k);
                if (n == N) continue;
#pragma unroll 1
                for (int i = 0; i < n; i++) f(k, i);
            }
        }
    }
};

// Group is N elements as they lie in memory: loads put nothing behind them that would wait for the data.
template <typename T, int N> struct Group {
    uint4 part[N / lanes<T>];
};
template <typename T> struct Group<T, 1> {
    T value;
};
template <> struct Group<bf16, 4> { // beside four floats
    uint2 part;
};

template <typename T, int N> __device__ __forceinline__ void load(Group<T, N> &g, const T *p) {
    if constexpr (N == 1) {
        g.value = *p;
    } else if constexpr (N < lanes<T>) {
        g.part = *reinterpret_cast<const uint2 *>(p);
    } else {
#pragma unroll
        for (int i = 0; i < N / lanes<T>; i++) g.part[i] = reinterpret_cast<const uint4 *>(p)[i];
    }
}

// widen gives the floats of a group.
template <typename T, int N> __device__ __forceinline__ void widen(float (&v)[N], const Group<T, N> &g) {
    if constexpr (N == 1) {
        v[0] = to_float(g.value);
    } else if constexpr (N < lanes<T>) {
        v[0] = __uint_as_float(g.part.x << 16), v[1] = __uint_as_float(g.part.x & 0xffff0000u);
        v[2] = __uint_as_float(g.part.y << 16), v[3] = __uint_as_float(g.part.y & 0xffff0000u);
    } else {
#pragma unroll
        for (int i = 0; i < N / lanes<T>; i++) {
            unsigned w[4] = {g.part[i].x, g.part[i].y, g.part[i].z, g.part[i].w};
#pragma unroll
            for (int k = 0; k < 4; k++) {
                if constexpr (sizeof(T) == 4) {
                    v[4 * i + k] = __uint_as_float(w[k]);
                } else {
                    v[8 * i + 2 * k] = __uint_as_float(w[k] << 16);
                    v[8 * i + 2 * k + 1] = __uint_as_float(w[k] & 0xffff0000u);
                }
            }
        }
    }
}

// store rounds and writes N elements.
template <int N, typename T> __device__ __forceinline__ void store(T *p, const float (&v)[N]) {
    if constexpr (N == 1) {
        *p = from_float<T>(v[0]);
    } else if constexpr (N < lanes<T>) {
        *reinterpret_cast<uint2 *>(p) = make_uint2(pack2(v[0], v[1]), pack2(v[2], v[3]));
    } else {
#pragma unroll
        for (int at = 0; at < N; at += lanes<T>) {
            float part[lanes<T>];
#pragma unroll
            for (int i = 0; i < lanes<T>; i++) part[i] = v[at + i];
            store16(p + at, part);
        }
    }
}

// map computes y = f(x).
template <int N, int U = thread_rows, typename X, typename Y, typename F>
__device__ __forceinline__ void map(Rows rows, const X *__restrict__ x, int px, Y *__restrict__ y, int py, F f) {
    Tile<N> t(rows);
#pragma unroll 1
    for (int k0 = 0; k0 < thread_rows; k0 += U) {
        Group<X, N> in[U];
#pragma unroll
        for (int k = 0; k < U; k++)
            if (t.whole(k0 + k)) load(in[k], x + t.offset(k0 + k, px));
#pragma unroll
        for (int k = 0; k < U; k++) {
            if (!t.whole(k0 + k)) continue;
            float v[N];
            widen(v, in[k]);
#pragma unroll
            for (int i = 0; i < N; i++) v[i] = f(v[i]);
            store(y + t.offset(k0 + k, py), v);
        }
    }
    t.rest([&](int k, int i) { y[t.offset(k, py) + i] = from_float<Y>(f(to_float(x[t.offset(k, px) + i]))); });
}

// map2 computes y = f(a, b). y may be b.
template <int N, int U = thread_rows, typename T, typename F>
__device__ __forceinline__ void map2(Rows rows, const T *a, int pa, const T *b, int pb, T *y, int py, F f) {
    Tile<N> t(rows);
#pragma unroll 1
    for (int k0 = 0; k0 < thread_rows; k0 += U) {
        Group<T, N> in[U][2];
#pragma unroll
        for (int k = 0; k < U; k++) {
            if (!t.whole(k0 + k)) continue;
            load(in[k][0], a + t.offset(k0 + k, pa));
            load(in[k][1], b + t.offset(k0 + k, pb));
        }
#pragma unroll
        for (int k = 0; k < U; k++) {
            if (!t.whole(k0 + k)) continue;
            float u[N], v[N];
            widen(u, in[k][0]);
            widen(v, in[k][1]);
#pragma unroll
            for (int i = 0; i < N; i++) u[i] = f(u[i], v[i]);
            store(y + t.offset(k0 + k, py), u);
        }
    }
    t.rest([&](int k, int i) { y[t.offset(k, py) + i] = from_float<T>(f(to_float(a[t.offset(k, pa) + i]), to_float(b[t.offset(k, pb) + i]))); });
}
