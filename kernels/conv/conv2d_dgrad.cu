// conv2d_dgrad: dx[n,ih,iw,i] = residual[n,ih,iw,i] + sum over o and all (oh,r), (ow,s) with ih = oh stride - pad + r dilation
// (likewise iw) of w[o,r,s,i] dy[n,oh,ow,o]: the adjoint of conv2d, as a product of gathered dy (pixels of x, k = tap and o) and
// w read as (k x i). Layout as in conv2d.cu; any pitch, channel count and alignment. No scatter, no atomics: each dx is summed by
// one thread, tap by tap. Taps of a strided convolution that miss a pixel multiply zeros (conv2d_dgrad_mma.cu leaves them out).
//   conv2d_dgrad_128x128, _64x64, _256x8 (up to 8 input channels): as in conv2d.cu
// FLOPs: 2 pixels(x) taps Co Ci; a strided layer needs 1/stride^2 of them. Bytes: dy once a column of tiles, w once a row of tiles, dx once.
#include "conv_fma.cuh"

#define DGRAD(BM, BN, TM, TN, BLOCKS, T, NAME)                                                                                      \
    extern "C" __global__ void __launch_bounds__((BM / TM) * (BN / TN), BLOCKS)                                                     \
        NAME(const Geometry g, const T *__restrict__ dy, int pitch, int channels, const Weights weights, const Epilogue e,          \
             float *__restrict__ partial, int partial_pitch, int splits) {                                                          \
        conv_fma<T, true, BM, BN, TM, TN>(g, dy, pitch, channels, weights, e, partial, partial_pitch, splits);                      \
    }

DGRAD(128, 128, 8, 8, 1, float, conv2d_dgrad_128x128_f32)
DGRAD(128, 128, 8, 8, 1, bf16, conv2d_dgrad_128x128_bf16)
DGRAD(64, 64, 4, 4, 3, float, conv2d_dgrad_64x64_f32)
DGRAD(64, 64, 4, 4, 3, bf16, conv2d_dgrad_64x64_bf16)
DGRAD(256, 8, 4, 4, 4, float, conv2d_dgrad_256x8_f32)
DGRAD(256, 8, 4, 4, 4, bf16, conv2d_dgrad_256x8_bf16)
