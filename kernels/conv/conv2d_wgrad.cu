// conv2d_wgrad: dw[o,r,s,i] = sum over n, oh, ow of dy[n,oh,ow,o] x[n,ih,iw,i], dbias[o] = sum of dy[n,oh,ow,o]; ih, iw as in
// conv2d.cu. The product dy^T (o x pixels) times gathered x (pixels x (tap, i)); k = pixels is long and the result small, so
// blocks split k; each writes its partial sums and wgrad_reduce adds them in order: the same bits on every run.
// Layout: NHWC, dw OHWI in float32; any pitch, channel count and alignment. dbias is summed by the blocks of the first columns.
//   conv2d_wgrad_128x128   big layers
//   conv2d_wgrad_64x64     few channels
//   conv2d_wgrad_8x256     up to 8 output channels (the last layer of a network)
//   conv2d_wgrad_128x32    up to 32 columns (three input channels, 3x3)
// FLOPs: 2 pixels taps Ci Co. Bytes: x once a row of tiles and tap, dy once a column of tiles, partial sums written and read once.
// This file computes in plain float32: exact mode, and bf16 where conv2d_wgrad_mma.cu does not apply.
#include "conv_fma.cuh"

template <typename T, int BM, int BN, int TM, int TN>
__device__ __forceinline__ void wgrad_fma(const Geometry &g, const T *__restrict__ x, int x_pitch, int channels, const T *__restrict__ dy, int dy_pitch,
                                          int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {
    using Product = Tile<BM, BN, TM, TN>;
    constexpr int threads = Product::threads, depth = fma_depth;
    constexpr int b_columns = BN > threads ? BN / threads : 1; // a thread's loads of x lie in so many columns
    static_assert(threads % BM == 0 && (threads % BN == 0 || BN % threads == 0), "loads of a thread keep their row and columns");
    __shared__ __align__(16) typename Product::Shared shared;
    __shared__ Pixel pixels[4][depth]; // of four steps: written two steps ahead
    __shared__ float bias_sums[threads];
    int t = threadIdx.x, n0 = blockIdx.x * BN, m0 = blockIdx.y * BM, count = g.images * g.h.outputs * g.w.outputs;
    int steps = (count + depth - 1) / depth;
    int first = (int)((long long)steps * blockIdx.z / splits), last = (int)((long long)steps * (blockIdx.z + 1) / splits);

    Tap tap[b_columns];
    int c[b_columns];
#pragma unroll
    for (int j = 0; j < b_columns; j++) {
        int n = n0 + t % BN + j * threads, v = n / channels;
        bool inside = v < g.taps;
        tap[j] = decode_tap<false>(g, inside ? v : 0);
        c[j] = inside ? n - v * channels : -1;
    }
    auto locate = [&](int step) {
        if (t < depth) pixels[step & 3][t] = decode_pixel(g, step * depth + t, count);
    };
    int m = m0 + t % BM;
    float a[Product::a_loads], b[Product::b_loads], bias_sum = 0;
    auto fetch = [&](int step) {
        const Pixel *at = pixels[step & 3];
#pragma unroll
        for (int i = 0; i < Product::a_loads; i++) {
            int k = (t + i * threads) / BM, p = step * depth + k;
            a[i] = k < depth && p < count && m < outputs ? to_float(dy[(long long)p * dy_pitch + m]) : 0.0f;
            bias_sum += a[i];
        }
#pragma unroll
        for (int i = 0; i < Product::b_loads; i++) {
            int column = i % b_columns, k = (t + i * threads) / BN;
            int row = c[column] >= 0 ? gathered_row<false>(g, at[k], tap[column]) : -1;
            b[i] = row >= 0 ? to_float(x[(long long)row * x_pitch + c[column]]) : 0.0f;
        }
    };
    auto keep = [&](int buffer) {
#pragma unroll
        for (int i = 0; i < Product::a_loads; i++) {
            int k = (t + i * threads) / BM;
            if (k < depth) shared.a[buffer][k][t % BM] = a[i];
        }
#pragma unroll
        for (int i = 0; i < Product::b_loads; i++) shared.b[buffer][(t + i * threads) / BN][(t + i * threads) % BN] = b[i];
    };

    float sum[TM][TN] = {};
    locate(first);
    __syncthreads();
    for (int step = first - 1; step < last; step++) {
        int buffer = (step - first) & 1;
        locate(step + 2);
        if (step + 1 < last) fetch(step + 1);
        if (step >= first) Product::multiply(shared, buffer, sum);
        if (step + 1 < last) keep(buffer ^ 1);
        __syncthreads();
    }
    partial += (long long)blockIdx.z * outputs * pitch;
    Product::each_four(sum, [&](int i, int j, float (&v)[4]) {
        if (m0 + i < outputs && n0 + j < pitch) store_partial(partial + (long long)(m0 + i) * pitch + n0 + j, v);
    });
    if (!bias || blockIdx.x > 0) return;
    bias_sums[t] = bias_sum;
    if constexpr (threads > BM) __syncthreads();
    if (t >= BM || m >= outputs) return;
    float total = 0;
#pragma unroll
    for (int i = 0; i < threads / BM; i++) total += bias_sums[i * BM + t];
    partial += (long long)(splits - blockIdx.z) * outputs * pitch + (long long)blockIdx.z * outputs;
    partial[m] = total;
}

#define WGRAD(BM, BN, TM, TN, T, NAME)                                                                                              \
    extern "C" __global__ void __launch_bounds__((BM / TM) * (BN / TN), 512 / ((BM / TM) * (BN / TN)))                                \
        NAME(const Geometry g, const T *__restrict__ x, int x_pitch, int channels, const T *__restrict__ dy, int dy_pitch,          \
             int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {                                           \
        wgrad_fma<T, BM, BN, TM, TN>(g, x, x_pitch, channels, dy, dy_pitch, outputs, partial, pitch, bias, splits);                 \
    }

WGRAD(128, 128, 8, 8, float, conv2d_wgrad_128x128_f32)
WGRAD(128, 128, 8, 8, bf16, conv2d_wgrad_128x128_bf16)
WGRAD(64, 64, 4, 4, float, conv2d_wgrad_64x64_f32)
WGRAD(64, 64, 4, 4, bf16, conv2d_wgrad_64x64_bf16)
WGRAD(8, 256, 4, 4, float, conv2d_wgrad_8x256_f32)
WGRAD(8, 256, 4, 4, bf16, conv2d_wgrad_8x256_bf16)
WGRAD(128, 32, 8, 4, float, conv2d_wgrad_128x32_f32)
WGRAD(128, 32, 8, 4, bf16, conv2d_wgrad_128x32_bf16)
