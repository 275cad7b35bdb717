// conv2d: y[n,oh,ow,o] = sum over r,s,i of w[o,r,s,i] x[n,ih,iw,i] + bias[o] + image[n,o] + residual[n,oh,ow,o] with
// ih = oh stride - pad + r dilation, zero outside or wrapped, on the input enlarged by nearest neighbours where asked.
// Layout: NHWC, w OHWI; any pitch, any channel count, any alignment. The product of im2col(x) (pixels x k) and w (k x o) without
// the matrix ever being written: elements are gathered by coordinates (conv.cuh), k = (tap, channel) runs flat, so that 3 input
// channels waste nothing.
//   conv2d_128x128   big layers: 64 multiply-adds for four 16-byte reads of shared memory
//   conv2d_64x64     small pictures or few channels
//   conv2d_256x8     up to 8 output channels (the last layer of a network)
// FLOPs: 2 pixels taps Ci Co. Bytes: x once a column of tiles (taps overlap in the caches), w once a row of tiles, y once.
// This file computes in plain float32: exact mode, and bf16 where conv2d_mma.cu does not apply.
#include "conv_fma.cuh"

#define CONV2D(BM, BN, TM, TN, T, NAME)                                                                                             \
    extern "C" __global__ void __launch_bounds__((BM / TM) * (BN / TN), 512 / ((BM / TM) * (BN / TN)))                                \
        NAME(const Geometry g, const T *__restrict__ x, int pitch, int channels, const Weights weights, const Epilogue e,           \
             float *__restrict__ partial, int partial_pitch, int splits) {                                                          \
        conv_fma<T, false, BM, BN, TM, TN>(g, x, pitch, channels, weights, e, partial, partial_pitch, splits);                      \
    }

CONV2D(128, 128, 8, 8, float, conv2d_128x128_f32)
CONV2D(128, 128, 8, 8, bf16, conv2d_128x128_bf16)
CONV2D(64, 64, 4, 4, float, conv2d_64x64_f32)
CONV2D(64, 64, 4, 4, bf16, conv2d_64x64_bf16)
CONV2D(256, 8, 4, 4, float, conv2d_256x8_f32)
CONV2D(256, 8, 4, 4, bf16, conv2d_256x8_bf16)
