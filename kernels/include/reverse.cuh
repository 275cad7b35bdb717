// One step of the reverse process, as reverse_update and its gradient read it: diffusion.ReverseUpdate of Go.
#pragma once
#include "state.cuh"

// Table holds a sampler's steps, one a row.
struct Table {
    const float *rows;
    int steps, pitch;
    float clip; // 0: no clamping
};

// Limits holds a limit of |x_0| for each sample, in place of the table's clip; rows is null where there are none.
struct Limits {
    const float *rows;
    int pitch;
};

// The columns of a row, diffusion.X0FromX and so on of Go; the coefficients of the slots and of the two writes follow.
enum { X0_FROM_X, X0_FROM_OUT, C0, CX, SIGMA, C_OUT, WRITE_1, WRITE_2, COLUMNS, MAX_SLOTS = 6, MAX_COLUMNS = 16 + 3 * MAX_SLOTS };

// clamps tells whether an estimate of x_0 is clamped; NaN is not.
__device__ __forceinline__ bool clamps(float x0, float most) { return most > 0 && (x0 > most || x0 < -most); }

// Bound is what an estimate of x_0 is clamped to and multiplied by.
struct Bound {
    float most, scale;

    __device__ __forceinline__ float operator()(float x0) const { return scale * (clamps(x0, most) ? copysignf(most, x0) : x0); }
};

// bound_of returns the bound of sample n.
__device__ __forceinline__ Bound bound_of(float clip, const Limits &limits, unsigned n) {
    if (!limits.rows) return {clip, 1};
    float s = limits.rows[(long long)n * limits.pitch];
    return {s, 1 / s};
}

// Linear is a combination of x_0, x, z and the network's output; the last is left out where its coefficient is 0.
struct Linear {
    float x0, x, z, out;

    __device__ __forceinline__ float at(float clean, float state, float noise, float net) const {
        float y = x0 * clean + x * state + z * noise;
        return out != 0 ? y + out * net : y;
    }
};

// Step is the part of a row that every step has.
struct Step {
    float x0_from_x, x0_from_out;
    Linear prev;
    float clip;

    __device__ __forceinline__ float clean(float x, float out) const { return x0_from_x * x + x0_from_out * out; }
    __device__ __forceinline__ float update(float x, float out, float z, const Bound &b) const { return prev.at(b(clean(x, out)), x, z, out); }
};

// step_of reads the row of the state's chain index; NaN outside the table.
__device__ __forceinline__ Step step_of(const Table &t, const StepState *state) {
    unsigned i = state->chain_index;
    float nan = __int_as_float(0x7fffffff);
    if (i >= (unsigned)t.steps) return {nan, nan, {nan, nan, nan, nan}, t.clip};
    const float *k = t.rows + (long long)i * t.pitch;
    return {k[X0_FROM_X], k[X0_FROM_OUT], {k[C0], k[CX], k[SIGMA], k[C_OUT]}, t.clip};
}
