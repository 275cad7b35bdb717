// attention: o = softmax(scale q k^T) v for every head (Vaswani et al. 2017, equation 1) and lse, the logarithm of the softmax's
// denominator. A block owns rows of queries of one head of one image and streams keys and values; maximum and sum are kept while it
// does and earlier sums are rescaled (Milakov and Gimelshein 2018; Dao et al. 2022), all in float32 in a fixed order, so that no
// score is written. grid = (blocks of queries, heads, images).
//   attention_<DP>       heads of up to DP channels in rows of 16-byte chunks; q, k, v may be slices of one packed tensor
//   attention_any_<DP>   any pitch, alignment and head size
// bf16 runs on tensor cores, the weights rounded to bf16 for the second product; keys arrive while others are used (two stages).
// Bytes: q read and o written once, k and v once for every block of queries (level 2). Work: 4 queries keys channels FLOPs.
#include "attention.cuh"

template <typename T, int DP, bool vector> struct AttentionShape {
    static constexpr int streamed = sizeof(T) == 4 && DP == 256 ? 16 : 32, threads = 128;
    static constexpr int stages = vector && sizeof(T) == 2 ? 2 : 1;
    typedef Attend<T, DP, streamed> Warp;
    typedef Panel<T, Warp::rows, DP, threads, vector> Own;
    typedef Panel<T, streamed, DP, threads, vector> Side;
};

template <typename T, int DP, bool vector> __device__ __forceinline__ void attention(const AttentionCall &call) {
    typedef AttentionShape<T, DP, vector> S;
    typedef typename S::Warp Warp;
    constexpr int stage_bytes = 2 * S::Side::bytes, streamed = S::streamed;
    extern __shared__ __align__(128) unsigned char attention_shared[];
    unsigned own = shared_address(attention_shared), ring = own + S::Own::bytes;
    int row0 = blockIdx.x * Warp::rows, head = blockIdx.y, n = blockIdx.z, width = call.width;
    const T *q = head_of<const T>(call.q, n, call.queries, call.ldq, head, width);
    const T *k = head_of<const T>(call.k, n, call.keys, call.ldk, head, width), *v = head_of<const T>(call.v, n, call.keys, call.ldv, head, width);

    Warp warp(threadIdx.x >> 5, ring + S::stages * stage_bytes);
    typename Warp::Out out = {};
    float top[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0}, unit = call.scale * log2_e;
    S::Own::fetch(own, q, call.ldq, row0, call.queries, 0, width);
    auto fetch = [&](int j, unsigned to) {
        S::Side::fetch(to, k, call.ldk, j * streamed, call.keys, 0, width);
        S::Side::fetch(to + S::Side::bytes, v, call.ldv, j * streamed, call.keys, 0, width);
    };
    auto work = [&](int j, unsigned from) {
        typename Warp::Scores s;
        warp.scores(s, own, from);
        int left = call.keys - j * streamed;
        float high[2] = {top[0], top[1]}, base[2], shrink[2];
        warp.each(s, [&](float &x, int r, int col, int) {
            x = col < left ? x * unit : -INFINITY;
            high[r] = fmaxf(high[r], x);
        });
#pragma unroll
        for (int r = 0; r < 2; r++) {
            high[r] = row_max<Warp::row_lanes>(high[r]);
            base[r] = high[r] == -INFINITY ? 0 : high[r];
            shrink[r] = exp2f(top[r] - base[r]);
            top[r] = high[r];
            total[r] *= shrink[r];
        }
        warp.each(s, [&](float &x, int r, int, int) {
            x = exp2f(x - base[r]);
            total[r] += x;
        });
        warp.scale(out, shrink);
        warp.add(out, s, from + S::Side::bytes);
    };
    stream<S::stages, stage_bytes>((call.keys + streamed - 1) / streamed, ring, fetch, work);

    float factor[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        total[r] = row_sum<Warp::row_lanes>(total[r]);
        factor[r] = __fdiv_rn(1.0f, total[r]);
        int row = row0 + warp.row(r);
        if (row < call.queries && threadIdx.x % Warp::row_lanes == 0)
            call.lse[((long long)n * call.heads + head) * call.lse_pitch + row] = (top[r] + __log2f(total[r])) * ln_2;
    }
    T *o = head_of<T>(call.out, n, call.queries, call.ldout, head, width);
    warp.finish(out, own, (DP + 8) * 4, factor);
    __syncthreads();
    write_head<Warp::rows, DP, S::threads, vector>(o, call.ldout, own, row0, call.queries, width);
}

#define ATTENTION(name, T, DP, vector)                                                                           \
    extern "C" __global__ void __launch_bounds__(128, 1) name(const __grid_constant__ AttentionCall call) {         \
        attention<T, DP, vector>(call);                                                                          \
    }

#define ATTENTION_TYPE(T, type)                             \
    ATTENTION(attention_32_##type, T, 32, true)             \
    ATTENTION(attention_64_##type, T, 64, true)             \
    ATTENTION(attention_128_##type, T, 128, true)           \
    ATTENTION(attention_256_##type, T, 256, true)           \
    ATTENTION(attention_any_64_##type, T, 64, false)        \
    ATTENTION(attention_any_256_##type, T, 256, false)

ATTENTION_TYPE(float, f32)
ATTENTION_TYPE(bf16, bf16)
