// conv2d_wgrad in bf16 on tensor cores: dy^T (o x pixels) times gathered x (pixels x (tap, i)). Pixels are k and the rows of both
// operands in shared memory, their channels contiguous: ldmatrix transposes both. x and dy must have rows of 16 bytes (channels,
// pitch and address). The rows of x that the pixels of a step meet with the taps of a tile are worked out once a block, in a ring
// of tables. Blocks split the pixels; wgrad_reduce adds their partial sums in order: the same bits on every run.
// dbias: the warps of the first columns multiply dy with ones, too.
//   conv2d_wgrad_mma_128x128   4 warps of 64x64
//   conv2d_wgrad_mma_256x128   8 warps of 64x64, one block a multiprocessor
//   conv2d_wgrad_mma_64x64     small layers
// FLOPs: 2 pixels taps Ci Co. Bytes: for each tile and 32 pixels, (BM + BN) 64 bytes from the caches; partial sums written and read.
#include "conv_mma.cuh"

template <typename Product>
__device__ __forceinline__ void wgrad_mma(const Geometry &g, const bf16 *__restrict__ x, int x_pitch, int channels, const bf16 *__restrict__ dy,
                                          int dy_pitch, int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {
    constexpr int threads = Product::threads, BM = Product::BM, BN = Product::BN, depth = mma_depth, stages = Product::stages;
    constexpr int a_rows = threads / (BM / 8), b_rows = threads / (BN / 8); // pixels of a copy
    constexpr int max_slots = BN / 8 + 1;                                   // taps in the columns of a tile
    extern __shared__ __align__(128) unsigned char shared[];
    __shared__ int rows[stages][max_slots][depth + 2]; // of x, for taps and pixels; written a step before the copies of a stage
    __shared__ Tap taps[max_slots];
    int t = threadIdx.x, n0 = blockIdx.x * BN, m0 = blockIdx.y * BM, count = g.images * g.h.outputs * g.w.outputs;
    int steps = (count + depth - 1) / depth;
    int first = (int)((long long)steps * blockIdx.z / splits), last = (int)((long long)steps * (blockIdx.z + 1) / splits);

    int first_tap = n0 / channels, slots = (min(n0 + BN, g.taps * channels) - 1) / channels - first_tap + 1;
    if (t < slots) taps[t] = decode_tap<false>(g, first_tap + t);
    int a_chunk = t % (BM / 8), b_chunk = t % (BN / 8), m = m0 + a_chunk * 8, n = n0 + b_chunk * 8, slot = n / channels - first_tap;
    const bf16 *column = x + (n - (slot + first_tap) * channels);

    // A thread follows one pixel of each step and works out its rows for some of the taps.
    int p = first * depth + (t & 31), w_step = depth % g.w.outputs, h_step = depth / g.w.outputs % g.h.outputs;
    int image_step = depth / (g.w.outputs * g.h.outputs), w = p % g.w.outputs, h = p / g.w.outputs % g.h.outputs;
    int image = p / (g.w.outputs * g.h.outputs);
    auto locate = [&](int step) {
        Pixel pixel = {image * g.h.inputs, h * g.h.scale, w * g.w.scale, p < count};
        for (int s = t >> 5; s < slots; s += threads / 32) rows[step % stages][s][t & 31] = gathered_row<false>(g, pixel, taps[s]);
        p += depth, w += w_step, h += h_step, image += image_step;
        if (w >= g.w.outputs) w -= g.w.outputs, h++;
        if (h >= g.h.outputs) h -= g.h.outputs, image++;
    };
    auto fetch = [&](int step) {
        unsigned char *a = shared + (step - first) % stages * Product::stage_bytes, *b = a + Product::a_bytes;
#pragma unroll
        for (int i = 0; i < depth / a_rows; i++) {
            int k = t / (BM / 8) + i * a_rows, q = step * depth + k;
            copy_async(a + Product::template by_column<BM>(k, a_chunk), dy + (long long)q * dy_pitch + m, q < count && m < outputs);
        }
#pragma unroll
        for (int i = 0; i < depth / b_rows; i++) {
            int k = t / (BN / 8) + i * b_rows, row = slot < slots ? rows[step % stages][slot][k] : -1;
            copy_async(b + Product::template by_column<BN>(k, b_chunk), column + (long long)row * x_pitch, row >= 0);
        }
    };

    Product product;
    float bias_sum[Product::fragments][4] = {};
    bool sums = bias && blockIdx.x == 0 && product.warp_n == 0;
    constexpr int ahead = stages - 1;
    __syncthreads();
    locate(first);
    for (int step = first - ahead; step < last; step++) {
        if (step >= first) copy_wait<ahead - 1>();
        __syncthreads();
        if (step + ahead < last) fetch(step + ahead);
        copy_commit();
        locate(step + stages);
        if (step >= first)
            product.multiply(shared + (step - first) % stages * Product::stage_bytes, [&](int i, const unsigned (&a)[4]) {
                constexpr unsigned ones = 0x3f803f80u;
                if (sums) mma_bf16(bias_sum[i], a, ones, ones);
            });
    }
    copy_wait<0>();
    __syncthreads();
    float *tile = reinterpret_cast<float *>(shared), *part = partial + (long long)blockIdx.z * outputs * pitch;
    product.exchange(tile);
    typename Product::Rows out = {tile, nullptr, n0};
    out.template each<4, 2>([&](int i, int n, float (&v)[4]) {
        if (m0 + i < outputs && n < pitch) store_partial(part + (long long)(m0 + i) * pitch + n, v);
    });
    if (!sums || (product.lane & 3) != 0) return;
    partial += (long long)splits * outputs * pitch + (long long)blockIdx.z * outputs;
#pragma unroll
    for (int i = 0; i < Product::fragments; i++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int o = m0 + product.warp_m + i * 16 + h * 8 + (product.lane >> 2);
            if (o < outputs) partial[o] = bias_sum[i][2 * h];
        }
}

#define WGRAD(BM, BN, WM, WN, NAME)                                                                                                 \
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 8 / ((BM / WM) * (BN / WN)))                               \
        NAME(const Geometry g, const bf16 *__restrict__ x, int x_pitch, int channels, const bf16 *__restrict__ dy, int dy_pitch,    \
             int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {                                           \
        wgrad_mma<MmaTile<BM, BN, WM, WN, false, false>>(g, x, x_pitch, channels, dy, dy_pitch, outputs, partial, pitch, bias,      \
                                                         splits);                                                                   \
    }

WGRAD(128, 128, 64, 64, conv2d_wgrad_mma_128x128)
WGRAD(64, 64, 32, 32, conv2d_wgrad_mma_64x64)
WGRAD(256, 128, 64, 64, conv2d_wgrad_mma_256x128)
