// The last step of a weight gradient: partial sums over ranges of pixels are added in order, then written or added to the
// gradients. Partial sums are splits x outputs x pitch floats, columns (tap, channel), `width` of them a tap; those of the bias follow,
// splits x outputs, of each phase.
#pragma once
#include "state.cuh"
#include "types.cuh"

struct Gradients {
    float *dw, *dbias; // dbias may be null
    int outputs, taps, channels, width, dw_pitch;
    int accumulate_dw, accumulate_dbias; // added to in all micro-batches but the first
    int vector;                          // four columns never leave a tap's channels and lie on 16 bytes
    int kw, pad_h, pad_w; // of a convolution in subpixel phases: the taps of a row of the kernel, and the padding
};

// Folded are the columns of partial sums that the gradient of a tap is the sum of: its own, or those of the four taps of subpixel
// phases that its weights were added to (conv2d_subpixel.cu).
template <bool subpixel> struct Folded {
    static constexpr int count = subpixel ? 4 : 1;

    static __device__ __forceinline__ int tap(const Gradients &d, int tap, int i) {
        if (!subpixel) return tap;
        int kh = d.taps / d.kw, r = tap / d.kw, v = r + (i >> 1), u = tap - r * d.kw + (i & 1);
        int phase = (v + d.pad_h + 1 & 1) * 2 + (u + d.pad_w + 1 & 1);
        return (phase * ((kh + 1) / 2) + (v >> 1)) * ((d.kw + 1) / 2) + (u >> 1);
    }
};

// reduce_wgrad: one thread for four columns of an output channel, then one for each element of dbias.
template <bool subpixel>
__device__ __forceinline__ void reduce_wgrad(const StepState *state, const Gradients &d, const float *partial, int pitch, int splits) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    int columns = d.taps * d.width, groups = (columns + 3) >> 2;
    bool later = state->micro > 0;
    if (i >= (long long)d.outputs * groups) {
        i -= (long long)d.outputs * groups;
        if (!d.dbias || i >= d.outputs) return;
        const float *bias = partial + (long long)splits * d.outputs * pitch;
        float sum = d.accumulate_dbias && later ? d.dbias[i] : 0.0f;
        for (int s = 0; s < splits; s++)
#pragma unroll
            for (int k = 0; k < Folded<subpixel>::count; k++) sum += bias[((long long)s * Folded<subpixel>::count + k) * d.outputs + i];
        d.dbias[i] = sum;
        return;
    }
    int o = (int)(i / groups), n = (int)(i - (long long)o * groups) * 4, tap = n / d.width, c = n - tap * d.width;
    float sum[4] = {}, v[4];
    for (int s = 0; s < splits; s++)
#pragma unroll
        for (int k = 0; k < Folded<subpixel>::count; k++) {
            load16(v, partial + ((long long)s * d.outputs + o) * pitch + (subpixel ? Folded<subpixel>::tap(d, tap, k) * d.width + c : n));
#pragma unroll
            for (int j = 0; j < 4; j++) sum[j] += v[j];
        }
    bool add = d.accumulate_dw && later;
    float *row = d.dw + (long long)o * d.taps * d.dw_pitch;
    if (d.vector) {
        float *to = row + (long long)tap * d.dw_pitch + c;
        if (c >= d.channels) return;
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
        int tap = (n + j) / d.width, c = n + j - tap * d.width;
        float *to = row + (long long)tap * d.dw_pitch + c;
        if (n + j < columns && c < d.channels) *to = add ? *to + sum[j] : sum[j];
    }
}
