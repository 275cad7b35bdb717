// The convolution's matrix products in bfloat16 on tensor cores: mma.sync.m16n8k16 with float32 sums, operands by ldmatrix from
// shared memory, which cp.async fills several steps ahead in 16-byte chunks of 8 channels; chunks in the padding, and what the last
// chunk of a row has beyond its channels, are filled with zeros. Chunks lie XOR-swizzled, so that neither copies nor ldmatrix meet a
// bank conflict. A step is 32 deep.
#pragma once
#include "conv.cuh"
#include "mma.cuh"

constexpr int mma_depth = 32, mma_taps = 64;

// MmaTile is the tile of a block, BM x BN, in warps of WM x WN. by_k tells for each operand whether k runs along its rows in shared
// memory (rows of 32 k, one for each m or n), else its rows are k (32 rows of BM or BN).
template <int BM_, int BN_, int WM, int WN, bool a_by_k, bool b_by_k> struct MmaTile {
    static constexpr bool k_rows = !b_by_k; // of B
    static constexpr int BM = BM_, BN = BN_, fragments = WM / 16, threads = (BM / WM) * (BN / WN) * 32, stages = 4; // a power of two
    static constexpr int a_bytes = BM * mma_depth * 2, stage_bytes = a_bytes + BN * mma_depth * 2;
    static constexpr int shared_bytes = stages * stage_bytes > BM * BN * 4 ? stages * stage_bytes : BM * BN * 4;

    float sum[WM / 16][WN / 8][4] = {};
    int warp_m, warp_n, lane, a_lane, b_lane;

    // by_row is the place of a chunk of a tile with rows of 32 k, by_column<W> of one with rows of W columns.
    static __device__ __forceinline__ int by_row(int row, int chunk) { return row * 64 + ((chunk ^ ((row >> 1) & 3)) << 4); }
    template <int W> static __device__ __forceinline__ int by_column(int k, int chunk) { return k * W * 2 + ((chunk ^ (k & 7)) << 4); }

    __device__ __forceinline__ MmaTile() {
        int warp = threadIdx.x >> 5;
        lane = threadIdx.x & 31;
        warp_m = warp / (BN / WN) * WM, warp_n = warp % (BN / WN) * WN;
        int low = lane & 15, high = lane >> 4, crossed = (lane & 7) + high * 8, middle = (lane >> 3) & 1;
        a_lane = a_by_k ? by_row(low, high) + warp_m * 64 : by_column<BM>(crossed, warp_m / 8 + middle);
        b_lane = a_bytes + (b_by_k ? by_row(crossed, middle) + warp_n * 64 : by_column<BN>(low, warp_n / 8 + high));
    }

    // multiply adds the product of one stage; also(i, a) is called with each fragment of A.
    template <typename F> __device__ __forceinline__ void multiply(const unsigned char *stage, F also) {
#pragma unroll
        for (int k = 0; k < mma_depth / 16; k++) {
            unsigned a[WM / 16][4], b[WN / 16][4];
#pragma unroll
            for (int i = 0; i < WM / 16; i++) {
                if (a_by_k)
                    ldmatrix_x4<false>(a[i], shared_address(stage + (a_lane ^ (k << 5)) + i * 1024));
                else
                    ldmatrix_x4<true>(a[i], shared_address(stage + (a_lane ^ (i << 5)) + k * 16 * BM * 2));
            }
#pragma unroll
            for (int j = 0; j < WN / 16; j++) {
                if (b_by_k)
                    ldmatrix_x4<false>(b[j], shared_address(stage + (b_lane ^ (k << 5)) + j * 1024));
                else
                    ldmatrix_x4<true>(b[j], shared_address(stage + (b_lane ^ (j << 5)) + k * 16 * BN * 2));
            }
#pragma unroll
            for (int i = 0; i < WM / 16; i++) {
#pragma unroll
                for (int j = 0; j < WN / 8; j++) mma_bf16(sum[i][j], a[i], b[j >> 1][(j & 1) * 2], b[j >> 1][(j & 1) * 2 + 1]);
                also(i, a[i]);
            }
        }
    }

    // swizzle keeps the exchange of sums free of bank conflicts: columns change places in eights.
    static __device__ __forceinline__ int swizzle(int row) { return BN >= 32 ? (row & 3) * 8 : (row >> 1 & 1) * 8; }

    // exchange writes the sums to shared memory, which must not be in use; the block then reads them back by rows.
    __device__ __forceinline__ void exchange(float *tile) {
#pragma unroll
        for (int i = 0; i < WM / 16; i++)
#pragma unroll
            for (int j = 0; j < WN / 8; j++)
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    int row = warp_m + i * 16 + h * 8 + (lane >> 2), column = warp_n + j * 8 + (lane & 3) * 2;
                    // The compiler would part some of these stores, and halves conflict.
                    asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(shared_address(tile + row * BN + (column ^ swizzle(row)))),
                                 "f"(sum[i][j][2 * h]), "f"(sum[i][j][2 * h + 1])
                                 : "memory");
                }
        __syncthreads();
    }

    // Rows hands out the exchanged sums; a thread keeps its column. pixels hold the rows of y, -1 past the end. part is the tile's number
    // in the moments of y.
    struct Rows {
        static constexpr bool keeps = true;
        float *tile;
        const Pixel *pixels;
        int n0, part;

        template <int V, int unroll, typename F> __device__ __forceinline__ void each(F f) const {
            constexpr int groups = BN / V, at_once = threads / groups;
            int column = threadIdx.x % groups * V;
#pragma unroll unroll
            for (int i = 0; i < BM / at_once; i++) {
                int row = i * at_once + threadIdx.x / groups;
                const float *from = tile + row * BN + (column ^ swizzle(row));
                float v[V];
                if (V == 4) {
                    load16(reinterpret_cast<float (&)[4]>(v[0]), from);
                } else {
                    // Halves in turn, so that eight lanes read 32 banks.
                    float x[4], y[4];
                    bool second = threadIdx.x >> 2 & 1;
                    load16(x, from + (second ? 4 : 0));
                    load16(y, from + (second ? 0 : 4));
#pragma unroll
                    for (int j = 0; j < 4; j++) v[j] = second ? y[j] : x[j], v[V - 4 + j] = second ? x[j] : y[j];
                }
                int m = pixels ? pixels[row].valid : row;
                if (m >= 0) f(m, n0 + column, v);
            }
        }

        // keep joins the threads' moments of all rows of the tile and writes them.
        template <int V> __device__ __forceinline__ void keep(const Moments<V> &mine, const Epilogue &e) const {
            constexpr int groups = BN / V, lanes = threads / groups;
            constexpr float rows = BM / lanes;
            float *room = tile + threadIdx.x / groups * BN + threadIdx.x % groups * V;
            __syncthreads();
#pragma unroll
            for (int i = 0; i < V; i++) {
                float2 m = mine.of(i, rows);
                room[i] = m.x, room[lanes * BN + i] = m.y;
            }
            __syncthreads();
            int c = threadIdx.x;
            if (c >= BN || n0 + c >= e.columns) return;
            e.moments[(long long)part * e.columns + n0 + c] =
                join(lanes, BM, [&](int i) { return make_float2(tile[i * BN + c], tile[(lanes + i) * BN + c]); }, [&](int) { return rows; });
        }
    };
};

// chunk_bytes is what a chunk of 8 bf16 holds of the `left` elements from its first one on.
__device__ __forceinline__ int chunk_bytes(int left) { return max(0, min(left, 8)) * 2; }

// Chunk is a position along k in chunks of 8 channels: tap and channel. It moves by whole steps without divisions.
struct Chunk {
    int tap, c;
    __device__ __forceinline__ void start(int k, int channels) { tap = k / channels, c = k - tap * channels; }
    // advance returns whether the tap changed.
    __device__ __forceinline__ bool advance(int channels, int taps_step, int c_step) {
        int before = tap;
        tap += taps_step, c += c_step;
        if (c >= channels) c -= channels, tap++;
        return tap != before;
    }
};

// Phases: the pixels of an adjoint with stride s fall into s x s phases, each of which meets its own taps. A block works on pixels
// of one phase: coordinates p s + offset. s = 1 is every pixel.
struct Phase {
    int step, h, w, rows, columns; // rows x columns pixels of an image
};

__device__ __forceinline__ Phase decode_phase(const Geometry &g, int phases, int phase) {
    Phase f = {phases, phase / phases, phase % phases, 0, 0};
    f.rows = (g.h.outputs - f.h + phases - 1) / phases;
    f.columns = (g.w.outputs - f.w + phases - 1) / phases;
    return f;
}

// decode_pixel returns pixel p of a phase; valid is its row in y, -1 past the end.
__device__ __forceinline__ Pixel decode_pixel(const Geometry &g, const Phase &f, int p) {
    Pixel x;
    int row = p / f.columns, image = row / f.rows;
    int h = (row - image * f.rows) * f.step + f.h, w = (p - row * f.columns) * f.step + f.w;
    x.base = image * g.h.inputs;
    x.h = h * g.h.scale, x.w = w * g.w.scale;
    x.valid = image < g.images ? (image * g.h.outputs + h) * g.w.outputs + w : -1;
    return x;
}

// meets tells whether the taps at an offset reach the gathered tensor from a phase at all.
__device__ __forceinline__ bool meets(const Axis &a, int step, int phase, int offset) { return (phase * a.scale + offset) % step == 0; }

// collect_taps fills a table with the taps that a phase meets and returns their number; the block must synchronise after it.
template <bool adjoint> __device__ __forceinline__ int collect_taps(const Geometry &g, const Phase &f, Tap *taps) {
    int lane = threadIdx.x & 31, count = 0;
#pragma unroll 1
    for (int v = lane; v - lane < g.taps; v += 32) {
        Tap tap = decode_tap<adjoint>(g, v < g.taps ? v : 0);
        bool met = v < g.taps && (f.step == 1 || (meets(g.h, f.step, f.h, tap.h) && meets(g.w, f.step, f.w, tap.w)));
        unsigned all = __ballot_sync(0xffffffffu, met);
        if (met && threadIdx.x < 32) taps[count + __popc(all & ((1u << lane) - 1))] = tap;
        count += __popc(all);
    }
    return count;
}

// conv_mma: the product of gathered pixels (k contiguous) and weights w (o,r,s,i): with k along the rows of B (n = o, k contiguous), or
// with rows of k = o (n = i contiguous). adjoint is that of the geometry. blockIdx.x is the tile, those of the same pixels next to each
// other; y the split of k and the phase. Partial sums are written where there is room for them, else the epilogue follows.
template <bool adjoint, Finish kind, typename Product>
__device__ __forceinline__ void conv_mma(const Geometry &g, const bf16 *__restrict__ x, int pitch, int channels, const bf16 *__restrict__ w,
                                         int w_pitch, int w_taps, const Epilogue &e, float *__restrict__ partial, int partial_pitch, int splits,
                                         int phases) {
    constexpr int threads = Product::threads, BM = Product::BM, BN = Product::BN;
    constexpr bool k_rows = Product::k_rows;
    constexpr int a_copies = BM * 4 / threads, b_copies = (BN * 4 + threads - 1) / threads, rows_apart = threads / 4;
    constexpr int b_rows = threads / (BN / 8); // of a copy, where rows are k
    static_assert(!k_rows || b_rows % 8 == 0, "the rows of a copy are whole chunks of k");
    extern __shared__ __align__(128) unsigned char shared[];
    __shared__ Pixel pixels[BM];
    __shared__ Tap taps[mma_taps];
    int t = threadIdx.x, across = (e.columns + BN - 1) / BN, split = blockIdx.y % splits;
    int m0 = blockIdx.x / across * BM, n0 = blockIdx.x % across * BN;
    Phase phase = decode_phase(g, adjoint ? phases : 1, adjoint ? blockIdx.y / splits : 0);
    if (m0 >= g.images * phase.rows * phase.columns) return;
    for (int i = t; i < BM; i += threads) pixels[i] = decode_pixel(g, phase, m0 + i);
    int count = collect_taps<adjoint>(g, phase, taps);
    __syncthreads();

    int depth = (channels + 7) & ~7; // of a tap
    int steps = (count * depth + mma_depth - 1) / mma_depth;
    int first = (int)((long long)steps * split / splits), last = (int)((long long)steps * (split + 1) / splits);
    int taps_step = mma_depth / depth, c_step = mma_depth - taps_step * depth;

    // A thread copies one chunk of k of every rows_apart-th pixel. It works the pixels' rows out when the tap changes.
    Chunk at;
    at.start(first * mma_depth + (t & 3) * 8, depth);
    const bf16 *rows[a_copies];
    unsigned rows_valid;
    // Of the weights it copies the same chunk of k of several n, or, where rows are k, one chunk of n of several k.
    constexpr int b_positions = k_rows ? b_copies : 1;
    int b_chunk = t % (BN / 8), b_k = t / (BN / 8), b_n = n0 + (k_rows ? b_chunk * 8 : t >> 2), b_bytes = chunk_bytes(e.columns - b_n);
    long long o_stride = (long long)w_taps * w_pitch;
    const bf16 *weights[b_positions];
    Chunk bt[b_positions] = {};
    unsigned weights_valid = 0; // where k runs along rows
#pragma unroll
    for (int i = 0; i < b_copies; i++) weights_valid |= (unsigned)(t + i * threads < BN * 4 && b_n + i * rows_apart < e.columns) << i;

    auto turn = [&]() {
        bool inside = at.tap < count;
        Tap tap = taps[inside ? at.tap : 0];
        rows_valid = 0;
#pragma unroll
        for (int i = 0; i < a_copies; i++) {
            Pixel p = pixels[(t >> 2) + i * rows_apart];
            int h = source<adjoint>(g.h, p.h + tap.h, tap.extra_h), c = source<adjoint>(g.w, p.w + tap.w, tap.extra_w);
            rows_valid |= (unsigned)(inside && p.valid >= 0 && h >= 0 && c >= 0) << i;
            rows[i] = x + (long long)((p.base + h) * g.w.inputs + c) * pitch;
        }
        if (!k_rows) weights[0] = w + b_n * o_stride + tap.weight * w_pitch;
    };
    auto turn_weights = [&](int i) { // where rows are k
        weights[i] = w + ((b_k + i * b_rows) & 7) * o_stride + taps[bt[i].tap < count ? bt[i].tap : 0].weight * w_pitch + b_n;
    };
    turn();
    if (k_rows)
#pragma unroll
        for (int i = 0; i < b_positions; i++) {
            bt[i].start(first * mma_depth + ((b_k + i * b_rows) & ~7), depth);
            turn_weights(i);
        }

    auto fetch = [&](unsigned char *a) {
        unsigned char *b = a + Product::a_bytes;
        int bytes = chunk_bytes(channels - at.c);
#pragma unroll
        for (int i = 0; i < a_copies; i++)
            cp_async_16_zfill(shared_address(a + Product::by_row(t >> 2, t & 3)) + i * rows_apart * 64, rows[i] + at.c, rows_valid >> i & 1 ? bytes : 0);
#pragma unroll
        for (int i = 0; i < b_copies; i++) {
            if (k_rows) {
                bool valid = bt[i].tap < count && bt[i].c + ((b_k + i * b_rows) & 7) < channels;
                cp_async_16_zfill(shared_address(b + Product::template by_column<BN>(b_k, b_chunk)) + i * b_rows * BN * 2, weights[i] + bt[i].c * o_stride,
                                  valid ? b_bytes : 0);
            } else if (BN * 4 % threads == 0 || t + i * threads < BN * 4) {
                bool valid = at.tap < count && (weights_valid >> i & 1);
                cp_async_16_zfill(shared_address(b + Product::by_row(t >> 2, t & 3)) + i * rows_apart * 64, weights[0] + i * rows_apart * o_stride + at.c,
                                  valid ? bytes : 0);
            }
        }
        if (at.advance(depth, taps_step, c_step)) turn();
        if (k_rows)
#pragma unroll
            for (int i = 0; i < b_positions; i++)
                if (bt[i].advance(depth, taps_step, c_step)) turn_weights(i);
    };

    Product product;
    constexpr int ahead = Product::stages - 1;
    for (int step = first - ahead; step < last; step++) {
        if (step >= first) {
            cp_async_wait<ahead - 1>();
            __syncthreads();
        }
        if (step + ahead < last) fetch(shared + ((step + ahead - first) & ahead) * Product::stage_bytes);
        cp_async_commit();
        if (step >= first) product.multiply(shared + ((step - first) & ahead) * Product::stage_bytes, [](int, const unsigned (&)[4]) {});
    }
    cp_async_wait<0>();
    __syncthreads();
    float *tile = reinterpret_cast<float *>(shared);
    product.exchange(tile);
    int image_pixels = phase.rows * phase.columns, image = m0 / image_pixels, number = adjoint ? blockIdx.y / splits : 0; // of the phase
    int part = (image * phase.step * phase.step + number) * (image_pixels / BM) + (m0 - image * image_pixels) / BM;
    typename Product::Rows out = {tile, pixels, n0, part};
    if (!partial) {
        finish_tile<bf16, kind, 8>(e, out);
        return;
    }
    partial += (long long)split * (g.images * g.h.outputs * g.w.outputs) * partial_pitch;
    out.template each<4, 2>([&](int m, int n, float (&v)[4]) {
        if (n < partial_pitch) store_partial(partial + (long long)m * partial_pitch + n, v);
    });
}
