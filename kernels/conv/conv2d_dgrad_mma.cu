// conv2d_dgrad in bf16 on tensor cores: gathered dy (pixels of x, k = (tap, o)) times w, whose rows are k and whose columns i are
// contiguous: ldmatrix transposes them, so that one copy of the weights serves both directions. Rows of dy and w must begin on 16
// bytes (pitch and address). With stride s the pixels of x are cut into s x s phases; each meets only its own taps, so a stride
// costs no wasted products.
//   conv2d_dgrad_mma_128x128, _256x128, _128x64, _64x64: as in conv2d_mma.cu
// FLOPs: 2 pixels(dy) taps Co Ci. Bytes: for each tile and step of 32, (BM + BN) 64 bytes from the caches; dx once.
#include "conv_mma.cuh"

#define DGRAD(BM, BN, WM, WN, NAME)                                                                                                 \
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 8 / ((BM / WM) * (BN / WN)))                               \
        NAME(const Geometry g, const bf16 *__restrict__ dy, int pitch, int channels, const bf16 *__restrict__ w, int w_pitch,       \
             int w_taps, const Epilogue e, float *__restrict__ partial, int partial_pitch, int splits, int phases) {                \
        conv_mma<true, gradient, MmaTile<BM, BN, WM, WN, true, false>>(g, dy, pitch, channels, w, w_pitch, w_taps, e, partial, partial_pitch, \
                                                             splits, phases);                                                       \
    }

DGRAD(128, 128, 64, 64, conv2d_dgrad_mma_128x128)
DGRAD(128, 64, 64, 32, conv2d_dgrad_mma_128x64)
DGRAD(64, 64, 32, 32, conv2d_dgrad_mma_64x64)
DGRAD(256, 128, 64, 64, conv2d_dgrad_mma_256x128)
