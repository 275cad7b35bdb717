// conv2d of an image enlarged by two (nearest neighbours) in bf16 on tensor cores, without the enlarged image. Output pixels 2h + a of
// a phase a read pixel floor((2h + a - pad + r) / 2) of x with tap r: taps that meet the same pixel are added first. Along each axis
// they become w'[v] = w[v-1] + w[v], v = 0..KH; a phase meets every other one, at pixel (2h + a - pad - 1 + v) / 2. So a 3x3 convolution
// is four of 2x2 on x, 4/9 of the products. w' is rounded to bf16 once, as the outputs are.
// Conditions: odd kernel size, stride and dilation 1, outputs twice the size of x; rows of x and w begin on 16 bytes.
//   conv2d_fold             w' from w; one thread for 8 channels
//   conv2d_subpixel_...     the product, with the phases of an adjoint (conv_mma.cuh) and weights along k; tiles as in conv2d_mma.cu
// FLOPs: 2 pixels(x) (KH+1) (KW+1) Ci Co. Bytes: for each tile and step of 32, (BM + BN) 64 bytes from the caches; y once; w' written
// and read again.
#include "conv_mma.cuh"

// Kernel is w (outputs, h, w, channels) with a distance of pitch from tap to tap, and folded_pitch in w'.
struct Kernel {
    int outputs, h, w, channels, pitch, folded_pitch;
};

extern "C" __global__ void __launch_bounds__(256)
conv2d_fold(const Kernel k, const bf16 *__restrict__ weights, bf16 *__restrict__ folded) {
    int chunks = (k.channels + 7) >> 3, i = blockIdx.x * blockDim.x + threadIdx.x, c = i % chunks * 8, tap = i / chunks;
    int u = tap % (k.w + 1), row = tap / (k.w + 1), v = row % (k.h + 1), o = row / (k.h + 1);
    if (o >= k.outputs) return;
    float sum[8] = {};
#pragma unroll
    for (int j = 0; j < 4; j++) {
        int r = v - 1 + (j >> 1), s = u - 1 + (j & 1);
        if (r < 0 || r >= k.h || s < 0 || s >= k.w) continue;
        const bf16 *from = weights + (long long)((o * k.h + r) * k.w + s) * k.pitch + c;
        if (c + 8 <= k.channels)
            add_row<true>(sum, from, 0, 8);
        else
            add_row<false>(sum, from, 0, k.channels - c);
    }
    bf16 *to = folded + (long long)tap * k.folded_pitch + c;
    if (c + 8 <= k.channels) {
        store(to, sum);
        return;
    }
#pragma unroll
    for (int j = 0; j < 8; j++)
        if (c + j < k.channels) to[j] = from_float<bf16>(sum[j]);
}

#define SUBPIXEL(BM, BN, WM, WN, NAME)                                                                                                \
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 8 / ((BM / WM) * (BN / WN)))                               \
        NAME(const Geometry g, const bf16 *__restrict__ x, int pitch, int channels, const bf16 *__restrict__ w, int w_pitch,        \
             int w_taps, const Epilogue e, float *__restrict__ partial, int partial_pitch, int splits, int phases) {                \
        conv_mma<true, rounded, MmaTile<BM, BN, WM, WN, true, true>>(g, x, pitch, channels, w, w_pitch, w_taps, e, partial, partial_pitch,  \
                                                             splits, phases);                                                       \
    }

SUBPIXEL(128, 128, 64, 64, conv2d_subpixel_128x128)
SUBPIXEL(128, 64, 64, 32, conv2d_subpixel_128x64)
SUBPIXEL(64, 64, 32, 32, conv2d_subpixel_64x64)
SUBPIXEL(128, 16, 32, 16, conv2d_subpixel_128x16)
SUBPIXEL(256, 128, 64, 64, conv2d_subpixel_256x128)
