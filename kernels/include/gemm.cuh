// Matrix products of all layouts: out[m][n] = alpha sum_k a(m,k) b(k,n) + bias[n] + residual[m][n], sums in float32.
//
// Operands are row-major with a pitch. "k-major" means that the elements of one row m of a, or of one column n of b, lie side by
// side along k (x and w of a linear layer); else those of one k do. A block computes a tile of BM x BN elements with warps of
// WM x WN. It goes along k in steps of 128 bytes: 64 bf16 or 32 float32. Panels of both operands arrive by cp.async in a ring of
// `stages` stages of shared memory; what lies outside the operands is zero there. The panels
// (tiles.cuh) of float32 operands that are not k-major are not swizzled: the lanes read neighbouring chunks of one row.
// bf16 products run on tensor cores (mma.m16n8k16), float32 ones on plain fused multiply-adds, four k a load of 16 bytes.
// Vector kernels want rows of 16-byte chunks (bases and pitches multiples of 16 bytes), any number of rows and columns: the last
// chunk of a row is copied in part. The others take any pitch and copy element by element.
// With parts > 1 the block index y says which part of k is summed; parts go to float32 scratch and gemm_reduce adds them in order.
// Without parts y is the batch. Column sums of a (the bias gradient, sum over k of a(m,k)) come from the panels of the first
// column of tiles.
#pragma once
#include "state.cuh"
#include "tiles.cuh"

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
    int accumulate, sums_accumulate;    // add to what is there after the first micro-batch
    float alpha;
};

// partial_pitch is the pitch of the parts: n rounded up to 16 bytes.
__device__ __forceinline__ int partial_pitch(int n) { return (n + 3) & ~3; }

// Accumulator of a float32 product: WM x WN elements a warp, WM / 4 x WN / 8 a lane.
template <typename T, bool a_k, bool b_k, int BM, int BN, int WM, int WN, bool with_sums> struct Accumulator {
    static constexpr int TM = WM / 4, TN = WN / 8;
    float sum[TM][TN] = {}, row_sum[with_sums ? TM : 1] = {};
    int warp_row, warp_col, ty, tx;
    FloatOperand<a_k, a_k ? 128 : BM * 4, TM, 4> a;
    FloatOperand<b_k, b_k ? 128 : BN * 4, TN, 8> b;

    __device__ __forceinline__ Accumulator(int row, int col)
        : warp_row(row), warp_col(col), ty((threadIdx.x & 31) >> 3), tx(threadIdx.x & 7), a(row, ty), b(col, tx) {}

    __device__ __forceinline__ void step(unsigned a_panel, unsigned b_panel, bool sums) {
#pragma unroll(a_k || b_k ? 2 : 1)
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

    // finish moves the sums to shared memory, rows row_bytes apart.
    __device__ __forceinline__ void finish(unsigned to, int row_bytes) const {
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j += b_k ? 1 : 4) {
                unsigned at = to + row(i) * row_bytes + col(j) * 4;
                if constexpr (b_k) store_shared(at, sum[i][j]);
                else store_shared(at, sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]);
            }
    }

    // each_sum calls f(row, sum over k of a) once for every row.
    template <typename F> __device__ __forceinline__ void each_sum(F f) const {
#pragma unroll
        for (int i = 0; i < (with_sums ? TM : 0); i++)
            if (tx == 0) f(row(i), row_sum[i]);
    }
};

// Accumulator of a bf16 product: fragments of m16n8.
template <bool a_k, bool b_k, int BM, int BN, int WM, int WN, bool with_sums>
struct Accumulator<bf16, a_k, b_k, BM, BN, WM, WN, with_sums> {
    static constexpr int MI = WM / 16, NI = WN / 8;
    float sum[MI][NI][4] = {}, row_sum[with_sums ? MI : 1][4] = {};
    int warp_row, warp_col, lane;
    MatrixOperand<a_k, a_k ? 128 : BM * 2, false> a;
    MatrixOperand<b_k, b_k ? 128 : BN * 2, true> b;

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

    __device__ __forceinline__ void finish(unsigned to, int row_bytes) const {
#pragma unroll
        for (int i = 0; i < MI; i++)
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int j = 0; j < NI; j++)
                    store_shared(to + row(i, half) * row_bytes + (warp_col + j * 8 + (lane & 3) * 2) * 4, sum[i][j][2 * half], sum[i][j][2 * half + 1]);
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
template <typename O, int extras> __device__ __forceinline__ Output<O, extras> gemm_output(const GemmCall &call, int batch) {
    return {(O *)call.out + batch * call.out_step, (const O *)call.residual, call.bias, call.m, call.n, call.ldo, call.ldr,
            call.alpha, call.accumulate && call.state->micro > 0};
}

// GemmTile is a size of tiles: a row of the table in kernels/linear/gemm_cuda.go.
template <typename T, int tile> struct GemmTile {
    static constexpr int WM = tile == 128 ? (sizeof(T) == 2 ? 64 : 32) : tile / 2, WN = tile == 128 ? 64 : 32;
    static constexpr int threads = tile / WM * (tile / WN) * 32, stages = tile == 128 ? 3 : 4;
};

// OperandPanel is a step of one operand: `tile` of its rows, `depth` of k.
template <typename T, int tile, int depth, bool k_major, int threads, bool vector>
struct OperandPanel : Panel<T, k_major ? tile : depth, k_major ? depth : tile, threads, vector, k_major || sizeof(T) == 2> {
    typedef Panel<T, k_major ? tile : depth, k_major ? depth : tile, threads, vector, k_major || sizeof(T) == 2> Base;

    static __device__ __forceinline__ void fetch(unsigned to, const T *from, int ld, int row0, int row_end, int k0, int k_end) {
        if constexpr (k_major) Base::fetch(to, from, ld, row0, row_end, k0, k_end);
        else Base::fetch(to, from, ld, k0, k_end, row0, row_end);
    }
};

// gemm computes one tile. grid = (tiles, parts or batch), the tiles of a row of the output next to each other.
template <typename T, typename O, bool a_k, bool b_k, int tile, bool vector, int extras, bool with_sums>
__device__ __forceinline__ void gemm(const GemmCall &call) {
    typedef GemmTile<T, tile> Tile;
    constexpr int threads = Tile::threads, stages = Tile::stages;
    constexpr int depth = 128 / (int)sizeof(T);
    typedef OperandPanel<T, tile, depth, a_k, threads, vector> PanelA;
    typedef OperandPanel<T, tile, depth, b_k, threads, vector> PanelB;
    constexpr int stage_bytes = PanelA::bytes + PanelB::bytes;
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
    for (int s = 1 - stages; s < steps; s++) { // the first steps only fetch
        if (s >= 0) {
            cp_async_wait<stages - 2>();
            __syncthreads();
        }
        int next = s + stages - 1;
        if (next < steps) fetch(next);
        cp_async_commit();
        if (s < 0) continue;
        unsigned from = shared + s % stages * stage_bytes;
        sum.step(from, from + PanelA::bytes, sums);
    }
    cp_async_wait<0>();
    __syncthreads();
    typedef Finished<tile, tile, threads, vector> Tiled;
    sum.finish(shared, Tiled::row_bytes);
    __syncthreads();
    if (call.parts == 1) {
        Tiled::write(gemm_output<O, extras>(call, batch), shared, row0, col0);
        if (sums) sum.each_sum([&](int r, float x) { if (row0 + r < call.m) put_sum(call, row0 + r, x); });
        return;
    }
    int pitch = partial_pitch(call.n);
    Output<float, whole_chunks> o = {call.partial + (long long)part * call.m * pitch, nullptr, nullptr, call.m, pitch, pitch, 0, 1.0f, false};
    Finished<tile, tile, threads, true>::write(o, shared, row0, col0);
    float *to = call.partial + (long long)call.parts * call.m * pitch + (long long)part * call.m;
    if (sums) sum.each_sum([&](int r, float x) { if (row0 + r < call.m) to[row0 + r] = x; });
}

// gemm_reduce adds the parts in order: a thread an element, then a thread a column sum.
template <typename O, int extras, bool with_sums> __device__ __forceinline__ void gemm_reduce(const GemmCall &call) {
    int pitch = partial_pitch(call.n);
    long long size = (long long)call.m * pitch, i = (long long)blockIdx.x * blockDim.x + threadIdx.x, step = size;
    const float *from = call.partial + i;
    bool sums = i >= size;
    if (sums) {
        if (!with_sums || !call.sums || i - size >= call.m) return;
        from = call.partial + call.parts * size + i - size, step = call.m;
    }
    float x = 0;
#pragma unroll 4
    for (int p = 0; p < call.parts; p++) x += from[p * step];
    int row = (int)(i / pitch);
    if (with_sums && sums) put_sum(call, (int)(i - size), x);
    else gemm_output<O, extras>(call, 0).put(row, (int)(i - (long long)row * pitch), x);
}

// GEMM_KERNEL defines a kernel of the core: element types of the operands and of the output, whether a and b are k-major, the
// tile, whether rows are made of 16-byte chunks, what the output may have, whether there are column sums.
#define GEMM_KERNEL(name, T, O, a_k, b_k, tile, vector, extras, sums)                                                     \
    extern "C" __global__ void __launch_bounds__(GemmTile<T, tile>::threads, 1) name(const __grid_constant__ GemmCall call) { \
        gemm<T, O, a_k, b_k, tile, vector, extras, sums>(call);                                                           \
    }

// GEMM_REDUCE defines the kernel that adds the parts.
#define GEMM_REDUCE(name, O, extras, sums)                                                               \
    extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ GemmCall call) {      \
        gemm_reduce<O, extras, sums>(call);                                                              \
    }
