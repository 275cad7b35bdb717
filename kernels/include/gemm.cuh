// Matrix products of all layouts: out[m][n] = alpha sum_k a(m,k) b(k,n) + bias[n] + residual[m][n], sums in float32.
//
// Operands are row-major with a pitch. "k-major" means that the elements of one row m of a, or of one column n of b, lie side by
// side along k (x and w of a linear layer); else those of one k do. A block computes a tile of BM x BN elements with warps of
// WM x WN. It goes along k in steps of 128 bytes: 64 bf16 or 32 float32. Panels of both operands arrive by cp.async in a ring of
// `stages` stages of shared memory; what lies outside the operands is zero there.
//   k-major panel       [row][8 chunks of 16 bytes], chunk c of row r at place c ^ (r & 7): no two rows of a matrix that ldmatrix
//                       reads, or of the rows that the lanes of a float32 product read together, meet in a bank
//   other bf16 panel    [k][row], chunks of a row of 128 bytes or more at c ^ (k & 7), of 64 bytes at c ^ (k >> 1 & 3)
//   other float32 panel [k][row] as it is: the lanes read neighbouring chunks of one row
// bf16 products run on tensor cores (mma.m16n8k16), float32 ones on plain fused multiply-adds, four k a load of 16 bytes.
// Vector kernels want rows of 16-byte chunks (bases and pitches multiples of 16 bytes), any number of rows and columns: the last
// chunk of a row is copied in part. The others take any pitch and copy element by element.
// With parts > 1 the block index z says which part of k is summed; parts go to float32 scratch and gemm_reduce adds them in order.
// Without parts z is the batch. Column sums of a (the bias gradient, sum over k of a(m,k)) come from the panels of the first
// column of tiles.
#pragma once
#include "mma.cuh"
#include "state.cuh"
#include "types.cuh"

// GemmCall is gemmCall of kernels/linear/gemm_cuda.go.
struct GemmCall {
    const StepState *state;
    const void *a, *b;
    void *out;
    const float *bias;    // [n], or null
    const void *residual; // of out's type, or null
    float *partial;       // [parts][m][pitch of n], then [parts][m] of the column sums
    float *sums;          // [m], or null
    long long a_step, b_step, out_step; // elements from one matrix of the batch to the next
    int m, n, k, lda, ldb, ldo, ldr;
    int parts, part_k;                  // elements of k in a part, a multiple of the step
    int vector;                         // out and residual have rows of 16-byte chunks
    int accumulate, sums_accumulate;    // add to what is there after the first micro-batch
    float alpha;
};

// partial_pitch is the pitch of the parts: n rounded up to 16 bytes.
__device__ __forceinline__ int partial_pitch(int n) { return (n + 3) & ~3; }

// GemmOutput is what an element becomes on its way out, and where it goes.
template <typename O> struct GemmOutput {
    O *out;
    const O *residual;
    const float *bias;
    int m, n, ldo, ldr;
    float alpha;
    bool add;

    __device__ __forceinline__ float factor(float x, int col) const { return bias ? fmaf(alpha, x, __ldg(bias + col)) : alpha * x; }

    // put writes one element, if it is inside.
    __device__ __forceinline__ void put(int row, int col, float x) const {
        if (row >= m || col >= n) return;
        long long at = (long long)row * ldo + col;
        float y = factor(x, col);
        if (residual) y += to_float(residual[(long long)row * ldr + col]);
        if (add) y += to_float(out[at]);
        out[at] = from_float<O>(y);
    }
};

// Floats are neighbours in memory that are read and written at once.
template <int count> struct __align__(4 * count) Floats { float v[count]; };

// put_floats writes `count` neighbours of a row, which are aligned to that many.
template <int count>
__device__ __forceinline__ void put_floats(const GemmOutput<float> &o, int row, int col, const float (&x)[count]) {
    if (row >= o.m || col >= o.n) return;
    if (col + count > o.n) {
#pragma unroll
        for (int i = 0; i < count; i++) o.put(row, col + i, x[i]);
        return;
    }
    Floats<count> y, more;
    Floats<count> *to = reinterpret_cast<Floats<count> *>(o.out + (long long)row * o.ldo + col);
#pragma unroll
    for (int i = 0; i < count; i++) y.v[i] = o.factor(x[i], col + i);
    if (o.residual) {
        more = *reinterpret_cast<const Floats<count> *>(o.residual + (long long)row * o.ldr + col);
#pragma unroll
        for (int i = 0; i < count; i++) y.v[i] += more.v[i];
    }
    if (o.add) {
        more = *to;
#pragma unroll
        for (int i = 0; i < count; i++) y.v[i] += more.v[i];
    }
    *to = y;
}

// put_halves writes the elements that four neighbouring lanes hold of four blocks of eight columns, x[2 i] and x[2 i + 1] being
// columns 2 q and 2 q + 1 of block i on lane q: each lane gathers one block. bf16 outputs are never added to.
__device__ __forceinline__ void put_halves(const GemmOutput<bf16> &o, int row, int col, const float (&x)[8]) {
    int q = threadIdx.x & 3, mine = col + 8 * q;
    bool inside = row < o.m && mine < o.n, whole = mine + 8 <= o.n;
    unsigned w[4] = {0, 0, 0, 0};
    if (o.residual) {
        const bf16 *from = o.residual + (long long)row * o.ldr + mine;
        if (inside && whole) {
            uint4 r = *reinterpret_cast<const uint4 *>(from);
            w[0] = r.x, w[1] = r.y, w[2] = r.z, w[3] = r.w;
        } else if (inside) {
#pragma unroll
            for (int i = 0; i < 8; i++)
                if (mine + i < o.n) w[i / 2] |= (unsigned)__bfloat16_as_ushort(from[i]) << 16 * (i & 1);
        }
        quad_transpose(w);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int c = col + 8 * i + 2 * q;
        float lo = c < o.n ? o.factor(x[2 * i], c) : 0, hi = c + 1 < o.n ? o.factor(x[2 * i + 1], c + 1) : 0;
        w[i] = pack2(lo + __uint_as_float(w[i] << 16), hi + __uint_as_float(w[i] & 0xffff0000u));
    }
    quad_transpose(w);
    bf16 *to = o.out + (long long)row * o.ldo + mine;
    if (inside && whole) *reinterpret_cast<uint4 *>(to) = make_uint4(w[0], w[1], w[2], w[3]);
    else if (inside) {
#pragma unroll
        for (int i = 0; i < 8; i++)
            if (mine + i < o.n) to[i] = __ushort_as_bfloat16((unsigned short)(w[i / 2] >> 16 * (i & 1)));
    }
}

// put_quad writes four neighbours of a row, at once where `vector` rows allow it.
__device__ __forceinline__ void put_quad(const GemmOutput<float> &o, bool vector, int row, int col, const float (&x)[4]) {
    if (vector) {
        put_floats<4>(o, row, col, x);
        return;
    }
#pragma unroll
    for (int i = 0; i < 4; i++) o.put(row, col + i, x[i]);
}

__device__ __forceinline__ void put_quad(const GemmOutput<bf16> &o, bool vector, int row, int col, const float (&x)[4]) {
    if (!vector || o.residual || col + 4 > o.n) {
#pragma unroll
        for (int i = 0; i < 4; i++) o.put(row, col + i, x[i]);
        return;
    }
    float y[4];
#pragma unroll
    for (int i = 0; i < 4; i++) y[i] = o.factor(x[i], col + i);
    *reinterpret_cast<uint2 *>(o.out + (long long)row * o.ldo + col) = make_uint2(pack2(y[0], y[1]), pack2(y[2], y[3]));
}

// Panel is `rows` rows of an operand, 128 bytes deep.
template <typename T, int rows, bool k_major, int threads, bool vector> struct Panel {
    static constexpr int depth = 128 / sizeof(T), bytes = rows * 128;
    static constexpr int row_bytes = k_major ? 128 : rows * (int)sizeof(T), chunks = row_bytes / 16;
    static constexpr bool swizzled = k_major || sizeof(T) == 2;

    // swizzle is what the chunks of a row of the panel are XORed with.
    static __device__ __forceinline__ int swizzle(int r) { return !swizzled ? 0 : chunks == 4 ? r >> 1 & 3 : r & 7; }

    // fetch copies k0 .. k0+depth of rows row0 .. row0+rows; limit rows there are, and k goes to k_end.
    static __device__ __forceinline__ void fetch(unsigned to, const T *from, int ld, int row0, int limit, int k0, int k_end) {
        int first = k_major ? row0 : k0, last = k_major ? limit : k_end;     // along the rows of memory
        int column = k_major ? k0 : row0, columns = k_major ? k_end : limit; // inside them
        if constexpr (vector) {
            constexpr int step = threads / chunks, count = bytes / 16 / threads;
            int c = threadIdx.x % chunks, r = threadIdx.x / chunks;
            int part = min(16, (columns - column) * (int)sizeof(T) - 16 * c);
            const T *source = from + (long long)(first + r) * ld + column + c * (16 / (int)sizeof(T));
#pragma unroll
            for (int i = 0; i < count; i++) {
                int row = r + i * step;
                bool valid = first + row < last && part > 0;
                copy_async_part(to + row * row_bytes + ((c ^ swizzle(row)) << 4), valid ? source + (long long)i * step * ld : from,
                                valid ? part : 0);
            }
        } else {
            constexpr int width = row_bytes / (int)sizeof(T);
#pragma unroll 4
            for (int e = threadIdx.x; e < rows * depth; e += threads) {
                int r = e / width, x = e % width, b = x * (int)sizeof(T);
                bool valid = first + r < last && column + x < columns;
                const T *source = valid ? from + (long long)(first + r) * ld + column + x : from;
                store(to + r * row_bytes + (((b >> 4) ^ swizzle(r)) << 4) + (b & 15), source, valid);
            }
        }
    }

    static __device__ __forceinline__ void store(unsigned to, const float *from, bool valid) { copy_async_word(to, from, valid); }
    static __device__ __forceinline__ void store(unsigned to, const bf16 *from, bool valid) {
        unsigned short x = valid ? __bfloat16_as_ushort(*from) : 0;
        asm volatile("st.shared.u16 [%0], %1;" ::"r"(to), "h"(x) : "memory");
    }
};

// Lanes of a warp in a float32 product: 4 rows of 8; a lane holds rows row(i) and columns col(j).
template <bool k_major, int group> __device__ __forceinline__ int lane_element(int i, int lane) {
    return k_major ? i * group + lane : (i >> 2) * 4 * group + lane * 4 + (i & 3);
}

// shared_float4 reads 16 bytes of shared memory.
__device__ __forceinline__ float4 shared_float4(unsigned at) {
    float4 v;
    asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "r"(at) : "memory");
    return v;
}

// FloatOperand is what a lane reads of a float32 panel: 4 k of `count` rows, its own among `group` lanes.
template <bool k_major, int rows, int count, int group> struct FloatOperand {
    unsigned at, key;

    __device__ __forceinline__ FloatOperand(int warp_row, int lane) {
        at = k_major ? (warp_row + lane) * 128 : (warp_row + lane * 4) * 4;
        key = lane;
    }

    // load reads chunk c of the step: v[i][e] is row i at k = 4 c + e.
    __device__ __forceinline__ void load(float (&v)[count][4], unsigned panel, int c) const {
        if constexpr (k_major) {
#pragma unroll
            for (int i = 0; i < count; i++) {
                float4 x = shared_float4(panel + at + i * group * 128 + ((key ^ c ^ (i * group & 7)) << 4));
                v[i][0] = x.x, v[i][1] = x.y, v[i][2] = x.z, v[i][3] = x.w;
            }
        } else {
#pragma unroll
            for (int e = 0; e < 4; e++)
#pragma unroll
                for (int i = 0; i < count; i += 4) {
                    float4 x = shared_float4(panel + at + (4 * c + e) * rows * 4 + i * group * 4);
                    v[i][e] = x.x, v[i + 1][e] = x.y, v[i + 2][e] = x.z, v[i + 3][e] = x.w;
                }
        }
    }
};

// Accumulator of a float32 product: WM x WN elements a warp, WM / 4 x WN / 8 a lane.
template <typename T, bool a_k, bool b_k, int BM, int BN, int WM, int WN, bool with_sums> struct Accumulator {
    static constexpr int TM = WM / 4, TN = WN / 8;
    float sum[TM][TN] = {}, row_sum[with_sums ? TM : 1] = {};
    int warp_row, warp_col, ty, tx;
    FloatOperand<a_k, BM, TM, 4> a;
    FloatOperand<b_k, BN, TN, 8> b;

    __device__ __forceinline__ Accumulator(int row, int col)
        : warp_row(row), warp_col(col), ty((threadIdx.x & 31) >> 3), tx(threadIdx.x & 7), a(row, ty), b(col, tx) {}

    __device__ __forceinline__ void step(unsigned a_panel, unsigned b_panel, bool sums) {
#pragma unroll
        for (int c = 0; c < 8; c++) {
            float x[TM][4], y[TN][4];
            b.load(y, b_panel, c);
            a.load(x, a_panel, c);
#pragma unroll
            for (int e = 0; e < 4; e++)
#pragma unroll
                for (int i = 0; i < TM; i++)
#pragma unroll
                    for (int j = 0; j < TN; j++) sum[i][j] = fmaf(x[i][e], y[j][e], sum[i][j]);
            if (with_sums && sums) {
#pragma unroll
                for (int i = 0; i < TM; i++) row_sum[i] += x[i][0] + x[i][1] + x[i][2] + x[i][3];
            }
        }
    }

    __device__ __forceinline__ int row(int i) const { return warp_row + lane_element<a_k, 4>(i, ty); }
    __device__ __forceinline__ int col(int j) const { return warp_col + lane_element<b_k, 8>(j, tx); }

    template <bool vector> __device__ __forceinline__ void write(const GemmOutput<float> &o, int row0, int col0) const {
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j += b_k || !vector ? 1 : 4) {
                if constexpr (b_k || !vector) {
                    o.put(row0 + row(i), col0 + col(j), sum[i][j]);
                } else {
                    float x[4] = {sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]};
                    put_floats<4>(o, row0 + row(i), col0 + col(j), x);
                }
            }
    }

    // each_sum calls f(row, sum over k of a) once for every row.
    template <typename F> __device__ __forceinline__ void each_sum(F f) const {
#pragma unroll
        for (int i = 0; i < (with_sums ? TM : 0); i++)
            if (tx == 0) f(row(i), row_sum[i]);
    }
};

// MatrixOperand is where ldmatrix finds 16 rows (of a, or columns of b) by 16 k of a bf16 panel.
template <bool k_major, int rows, bool is_b> struct MatrixOperand {
    unsigned at, key;
    static constexpr int row_bytes = rows * 2;

    __device__ __forceinline__ MatrixOperand(int warp_row, int lane) {
        int low = (lane & 7) + (lane >> 4) * 8, next = lane >> 3 & 1; // rows by halves of the warp, second chunk by odd quarters
        if (is_b != k_major) low = lane & 15, next = lane >> 4;       // the other way round
        if (k_major) {
            at = (warp_row + low) * 128;
            key = next ^ (lane & 7);
        } else {
            at = low * row_bytes;
            key = (warp_row / 8 + next) ^ (row_bytes == 64 ? lane >> 1 & 3 : lane & 7);
        }
    }

    // load reads the i-th 16 rows at k = 16 ks.
    __device__ __forceinline__ void load(unsigned (&v)[4], unsigned panel, int i, int ks) const {
        if constexpr (k_major) matrices_at<false>(v, panel + at + i * 16 * 128 + ((key ^ (2 * ks)) << 4));
        else matrices_at<true>(v, panel + at + ks * 16 * row_bytes + ((key ^ (2 * i)) << 4));
    }
};

// Accumulator of a bf16 product: fragments of m16n8.
template <bool a_k, bool b_k, int BM, int BN, int WM, int WN, bool with_sums>
struct Accumulator<bf16, a_k, b_k, BM, BN, WM, WN, with_sums> {
    static constexpr int MI = WM / 16, NI = WN / 8;
    float sum[MI][NI][4] = {}, row_sum[with_sums ? MI : 1][4] = {};
    int warp_row, warp_col, lane;
    MatrixOperand<a_k, BM, false> a;
    MatrixOperand<b_k, BN, true> b;

    __device__ __forceinline__ Accumulator(int row, int col)
        : warp_row(row), warp_col(col), lane(threadIdx.x & 31), a(row, lane), b(col, lane) {}

    __device__ __forceinline__ void step(unsigned a_panel, unsigned b_panel, bool sums) {
        constexpr unsigned ones = 0x3f803f80;
#pragma unroll
        for (int ks = 0; ks < 4; ks++) {
            unsigned x[MI][4], y[NI / 2][4];
#pragma unroll
            for (int i = 0; i < MI; i++) a.load(x[i], a_panel, i, ks);
#pragma unroll
            for (int j = 0; j < NI / 2; j++) b.load(y[j], b_panel, j, ks);
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int j = 0; j < NI; j++) mma_bf16(sum[i][j], x[i], y[j >> 1][(j & 1) * 2], y[j >> 1][(j & 1) * 2 + 1]);
            if (with_sums && sums) {
#pragma unroll
                for (int i = 0; i < MI; i++) mma_bf16(row_sum[i], x[i], ones, ones);
            }
        }
    }

    __device__ __forceinline__ int row(int i, int half) const { return warp_row + i * 16 + half * 8 + (lane >> 2); }

    template <bool vector> __device__ __forceinline__ void write(const GemmOutput<float> &o, int row0, int col0) const {
#pragma unroll
        for (int i = 0; i < MI; i++)
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int j = 0; j < NI; j++) {
                    float x[2] = {sum[i][j][2 * half], sum[i][j][2 * half + 1]};
                    int r = row0 + row(i, half), c = col0 + warp_col + j * 8 + (lane & 3) * 2;
                    if constexpr (vector) {
                        put_floats<2>(o, r, c, x);
                    } else {
                        o.put(r, c, x[0]);
                        o.put(r, c + 1, x[1]);
                    }
                }
    }

    template <bool vector> __device__ __forceinline__ void write(const GemmOutput<bf16> &o, int row0, int col0) const {
#pragma unroll
        for (int i = 0; i < MI; i++)
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int j = 0; j < NI; j += 4) {
                    float x[8];
#pragma unroll
                    for (int e = 0; e < 8; e++) x[e] = sum[i][j + e / 2][2 * half + (e & 1)];
                    int r = row0 + row(i, half), c = col0 + warp_col + j * 8;
                    if constexpr (vector) {
                        put_halves(o, r, c, x);
                    } else {
#pragma unroll
                        for (int e = 0; e < 8; e++) o.put(r, c + e / 2 * 8 + (lane & 3) * 2 + (e & 1), x[e]);
                    }
                }
    }

    template <typename F> __device__ __forceinline__ void each_sum(F f) const {
#pragma unroll
        for (int i = 0; i < (with_sums ? MI : 0); i++)
#pragma unroll
            for (int half = 0; half < 2; half++)
                if ((lane & 3) == 0) f(row(i, half), row_sum[i][2 * half]);
    }
};

// put_sum writes or adds one column sum.
__device__ __forceinline__ void put_sum(const GemmCall &call, int row, float x) {
    if (call.sums_accumulate && call.state->micro > 0) x += call.sums[row];
    call.sums[row] = x;
}

// gemm_output is the destination of finished elements.
template <typename O> __device__ __forceinline__ GemmOutput<O> gemm_output(const GemmCall &call, int batch) {
    return {(O *)call.out + batch * call.out_step, (const O *)call.residual, call.bias, call.m, call.n, call.ldo, call.ldr,
            call.alpha, call.accumulate && call.state->micro > 0};
}

// GemmTile is a size of tiles: a row of the table in kernels/linear/gemm_cuda.go.
template <typename T, int tile> struct GemmTile {
    static constexpr int WM = tile == 128 ? (sizeof(T) == 2 ? 64 : 32) : tile / 2, WN = tile == 128 ? 64 : 32;
    static constexpr int threads = tile / WM * (tile / WN) * 32, stages = tile == 128 ? 3 : 4;
};

// gemm computes one tile. grid = (tiles, parts or batch), the tiles of a row of the output next to each other.
template <typename T, typename O, bool a_k, bool b_k, int tile, bool vector, bool with_sums> __device__ __forceinline__ void gemm(const GemmCall &call) {
    typedef GemmTile<T, tile> Tile;
    constexpr int threads = Tile::threads, stages = Tile::stages;
    typedef Panel<T, tile, a_k, threads, vector> PanelA;
    typedef Panel<T, tile, b_k, threads, vector> PanelB;
    constexpr int stage_bytes = PanelA::bytes + PanelB::bytes, depth = PanelA::depth;
    extern __shared__ __align__(128) unsigned char gemm_shared[];
    unsigned shared = shared_address(gemm_shared);

    int columns = (call.n + tile - 1) / tile;
    int row0 = blockIdx.x / columns * tile, col0 = blockIdx.x % columns * tile;
    int part = call.parts > 1 ? blockIdx.y : 0, batch = call.parts > 1 ? 0 : blockIdx.y;
    int k_first = part * call.part_k, k_end = min(call.k, k_first + call.part_k);
    int steps = (k_end - k_first + depth - 1) / depth;
    const T *a = (const T *)call.a + batch * call.a_step, *b = (const T *)call.b + batch * call.b_step;
    auto fetch = [&](int s) {
        unsigned to = shared + s % stages * stage_bytes;
        int k = k_first + s * depth;
        PanelA::fetch(to, a, call.lda, row0, call.m, k, k_end);
        PanelB::fetch(to + PanelA::bytes, b, call.ldb, col0, call.n, k, k_end);
    };

    int warp = threadIdx.x >> 5;
    constexpr int across = tile / Tile::WN;
    Accumulator<T, a_k, b_k, tile, tile, Tile::WM, Tile::WN, with_sums> sum(warp / across * Tile::WM, warp % across * Tile::WN);
    bool sums = with_sums && call.sums && col0 == 0 && sum.warp_col == 0;
#pragma unroll
    for (int s = 0; s < stages - 1; s++) {
        if (s < steps) fetch(s);
        copy_commit();
    }
    for (int s = 0; s < steps; s++) {
        copy_wait<stages - 2>();
        __syncthreads();
        if (s + stages - 1 < steps) fetch(s + stages - 1);
        copy_commit();
        unsigned from = shared + s % stages * stage_bytes;
        sum.step(from, from + PanelA::bytes, sums);
    }
    copy_wait<0>();

    if (call.parts > 1) {
        int pitch = partial_pitch(call.n);
        GemmOutput<float> o = {call.partial + (long long)part * call.m * pitch, nullptr, nullptr, call.m, pitch, pitch, 0, 1.0f, false};
        sum.template write<true>(o, row0, col0);
        float *to = call.partial + (long long)call.parts * call.m * pitch + (long long)part * call.m;
        if (sums) sum.each_sum([&](int r, float x) { if (row0 + r < call.m) to[row0 + r] = x; });
        return;
    }
    sum.template write<vector>(gemm_output<O>(call, batch), row0, col0);
    if (sums) sum.each_sum([&](int r, float x) { if (row0 + r < call.m) put_sum(call, row0 + r, x); });
}

// gemm_reduce adds the parts in order: four elements a thread, then the column sums.
template <typename O> __device__ __forceinline__ void gemm_reduce(const GemmCall &call) {
    int pitch = partial_pitch(call.n), quads = pitch / 4;
    long long size = (long long)call.m * pitch, i = (long long)blockIdx.x * blockDim.x + threadIdx.x, all = size / 4;
    if (i < all) {
        float4 x = make_float4(0, 0, 0, 0);
        const float4 *from = reinterpret_cast<const float4 *>(call.partial) + i;
#pragma unroll 4
        for (int p = 0; p < call.parts; p++) {
            float4 y = from[p * all];
            x.x += y.x, x.y += y.y, x.z += y.z, x.w += y.w;
        }
        int row = (int)(i / quads), col = (int)(i - (long long)row * quads) * 4;
        float v[4] = {x.x, x.y, x.z, x.w};
        put_quad(gemm_output<O>(call, 0), call.vector, row, col, v);
    } else if (call.sums && i - all < call.m) {
        int row = (int)(i - all);
        float x = 0;
        for (int p = 0; p < call.parts; p++) x += call.partial[call.parts * size + (long long)p * call.m + row];
        put_sum(call, row, x);
    }
}

// GEMM_KERNEL defines a kernel of the core: element types of the operands and of the output, whether a and b are k-major, the
// tile, whether rows are made of 16-byte chunks, whether there are column sums.
#define GEMM_KERNEL(name, T, O, a_k, b_k, tile, vector, with_sums)                                                     \
    extern "C" __global__ void __launch_bounds__(GemmTile<T, tile>::threads) name(const __grid_constant__ GemmCall call) { \
        gemm<T, O, a_k, b_k, tile, vector, with_sums>(call);                                                           \
    }

// GEMM_REDUCE defines the kernel that adds the parts.
#define GEMM_REDUCE(name, O) \
    extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ GemmCall call) { gemm_reduce<O>(call); }
