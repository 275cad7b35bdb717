// conv2d_wgrad of a convolution of an image enlarged by two, in bf16 on tensor cores: the gradient of the folded weights of
// conv2d_subpixel.cu, from which wgrad_unfold adds that of w, dw[r] = dw'[r] + dw'[r+1] along each axis. A phase (a, b) of dy, pixels
// (2h + a, 2w + b), meets (KH+1)/2 x (KW+1)/2 pixels of x, those of its own folded taps: one product dy^T (o x pixels of x) times
// gathered x (pixels x (tap, i)) a phase.
//   conv2d_wgrad_subpixel_128x128, _256x128, _64x64: as in conv2d_wgrad_mma.cu
// FLOPs: 2 pixels(x) (KH+1) (KW+1) Ci Co, 4/9 of those of a 3x3 kernel on the enlarged image. Bytes: for each tile and 32 pixels,
// (BM + BN) 64 bytes from the caches; partial sums written and read.
#include "conv_wgrad_mma.cuh"

#define WGRAD(BM, BN, WM, WN, NAME)                                                                                                 \
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 8 / ((BM / WM) * (BN / WN)))                               \
        NAME(const Geometry g, const bf16 *__restrict__ x, int x_pitch, int channels, const bf16 *__restrict__ dy, int dy_pitch,    \
             int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {                                           \
        wgrad_mma<true, MmaTile<BM, BN, WM, WN, false, false>>(g, x, x_pitch, channels, dy, dy_pitch, outputs, partial, pitch, bias,      \
                                                         splits);                                                                   \
    }

WGRAD(128, 128, 64, 64, conv2d_wgrad_subpixel_128x128)
WGRAD(64, 64, 32, 32, conv2d_wgrad_subpixel_64x64)
WGRAD(256, 128, 64, 64, conv2d_wgrad_subpixel_256x128)
