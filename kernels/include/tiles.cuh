// Tiles of matrices: shared-memory panels, what the lanes of a warp read of them for products on tensor cores (bf16) and plain
// fused multiply-adds (float32), and finished elements on their way out.
#pragma once
#include "mma.cuh"
#include "types.cuh"

// Output is what an element becomes on its way out, and where it goes.
template <typename O> struct Output {
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
__device__ __forceinline__ void put_floats(const Output<float> &o, int row, int col, const float (&x)[count]) {
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
__device__ __forceinline__ void put_halves(const Output<bf16> &o, int row, int col, const float (&x)[8]) {
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
__device__ __forceinline__ void put_quad(const Output<float> &o, bool vector, int row, int col, const float (&x)[4]) {
    if (vector) {
        put_floats<4>(o, row, col, x);
        return;
    }
#pragma unroll
    for (int i = 0; i < 4; i++) o.put(row, col + i, x[i]);
}

__device__ __forceinline__ void put_quad(const Output<bf16> &o, bool vector, int row, int col, const float (&x)[4]) {
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

// Panel is a block of `rows` rows of `width` elements of a matrix in shared memory: 16-byte chunks, chunk c of row r at place
// c ^ (r & 7) of the row (c ^ (r >> 1 & 3) in rows of 64 bytes) unless not swizzled. Eight rows at one c, as ldmatrix and the lanes
// of a float32 product read them, and eight neighbouring chunks of a row then lie in different banks.
template <typename T, int rows, int width, int threads, bool vector, bool swizzled = true> struct Panel {
    static constexpr int row_bytes = width * (int)sizeof(T), chunks = row_bytes / 16, bytes = rows * row_bytes;

    // swizzle is what the places of row r are XORed with.
    static __device__ __forceinline__ int swizzle(int r) { return !swizzled ? 0 : chunks == 4 ? r >> 1 & 3 : r & 7; }

    // fetch copies the panel that begins at row row0 and column col0; what lies from row_end or col_end on becomes zero.
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
                copy_async_part(to + row * row_bytes + ((c ^ swizzle(row)) << 4), valid ? source + (long long)i * step * ld : from,
                                valid ? part : 0);
            }
        } else {
#pragma unroll 2
            for (int e = threadIdx.x; e < rows * width; e += threads) {
                int r = e / width, x = e % width, b = x * (int)sizeof(T);
                bool valid = row0 + r < row_end && col0 + x < col_end;
                const T *source = valid ? from + (long long)(row0 + r) * ld + col0 + x : from;
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
        if constexpr (k_major) matrices_at<false>(v, panel + at + i * 16 * row_bytes + ((key ^ (2 * ks)) << 4));
        else matrices_at<true>(v, panel + at + ks * 16 * row_bytes + ((key ^ (2 * i)) << 4));
    }
};
