// reverse_update: x_0 = a x + b out, clamped to [-clip, clip] where clip > 0, or with limits s to [-s, s] and divided by s;
// x_prev = c_0 x_0 + c_x x + sigma z + c_out out, with the row table[chain_index] = (a, b, c_0, c_x, sigma, c_out) (Ho et al. 2020,
// equations 7 and 15; Song, Meng and Ermon 2021, equation 12). z is given, or drawn in registers as normal_draw draws it where sigma is
// not 0; a chain index outside the table gives NaN. Steps with a history: reverse_update_history.cu.
// Layout: x, out, z, x_prev float32, image elements in rows of C, each at its own pitch; x_prev may be x. table float32 of
// eight columns. One thread takes groups of four elements.
//   reverse_update_vector, reverse_update_given_vector   rows without pads, image sizes that are multiples of 4: 16-byte accesses
//   reverse_update, reverse_update_given                 any pitch, any size: neighbouring lanes access neighbouring elements, a warp
//                                                        exchanges its 128 numbers through shared memory
// Bytes: 12 an element, 16 with z given. Work: 11 FLOPs an element; drawing takes about 60 integer and 120 float32 operations
// for four elements.
#include "groups.cuh"
#include "philox.cuh"
#include "reverse.cuh"

template <bool GIVEN>
__device__ __forceinline__ void update_vector(const StepState *state, unsigned stream, const Groups &g, int repeat, const Table &table,
                                              const Limits &limits, const float4 *x, const float4 *out, const float4 *given, float4 *prev) {
    Step k = step_of(table, state);
    DrawKey key;
    if (!GIVEN) key = draw_key(state);
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < g.total; r++, i += blockDim.x) {
        float4 a = x[i], b = out[i], z = make_float4(0, 0, 0, 0);
        unsigned n = quotient(i, g.by_groups);
        if (GIVEN) {
            z = given[i];
        } else if (k.prev.z != 0) {
            z = normal4(draw4(key, stream, n, i - n * g.groups));
        }
        Bound m = bound_of(k.clip, limits, n);
        prev[i] = make_float4(k.update(a.x, b.x, z.x, m), k.update(a.y, b.y, z.y, m), k.update(a.z, b.z, z.z, m), k.update(a.w, b.w, z.w, m));
    }
}

// Pitches are the distances between rows in elements.
struct Pitches {
    int x, out, z, prev;
};

template <bool GIVEN>
__device__ __forceinline__ void update_rows(const StepState *state, unsigned stream, const Groups &g, int repeat, const Table &table,
                                            const Limits &limits, const Pitches &pitch, const float *x, const float *out, const float *given, float *prev,
                                            float *room) {
    Step k = step_of(table, state);
    DrawKey key;
    if (!GIVEN) key = draw_key(state);
    unsigned lane = threadIdx.x & 31, first = blockIdx.x * blockDim.x * repeat + (threadIdx.x & ~31u);
#pragma unroll 1
    for (int r = 0; r < repeat && first < g.total; r++, first += blockDim.x) {
        Element at[4];
        float a[4], b[4], z[4] = {0, 0, 0, 0};
#pragma unroll
        for (int j = 0; j < 4; j++) {
            at[j] = element_of(g, 4 * first + 32 * j + lane);
            if (!at[j].exists) continue;
            a[j] = x[at[j].row * pitch.x + at[j].channel];
            b[j] = out[at[j].row * pitch.out + at[j].channel];
            if (GIVEN) z[j] = given[at[j].row * pitch.z + at[j].channel];
        }
        if (!GIVEN && k.prev.z != 0) {
            unsigned i = first + lane, n = quotient(i, g.by_groups);
            transpose4(z, normal4(draw4(key, stream, n, i - n * g.groups)), room);
        }
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (at[j].exists)
                prev[at[j].row * pitch.prev + at[j].channel] = k.update(a[j], b[j], z[j], bound_of(k.clip, limits, at[j].image));
    }
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_vector(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits, const float4 *x,
                      const float4 *__restrict__ out, float4 *prev) {
    update_vector<false>(state, stream, g, repeat, table, limits, x, out, nullptr, prev);
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_given_vector(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits, const float4 *x,
                            const float4 *__restrict__ out, const float4 *__restrict__ z, float4 *prev) {
    update_vector<true>(state, stream, g, repeat, table, limits, x, out, z, prev);
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits, Pitches pitch, const float *x,
               const float *__restrict__ out, float *prev) {
    __shared__ __align__(16) float room[4 * 256];
    update_rows<false>(state, stream, g, repeat, table, limits, pitch, x, out, nullptr, prev, room + 4 * (threadIdx.x & ~31u));
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_given(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits, Pitches pitch,
                     const float *x, const float *__restrict__ out, const float *__restrict__ z, float *prev) {
    update_rows<true>(state, stream, g, repeat, table, limits, pitch, x, out, z, prev, nullptr);
}
