// lookup_grad: dtable[row] = sum of dy[n] over the images n with ids[n] = row, in the order of the images; added to what is there
// where the output accumulates and this is not the first micro-batch. The gradient of lookup's table, without atomics.
// Layout: ids int32, one a row; dy rows of columns elements; dtable float32 rows, each at its own pitch. One block in x is a table
// row, blocks in y cut its columns. Each warp reads 32 identifiers at a time and finds those of its row by a vote.
//   lookup_grad_vector_T   rows aligned to four elements: a thread takes four columns in one access, the last few one by one
//   lookup_grad_T          any pitch, any alignment: a thread takes one column
// Bytes: dy and dtable once, ids once for each row of the table (from the cache). Work: one addition for each element of dy.
#include "state.cuh"
#include "types.cuh"

// Sums tells what a launch adds up.
struct Sums {
    int images, columns, ids_pitch, dy_pitch, dtable_pitch, accumulate;
};

__device__ __forceinline__ void load4(float (&v)[4], const float *p) { load16(v, p); }

__device__ __forceinline__ void load4(float (&v)[4], const bf16 *p) {
    uint2 w = *reinterpret_cast<const uint2 *>(p);
    v[0] = __uint_as_float(w.x << 16), v[1] = __uint_as_float(w.x & 0xffff0000u);
    v[2] = __uint_as_float(w.y << 16), v[3] = __uint_as_float(w.y & 0xffff0000u);
}

// Columns are N, 1 or 4, neighbouring columns of a table row, of which a thread has count.
template <typename T, int N> struct Columns {
    static constexpr int rest = N > 1 ? N - 1 : 1; // the most that are taken one by one
    int first, count;

    __device__ __forceinline__ void read(float (&v)[N], const T *row) const {
        if constexpr (N > 1) {
            if (count == N) {
                load4(v, row + first);
                return;
            }
        }
#pragma unroll
        for (int k = 0; k < rest; k++) v[k] = k < count ? to_float(row[first + k]) : 0.0f;
    }
};

template <typename T, int N>
__device__ __forceinline__ void sum(const StepState *state, const Sums &s, const int *ids, const T *dy, float *dtable) {
    int first = (blockIdx.y * blockDim.x + threadIdx.x) * N, lane = threadIdx.x & 31, row = blockIdx.x;
    Columns<T, N> c = {first, max(0, min(N, s.columns - first))};
    float total[N] = {};
    for (int base = 0; base < s.images; base += 32) {
        int n = base + lane;
        unsigned mine = __ballot_sync(0xffffffffu, n < s.images && ids[(long long)n * s.ids_pitch] == row);
        while (mine) { // four images in flight, added one after the other
            float v[4][N];
#pragma unroll
            for (int u = 0; u < 4; u++) {
#pragma unroll
                for (int k = 0; k < N; k++) v[u][k] = 0;
                if (mine) c.read(v[u], dy + (long long)(base + __ffs(mine) - 1) * s.dy_pitch);
                mine &= mine - 1;
            }
#pragma unroll
            for (int u = 0; u < 4; u++)
#pragma unroll
                for (int k = 0; k < N; k++) total[k] += v[u][k];
        }
    }
    float *to = dtable + (long long)row * s.dtable_pitch + first;
    bool adds = s.accumulate && state->micro > 0;
    if constexpr (N > 1) {
        if (c.count == N) {
            float4 *p = reinterpret_cast<float4 *>(to), old = adds ? *p : make_float4(0, 0, 0, 0);
            *p = make_float4(old.x + total[0], old.y + total[1], old.z + total[2], old.w + total[3]);
            return;
        }
    }
#pragma unroll
    for (int k = 0; k < c.rest; k++)
        if (k < c.count) to[k] = (adds ? to[k] : 0.0f) + total[k];
}

#define LOOKUP_GRAD(type, name)                                                                                              \
    extern "C" __global__ void __launch_bounds__(128)                                                                        \
        lookup_grad_vector_##name(const StepState *__restrict__ state, Sums s, const int *__restrict__ ids,                  \
                                  const type *__restrict__ dy, float *__restrict__ dtable) {                                 \
        sum<type, 4>(state, s, ids, dy, dtable);                                                                   \
    }                                                                                                                        \
    extern "C" __global__ void __launch_bounds__(128)                                                                        \
        lookup_grad_##name(const StepState *__restrict__ state, Sums s, const int *__restrict__ ids,                         \
                           const type *__restrict__ dy, float *__restrict__ dtable) {                                        \
        sum<type, 1>(state, s, ids, dy, dtable);                                                                             \
    }

LOOKUP_GRAD(float, f32)
LOOKUP_GRAD(bf16, bf16)
