// conv2d_wgrad in bf16 on tensor cores: dy^T (o x pixels) times gathered x (pixels x (tap, i)). Pixels are k and the rows of both
// operands in shared memory, their channels contiguous: ldmatrix transposes both. x and dy must have rows of 16 bytes (channels,
// pitch and address). A thread keeps its chunk of columns, hence its tap; the pixels of a step are located once a block, in a ring
// of tables. Blocks split the pixels; conv2d_wgrad_mma_reduce adds their partial sums in order: the same bits on every run.
// dbias: the warps of the first columns multiply dy with ones, too.
//   conv2d_wgrad_mma_128x128   4 warps of 64x64
//   conv2d_wgrad_mma_64x64     small layers
// FLOPs: 2 pixels taps Ci Co. Bytes: for each tile and 32 pixels, (BM + BN) 64 bytes from the caches; partial sums written and read.
#include "conv_mma.cuh"
#include "conv_wgrad.cuh"

template <typename Product>
__device__ __forceinline__ void wgrad_mma(const Geometry &g, const bf16 *__restrict__ x, int x_pitch, int channels, const bf16 *__restrict__ dy,
                                          int dy_pitch, int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {
    constexpr int threads = Product::threads, BM = Product::BM, BN = Product::BN, depth = mma_depth, stages = Product::stages;
    constexpr int a_rows = threads / (BM / 8), b_rows = threads / (BN / 8); // pixels of a copy
    extern __shared__ __align__(128) unsigned char shared[];
    __shared__ Pixel pixels[stages][depth]; // written a step before the copies of a stage
    int t = threadIdx.x, n0 = blockIdx.x * BN, m0 = blockIdx.y * BM, count = g.images * g.h.outputs * g.w.outputs;
    int steps = (count + depth - 1) / depth;
    int first = (int)((long long)steps * blockIdx.z / splits), last = (int)((long long)steps * (blockIdx.z + 1) / splits);

    int a_chunk = t % (BM / 8), b_chunk = t % (BN / 8), m = m0 + a_chunk * 8, v = (n0 + b_chunk * 8) / channels;
    bool inside = v < g.taps;
    Tap tap = decode_tap(g, inside ? v : 0);
    const bf16 *column = x + (n0 + b_chunk * 8 - v * channels);
    auto locate = [&](int step) {
        if (t < depth) pixels[step % stages][t] = decode_pixel(g, step * depth + t, count);
    };
    auto fetch = [&](int step) {
        unsigned char *a = shared + (step - first) % stages * Product::stage_bytes, *b = a + Product::a_bytes;
#pragma unroll
        for (int k = t / (BM / 8); k < depth; k += a_rows) {
            int p = step * depth + k;
            bool valid = p < count && m < outputs;
            copy_async(a + Product::template by_column<BM>(k, a_chunk), valid ? dy + (long long)p * dy_pitch + m : dy, valid);
        }
#pragma unroll
        for (int k = t / (BN / 8); k < depth; k += b_rows) {
            int row = inside ? gathered_row<false>(g, pixels[step % stages][k], tap) : -1;
            copy_async(b + Product::template by_column<BN>(k, b_chunk), row >= 0 ? column + (long long)row * x_pitch : x, row >= 0);
        }
    };

    Product product;
    float bias_sum[Product::fragments][4] = {};
    bool sums = bias && blockIdx.x == 0 && product.warp_n == 0;
    constexpr int ahead = stages - 1;
    locate(first);
    __syncthreads();
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
        if (m0 + i < outputs && n < pitch) store16(part + (long long)(m0 + i) * pitch + n, v);
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
    extern "C" __global__ void __launch_bounds__((BM / WM) * (BN / WN) * 32, 2)                                                     \
        NAME(const Geometry g, const bf16 *__restrict__ x, int x_pitch, int channels, const bf16 *__restrict__ dy, int dy_pitch,    \
             int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {                                           \
        wgrad_mma<MmaTile<BM, BN, WM, WN, false, false>>(g, x, x_pitch, channels, dy, dy_pitch, outputs, partial, pitch, bias,      \
                                                         splits);                                                                   \
    }

WGRAD(128, 128, 64, 64, conv2d_wgrad_mma_128x128)
WGRAD(64, 64, 32, 32, conv2d_wgrad_mma_64x64)

extern "C" __global__ void __launch_bounds__(256)
conv2d_wgrad_mma_reduce(const StepState *__restrict__ state, const Gradients d, const float *__restrict__ partial, int pitch, int splits) {
    reduce_wgrad(state, d, partial, pitch, splits);
}
