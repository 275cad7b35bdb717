// Tiles of matrices: shared-memory panels, what the lanes of a warp read of them for products on tensor cores (bf16) and plain
// fused multiply-adds (float32), and finished elements on their way out.
#pragma once
#include "mma.cuh"
#include "types.cuh"

// What becomes of elements on their way out, besides the factor alpha.
constexpr int plain = 0, with_bias = 1, with_residual = 2, accumulated = 4;
constexpr int whole_chunks = 8; // rows end with a chunk of 16 bytes

// Output is where elements go: `extras` says which of bias, residual and accumulation it may have.
template <typename O, int extras> struct Output {
    O *out;
    const O *residual;
    const float *bias;
    int m, n, ldo, ldr;
    float alpha;
    bool add;

    __device__ __forceinline__ bool has_bias() const { return extras & with_bias && bias; }
    __device__ __forceinline__ bool has_residual() const { return extras & with_residual && residual; }
    __device__ __forceinline__ bool adds() const { return extras & accumulated && add; }

    // put writes one element, if it is inside.
    __device__ __forceinline__ void put(int row, int col, float x) const {
        if (row >= m || col >= n) return;
        long long at = (long long)row * ldo + col;
        float y = has_bias() ? fmaf(alpha, x, __ldg(bias + col)) : alpha * x;
        if (has_residual()) y += to_float(residual[(long long)row * ldr + col]);
        if (adds()) y += to_float(out[at]);
        out[at] = from_float<O>(y);
    }
};

// load_floats reads neighbours of float32, four at once.
template <int count> __device__ __forceinline__ void load_floats(float (&y)[count], const float *from) {
#pragma unroll
    for (int i = 0; i < count; i += 4) {
        float4 x = __ldg(reinterpret_cast<const float4 *>(from + i));
        y[i] = x.x, y[i + 1] = x.y, y[i + 2] = x.z, y[i + 3] = x.w;
    }
}

// add16 adds the elements of a 16-byte chunk to y.
__device__ __forceinline__ void add16(float (&y)[4], const float *from) {
    float x[4];
    load16(x, from);
#pragma unroll
    for (int i = 0; i < 4; i++) y[i] += x[i];
}

__device__ __forceinline__ void add16(float (&y)[8], const bf16 *from) {
    float x[8];
    load16(x, from);
#pragma unroll
    for (int i = 0; i < 8; i++) y[i] += x[i];
}

__device__ __forceinline__ float shared_float(unsigned at) {
    float v;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(at) : "memory");
    return v;
}

__device__ __forceinline__ void store_shared(unsigned at, float x) { asm volatile("st.shared.f32 [%0], %1;" ::"r"(at), "f"(x) : "memory"); }

__device__ __forceinline__ void store_shared(unsigned at, float x, float y) {
    asm volatile("st.shared.v2.f32 [%0], {%1,%2};" ::"r"(at), "f"(x), "f"(y) : "memory");
}

__device__ __forceinline__ void store_shared(unsigned at, float x, float y, float z, float w) {
    asm volatile("st.shared.v4.f32 [%0], {%1,%2,%3,%4};" ::"r"(at), "f"(x), "f"(y), "f"(z), "f"(w) : "memory");
}

// shared_float4 reads 16 bytes of shared memory.
__device__ __forceinline__ float4 shared_float4(unsigned at) {
    float4 v;
    asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "r"(at) : "memory");
    return v;
}

// shared_row reads the 4 or 8 neighbours of a chunk. Of 8 half of the lanes read the upper four first: the banks are shared evenly.
__device__ __forceinline__ void shared_row(float (&y)[4], unsigned at) {
    float4 x = shared_float4(at);
    y[0] = x.x, y[1] = x.y, y[2] = x.z, y[3] = x.w;
}

__device__ __forceinline__ void shared_row(float (&y)[8], unsigned at) {
    bool upper = threadIdx.x & 4;
    float4 a = shared_float4(at + (upper ? 16 : 0)), b = shared_float4(at + (upper ? 0 : 16));
    y[0] = upper ? b.x : a.x, y[1] = upper ? b.y : a.y, y[2] = upper ? b.z : a.z, y[3] = upper ? b.w : a.w;
    y[4] = upper ? a.x : b.x, y[5] = upper ? a.y : b.y, y[6] = upper ? a.z : b.z, y[7] = upper ? a.w : b.w;
}

// store_chunk is store16 as one instruction, which the compiler does not always make of it.
__device__ __forceinline__ void store_chunk(float *to, const float (&y)[4]) {
    asm volatile("st.global.v4.f32 [%0], {%1,%2,%3,%4};" ::"l"(__cvta_generic_to_global(to)), "f"(y[0]), "f"(y[1]), "f"(y[2]), "f"(y[3]) : "memory");
}

__device__ __forceinline__ void store_chunk(bf16 *to, const float (&y)[8]) {
    asm volatile("st.global.v4.b32 [%0], {%1,%2,%3,%4};" ::"l"(__cvta_generic_to_global(to)), "r"(pack2(y[0], y[1])), "r"(pack2(y[2], y[3])),
                 "r"(pack2(y[4], y[5])), "r"(pack2(y[6], y[7])) : "memory");
}

// Finished is a block of finished elements in shared memory, float32, on their way to whole rows of an output. Rows are 8 words
// further apart than they are wide: the lanes of a product write to it without bank conflicts.
template <int rows, int width, int threads, bool vector> struct Finished {
    static constexpr int row_bytes = (width + 8) * 4, bytes = rows * row_bytes;

    // write stores the block to the output's rows from row0 and columns from col0 on, where they are inside.
    template <typename O, int extras> static __device__ __forceinline__ void write(const Output<O, extras> &o, unsigned from, int row0, int col0) {
        if constexpr (!vector) {
#pragma unroll 1
            for (int e = threadIdx.x; e < rows * width; e += threads)
                o.put(row0 + e / width, col0 + e % width, shared_float(from + e / width * row_bytes + e % width * 4));
        } else {
            constexpr int chunk = lanes<O>, across = width / chunk;
            int c = threadIdx.x % across * chunk, col = col0 + c;
            float bias[chunk] = {};
            if (o.has_bias() && col + chunk <= o.n) load_floats(bias, o.bias + col);
#pragma unroll 2
            for (int i = 0; i < rows * across / threads; i++) {
                int r = threadIdx.x / across + i * (threads / across), row = row0 + r;
                unsigned at = from + r * row_bytes + c * 4;
                if (row >= o.m || col >= o.n) break;
                if (!(extras & whole_chunks) && col + chunk > o.n) {
#pragma unroll 1
                    for (int i = 0; col + i < o.n; i++) o.put(row, col + i, shared_float(at + 4 * i));
                    continue;
                }
                float y[chunk];
                O *to = o.out + (long long)row * o.ldo + col;
                shared_row(y, at);
#pragma unroll
                for (int i = 0; i < chunk; i++) y[i] = fmaf(o.alpha, y[i], bias[i]);
                if (o.has_residual()) add16(y, o.residual + (long long)row * o.ldr + col);
                if (o.adds()) add16(y, to);
                store_chunk(to, y);
            }
        }
    }
};

// Panel is a block of `rows` rows of `width` elements of a matrix in shared memory: 16-byte chunks, chunk c of row r at place
// c ^ (r & 7) of the row (c ^ (r >> 1 & 3) in rows of 64 bytes) unless not swizzled. Eight rows at one c, as ldmatrix and the lanes
// of a float32 product read them, and eight neighbouring chunks of a row then lie in different banks.
template <typename T, int rows, int width, int threads, bool vector, bool swizzled = true> struct Panel {
    static constexpr int row_bytes = width * (int)sizeof(T), chunks = row_bytes / 16, bytes = rows * row_bytes;

    // swizzle is what the places of row r are XORed with.
    static __device__ __forceinline__ int swizzle(int r) { return !swizzled ? 0 : chunks == 4 ? r >> 1 & 3 : r & 7; }

    // fetch copies the panel that begins at row row0 and column col0; what lies from row_end or col_end on becomes zero. A copy of
    // no bytes does not look at its source, which may lie outside then.
    static __device__ __forceinline__ void fetch(unsigned to, const T *from, int ld, int row0, int row_end, int col0, int col_end) {
        if constexpr (vector) {
            constexpr int step = threads / chunks, count = (rows + step - 1) / step;
            int c = threadIdx.x % chunks, r = threadIdx.x / chunks;
            int part = min(16, (col_end - col0) * (int)sizeof(T) - 16 * c);
            const T *source = from + (long long)(row0 + r) * ld + col0 + c * (16 / (int)sizeof(T));
#pragma unroll
            for (int i = 0; i < count; i++) {
                int row = r + i * step;
                bool valid = row0 + row < row_end && part > 0;
                if (rows % step && row >= rows) break;
                cp_async_16_zfill(to + row * row_bytes + ((c ^ swizzle(row)) << 4), source + (long long)i * step * ld, valid ? part : 0);
            }
        } else {
#pragma unroll(sizeof(T) == 4 ? 1 : 4)
            for (int i = 0; i < rows * width / threads; i++) {
                int e = threadIdx.x + i * threads, r = e / width, x = e % width, b = x * (int)sizeof(T);
                bool valid = row0 + r < row_end && col0 + x < col_end;
                const T *source = valid ? from + (long long)(row0 + r) * ld + col0 + x : from;
                store(to + r * row_bytes + (((b >> 4) ^ swizzle(r)) << 4) + (b & 15), source, valid);
            }
        }
    }

    static __device__ __forceinline__ void store(unsigned to, const float *from, bool valid) { cp_async_4_zfill(to, from, valid ? 4 : 0); }
    static __device__ __forceinline__ void store(unsigned to, const bf16 *from, bool valid) {
        unsigned short x = valid ? __bfloat16_as_ushort(*from) : 0;
        asm volatile("st.shared.u16 [%0], %1;" ::"r"(to), "h"(x) : "memory");
    }
};

// Lanes of a warp in a float32 product: 4 rows of 8; a lane holds rows row(i) and columns col(j).
template <bool k_major, int group> __device__ __forceinline__ int lane_element(int i, int lane) {
    return k_major ? i * group + lane : (i >> 2) * 4 * group + lane * 4 + (i & 3);
}

// FloatOperand is what a lane reads of a float32 panel: 4 k of `count` rows, its own among `group` lanes. A k-major panel holds k
// along its rows, swizzled; the others are not swizzled.
template <bool k_major, int row_bytes, int count, int group> struct FloatOperand {
    unsigned at, key;

    __device__ __forceinline__ FloatOperand(int warp_row, int lane) {
        at = k_major ? (warp_row + lane) * row_bytes : (warp_row + lane * 4) * 4;
        key = lane;
    }

    // load reads chunk c of k: v[i][e] is row i at k = 4 c + e.
    __device__ __forceinline__ void load(float (&v)[count][4], unsigned panel, int c) const {
        if constexpr (k_major) {
#pragma unroll
            for (int i = 0; i < count; i++) {
                float4 x = shared_float4(panel + at + i * group * row_bytes + ((key ^ c ^ (i * group & 7)) << 4));
                v[i][0] = x.x, v[i][1] = x.y, v[i][2] = x.z, v[i][3] = x.w;
            }
        } else {
#pragma unroll
            for (int e = 0; e < 4; e++)
#pragma unroll
                for (int i = 0; i < count; i += 4) {
                    float4 x = shared_float4(panel + at + (4 * c + e) * row_bytes + i * group * 4);
                    v[i][e] = x.x, v[i + 1][e] = x.y, v[i + 2][e] = x.z, v[i + 3][e] = x.w;
                }
        }
    }
};

// MatrixOperand is where ldmatrix finds 16 rows (of a, or columns of b) by 16 k of a bf16 panel.
template <bool k_major, int row_bytes, bool is_b> struct MatrixOperand {
    unsigned at, key;

    __device__ __forceinline__ MatrixOperand(int warp_row, int lane) {
        int low = (lane & 7) + (lane >> 4) * 8, next = lane >> 3 & 1; // rows by halves of the warp, second chunk by odd quarters
        if (is_b != k_major) low = lane & 15, next = lane >> 4;       // the other way round
        int swizzle = row_bytes == 64 ? lane >> 1 & 3 : lane & 7;
        at = (k_major ? warp_row + low : low) * row_bytes;
        key = (k_major ? next : warp_row / 8 + next) ^ swizzle;
    }

    // load reads the i-th 16 rows at k = 16 ks.
    __device__ __forceinline__ void load(unsigned (&v)[4], unsigned panel, int i, int ks) const {
        if constexpr (k_major) ldmatrix_x4<false>(v, panel + at + i * 16 * row_bytes + ((key ^ (2 * ks)) << 4));
        else ldmatrix_x4<true>(v, panel + at + ks * 16 * row_bytes + ((key ^ (2 * i)) << 4));
    }
};
