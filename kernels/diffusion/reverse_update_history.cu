// reverse_update with a history of up to six slots (reverse_update.cu says what a step is): each of three combinations, x_prev and
// what one or two slots become, is c_0 x_0 + c_x x + sigma z + c_out out + sum_k h_k history_k. Multistep and multistage samplers are
// such rows (Lu et al. 2022, algorithm 2; Zhao et al. 2023, equation 11). All slots are read before any is written; those whose three
// coefficients are 0 are not read, those that the row does not name are not written.
// Layout: as reverse_update; history holds slot after slot, each of x's shape. The row is read into shared memory once a block.
//   reverse_update_history_vector, .._history_given_vector   rows without pads, image sizes that are multiples of 4: 16-byte accesses
//   reverse_update_history, .._history_given                 any pitch, any size: neighbouring lanes access neighbouring elements
// Bytes: 12 an element, 16 with z given, 4 for each slot that is read and 4 for each that is written. Work: 11 FLOPs an element, 8 for
// each write, 2 for each slot and combination.
#include "groups.cuh"
#include "philox.cuh"
#include "reverse.cuh"

// History is the slots: steps from one to the next are in elements of what the kernel accesses.
struct History {
    int slots, columns;
    long long stride;
};

// Four is a group of four elements of one operand.
struct Four {
    float v[4];
};

__device__ __forceinline__ Four four(float4 v) { return {{v.x, v.y, v.z, v.w}}; }
__device__ __forceinline__ float4 float4_of(const Four &f) { return make_float4(f.v[0], f.v[1], f.v[2], f.v[3]); }

// read_row puts the row of the state's chain index into shared memory; NaN outside the table.
__device__ __forceinline__ void read_row(float *row, const Table &t, int columns, const StepState *state) {
    unsigned i = state->chain_index;
    if (threadIdx.x < columns)
        row[threadIdx.x] = i < (unsigned)t.steps ? t.rows[(long long)i * t.pitch + threadIdx.x] : __int_as_float(0x7fffffff);
    __syncthreads();
}

// Combination is one of the three: its coefficients lie in the row from base on, those of the slots from slots on.
struct Combination {
    const float *base, *slots;

    __device__ __forceinline__ Linear linear() const { return {base[0], base[1], base[2], base[3]}; }
    __device__ __forceinline__ Four start(const Four &x0, const Four &x, const Four &z, const Four &out) const {
        Linear l = linear();
        Four y;
#pragma unroll
        for (int j = 0; j < 4; j++) y.v[j] = l.at(x0.v[j], x.v[j], z.v[j], out.v[j]);
        return y;
    }
    __device__ __forceinline__ void add(Four &y, int k, const Four &h) const {
        float c = slots[k];
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (c != 0) y.v[j] += c * h.v[j];
    }
};

// Row is a row in shared memory.
struct Row {
    const float *row;
    int slots;

    __device__ __forceinline__ Combination prev() const { return {row + C0, row + COLUMNS}; }
    // write returns combination w = 0, 1 of what is written to a slot.
    __device__ __forceinline__ Combination write(int w) const {
        const float *base = row + COLUMNS + slots + w * (4 + slots);
        return {base, base + 4};
    }
    // slot returns which slot write w = 0, 1 goes to, -1 for none.
    __device__ __forceinline__ int slot(int w) const {
        float s = row[WRITE_1 + w];
        return s >= 1 && s <= slots ? (int)s - 1 : -1;
    }
    // noisy tells whether any combination that is computed takes z.
    __device__ __forceinline__ bool noisy() const {
        return row[SIGMA] != 0 || (slot(0) >= 0 && write(0).base[2] != 0) || (slot(1) >= 0 && write(1).base[2] != 0);
    }
};

// update computes a group. access reads and writes a group of the history's slot k, store that of x_prev.
template <typename Access, typename Store>
__device__ __forceinline__ void update(const Row &row, const Four &x0, const Four &x, const Four &z, const Four &out,
                                       const Access &history, const Store &store) {
    Combination prev = row.prev(), first = row.write(0), second = row.write(1);
    int to[2] = {row.slot(0), row.slot(1)};
    Four y = prev.start(x0, x, z, out), w0 = {{0, 0, 0, 0}}, w1 = {{0, 0, 0, 0}};
    if (to[0] >= 0) w0 = first.start(x0, x, z, out);
    if (to[1] >= 0) w1 = second.start(x0, x, z, out);
#pragma unroll 1
    for (int k = 0; k < row.slots; k++) {
        bool for0 = to[0] >= 0 && first.slots[k] != 0, for1 = to[1] >= 0 && second.slots[k] != 0;
        if (!(prev.slots[k] != 0 || for0 || for1)) continue;
        Four h = history.load(k);
        prev.add(y, k, h);
        if (for0) first.add(w0, k, h);
        if (for1) second.add(w1, k, h);
    }
    if (to[0] >= 0) history.store(to[0], w0);
    if (to[1] >= 0) history.store(to[1], w1);
    store(y);
}

// clean returns the bounded estimate of x_0.
__device__ __forceinline__ float clean(const float *row, float x, float out, const Bound &b) {
    return b(row[X0_FROM_X] * x + row[X0_FROM_OUT] * out);
}

struct DenseAccess {
    float4 *history;
    long long stride;

    __device__ __forceinline__ Four load(int k) const { return four(history[k * stride]); }
    __device__ __forceinline__ void store(int k, const Four &v) const { history[k * stride] = float4_of(v); }
};

template <bool GIVEN>
__device__ __forceinline__ void history_vector(const StepState *state, unsigned stream, const Groups &g, int repeat, const Table &table,
                                               const Limits &limits, const History &h, const float4 *x, const float4 *out,
                                               const float4 *given, float4 *prev, float4 *history) {
    __shared__ float shared[MAX_COLUMNS];
    read_row(shared, table, h.columns, state);
    Row row = {shared, h.slots};
    bool noisy = row.noisy();
    DrawKey key;
    if (!GIVEN) key = draw_key(state);
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < g.total; r++, i += blockDim.x) {
        Four a = four(x[i]), b = four(out[i]), z = {{0, 0, 0, 0}}, x0;
        unsigned n = quotient(i, g.by_groups);
        if (noisy) z = four(GIVEN ? given[i] : normal4(draw4(key, stream, n, i - n * g.groups)));
        Bound m = bound_of(table.clip, limits, n);
#pragma unroll
        for (int j = 0; j < 4; j++) x0.v[j] = clean(shared, a.v[j], b.v[j], m);
        update(row, x0, a, z, b, DenseAccess{history + i, h.stride}, [&](const Four &y) { prev[i] = float4_of(y); });
    }
}

// Pitches are the distances between rows in elements.
struct Pitches {
    int x, out, z, prev;
};

struct RowsAccess {
    float *history;
    long long stride;
    long long at[4]; // the elements' places in a slot, -1 for none

    __device__ __forceinline__ Four load(int k) const {
        Four v = {{0, 0, 0, 0}};
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (at[j] >= 0) v.v[j] = history[k * stride + at[j]];
        return v;
    }
    __device__ __forceinline__ void store(int k, const Four &v) const {
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (at[j] >= 0) history[k * stride + at[j]] = v.v[j];
    }
};

template <bool GIVEN>
__device__ __forceinline__ void history_rows(const StepState *state, unsigned stream, const Groups &g, int repeat, const Table &table,
                                             const Limits &limits, const History &h, const Pitches &pitch, int history_pitch, const float *x,
                                             const float *out, const float *given, float *prev, float *history, float *room) {
    __shared__ float shared[MAX_COLUMNS];
    read_row(shared, table, h.columns, state);
    Row row = {shared, h.slots};
    bool noisy = row.noisy();
    DrawKey key;
    if (!GIVEN) key = draw_key(state);
    unsigned lane = threadIdx.x & 31, group = blockIdx.x * blockDim.x * repeat + (threadIdx.x & ~31u);
#pragma unroll 1
    for (int r = 0; r < repeat && group < g.total; r++, group += blockDim.x) {
        Element at[4];
        Four a, b, z = {{0, 0, 0, 0}}, x0;
        RowsAccess access = {history, h.stride};
#pragma unroll
        for (int j = 0; j < 4; j++) {
            at[j] = element_of(g, 4 * group + 32 * j + lane);
            access.at[j] = at[j].exists ? at[j].row * history_pitch + at[j].channel : -1;
            a.v[j] = b.v[j] = x0.v[j] = 0;
            if (!at[j].exists) continue;
            a.v[j] = x[at[j].row * pitch.x + at[j].channel];
            b.v[j] = out[at[j].row * pitch.out + at[j].channel];
            if (GIVEN && noisy) z.v[j] = given[at[j].row * pitch.z + at[j].channel];
            x0.v[j] = clean(shared, a.v[j], b.v[j], bound_of(table.clip, limits, at[j].image));
        }
        if (!GIVEN && noisy) {
            unsigned i = group + lane, n = quotient(i, g.by_groups);
            transpose4(z.v, normal4(draw4(key, stream, n, i - n * g.groups)), room);
        }
        update(row, x0, a, z, b, access, [&](const Four &y) {
#pragma unroll
            for (int j = 0; j < 4; j++)
                if (at[j].exists) prev[at[j].row * pitch.prev + at[j].channel] = y.v[j];
        });
    }
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_history_vector(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits,
                              History h, const float4 *x, const float4 *__restrict__ out, float4 *prev, float4 *history) {
    history_vector<false>(state, stream, g, repeat, table, limits, h, x, out, nullptr, prev, history);
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_history_given_vector(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits,
                                    History h, const float4 *x, const float4 *__restrict__ out, const float4 *__restrict__ z, float4 *prev,
                                    float4 *history) {
    history_vector<true>(state, stream, g, repeat, table, limits, h, x, out, z, prev, history);
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_history(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits, History h,
                       Pitches pitch, int history_pitch, const float *x, const float *__restrict__ out, float *prev, float *history) {
    __shared__ __align__(16) float room[4 * 256];
    history_rows<false>(state, stream, g, repeat, table, limits, h, pitch, history_pitch, x, out, nullptr, prev, history,
                        room + 4 * (threadIdx.x & ~31u));
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_history_given(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, Table table, Limits limits, History h,
                             Pitches pitch, int history_pitch, const float *x, const float *__restrict__ out, const float *__restrict__ z,
                             float *prev, float *history) {
    history_rows<true>(state, stream, g, repeat, table, limits, h, pitch, history_pitch, x, out, z, prev, history, nullptr);
}
