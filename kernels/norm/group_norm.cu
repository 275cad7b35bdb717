// group_norm: group normalisation (Wu and He 2018, equations 1, 2 and 7) with scale-shift, activation and dropout. Over the pixels
// and the channels of a group, with biased variance,
//   xhat = (x - mean) rstd, rstd = 1 / sqrt(variance + eps);  u = xhat gamma + beta;  z = u (1 + scale) + shift;  y = mask act(z)
// Layout: x, y and scale_shift float32 or bf16, channels last, rows at their pitches; gamma, beta and stats (mean, rstd) float32.
// mask is 0 or 1 / (1 - p), drawn again by Philox in the backward pass. Threads stand beside each other over vectors of channels, so
// that each keeps its channels' numbers in registers, and go down the pixels.
//   group_norm_slab      a block has an image's slice of whole groups, at least 32 bytes wide, in shared memory: x is read once, the
//                        variance is that of differences to the mean; 16-byte accesses, slices of at most 32 vectors
//   group_norm_moments   any size: mean and sum of squared differences of each channel over a chunk of pixels, relative to the chunk's
//                        first pixel;
//   group_norm_finish    joins them (Chan, Golub and LeVeque 1983) to mean and rstd, one warp a group, and folds the affine map;
//   group_norm_apply     computes y. moments and apply with 16-byte vectors, and _scalar for any pitch and alignment, and GELU.
// Where the mean and the sum of squared differences of each channel over the image are given, float32 (n, c, 2) with images at their
// pitch, finish joins those, an image one chunk, and apply follows.
// Bytes an element: slab and given statistics one read and one write, else two reads and one write. Work: some 15 instructions an
// element, SiLU 7 more, dropout 25 more.
#include "normalize.cuh"

extern __shared__ uint4 shared[];

// group_sums adds what warp_columns left in room over each group, a warp a group, and gives it to finish(group of the slice, sum) in lane 0.
template <int L, typename F> __device__ __forceinline__ void group_sums(const Place &p, int size, const float *room, F finish) {
    __syncthreads();
#pragma unroll 1
    for (int g = p.warp; g < p.w / size; g += p.warps) {
        float sum = 0;
        int first = 0;
#pragma unroll 1
        do {
            int c = first + p.lane;
            sum += c < size ? channel_sum<L>(p, g * size + c, room) : 0.0f;
        } while ((first += 32) < size);
        sum = warp_sum(sum);
        if (p.lane == 0) finish(g, sum);
    }
    __syncthreads();
}

template <typename T>
__device__ __forceinline__ void slab(const StepState *state, const NormShape &s, const T *x, const float *gamma, const float *beta,
                                     const T *scale_shift, T *y, float *stats) {
    constexpr int L = lanes<T>;
    int n = blockIdx.x / (unsigned)s.blocks;
    Place p = place<L>(s, blockIdx.x - n * s.blocks);
    uint4 *data = shared;
    float *room = reinterpret_cast<float *>(data + s.pixels * p.vectors), *scales = room + p.warps * planes<L>(p), *shifts = scales + planes<L>(p);
    float *means = shifts + planes<L>(p), *rstds = means + p.w;

    const T *from = x + (long long)n * s.pixels * s.x_pitch + p.c0 + p.column * L;
    int end = p.active ? s.pixels : 0;
#pragma unroll 1
    for (int r = p.row; r < end; r += p.rows) stage_vector(data + r * p.vectors + p.column, from + (long long)r * s.x_pitch);
    cp_async_commit();
    Affine affine = {};
    if (threadIdx.x < p.w) affine = read_affine(s, n, p.c0 + threadIdx.x, gamma, beta, scale_shift);
    cp_async_wait<0>();

    float count = (float)s.pixels * s.size, part[L] = {}, v[L];
#pragma unroll 1
    for (int r = p.row; r < end; r += p.rows) {
        load_vector(v, reinterpret_cast<const T *>(data + r * p.vectors + p.column));
#pragma unroll
        for (int k = 0; k < L; k++) part[k] += v[k];
    }
    warp_columns(part, p, s.columns, room);
    group_sums<L>(p, s.size, room, [&](int g, float sum) { means[g] = sum / count; });

    float mean[L];
    if (p.active) get_groups(mean, p, s.size, means);
#pragma unroll
    for (int k = 0; k < L; k++) part[k] = 0;
#pragma unroll 1
    for (int r = p.row; r < end; r += p.rows) {
        load_vector(v, reinterpret_cast<const T *>(data + r * p.vectors + p.column));
#pragma unroll
        for (int k = 0; k < L; k++) part[k] += (v[k] - mean[k]) * (v[k] - mean[k]);
    }
    warp_columns(part, p, s.columns, room);
    group_sums<L>(p, s.size, room, [&](int g, float sum) {
        float *row = stats + ((long long)n * s.groups + p.c0 / s.size + g) * s.stats_pitch;
        row[0] = means[g];
        row[1] = rstds[g] = 1.0f / sqrtf(sum / count + s.eps);
    });
    if (threadIdx.x < p.w) {
        int g = threadIdx.x / s.size, at = position<L>(p, threadIdx.x);
        scales[at] = affine.scale(rstds[g]);
        shifts[at] = affine.shift(means[g], rstds[g]);
    }
    __syncthreads();
    if (!p.active) return;

    float scale[L], shift[L];
    get_channels(scale, p, scales);
    get_channels(shift, p, shifts);
    MaskKey key = mask_key(state, s, n);
    T *to = y + (long long)n * s.pixels * s.y_pitch + p.c0 + p.column * L;
#pragma unroll 1
    for (int r = p.row; r < s.pixels; r += p.rows) {
        load_vector(v, reinterpret_cast<const T *>(data + r * p.vectors + p.column));
#pragma unroll
        for (int k = 0; k < L; k++) v[k] = v[k] * scale[k] + shift[k];
        activate_vector(s.activation, v);
        drop_vector(key, s, (unsigned)r * s.channels + p.c0 + p.column * L, s.keep, v);
        store_vector(to + (long long)r * s.y_pitch, v);
    }
}

// moments leaves (mean, sum of squared differences) of each channel over a chunk of pixels: (n, chunk, c) at partials.
template <typename T, int L> __device__ __forceinline__ void moments(const NormShape &s, const T *x, float2 *partials) {
    int n = blockIdx.x / (unsigned)s.blocks, chunk = blockIdx.x - n * s.blocks;
    Place p = place<L>(s, blockIdx.y);
    float *sums = reinterpret_cast<float *>(shared), *squares = sums + p.warps * planes<L>(p);
    int first = chunk * s.rows, rows = min(s.rows, s.pixels - first);
    const T *from = x + ((long long)n * s.pixels + first) * s.x_pitch + p.c0;
    float sum[L] = {}, square[L] = {}, pivot[L];
    if (p.active) {
        load_vector(pivot, from + p.column * L);
#pragma unroll 1
        for (int r = p.row; r < rows; r += 4 * p.rows) {
            float v[4][L];
#pragma unroll
            for (int j = 0; j < 4; j++) {
#pragma unroll
                for (int k = 0; k < L; k++) v[j][k] = pivot[k];
                if (r + j * p.rows < rows) load_vector(v[j], from + (long long)(r + j * p.rows) * s.x_pitch + p.column * L);
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
#pragma unroll
                for (int k = 0; k < L; k++) {
                    float d = v[j][k] - pivot[k];
                    sum[k] += d;
                    square[k] += d * d;
                }
            }
        }
    }
    warp_columns(sum, p, s.columns, sums);
    warp_columns(square, p, s.columns, squares);
    __syncthreads();
    if (threadIdx.x >= p.w) return;
    float d = channel_sum<L>(p, threadIdx.x, sums), q = channel_sum<L>(p, threadIdx.x, squares);
    partials[(long long)blockIdx.x * s.channels + p.c0 + threadIdx.x] = make_float2(to_float(from[threadIdx.x]) + d / rows, q - d * d / rows);
}

// each_part gives what a lane takes of a group's partials to use(pixels, moments), four loads in flight.
template <typename F>
__device__ __forceinline__ void each_part(const float *partials, const NormShape &s, int tail, int items, int lane, F use) {
#pragma unroll 1
    for (int first = lane; first < items; first += 128) {
        float2 part[4] = {};
        float rows[4] = {};
#pragma unroll
        for (int j = 0; j < 4; j++) {
            int i = first + 32 * j, chunk = i / s.size;
            if (i >= items) continue;
            const float *at = partials + 2 * ((long long)chunk * s.channels + i - chunk * s.size);
            part[j] = make_float2(at[0], at[1]);
            rows[j] = chunk == s.blocks - 1 ? tail : s.rows;
        }
#pragma unroll
        for (int j = 0; j < 4; j++) use(rows[j], part[j]);
    }
}

// finish joins the chunks of a group, one warp a group, and writes the statistics and, at (n, 0, c) and (n, 1, c) of affine, scale and shift.
// The partials of images lie pitch floats apart.
template <typename T>
__device__ __forceinline__ void finish(const NormShape &s, int images, const float *partials, int pitch, const float *gamma,
                                       const float *beta, const T *scale_shift, float *stats, float *affine) {
    int warp = (blockIdx.x * blockDim.x + threadIdx.x) >> 5, lane = threadIdx.x & 31;
    if (warp >= images * s.groups) return;
    int n = warp / s.groups, g = warp - n * s.groups;
    partials += (long long)n * pitch + 2 * g * s.size;
    int items = s.blocks * s.size, tail = s.pixels - (s.blocks - 1) * s.rows;
    float sum = 0, m2 = 0, count = (float)s.pixels * s.size;
    float pivot = partials[0];
    each_part(partials, s, tail, items, lane, [&](float rows, float2 part) { sum += rows * (part.x - pivot); });
    float mean = pivot + warp_sum(sum) / count;
    each_part(partials, s, tail, items, lane, [&](float rows, float2 part) { m2 += part.y + rows * (part.x - mean) * (part.x - mean); });
    float rstd = 1.0f / sqrtf(fmaxf(warp_sum(m2), 0.0f) / count + s.eps);
    if (lane == 0) {
        float *row = stats + (long long)warp * s.stats_pitch;
        row[0] = mean;
        row[1] = rstd;
    }
#pragma unroll 1
    for (int c = g * s.size + lane; c < (g + 1) * s.size; c += 32) {
        Affine a = read_affine(s, n, c, gamma, beta, scale_shift);
        affine[(2LL * n) * s.channels + c] = a.scale(rstd);
        affine[(2LL * n + 1) * s.channels + c] = a.shift(mean, rstd);
    }
}

template <typename T, int L>
__device__ __forceinline__ void apply(const StepState *state, const NormShape &s, const T *x, const float *affine, T *y) {
    int n = blockIdx.x / (unsigned)s.blocks, chunk = blockIdx.x - n * s.blocks;
    Place p = place<L>(s, blockIdx.y);
    float *scales = reinterpret_cast<float *>(shared), *shifts = scales + planes<L>(p);
    if (threadIdx.x < p.w) {
        int at = position<L>(p, threadIdx.x);
        scales[at] = affine[(2LL * n) * s.channels + p.c0 + threadIdx.x];
        shifts[at] = affine[(2LL * n + 1) * s.channels + p.c0 + threadIdx.x];
    }
    __syncthreads();
    if (!p.active) return;
    float scale[L], shift[L];
    get_channels(scale, p, scales);
    get_channels(shift, p, shifts);
    MaskKey key = mask_key(state, s, n);
    int first = chunk * s.rows, c = p.c0 + p.column * L, end = min(first + s.rows, s.pixels);
    const T *from = x + (long long)n * s.pixels * s.x_pitch + c;
    T *to = y + (long long)n * s.pixels * s.y_pitch + c;
#pragma unroll 1
    for (int r = first + p.row; r < end; r += p.rows) {
        float v[L];
        load_vector(v, from + (long long)r * s.x_pitch);
#pragma unroll
        for (int k = 0; k < L; k++) v[k] = v[k] * scale[k] + shift[k];
        activate_vector(s.activation, v);
        drop_vector(key, s, (unsigned)r * s.channels + c, s.keep, v);
        store_vector(to + (long long)r * s.y_pitch, v);
    }
}

#define SLAB(name, T)                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(512)                                                                                  \
    name(const StepState *__restrict__ state, NormShape s, const T *__restrict__ x, const float *__restrict__ gamma,                   \
         const float *__restrict__ beta, const T *__restrict__ scale_shift, T *__restrict__ y, float *__restrict__ stats) {            \
        slab(state, s, x, gamma, beta, scale_shift, y, stats);                                                                         \
    }
#define FINISH(name, T)                                                                                                                \
    extern "C" __global__ void __launch_bounds__(128)                                                                                  \
    name(NormShape s, int images, const float *__restrict__ partials, int pitch, const float *__restrict__ gamma,                      \
         const float *__restrict__ beta, const T *__restrict__ scale_shift, float *__restrict__ stats, float *__restrict__ affine) {   \
        finish(s, images, partials, pitch, gamma, beta, scale_shift, stats, affine);                                                   \
    }
#define MOMENTS(name, T, L)                                                                                                            \
    extern "C" __global__ void __launch_bounds__(256) name(NormShape s, const T *__restrict__ x, float2 *__restrict__ partials) {      \
        moments<T, L>(s, x, partials);                                                                                                 \
    }
#define APPLY(name, T, L)                                                                                                              \
    extern "C" __global__ void __launch_bounds__(256)                                                                                  \
    name(const StepState *__restrict__ state, NormShape s, const T *__restrict__ x, const float *__restrict__ affine, T *__restrict__ y) { \
        apply<T, L>(state, s, x, affine, y);                                                                                           \
    }

SLAB(group_norm_slab_f32, float)
SLAB(group_norm_slab_bf16, bf16)
FINISH(group_norm_finish_f32, float)
FINISH(group_norm_finish_bf16, bf16)
MOMENTS(group_norm_moments_f32, float, 4)
MOMENTS(group_norm_moments_bf16, bf16, 8)
MOMENTS(group_norm_moments_scalar_f32, float, 1)
MOMENTS(group_norm_moments_scalar_bf16, bf16, 1)
APPLY(group_norm_apply_f32, float, 4)
APPLY(group_norm_apply_bf16, bf16, 8)
APPLY(group_norm_apply_scalar_f32, float, 1)
APPLY(group_norm_apply_scalar_bf16, bf16, 1)
