// conv2d in bf16 on tensor cores: the product of conv2d.cu as an implicit GEMM, pixels x (tap, channel) times (tap, channel) x o.
// Rows of x and w must begin on 16 bytes (pitch and address); y, bias, image and residual may lie anywhere. k runs in chunks of
// 8 channels, flat over the taps; a thread keeps its chunk lane and moves pointers, coordinates are worked out once a tap.
//   conv2d_mma_128x128   4 warps of 64x64: 32 multiply-adds for 8 ldmatrix a warp and 16 deep
//   conv2d_mma_256x128   8 warps of 64x64, one block a multiprocessor: a quarter less to copy for a product
//   conv2d_mma_128x64    64 output channels, or half-filled waves
//   conv2d_mma_64x64     small pictures
//   conv2d_mma_128x16    up to 16 output channels (the last layer of a network)
// FLOPs: 2 pixels taps Ci Co. Bytes: for each tile and step of 32, (BM + BN) 64 bytes from the caches; y once.
#include "conv_mma.cuh"

#define CONV2D(BM, BN, WM, WN, NAME)                                                                                                \
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 8 / ((BM / WM) * (BN / WN)))                               \
        NAME(const Geometry g, const bf16 *__restrict__ x, int pitch, int channels, const bf16 *__restrict__ w, int w_pitch,        \
             int w_taps, const Epilogue e, float *__restrict__ partial, int partial_pitch, int splits, int phases) {                \
        conv_mma<false, prediction, MmaTile<BM, BN, WM, WN, true, true>>(g, x, pitch, channels, w, w_pitch, w_taps, e, partial, partial_pitch,  \
                                                             splits, phases);                                                       \
    }

CONV2D(128, 128, 64, 64, conv2d_mma_128x128)
CONV2D(128, 64, 64, 32, conv2d_mma_128x64)
CONV2D(64, 64, 32, 32, conv2d_mma_64x64)
CONV2D(128, 16, 32, 16, conv2d_mma_128x16)
CONV2D(256, 128, 64, 64, conv2d_mma_256x128)
