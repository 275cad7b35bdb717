// noising: x_t = k0 x_0 + k1 eps, target = k2 x_0 + k3 eps with (k0, k1, k2, k3) = table[t[n]] (Ho, Jain and Abbeel 2020, equation 4);
// transpose exchanges k1 and k2. eps is given or drawn in registers as normal_draw draws it; a time outside the table gives NaN.
// Layout: x, eps, x_t, target float32, image elements in rows of C, each at its own pitch; t int32 of one element a row; table
// float32 of four columns. One thread takes groups of four elements and reads the coefficients when the image changes (no image is
// called total, the number of groups).
//   noising_vector, noising_given_vector   rows without pads, image sizes that are multiples of 4: 16-byte accesses
//   noising, noising_given                 any pitch, any size: neighbouring lanes access neighbouring elements, a warp exchanges its
//                                          128 numbers through shared memory
// Bytes: 12 an element, 16 with eps given. Work: 6 FLOPs an element; drawing takes about 60 integer and 120 float32 operations
// for four elements.
#include "groups.cuh"
#include "philox.cuh"

struct Coefficients {
    float k0, k1, k2, k3;
};

// Noise is what all kernels read for an image.
struct Noise {
    const int *t;
    const float *table;
    int t_pitch, steps, table_pitch;
    int column1, column2; // of k1 and k2: 1 and 2, transposed 2 and 1
};

__device__ __forceinline__ Coefficients coefficients(const Noise &p, unsigned image) {
    int row = p.t[(long long)image * p.t_pitch];
    float nan = __int_as_float(0x7fffffff);
    if (row < 0 || row >= p.steps) return {nan, nan, nan, nan};
    const float *k = p.table + (long long)row * p.table_pitch;
    return {k[0], k[p.column1], k[p.column2], k[3]};
}

template <bool GIVEN>
__device__ __forceinline__ void noise_vector(const StepState *state, unsigned stream, const Groups &g, int repeat, const Noise &p,
                                             const float4 *x, const float4 *eps, float4 *xt, float4 *target) {
    DrawKey key;
    if (!GIVEN) key = draw_key(state);
    Coefficients k;
    unsigned of = g.total, i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < g.total; r++, i += blockDim.x) {
        unsigned n = quotient(i, g.by_groups);
        float4 a = x[i], e;
        if (GIVEN) e = eps[i];
        if (n != of) k = coefficients(p, of = n);
        if (!GIVEN) e = normal4(draw4(key, stream, n, i - n * g.groups));
        xt[i] = make_float4(k.k0 * a.x + k.k1 * e.x, k.k0 * a.y + k.k1 * e.y, k.k0 * a.z + k.k1 * e.z, k.k0 * a.w + k.k1 * e.w);
        target[i] = make_float4(k.k2 * a.x + k.k3 * e.x, k.k2 * a.y + k.k3 * e.y, k.k2 * a.z + k.k3 * e.z, k.k2 * a.w + k.k3 * e.w);
    }
}

// Pitches are the distances between rows in elements.
struct Pitches {
    int x, eps, xt, target;
};

template <bool GIVEN>
__device__ __forceinline__ void noise_rows(const StepState *state, unsigned stream, const Groups &g, int repeat, const Noise &p,
                                           const Pitches &pitch, const float *x, const float *eps, float *xt, float *target, float *room) {
    DrawKey key;
    if (!GIVEN) key = draw_key(state);
    Coefficients k;
    unsigned of = g.total, lane = threadIdx.x & 31, first = blockIdx.x * blockDim.x * repeat + (threadIdx.x & ~31u);
#pragma unroll 1
    for (int r = 0; r < repeat && first < g.total; r++, first += blockDim.x) {
        Element at[4];
        float a[4], e[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            at[j] = element_of(g, 4 * first + 32 * j + lane);
            if (!at[j].exists) continue;
            a[j] = x[at[j].row * pitch.x + at[j].channel];
            if (GIVEN) e[j] = eps[at[j].row * pitch.eps + at[j].channel];
        }
        if (!GIVEN) {
            unsigned i = first + lane, n = quotient(i, g.by_groups);
            transpose4(e, normal4(draw4(key, stream, n, i - n * g.groups)), room);
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (!at[j].exists) continue;
            if (at[j].image != of) k = coefficients(p, of = at[j].image);
            xt[at[j].row * pitch.xt + at[j].channel] = k.k0 * a[j] + k.k1 * e[j];
            target[at[j].row * pitch.target + at[j].channel] = k.k2 * a[j] + k.k3 * e[j];
        }
    }
}

extern "C" __global__ void __launch_bounds__(256)
noising_vector(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Noise p, const float4 *__restrict__ x,
               float4 *__restrict__ xt, float4 *__restrict__ target) {
    noise_vector<false>(state, stream, g, repeat, p, x, nullptr, xt, target);
}

extern "C" __global__ void __launch_bounds__(256)
noising_given_vector(Groups g, int repeat, Noise p, const float4 *__restrict__ x, const float4 *__restrict__ eps,
                     float4 *__restrict__ xt, float4 *__restrict__ target) {
    noise_vector<true>(nullptr, 0, g, repeat, p, x, eps, xt, target);
}

extern "C" __global__ void __launch_bounds__(256)
noising(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Noise p, Pitches pitch,
        const float *__restrict__ x, float *__restrict__ xt, float *__restrict__ target) {
    __shared__ __align__(16) float room[4 * 256];
    noise_rows<false>(state, stream, g, repeat, p, pitch, x, nullptr, xt, target, room + 4 * (threadIdx.x & ~31u));
}

extern "C" __global__ void __launch_bounds__(256)
noising_given(Groups g, int repeat, Noise p, Pitches pitch, const float *__restrict__ x, const float *__restrict__ eps,
              float *__restrict__ xt, float *__restrict__ target) {
    noise_rows<true>(nullptr, 0, g, repeat, p, pitch, x, eps, xt, target, nullptr);
}
