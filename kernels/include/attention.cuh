// What the kernels of attention share: a block owns some rows (queries, or keys), streams the others through shared memory in
// panels, and computes scores = own rows x streamed rows and output += scores x streamed rows, heads padded with zeros to DP
// channels.
//   bf16     64 rows a block, 16 a warp, on tensor cores; scores stay in registers, which are the left operand of the second product
//   float32  32 rows a block, 8 a warp, fused multiply-adds; scores go to the second product through shared memory
// In both a lane holds elements of two rows; 4 or 8 neighbouring lanes share them.
#pragma once
#include "tiles.cuh"

// AttentionCall is attentionCall of kernels/attention/attention_cuda.go. Tensors are (images, tokens, channels) with a pitch; a
// head is `width` channels. Rows of lse are padded to lse_pitch, those of delta are not.
struct AttentionCall {
    const void *q, *k, *v, *o, *dout;
    void *out, *dq, *dk, *dv;
    float *lse, *delta;
    int queries, keys, heads, width;
    int ldq, ldk, ldv, ldo, lddout, ldout, lddq, lddk, lddv, lse_pitch;
    float scale;
};

constexpr float log2_e = 1.4426950408889634f, ln_2 = 0.6931471805599453f;

// head_of is the first element of a head of image n.
template <typename T> __device__ __forceinline__ T *head_of(const void *p, int n, int tokens, int ld, int head, int width) {
    return (T *)p + (long long)n * tokens * ld + head * width;
}

// Attend is the arithmetic of one warp: `streamed` rows at a time.
template <typename T, int DP, int streamed> struct Attend;

template <int DP, int streamed> struct Attend<bf16, DP, streamed> {
    static constexpr int rows = 64, row_lanes = 4, spill_bytes = 0, values = streamed / 2;
    typedef float Scores[streamed / 8][4];
    typedef float Out[DP / 8][4];
    int lane, first;
    MatrixOperand<true, DP * 2, false> own;
    MatrixOperand<true, DP * 2, true> across;
    MatrixOperand<false, DP * 2, true> along;

    __device__ __forceinline__ Attend(int warp, unsigned)
        : lane(threadIdx.x & 31), first(warp * 16), own(warp * 16, lane), across(0, lane), along(0, lane) {}

    // row is the lane's row r of the block, r = 0 or 1.
    __device__ __forceinline__ int row(int r) const { return first + r * 8 + (lane >> 2); }

    // each calls f(score, r, streamed row, index) for the lane's scores.
    template <typename F> __device__ __forceinline__ void each(Scores &s, F f) const {
#pragma unroll
        for (int j = 0; j < streamed / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) f(s[j][e], e >> 1, j * 8 + (lane & 3) * 2 + (e & 1), j * 4 + e);
    }

    // scores is the product of the rows of two panels.
    __device__ __forceinline__ void scores(Scores &s, unsigned own_panel, unsigned panel) const {
#pragma unroll
        for (int j = 0; j < streamed / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) s[j][e] = 0;
#pragma unroll 4
        for (int ks = 0; ks < DP / 16; ks++) {
            unsigned x[4], y[4];
            own.load(x, own_panel, 0, ks);
#pragma unroll
            for (int j = 0; j < streamed / 16; j++) {
                across.load(y, panel, j, ks);
                mma_bf16(s[2 * j], x, y[0], y[1]);
                mma_bf16(s[2 * j + 1], x, y[2], y[3]);
            }
        }
    }

    __device__ __forceinline__ void scale(Out &out, const float (&factor)[2]) const {
#pragma unroll
        for (int j = 0; j < DP / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) out[j][e] *= factor[e >> 1];
    }

    // add is out += scores x panel, the scores rounded to bf16.
    __device__ __forceinline__ void add(Out &out, const Scores &s, unsigned panel) const {
#pragma unroll
        for (int ks = 0; ks < streamed / 16; ks++) {
            const float(&lo)[4] = s[2 * ks], (&hi)[4] = s[2 * ks + 1];
            unsigned x[4] = {pack2(lo[0], lo[1]), pack2(lo[2], lo[3]), pack2(hi[0], hi[1]), pack2(hi[2], hi[3])}, y[4];
#pragma unroll
            for (int j = 0; j < DP / 16; j++) {
                along.load(y, panel, j, ks);
                mma_bf16(out[2 * j], x, y[0], y[1]);
                mma_bf16(out[2 * j + 1], x, y[2], y[3]);
            }
        }
    }

    // finish moves the lane's part of out, rows multiplied by their factors, to shared memory, rows row_bytes apart.
    __device__ __forceinline__ void finish(const Out &out, unsigned to, int row_bytes, const float (&factor)[2]) const {
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
            for (int j = 0; j < DP / 8; j++)
                store_shared(to + row(r) * row_bytes + (j * 8 + (lane & 3) * 2) * 4, out[j][2 * r] * factor[r], out[j][2 * r + 1] * factor[r]);
    }
};

template <int DP, int streamed> struct Attend<float, DP, streamed> {
    static constexpr int rows = 32, row_lanes = 8, columns = streamed / 8, values = 2 * columns;
    // Scores of the block in shared memory: rows so far apart that neither their writers nor their readers meet in a bank.
    static constexpr int spill_pitch = streamed % 32 == 8 ? streamed : streamed + 8, spill_bytes = rows * spill_pitch * 4;
    typedef float Scores[2][columns];
    typedef float Out[2][DP / 8];
    int first, ty, tx;
    unsigned spill;
    FloatOperand<true, DP * 4, 2, 4> own;
    FloatOperand<true, DP * 4, columns, 8> across;

    __device__ __forceinline__ Attend(int warp, unsigned spill)
        : first(warp * 8), ty((threadIdx.x & 31) >> 3), tx(threadIdx.x & 7), spill(spill), own(warp * 8, ty), across(0, tx) {}

    __device__ __forceinline__ int row(int r) const { return first + r * 4 + ty; }

    template <typename F> __device__ __forceinline__ void each(Scores &s, F f) const {
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
            for (int j = 0; j < columns; j++) f(s[r][j], r, j * 8 + tx, r * columns + j);
    }

    __device__ __forceinline__ void scores(Scores &s, unsigned own_panel, unsigned panel) const {
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
            for (int j = 0; j < columns; j++) s[r][j] = 0;
#pragma unroll 4
        for (int c = 0; c < DP / 4; c++) {
            float x[2][4], y[columns][4];
            own.load(x, own_panel, c);
            across.load(y, panel, c);
#pragma unroll
            for (int e = 0; e < 4; e++)
#pragma unroll
                for (int r = 0; r < 2; r++)
#pragma unroll
                    for (int j = 0; j < columns; j++) s[r][j] = fmaf(x[r][e], y[j][e], s[r][j]);
        }
    }

    __device__ __forceinline__ void scale(Out &out, const float (&factor)[2]) const {
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
            for (int j = 0; j < DP / 8; j++) out[r][j] *= factor[r];
    }

    __device__ __forceinline__ void add(Out &out, const Scores &s, unsigned panel) const {
        __syncwarp();
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
            for (int j = 0; j < columns; j++)
                store_shared(spill + (row(r) * spill_pitch + j * 8 + tx) * 4, s[r][j]);
        __syncwarp();
#pragma unroll 2
        for (int c = 0; c < streamed / 4; c++) {
            float4 p[2] = {shared_float4(spill + row(0) * spill_pitch * 4 + 16 * c), shared_float4(spill + row(1) * spill_pitch * 4 + 16 * c)};
            float x[2][4] = {{p[0].x, p[0].y, p[0].z, p[0].w}, {p[1].x, p[1].y, p[1].z, p[1].w}};
#pragma unroll
            for (int e = 0; e < 4; e++)
#pragma unroll
                for (int j = 0; j < DP / 32; j++) {
                    int s = 4 * c + e;
                    float4 y = shared_float4(panel + s * DP * 4 + j * 128 + ((tx ^ (s & 7)) << 4));
#pragma unroll
                    for (int r = 0; r < 2; r++) {
                        out[r][4 * j] = fmaf(x[r][e], y.x, out[r][4 * j]);
                        out[r][4 * j + 1] = fmaf(x[r][e], y.y, out[r][4 * j + 1]);
                        out[r][4 * j + 2] = fmaf(x[r][e], y.z, out[r][4 * j + 2]);
                        out[r][4 * j + 3] = fmaf(x[r][e], y.w, out[r][4 * j + 3]);
                    }
                }
        }
    }

    __device__ __forceinline__ void finish(const Out &out, unsigned to, int row_bytes, const float (&factor)[2]) const {
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
            for (int j = 0; j < DP / 8; j += 4)
                store_shared(to + row(r) * row_bytes + (j * 8 + tx * 4) * 4, out[r][j] * factor[r], out[r][j + 1] * factor[r],
                             out[r][j + 2] * factor[r], out[r][j + 3] * factor[r]);
    }
};

// write_head stores finished rows of a head from row row0 on to a matrix of `tokens` rows.
template <int rows, int DP, int threads, bool vector, typename T>
__device__ __forceinline__ void write_head(T *to, int ld, unsigned from, int row0, int tokens, int width) {
    Output<T, plain> o = {to, nullptr, nullptr, tokens, width, ld, 0, 1.0f, false};
    Finished<rows, DP, threads, vector>::write(o, from, row0, 0);
}

// row_max and row_sum reduce over the lanes that share a row.
template <int lanes> __device__ __forceinline__ float row_max(float x) {
#pragma unroll
    for (int d = 1; d < lanes; d *= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, d));
    return x;
}

template <int lanes> __device__ __forceinline__ float row_sum(float x) {
#pragma unroll
    for (int d = 1; d < lanes; d *= 2) x += __shfl_xor_sync(0xffffffffu, x, d);
    return x;
}

// stream walks through panels in a ring of `stages` in shared memory: fetch(j, to) starts the copy of panel j, work(j, from)
// uses it. With two stages the next panel is on its way while one is used.
template <int stages, int stage_bytes, typename Fetch, typename Work>
__device__ __forceinline__ void stream(int panels, unsigned ring, Fetch fetch, Work work) {
    if (stages == 2) {
        fetch(0, ring);
        cp_async_commit();
    }
    for (int j = 0; j < panels; j++) {
        int next = j + stages - 1;
        if (next < panels) fetch(next, ring + next % stages * stage_bytes);
        cp_async_commit();
        cp_async_wait<stages - 1>();
        __syncthreads();
        work(j, ring + j % stages * stage_bytes);
        __syncthreads();
    }
}
