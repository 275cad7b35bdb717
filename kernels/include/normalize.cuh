// What the kernels of group normalisation share: threads laid over the channels and pixels of a slice, per-channel affine maps,
// activation and dropout of vectors, sums over a block in a fixed order. kernels/norm/group_norm_cuda.go makes NormShape.
#pragma once
#include "activation.cuh"
#include "mma.cuh"
#include "philox.cuh"
#include "reduce.cuh"
#include "types.cuh"

struct NormShape {
    int pixels, channels, groups, size; // pixels of an image; size is the number of channels of a group
    int width, columns;                 // channels of a slice; threads beside each other, a power of two, that cover its vectors
    int blocks, rows;                   // slices or chunks of an image; pixels of a chunk
    int activation;                     // Activation
    int drops;                          // 1 where there is dropout
    unsigned last;                      // elements are dropped where their Philox word is at most this
    unsigned stream;
    float keep; // 1 / (1 - p)
    float eps;
    int x_pitch, y_pitch, dy_pitch, residual_pitch, scale_pitch, dscale_pitch, stats_pitch;
};

// load_vector and store_vector move L elements: 16 bytes, or one element.
template <typename T, int L> __device__ __forceinline__ void load_vector(float (&v)[L], const T *p) {
    if constexpr (L == 1) v[0] = to_float(*p);
    else load16(v, p);
}

template <typename T, int L> __device__ __forceinline__ void store_vector(T *p, const float (&v)[L]) {
    if constexpr (L == 1) *p = from_float<T>(v[0]);
    else store16(p, v);
}

// stage_vector starts the copy of 16 bytes from global to shared memory.
__device__ __forceinline__ void stage_vector(void *to, const void *from) { cp_async_16_zfill(shared_address(to), from, 16); }

// Place is where a thread stands in a slice of w channels: column counts vectors of L channels, row pixels.
struct Place {
    int lane, warp, warps, column, row, rows;
    int c0, w, vectors;
    bool active;
};

template <int L> __device__ __forceinline__ Place place(const NormShape &s, int slice) {
    Place p;
    p.lane = threadIdx.x & 31, p.warp = threadIdx.x >> 5, p.warps = blockDim.x >> 5;
    p.column = p.lane & (s.columns - 1);
    p.row = threadIdx.x / (unsigned)s.columns, p.rows = blockDim.x / (unsigned)s.columns;
    p.c0 = slice * s.width, p.w = min(s.width, s.channels - p.c0), p.vectors = p.w / L;
    p.active = p.column < p.vectors;
    return p;
}

// Per-channel numbers lie in shared memory as planes: the first four channels of every vector, then, for vectors of eight, the
// last four. plane floats of distance keep both accesses, by vector and by channel, free of bank conflicts.
template <int L> __device__ __forceinline__ int plane(const Place &p) { return L == 8 ? (4 * p.vectors + 15) / 32 * 32 + 16 : p.w; }

template <int L> __device__ __forceinline__ int planes(const Place &p) { return L == 8 ? 2 * plane<L>(p) : p.w; }

template <int L> __device__ __forceinline__ int position(const Place &p, int c) {
    return L == 8 ? (c >> 2 & 1) * plane<L>(p) + (c >> 3) * 4 + (c & 3) : c;
}

// get_channels reads the thread's channels from planes, put_channels writes them.
template <int L> __device__ __forceinline__ void get_channels(float (&v)[L], const Place &p, const float *from) {
    if constexpr (L == 1) {
        v[0] = from[p.column];
    } else {
#pragma unroll
        for (int q = 0; q < L / 4; q++) {
            float4 f = *reinterpret_cast<const float4 *>(from + q * plane<L>(p) + 4 * p.column);
            v[4 * q] = f.x, v[4 * q + 1] = f.y, v[4 * q + 2] = f.z, v[4 * q + 3] = f.w;
        }
    }
}

template <int L> __device__ __forceinline__ void put_channels(const float (&v)[L], const Place &p, float *to) {
    if constexpr (L == 1) {
        to[p.column] = v[0];
    } else {
#pragma unroll
        for (int q = 0; q < L / 4; q++)
            *reinterpret_cast<float4 *>(to + q * plane<L>(p) + 4 * p.column) = make_float4(v[4 * q], v[4 * q + 1], v[4 * q + 2], v[4 * q + 3]);
    }
}

// get_groups reads the numbers of the groups that the thread's channels belong to.
template <int L> __device__ __forceinline__ void get_groups(float (&v)[L], const Place &p, int size, const float *from) {
    int c = p.column * L, g = c / size, left = (g + 1) * size - c;
#pragma unroll
    for (int k = 0; k < L; k++) {
        v[k] = from[g];
        if (--left == 0) g++, left = size;
    }
}

// warp_columns adds the rows of a warp: the lanes of the first row have the sums, which they leave in room, one part a warp.
template <int L> __device__ __forceinline__ void warp_columns(float (&part)[L], const Place &p, int columns, float *room) {
#pragma unroll 1
    for (int d = columns; d < 32; d <<= 1) {
#pragma unroll
        for (int k = 0; k < L; k++) part[k] += __shfl_xor_sync(0xffffffffu, part[k], d);
    }
    if (p.active && p.lane < columns) put_channels(part, p, room + p.warp * planes<L>(p));
}

// channel_sum adds what the warps left for a channel.
template <int L> __device__ __forceinline__ float channel_sum(const Place &p, int c, const float *room) {
    int at = position<L>(p, c), step = planes<L>(p);
    float sum = room[at];
#pragma unroll 1
    for (int k = 1; k < p.warps; k++) sum += room[k * step + at];
    return sum;
}

// Affine is the map of a channel: z = x scale + shift, where u = xhat gamma + beta and z = u (1 + scale) + shift.
struct Affine {
    float gamma, beta, factor, lift; // factor 1 + scale, lift shift
    __device__ __forceinline__ float scale(float rstd) const { return rstd * gamma * factor; }
    __device__ __forceinline__ float shift(float mean, float rstd) const { return (beta - mean * rstd * gamma) * factor + lift; }
};

template <typename T>
__device__ __forceinline__ Affine read_affine(const NormShape &s, int n, int c, const float *gamma, const float *beta, const T *scale_shift) {
    Affine a = {gamma[c], beta[c], 1.0f, 0.0f};
    if (scale_shift) {
        const T *row = scale_shift + (long long)n * s.scale_pitch;
        a.factor += to_float(row[c]);
        a.lift = to_float(row[s.channels + c]);
    }
    return a;
}

// fast_sigmoid has a relative error of some 2^-21 for arguments of order one, without the branches of a rounded division; 1 + exp(-x) is
// infinite at worst, its reciprocal then 0.
__device__ __forceinline__ float fast_sigmoid(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(1.0f + __expf(-x)));
    return y;
}

// activate_vector replaces z by its activation; GELU for single elements only.
template <int L> __device__ __forceinline__ void activate_vector(int kind, float (&z)[L]) {
    if (kind == silu) {
#pragma unroll
        for (int k = 0; k < L; k++) z[k] *= fast_sigmoid(z[k]);
    } else if (L == 1 && kind == gelu) {
        z[0] = activate(gelu, z[0]);
    }
}

// differentiate_vector multiplies d by the derivative of the activation at z; GELU for single elements only.
template <int L> __device__ __forceinline__ void differentiate_vector(int kind, float (&d)[L], const float (&z)[L]) {
    if (kind == silu) {
#pragma unroll
        for (int k = 0; k < L; k++) {
            float s = fast_sigmoid(z[k]);
            d[k] *= s + z[k] * s * (1.0f - s);
        }
    } else if (L == 1 && kind == gelu) {
        d[0] *= activate_grad(gelu, z[0]);
    }
}

// MaskKey is what the dropout mask of an image depends on.
struct MaskKey {
    uint2 seed;
    unsigned sample, step;
};

__device__ __forceinline__ MaskKey mask_key(const StepState *state, const NormShape &s, int n) {
    if (s.drops == 0) return {make_uint2(0, 0), 0, 0};
    uint4 head = *reinterpret_cast<const uint4 *>(state);
    return {make_uint2(head.x, head.y), state->sample_base + n, head.z};
}

__device__ __forceinline__ float mask_factor(unsigned word, unsigned last, float keep) { return word <= last ? 0.0f : keep; }

// drop_vector multiplies the elements from e on (a multiple of four for vectors) by keep or 0. A vector is one or two Philox groups.
template <int L> __device__ __forceinline__ void drop_vector(const MaskKey &m, const NormShape &s, unsigned e, float keep, float (&v)[L]) {
    if (s.drops == 0) return;
    if constexpr (L == 1) {
        uint4 w = philox4x32(make_uint4(e >> 2, m.sample, m.step, s.stream), m.seed);
        v[0] *= mask_factor((e & 2) ? ((e & 1) ? w.w : w.z) : ((e & 1) ? w.y : w.x), s.last, keep);
    } else {
#pragma unroll
        for (int q = 0; q < L / 4; q++) {
            uint4 w = philox4x32(make_uint4((e >> 2) + q, m.sample, m.step, s.stream), m.seed);
            v[4 * q] *= mask_factor(w.x, s.last, keep);
            v[4 * q + 1] *= mask_factor(w.y, s.last, keep);
            v[4 * q + 2] *= mask_factor(w.z, s.last, keep);
            v[4 * q + 3] *= mask_factor(w.w, s.last, keep);
        }
    }
}
