// conv2d_dgrad of a convolution of an image enlarged by two, in bf16 on tensor cores: with the folded weights w' of conv2d_subpixel.cu a
// pixel h of x meets tap v at row 2h + pad + 1 - v of dy: a convolution of dy with stride 2 and a kernel of (KH+1) x (KW+1), whose
// weights have rows of k = o as in conv2d_dgrad_mma.cu. Conditions as in conv2d_subpixel.cu.
//   conv2d_dgrad_subpixel_128x128, _256x128, _128x64, _64x64: as in conv2d_mma.cu
// FLOPs: 2 pixels(x) (KH+1) (KW+1) Ci Co. Bytes: for each tile and step of 32, (BM + BN) 64 bytes from the caches; dx once.
#include "conv_mma.cuh"

#define SUBPIXEL(BM, BN, WM, WN, NAME)                                                                                                 \
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 8 / ((BM / WM) * (BN / WN)))                               \
        NAME(const Geometry g, const bf16 *__restrict__ dy, int pitch, int channels, const bf16 *__restrict__ w, int w_pitch,       \
             int w_taps, const Epilogue e, float *__restrict__ partial, int partial_pitch, int splits, int phases) {                \
        conv_mma<false, gradient, MmaTile<BM, BN, WM, WN, true, false>>(g, dy, pitch, channels, w, w_pitch, w_taps, e, partial, partial_pitch, \
                                                             splits, phases);                                                       \
    }

SUBPIXEL(128, 128, 64, 64, conv2d_dgrad_subpixel_128x128)
SUBPIXEL(128, 64, 64, 32, conv2d_dgrad_subpixel_128x64)
SUBPIXEL(64, 64, 32, 32, conv2d_dgrad_subpixel_64x64)
SUBPIXEL(256, 128, 64, 64, conv2d_dgrad_subpixel_256x128)
