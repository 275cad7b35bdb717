// The weight gradient's product on tensor cores, for conv2d_wgrad_mma.cu and conv2d_wgrad_subpixel.cu.
#pragma once
#include "conv_mma.cuh"

// subpixel_shift is what the taps of a phase are away from those that g gives, the enlarged image's own: rounded down to x's pixels.
__device__ __forceinline__ int subpixel_shift(const Axis &a, int phase) { return ((phase + a.first) >> 1) - a.first; }

// wgrad_mma: blockIdx.x is the tile of columns (tap, channel; taps of whole chunks of channels), y that of outputs, z the split of the
// pixels. subpixel: x is what is enlarged, g gathers it for outputs of its own size, and z counts the phases of dy, too, the splits of
// each side by side. Each phase has pixels and taps of its own, and its columns of a row of partial sums.
template <bool subpixel, typename Product>
__device__ __forceinline__ void wgrad_mma(const Geometry &g, const bf16 *__restrict__ x, int x_pitch, int channels, const bf16 *__restrict__ dy,
                                          int dy_pitch, int outputs, float *__restrict__ partial, int pitch, int bias, int splits) {
    constexpr int threads = Product::threads, BM = Product::BM, BN = Product::BN, depth = mma_depth, stages = Product::stages;
    constexpr int a_rows = threads / (BM / 8), b_rows = threads / (BN / 8); // pixels of a copy
    constexpr int max_slots = BN / 8 + 1;                                   // taps in the columns of a tile
    extern __shared__ __align__(128) unsigned char shared[];
    // Of x, for taps and pixels, and then of the phase's dy; written a step before the copies of a stage.
    __shared__ int rows[stages][max_slots + subpixel][depth + 2];
    __shared__ Tap taps[max_slots];
    int t = threadIdx.x, n0 = blockIdx.x * BN, m0 = blockIdx.y * BM, count = g.images * g.h.outputs * g.w.outputs;
    int phase = subpixel ? blockIdx.z / splits : 0, phase_h = phase >> 1, phase_w = phase & 1, split = blockIdx.z - phase * splits;
    int steps = (count + depth - 1) / depth;
    int first = (int)((long long)steps * split / splits), last = (int)((long long)steps * (split + 1) / splits);

    int width = (channels + 7) & ~7, columns = g.taps * width; // of a tap, of the phase
    int first_tap = n0 / width, slots = (min(n0 + BN, columns) - 1) / width - first_tap + 1;
    if (t < slots) {
        taps[t] = decode_tap<false>(g, first_tap + t);
        if (subpixel) taps[t].h += subpixel_shift(g.h, phase_h), taps[t].w += subpixel_shift(g.w, phase_w);
    }
    int a_chunk = t % (BM / 8), b_chunk = t % (BN / 8), m = m0 + a_chunk * 8, n = n0 + b_chunk * 8, slot = n / width - first_tap;
    int c = n - (slot + first_tap) * width, a_bytes = chunk_bytes(outputs - m), b_bytes = slot < slots ? chunk_bytes(channels - c) : 0;

    // A thread follows one pixel of each step and works out its rows for some of the taps.
    int p = first * depth + (t & 31), w_step = depth % g.w.outputs, h_step = depth / g.w.outputs % g.h.outputs;
    int image_step = depth / (g.w.outputs * g.h.outputs), w = p % g.w.outputs, h = p / g.w.outputs % g.h.outputs;
    int image = p / (g.w.outputs * g.h.outputs);
    auto locate = [&](int step) {
        Pixel pixel = {image * g.h.inputs, h * g.h.scale, w * g.w.scale, p < count};
        for (int s = t >> 5; s < slots; s += threads / 32) rows[step % stages][s][t & 31] = gathered_row<false>(g, pixel, taps[s]);
        if (subpixel && t < 32)
            rows[step % stages][max_slots][t] = p < count ? ((image * g.h.outputs + h) * 2 + phase_h) * 2 * g.w.outputs + 2 * w + phase_w : -1;
        p += depth, w += w_step, h += h_step, image += image_step;
        if (w >= g.w.outputs) w -= g.w.outputs, h++;
        if (h >= g.h.outputs) h -= g.h.outputs, image++;
    };
    auto fetch = [&](int step) {
        unsigned char *a = shared + (step - first) % stages * Product::stage_bytes, *b = a + Product::a_bytes;
#pragma unroll
        for (int i = 0; i < depth / a_rows; i++) {
            int k = t / (BM / 8) + i * a_rows, q = step * depth + k;
            if (subpixel) q = rows[step % stages][max_slots][k];
            bool valid = subpixel ? q >= 0 : q < count;
            cp_async_16_zfill(shared_address(a + Product::template by_column<BM>(k, a_chunk)), dy + (long long)q * dy_pitch + m, valid ? a_bytes : 0);
        }
#pragma unroll
        for (int i = 0; i < depth / b_rows; i++) {
            int k = t / (BN / 8) + i * b_rows, row = slot < slots ? rows[step % stages][slot][k] : -1;
            cp_async_16_zfill(shared_address(b + Product::template by_column<BN>(k, b_chunk)), x + (long long)row * x_pitch + c, row >= 0 ? b_bytes : 0);
        }
    };

    Product product;
    float bias_sum[Product::fragments][4] = {};
    bool sums = bias && blockIdx.x == 0 && product.warp_n == 0;
    constexpr int ahead = stages - 1;
    __syncthreads();
    locate(first);
    for (int step = first - ahead; step < last; step++) {
        if (step >= first) cp_async_wait<ahead - 1>();
        __syncthreads();
        if (step + ahead < last) fetch(step + ahead);
        cp_async_commit();
        locate(step + stages);
        if (step >= first)
            product.multiply(shared + (step - first) % stages * Product::stage_bytes, [&](int i, const unsigned (&a)[4]) {
                constexpr unsigned ones = 0x3f803f80u;
                if (sums) mma_bf16(bias_sum[i], a, ones, ones);
            });
    }
    cp_async_wait<0>();
    __syncthreads();
    float *tile = reinterpret_cast<float *>(shared), *part = partial + (long long)split * outputs * pitch + phase * columns;
    product.exchange(tile);
    typename Product::Rows out = {tile, nullptr, n0, 0};
    out.template each<4, 2>([&](int i, int n, float (&v)[4]) {
        if (m0 + i < outputs && n < columns) store_partial(part + (long long)(m0 + i) * pitch + n, v);
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
