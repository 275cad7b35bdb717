// attention_grad: the gradient of attention (Dao et al. 2022, appendix B.4). With P = exp(scale q k^T - lse), recomputed, and
// delta_i = do_i.o_i: dv = P^T do, dS = P (do v^T - delta), dq = scale dS k, dk = scale dS^T q. Three launches, no atomics, all sums
// in a fixed order:
//   attention_delta   delta, four lanes a query of a head
//   attention_dq      a block owns queries (q, do) and streams keys and values
//   attention_dkv     a block owns keys (k, v) and streams queries and do. Of its 8 warps four compute P^T and dv, the other four
//                     do v^T and, with P^T through shared memory, dk: twice the registers for sums, no product done twice
// ..._<DP> takes heads of up to DP channels in rows of 16-byte chunks, ..._any_<DP> any pitch, alignment and head size. bf16 runs on
// tensor cores, P and dS rounded to bf16 for the products they are left operands of. grid = (blocks of rows, heads, images).
// Bytes: q, do, o read and dq, dk, dv written once; k and v for every block of queries, q and do for every block of keys (level 2).
// Work: 14 queries keys channels FLOPs: q k^T and do v^T are computed for dq and for dk, dv.
#include "attention.cuh"

template <typename T, int DP, bool vector> struct GradShape {
    static constexpr bool half = sizeof(T) == 2;
    static constexpr int stages = vector && half ? 2 : 1;
    static constexpr int dq_streamed = DP == 256 ? 16 : 32, dkv_streamed = DP < 256 ? 32 : half ? 16 : 8;
};

// attention_delta: rows are queries of all images and heads; four lanes share one.
template <typename T, bool vector> __device__ __forceinline__ void attention_delta(const AttentionCall &call, int rows) {
    int row = (blockIdx.x * blockDim.x + threadIdx.x) / 4, lane = threadIdx.x & 3;
    if (row >= rows) row = rows - 1; // all lanes take part in the sums
    int i = row % call.queries, head = row / call.queries % call.heads, n = row / call.queries / call.heads;
    const T *o = head_of<const T>(call.o, n, call.queries, call.ldo, head, call.width) + (long long)i * call.ldo;
    const T *g = head_of<const T>(call.dout, n, call.queries, call.lddout, head, call.width) + (long long)i * call.lddout;
    float sum = 0;
    if constexpr (vector) {
        constexpr int step = lanes<T>;
        int c = lane * step;
        for (; c + step <= call.width; c += 4 * step) {
            float x[step], y[step];
            load16(x, o + c);
            load16(y, g + c);
#pragma unroll
            for (int e = 0; e < step; e++) sum = fmaf(x[e], y[e], sum);
        }
#pragma unroll 1
        for (int e = c; e < min(c + step, call.width); e++) sum = fmaf(to_float(o[e]), to_float(g[e]), sum);
    } else {
#pragma unroll 1
        for (int c = lane; c < call.width; c += 4) sum = fmaf(to_float(o[c]), to_float(g[c]), sum);
    }
    sum = row_sum<4>(sum);
    if (lane == 0) call.delta[row] = sum;
}

// attention_dq computes dq of the queries that the block owns.
template <typename T, int DP, bool vector> __device__ __forceinline__ void attention_dq(const AttentionCall &call) {
    constexpr int streamed = GradShape<T, DP, vector>::dq_streamed, stages = GradShape<T, DP, vector>::stages;
    typedef Attend<T, DP, streamed> Warp;
    typedef Panel<T, Warp::rows, DP, 128, vector> Own;
    typedef Panel<T, streamed, DP, 128, vector> Side;
    constexpr int stage_bytes = 2 * Side::bytes;
    extern __shared__ __align__(128) unsigned char attention_shared[];
    unsigned own = shared_address(attention_shared), ring = own + 2 * Own::bytes;
    int row0 = blockIdx.x * Warp::rows, head = blockIdx.y, n = blockIdx.z, width = call.width;
    const T *q = head_of<const T>(call.q, n, call.queries, call.ldq, head, width);
    const T *g = head_of<const T>(call.dout, n, call.queries, call.lddout, head, width);
    const T *k = head_of<const T>(call.k, n, call.keys, call.ldk, head, width), *v = head_of<const T>(call.v, n, call.keys, call.ldv, head, width);

    Warp warp(threadIdx.x >> 5, ring + stages * stage_bytes);
    typename Warp::Out dq = {};
    float unit = call.scale * log2_e, lse[2], delta[2], factor[2] = {call.scale, call.scale};
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int row = row0 + warp.row(r);
        long long line = (long long)n * call.heads + head;
        lse[r] = row < call.queries ? call.lse[line * call.lse_pitch + row] * log2_e : 0;
        delta[r] = row < call.queries ? call.delta[line * call.queries + row] : 0;
    }
    Own::fetch(own, q, call.ldq, row0, call.queries, 0, width);
    Own::fetch(own + Own::bytes, g, call.lddout, row0, call.queries, 0, width);
    auto fetch = [&](int j, unsigned to) {
        Side::fetch(to, k, call.ldk, j * streamed, call.keys, 0, width);
        Side::fetch(to + Side::bytes, v, call.ldv, j * streamed, call.keys, 0, width);
    };
    auto work = [&](int j, unsigned from) {
        typename Warp::Scores s, t;
        warp.scores(s, own, from);
        warp.scores(t, own + Own::bytes, from + Side::bytes);
        int left = call.keys - j * streamed;
        float slope[Warp::values];
        warp.each(t, [&](float &x, int r, int, int i) { slope[i] = x - delta[r]; });
        warp.each(s, [&](float &x, int r, int col, int i) { x = col < left ? exp2f(fmaf(x, unit, -lse[r])) * slope[i] : 0; });
        warp.add(dq, s, from);
    };
    stream<stages, stage_bytes>((call.keys + streamed - 1) / streamed, ring, fetch, work);
    warp.finish(dq, own, (DP + 8) * 4, factor);
    __syncthreads();
    write_head<Warp::rows, DP, 128, vector>(head_of<T>(call.dq, n, call.queries, call.lddq, head, width), call.lddq, own, row0, call.queries, width);
}

// attention_dkv computes dk and dv of the keys that the block owns.
template <typename T, int DP, bool vector> __device__ __forceinline__ void attention_dkv(const AttentionCall &call) {
    constexpr int streamed = GradShape<T, DP, vector>::dkv_streamed, stages = GradShape<T, DP, vector>::stages;
    typedef Attend<T, DP, streamed> Warp;
    typedef Panel<T, Warp::rows, DP, 256, vector> Own;
    typedef Panel<T, streamed, DP, 256, vector> Side;
    constexpr int stage_bytes = 2 * Side::bytes;
    extern __shared__ __align__(128) unsigned char attention_shared[];
    unsigned own = shared_address(attention_shared), ring = own + 2 * Own::bytes, spill = ring + stages * stage_bytes;
    int row0 = blockIdx.x * Warp::rows, head = blockIdx.y, n = blockIdx.z, width = call.width;
    const T *q = head_of<const T>(call.q, n, call.queries, call.ldq, head, width);
    const T *g = head_of<const T>(call.dout, n, call.queries, call.lddout, head, width);
    const T *k = head_of<const T>(call.k, n, call.keys, call.ldk, head, width), *v = head_of<const T>(call.v, n, call.keys, call.ldv, head, width);

    int group = threadIdx.x >> 5 & 3;
    bool keys = threadIdx.x >= 128; // the warps of dk
    Warp warp(group, spill + (keys ? Warp::spill_bytes : 0));
    unsigned weights = spill + 2 * Warp::spill_bytes + group * Warp::values * 128 + (threadIdx.x & 31) * 4;
    unsigned mine = own + (keys ? Own::bytes : 0), with = keys ? Side::bytes : 0, times = keys ? 0 : Side::bytes;
    long long line = (long long)n * call.heads + head;
    const float *lse = call.lse + line * call.lse_pitch, *delta = call.delta + line * call.queries;
    typename Warp::Out sum = {};
    float unit = call.scale * log2_e;
    Own::fetch(own, k, call.ldk, row0, call.keys, 0, width);
    Own::fetch(own + Own::bytes, v, call.ldv, row0, call.keys, 0, width);
    auto fetch = [&](int j, unsigned to) {
        Side::fetch(to, q, call.ldq, j * streamed, call.queries, 0, width);
        Side::fetch(to + Side::bytes, g, call.lddout, j * streamed, call.queries, 0, width);
    };
    auto work = [&](int j, unsigned from) {
        typename Warp::Scores s;
        int query = j * streamed + (threadIdx.x & 31) % streamed;
        float statistic = query < call.queries ? (keys ? delta : lse)[query] : 0; // of the query of this lane
        warp.scores(s, mine, from + with);
        int left = call.queries - j * streamed;
        if (!keys)
            warp.each(s, [&](float &x, int, int col, int i) {
                float l = __shfl_sync(0xffffffffu, statistic, col) * log2_e;
                x = col < left ? exp2f(fmaf(x, unit, -l)) : 0;
                store_shared(weights + i * 128, x);
            });
        __syncthreads();
        if (keys)
            warp.each(s, [&](float &x, int, int col, int i) {
                x = shared_float(weights + i * 128) * (x - __shfl_sync(0xffffffffu, statistic, col));
            });
        warp.add(sum, s, from + times);
    };
    stream<stages, stage_bytes>((call.queries + streamed - 1) / streamed, ring, fetch, work);
    float one = keys ? call.scale : 1, factor[2] = {one, one};
#pragma unroll
    for (int i = 0; i < 2; i++) { // dv, then dk
        if (keys == (i == 1)) warp.finish(sum, own, (DP + 8) * 4, factor);
        __syncthreads();
        T *to = i ? head_of<T>(call.dk, n, call.keys, call.lddk, head, width) : head_of<T>(call.dv, n, call.keys, call.lddv, head, width);
        write_head<Warp::rows, DP, 256, vector>(to, i ? call.lddk : call.lddv, own, row0, call.keys, width);
        __syncthreads();
    }
}

#define DELTA(name, T, vector)                                                                                           \
    extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ AttentionCall call, int rows) {       \
        attention_delta<T, vector>(call, rows);                                                                          \
    }

#define GRAD(name, T, DP, vector)                                                                                        \
    extern "C" __global__ void __launch_bounds__(128, 1) attention_dq_##name(const __grid_constant__ AttentionCall call) {  \
        attention_dq<T, DP, vector>(call);                                                                               \
    }                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(256, 1) attention_dkv_##name(const __grid_constant__ AttentionCall call) { \
        attention_dkv<T, DP, vector>(call);                                                                              \
    }

#define GRAD_TYPE(T, type)                       \
    DELTA(attention_delta_##type, T, true)       \
    DELTA(attention_delta_any_##type, T, false)  \
    GRAD(32_##type, T, 32, true)                 \
    GRAD(64_##type, T, 64, true)                 \
    GRAD(128_##type, T, 128, true)               \
    GRAD(256_##type, T, 256, true)               \
    GRAD(any_64_##type, T, 64, false)            \
    GRAD(any_256_##type, T, 256, false)

GRAD_TYPE(float, f32)
GRAD_TYPE(bf16, bf16)
