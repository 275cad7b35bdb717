// The convolution's matrix products with plain float32 multiply-adds: exact float32 mode, and bf16 tensors that the tensor-core
// kernels do not take (rows that do not begin on 16 bytes, many taps). A block computes a BM x BN tile, each thread TM x TN
// of it; depth steps of 8 go through two shared buffers, loaded one step ahead through registers.
#pragma once
#include "conv.cuh"

constexpr int fma_depth = 8, max_taps = 256;

template <int BM, int BN, int TM, int TN> struct Tile {
    static constexpr int threads = (BM / TM) * (BN / TN), columns = BN / TN;
    static constexpr int a_loads = (BM * fma_depth + threads - 1) / threads, b_loads = (BN * fma_depth + threads - 1) / threads;

    // Rows of 4 floats more than a multiple of 32: stores along k and along rows meet no bank conflict.
    struct Shared {
        float a[2][fma_depth][BM + 4], b[2][fma_depth][BN + 4];
    };

    // place is the position in the tile of a thread's element i: fours at distance B / 2, so that lanes read neighbouring float4.
    template <int B, int T> static __device__ __forceinline__ int place(int t, int i) { return (i >> 2) * (B * 4 / T) + t * 4 + (i & 3); }

    static __device__ __forceinline__ void multiply(const Shared &s, int buffer, float (&sum)[TM][TN]) {
        int tx = threadIdx.x % columns, ty = threadIdx.x / columns;
#pragma unroll
        for (int k = 0; k < fma_depth; k++) {
            float a[TM], b[TN];
#pragma unroll
            for (int i = 0; i < TM; i += 4) load(reinterpret_cast<float (&)[4]>(a[i]), &s.a[buffer][k][place<BM, TM>(ty, i)]);
#pragma unroll
            for (int j = 0; j < TN; j += 4) load(reinterpret_cast<float (&)[4]>(b[j]), &s.b[buffer][k][place<BN, TN>(tx, j)]);
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int j = 0; j < TN; j++) sum[i][j] = fmaf(a[i], b[j], sum[i][j]);
        }
    }

    // each_four calls f(m, n, sums) for every four neighbouring columns of the thread, relative to the tile.
    template <typename F> static __device__ __forceinline__ void each_four(float (&sum)[TM][TN], F f) {
        int tx = threadIdx.x % columns, ty = threadIdx.x / columns;
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j += 4) {
                float v[4] = {sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]};
                f(place<BM, TM>(ty, i), place<BN, TN>(tx, j), v);
            }
    }

    // Rows hands out the sums of a tile that lies in shared memory.
    struct Rows {
        static constexpr bool keeps = false;
        const float *tile;
        int m0, n0, rows;

        template <int V, int unroll, typename F> __device__ __forceinline__ void each(F f) const {
#pragma unroll 1
            for (int i = threadIdx.x; i < BM * BN / V; i += threads) {
                float v[V];
                load(v, tile + i * V);
                int m = m0 + i / (BN / V), n = n0 + i % (BN / V) * V;
                if (m < rows) f(m, n, v);
            }
        }
    };
};

// Depth is a position along k: tap and channel. It moves by whole steps of fma_depth without divisions.
struct Depth {
    int tap, c;
    __device__ __forceinline__ void start(int k, int channels) { tap = k / channels, c = k - tap * channels; }
    __device__ __forceinline__ void advance(int channels, int taps_step, int c_step) {
        tap += taps_step, c += c_step;
        if (c >= channels) c -= channels, tap++;
    }
};

// Weights are read at tap, row n and channel c of the product from w + n n_stride + tap tap_stride + c c_stride.
struct Weights {
    const void *w;
    long long n_stride, c_stride;
    int tap_stride;
};

// conv_fma: the product of gathered pixels (k contiguous) and weights: forward with w (n = o, c = i contiguous), adjoint with
// the same w (n = i contiguous, c = o). blockIdx.x is the tile, those of the same pixels next to each other; y the split
// along k; partial sums of rows x partial_pitch floats are written where there is room for them, else the epilogue follows.
template <typename T, bool adjoint, int BM, int BN, int TM, int TN>
__device__ __forceinline__ void conv_fma(const Geometry &g, const T *__restrict__ x, int pitch, int channels, const Weights &weights, const Epilogue &e,
                                         float *__restrict__ partial, int partial_pitch, int splits) {
    using Product = Tile<BM, BN, TM, TN>;
    constexpr int threads = Product::threads;
    extern __shared__ __align__(16) unsigned char room[];
    typename Product::Shared &shared = *reinterpret_cast<typename Product::Shared *>(room);
    __shared__ Pixel pixels[BM];
    __shared__ Tap taps[max_taps];
    const T *w = static_cast<const T *>(weights.w);
    int t = threadIdx.x, across = (e.columns + BN - 1) / BN, split = blockIdx.y;
    int m0 = blockIdx.x / across * BM, n0 = blockIdx.x % across * BN, rows = g.images * g.h.outputs * g.w.outputs;
    for (int i = t; i < BM; i += threads) pixels[i] = decode_pixel(g, m0 + i, rows);
#pragma unroll 1
    for (int i = t; i < g.taps; i += threads) taps[i] = decode_tap<adjoint>(g, i);
    __syncthreads();

    int steps = (g.taps * channels + fma_depth - 1) / fma_depth;
    int first = (int)((long long)steps * split / splits), last = (int)((long long)steps * (split + 1) / splits);
    int taps_step = fma_depth / channels, c_step = fma_depth - taps_step * channels;
    Depth at;
    at.start(first * fma_depth + (t & 7), channels);
    // The adjoint's weights are contiguous along n: a warp reads one k, so a thread has a position for each of its loads.
    constexpr int b_positions = adjoint ? Product::b_loads : 1;
    Depth bt[b_positions];
#pragma unroll
    for (int i = 0; i < b_positions; i++) bt[i].start(first * fma_depth + (adjoint ? (t + i * threads) / BN : t & 7), channels);

    float a[Product::a_loads], b[Product::b_loads];
    auto fetch = [&]() {
        bool inside = at.tap < g.taps;
        Tap tap = taps[inside ? at.tap : 0];
#pragma unroll
        for (int i = 0; i < Product::a_loads; i++) {
            int row = gathered_row<adjoint>(g, pixels[(t >> 3) + i * (threads / 8)], tap);
            a[i] = inside && row >= 0 ? to_float(x[(long long)row * pitch + at.c]) : 0.0f;
        }
#pragma unroll
        for (int i = 0; i < Product::b_loads; i++) {
            const Depth &p = bt[adjoint ? i : 0];
            int n = n0 + (adjoint ? (t + i * threads) % BN : (t >> 3) + i * (threads / 8));
            bool valid = p.tap < g.taps && n < e.columns && t + i * threads < BN * fma_depth;
            b[i] = valid ? to_float(w[n * weights.n_stride + taps[p.tap].weight * weights.tap_stride + p.c * weights.c_stride]) : 0.0f;
        }
        at.advance(channels, taps_step, c_step);
#pragma unroll
        for (int i = 0; i < b_positions; i++) bt[i].advance(channels, taps_step, c_step);
    };
    auto keep = [&](int buffer) {
#pragma unroll
        for (int i = 0; i < Product::a_loads; i++) shared.a[buffer][t & 7][(t >> 3) + i * (threads / 8)] = a[i];
#pragma unroll
        for (int i = 0; i < Product::b_loads; i++) {
            int j = t + i * threads;
            if (j >= BN * fma_depth) continue;
            if (adjoint)
                shared.b[buffer][j / BN][j % BN] = b[i];
            else
                shared.b[buffer][t & 7][(t >> 3) + i * (threads / 8)] = b[i];
        }
    };

    float sum[TM][TN] = {};
    for (int step = first - 1; step < last; step++) {
        int buffer = (step - first) & 1;
        if (step + 1 < last) fetch();
        if (step >= first) Product::multiply(shared, buffer, sum);
        if (step + 1 < last) keep(buffer ^ 1);
        __syncthreads();
    }
    float *tile = reinterpret_cast<float *>(room);
    Product::each_four(sum, [&](int m, int n, float (&v)[4]) { store16(tile + m * BN + n, v); });
    __syncthreads();
    typename Product::Rows out = {tile, m0, n0, rows};
    if (!partial) {
        finish_tile<T, adjoint ? gradient : prediction, 4>(e, out);
        return;
    }
    partial += (long long)split * rows * partial_pitch;
    out.template each<4, 1>([&](int m, int n, float (&v)[4]) {
        if (n < partial_pitch) store_partial(partial + (long long)m * partial_pitch + n, v);
    });
}
