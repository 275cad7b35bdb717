// The last step of a weight gradient: partial sums over ranges of pixels are added in order, then written or added to the
// gradients. Partial sums are splits x outputs x pitch floats, columns (tap, channel); those of the bias follow, splits x outputs.
#pragma once
#include "state.cuh"
#include "types.cuh"

struct Gradients {
    float *dw, *dbias;                       // dbias may be null
    int outputs, columns, channels, dw_pitch; // columns = taps channels
    int accumulate_dw, accumulate_dbias;     // added to in all micro-batches but the first
    int vector;                              // four columns never leave a tap's row and lie on 16 bytes
};

// reduce_wgrad: one thread for four columns of an output channel, then one for each element of dbias.
__device__ __forceinline__ void reduce_wgrad(const StepState *state, const Gradients &d, const float *partial, int pitch, int splits) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    int groups = pitch >> 2;
    bool later = state->micro > 0;
    if (i >= (long long)d.outputs * groups) {
        i -= (long long)d.outputs * groups;
        if (!d.dbias || i >= d.outputs) return;
        const float *bias = partial + (long long)splits * d.outputs * pitch;
        float sum = d.accumulate_dbias && later ? d.dbias[i] : 0.0f;
        for (int s = 0; s < splits; s++) sum += bias[(long long)s * d.outputs + i];
        d.dbias[i] = sum;
        return;
    }
    int o = (int)(i / groups), n = (int)(i - (long long)o * groups) * 4;
    float sum[4] = {}, v[4];
    for (int s = 0; s < splits; s++) {
        load16(v, partial + ((long long)s * d.outputs + o) * pitch + n);
#pragma unroll
        for (int j = 0; j < 4; j++) sum[j] += v[j];
    }
    bool add = d.accumulate_dw && later;
    float *row = d.dw + (long long)o * (d.columns / d.channels) * d.dw_pitch;
    if (d.vector) {
        int tap = n / d.channels;
        float *to = row + (long long)tap * d.dw_pitch + (n - tap * d.channels);
        if (add) {
            load16(v, to);
#pragma unroll
            for (int j = 0; j < 4; j++) sum[j] += v[j];
        }
        store16(to, sum);
        return;
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
        if (n + j >= d.columns) break;
        int tap = (n + j) / d.channels;
        float *to = row + (long long)tap * d.dw_pitch + (n + j - tap * d.channels);
        *to = add ? *to + sum[j] : sum[j];
    }
}
