// One step of the reverse process, as reverse_update and its gradient read it: diffusion.ReverseUpdate of Go.
#pragma once
#include "state.cuh"

// Table holds a sampler's steps, one a row; the columns are X0FromX, X0FromOut, C0, CX, Sigma.
struct Table {
    const float *rows;
    int steps, pitch;
    float clip; // 0: no clamping
};

// Step is a row of the table.
struct Step {
    float x0_from_x, x0_from_out, c0, cx, sigma, clip;

    __device__ __forceinline__ float clean(float x, float out) const { return x0_from_x * x + x0_from_out * out; }
    // clamps tells whether an estimate of x_0 is clamped; NaN is not.
    __device__ __forceinline__ bool clamps(float x0) const { return clip > 0 && (x0 > clip || x0 < -clip); }
    __device__ __forceinline__ float update(float x, float out, float z) const {
        float x0 = clean(x, out);
        if (clamps(x0)) x0 = copysignf(clip, x0);
        return c0 * x0 + cx * x + sigma * z;
    }
};

// step_of reads the row of the state's chain index; NaN outside the table.
__device__ __forceinline__ Step step_of(const Table &t, const StepState *state) {
    unsigned i = state->chain_index;
    float nan = __int_as_float(0x7fffffff);
    if (i >= (unsigned)t.steps) return {nan, nan, nan, nan, nan, t.clip};
    const float *k = t.rows + (long long)i * t.pitch;
    return {k[0], k[1], k[2], k[3], k[4], t.clip};
}
