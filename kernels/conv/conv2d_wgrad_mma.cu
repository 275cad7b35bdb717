// conv2d_wgrad in bf16 on tensor cores: dy^T (o x pixels) times gathered x (pixels x (tap, i)). Pixels are k and the rows of both
// operands in shared memory, their channels contiguous: ldmatrix transposes both. Rows of x and dy must begin on 16 bytes
// (pitch and address). The rows of x that the pixels of a step meet with the taps of a tile are worked out once a block, in a ring
// of tables. Blocks split the pixels; wgrad_reduce adds their partial sums in order: the same bits on every run.
// dbias: the warps of the first columns multiply dy with ones, too.
//   conv2d_wgrad_mma_128x128   4 warps of 64x64
//   conv2d_wgrad_mma_256x128   8 warps of 64x64, one block a multiprocessor
//   conv2d_wgrad_mma_64x64     small layers
// FLOPs: 2 pixels taps Ci Co. Bytes: for each tile and 32 pixels, (BM + BN) 64 bytes from the caches; partial sums written and read.
#include "conv_wgrad_mma.cuh"

#define WGRAD(BM, BN, WM, WN, NAME)                                                                                                 \
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 8 / ((BM / WM) * (BN / WN)))                               \
        NAME(const Geometry g, const bf16 *__restrict__ x, int x_pitch, int channels, const bf16 *__restrict__ dy, int dy_pitch,    \
             int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {                                           \
        wgrad_mma<false, MmaTile<BM, BN, WM, WN, false, false>>(g, x, x_pitch, channels, dy, dy_pitch, outputs, partial, pitch, bias,      \
                                                         splits);                                                                   \
    }

WGRAD(128, 128, 64, 64, conv2d_wgrad_mma_128x128)
WGRAD(64, 64, 32, 32, conv2d_wgrad_mma_64x64)
WGRAD(256, 128, 64, 64, conv2d_wgrad_mma_256x128)
