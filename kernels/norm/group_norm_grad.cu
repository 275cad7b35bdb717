// group_norm_grad: the gradient of group_norm. With d = dy mask act'(z), the gradient of z, a = gamma (1 + scale) and averages over a group,
//   dx = (d a - avg(d a) - xhat avg(d a xhat)) rstd + residual = d scale' + x slope + lift + residual
//   dgamma = sum d (1 + scale) xhat;  dbeta = sum d (1 + scale);  dscale = gamma sum d xhat + beta sum d;  dshift = sum d, per image
// where z = x scale' + shift' is recomputed and the mask drawn again; the mean and rstd of the forward pass are read. Layout and threads as
// in group_norm: x, scale_shift, dy, residual, dx and dscale_shift float32 or bf16, all else float32.
//   group_norm_grad_slab         a block has an image's slice of whole groups of x and dy in shared memory: each is read once; dropped
//                                elements of dy become zero there, so that the mask is drawn once
//   group_norm_grad_sums         any size: sums of d and d (x - mean) of each channel over a chunk of pixels;
//   group_norm_grad_finish       adds the chunks, one warp a group, writes what the image adds to dgamma and dbeta, and the map to dx;
//   group_norm_grad_apply        computes dx. sums and apply with 16-byte vectors, and _scalar for any pitch and alignment, and GELU.
//   group_norm_grad_parameters   adds the images' shares of dgamma and dbeta in a fixed order; the last launch of either way
// Bytes an element, residual aside: slab two reads and one write, else four reads and one write. Work: some 25 instructions an element,
// SiLU 20 more, dropout 25 (slab) or 50 more.
#include "normalize.cuh"

extern __shared__ uint4 shared[];

// Stats are the mean and rstd of a group.
__device__ __forceinline__ float2 read_stats(const NormShape &s, const float *stats, int n, int g) {
    const float *row = stats + ((long long)n * s.groups + g) * s.stats_pitch;
    return make_float2(row[0], row[1]);
}

// put_share writes what an image adds to the gradients of a channel's parameters, of its sums of d and d xhat.
template <typename T>
__device__ __forceinline__ void put_share(const NormShape &s, const Affine &a, int n, int c, float sum, float product, T *dscale_shift, float *shares) {
    shares[(2LL * n) * s.channels + c] = product * a.factor;
    shares[(2LL * n + 1) * s.channels + c] = sum * a.factor;
    if (dscale_shift) {
        T *row = dscale_shift + (long long)n * s.dscale_pitch;
        row[c] = from_float<T>(product * a.gamma + sum * a.beta);
        row[s.channels + c] = from_float<T>(sum);
    }
}

// Line is the part of dx that is linear in x, from the group's averages of d a and d a xhat.
__device__ __forceinline__ float slope(float2 stats, float average_xhat) { return -average_xhat * stats.y * stats.y; }
__device__ __forceinline__ float lift(float2 stats, float average, float average_xhat) {
    return (average_xhat * stats.y * stats.x - average) * stats.y;
}

// gradient turns dy, masked, into d.
template <int L>
__device__ __forceinline__ void gradient(const NormShape &s, float (&d)[L], const float (&x)[L], const float (&scale)[L], const float (&shift)[L]) {
    float z[L];
#pragma unroll
    for (int k = 0; k < L; k++) z[k] = x[k] * scale[k] + shift[k];
    differentiate_vector(s.activation, d, z);
}

// Rest is a vector of the residual, asked for early and added late; nothing where there is none.
template <typename T, int L> struct Rest {
    struct alignas(L * sizeof(T)) Vector {
        T of[L];
    };
    Vector vector;
    bool given;
    __device__ __forceinline__ Rest(const T *residual, long long i) : vector{}, given(residual != nullptr) {
        if (given) vector = *reinterpret_cast<const Vector *>(residual + i);
    }
    __device__ __forceinline__ void add(float (&v)[L]) const {
        if (!given) return;
#pragma unroll
        for (int k = 0; k < L; k++) v[k] += to_float(vector.of[k]);
    }
};

template <typename T>
__device__ __forceinline__ void slab(const StepState *state, const NormShape &s, const T *x, const float *gamma, const float *beta,
                                     const T *scale_shift, const float *stats, const T *dy, const T *residual, T *dx, T *dscale_shift, float *shares) {
    constexpr int L = lanes<T>;
    int n = blockIdx.x / (unsigned)s.blocks;
    Place p = place<L>(s, blockIdx.x - n * s.blocks);
    uint4 *xs = shared, *ds = xs + s.pixels * p.vectors;
    float *sums = reinterpret_cast<float *>(ds + s.pixels * p.vectors), *products = sums + p.warps * planes<L>(p);
    float *scales = products + p.warps * planes<L>(p), *shifts = scales + planes<L>(p), *means = shifts + planes<L>(p);
    float *weighted = means + planes<L>(p), *slopes = weighted + 2 * p.w, *lifts = slopes + p.w;

    int c = p.c0 + p.column * L, end = p.active ? s.pixels : 0;
    long long image = (long long)n * s.pixels;
#pragma unroll 1
    for (int r = p.row; r < end; r += p.rows) {
        stage_vector(xs + r * p.vectors + p.column, x + (image + r) * s.x_pitch + c);
        stage_vector(ds + r * p.vectors + p.column, dy + (image + r) * s.dy_pitch + c);
    }
    cp_async_commit();
    Affine affine = {};
    float2 own = {};
    if (threadIdx.x < p.w) {
        affine = read_affine(s, n, p.c0 + threadIdx.x, gamma, beta, scale_shift);
        own = read_stats(s, stats, n, (p.c0 + threadIdx.x) / s.size);
        int at = position<L>(p, threadIdx.x);
        scales[at] = affine.scale(own.y), shifts[at] = affine.shift(own.x, own.y), means[at] = own.x;
    }
    cp_async_wait<0>();
    __syncthreads();

    float scale[L], shift[L], mean[L], sum[L] = {}, product[L] = {}, v[L], d[L];
    if (p.active) get_channels(scale, p, scales), get_channels(shift, p, shifts), get_channels(mean, p, means);
    MaskKey key = mask_key(state, s, n);
#pragma unroll 1
    for (int r = p.row; r < end; r += p.rows) {
        load_vector(v, reinterpret_cast<const T *>(xs + r * p.vectors + p.column));
        T *place_of_d = reinterpret_cast<T *>(ds + r * p.vectors + p.column);
        load_vector(d, const_cast<const T *>(place_of_d));
        if (s.drops != 0) {
            drop_vector(key, s, (unsigned)r * s.channels + c, 1.0f, d);
            store_vector(place_of_d, d);
        }
        gradient(s, d, v, scale, shift);
#pragma unroll
        for (int k = 0; k < L; k++) {
            sum[k] += d[k];
            product[k] += d[k] * (v[k] - mean[k]);
        }
    }
    warp_columns(sum, p, s.columns, sums);
    warp_columns(product, p, s.columns, products);
    __syncthreads();
    if (threadIdx.x < p.w) {
        float total = channel_sum<L>(p, threadIdx.x, sums) * s.keep, xhat = channel_sum<L>(p, threadIdx.x, products) * s.keep * own.y;
        put_share(s, affine, n, p.c0 + threadIdx.x, total, xhat, dscale_shift, shares);
        weighted[threadIdx.x] = total * affine.gamma * affine.factor;
        weighted[p.w + threadIdx.x] = xhat * affine.gamma * affine.factor;
    }
    __syncthreads();
    float part = __fdividef(1.0f, (float)s.pixels * s.size);
#pragma unroll 1
    for (int g = p.warp; g < p.w / s.size; g += p.warps) {
        float average = 0, average_xhat = 0;
#pragma unroll 1
        for (int k = p.lane; k < s.size; k += 32) average += weighted[g * s.size + k], average_xhat += weighted[p.w + g * s.size + k];
        average = warp_sum(average) * part, average_xhat = warp_sum(average_xhat) * part;
        if (p.lane == 0) {
            float2 of = read_stats(s, stats, n, p.c0 / s.size + g);
            slopes[g] = slope(of, average_xhat), lifts[g] = lift(of, average, average_xhat);
        }
    }
    __syncthreads();
    if (!p.active) return;

    float line[L], start[L];
    get_groups(line, p, s.size, slopes);
    get_groups(start, p, s.size, lifts);
#pragma unroll 1
    for (int r = p.row; r < s.pixels; r += p.rows) {
        Rest<T, L> rest(residual, (image + r) * s.residual_pitch + c);
        load_vector(v, reinterpret_cast<const T *>(xs + r * p.vectors + p.column));
        load_vector(d, reinterpret_cast<const T *>(ds + r * p.vectors + p.column));
        gradient(s, d, v, scale, shift);
#pragma unroll
        for (int k = 0; k < L; k++) v[k] = d[k] * (scale[k] * s.keep) + (v[k] * line[k] + start[k]);
        rest.add(v);
        store_vector(dx + (image + r) * s.y_pitch + c, v);
    }
}

// sums leaves the sums of d and d (x - mean), without the factor keep, of each channel over a chunk: (n, chunk, 0 or 1, c) at partials.
template <typename T, int L>
__device__ __forceinline__ void sums(const StepState *state, const NormShape &s, const T *x, const float *gamma, const float *beta,
                                     const T *scale_shift, const float *stats, const T *dy, float *partials) {
    int n = blockIdx.x / (unsigned)s.blocks, chunk = blockIdx.x - n * s.blocks;
    Place p = place<L>(s, blockIdx.y);
    float *sums = reinterpret_cast<float *>(shared), *products = sums + p.warps * planes<L>(p);
    float *scales = products + p.warps * planes<L>(p), *shifts = scales + planes<L>(p), *means = shifts + planes<L>(p);
    if (threadIdx.x < p.w) {
        Affine affine = read_affine(s, n, p.c0 + threadIdx.x, gamma, beta, scale_shift);
        float2 own = read_stats(s, stats, n, (p.c0 + threadIdx.x) / s.size);
        int at = position<L>(p, threadIdx.x);
        scales[at] = affine.scale(own.y), shifts[at] = affine.shift(own.x, own.y), means[at] = own.x;
    }
    __syncthreads();
    float sum[L] = {}, product[L] = {};
    if (p.active) {
        float scale[L], shift[L], mean[L];
        get_channels(scale, p, scales), get_channels(shift, p, shifts), get_channels(mean, p, means);
        MaskKey key = mask_key(state, s, n);
        int first = chunk * s.rows, c = p.c0 + p.column * L, end = min(first + s.rows, s.pixels);
        long long image = (long long)n * s.pixels;
#pragma unroll 1
        for (int r = first + p.row; r < end; r += p.rows) {
            float v[L], d[L];
            load_vector(v, x + (image + r) * s.x_pitch + c);
            load_vector(d, dy + (image + r) * s.dy_pitch + c);
            drop_vector(key, s, (unsigned)r * s.channels + c, 1.0f, d);
            gradient(s, d, v, scale, shift);
#pragma unroll
            for (int k = 0; k < L; k++) {
                sum[k] += d[k];
                product[k] += d[k] * (v[k] - mean[k]);
            }
        }
    }
    warp_columns(sum, p, s.columns, sums);
    warp_columns(product, p, s.columns, products);
    __syncthreads();
    if (threadIdx.x >= p.w) return;
    float *to = partials + 2LL * blockIdx.x * s.channels + p.c0 + threadIdx.x;
    to[0] = channel_sum<L>(p, threadIdx.x, sums);
    to[s.channels] = channel_sum<L>(p, threadIdx.x, products);
}

// finish adds the chunks of a group's channels, one warp a group: columns lanes beside each other take channels, the others more chunks.
// It writes the shares and the map from d and x to dx: (n, k, c) at map holds scale', shift', slope and lift for k = 0 .. 3.
template <typename T>
__device__ __forceinline__ void finish(const NormShape &s, int images, int columns, const float *partials, const float *gamma, const float *beta,
                                       const T *scale_shift, const float *stats, T *dscale_shift, float *shares, float *map) {
    int warp = (blockIdx.x * blockDim.x + threadIdx.x) >> 5, lane = threadIdx.x & 31;
    if (warp >= images * s.groups) return;
    int n = warp / s.groups, g = warp - n * s.groups, column = lane & (columns - 1), row = lane / columns, rows = 32 / columns;
    float2 own = read_stats(s, stats, n, g);
    float average = 0, average_xhat = 0, count = (float)s.pixels * s.size;
    partials += 2LL * n * s.blocks * s.channels;
    map += 4LL * n * s.channels;
#pragma unroll 1
    for (int k = column; k - column < s.size; k += columns) {
        int c = g * s.size + k;
        float sum = 0, product = 0;
        if (k < s.size) {
#pragma unroll 1
            for (int chunk = row; chunk < s.blocks; chunk += 4 * rows) {
                float part[4][2] = {};
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    if (chunk + j * rows >= s.blocks) continue;
                    const float *from = partials + 2LL * (chunk + j * rows) * s.channels + c;
                    part[j][0] = from[0], part[j][1] = from[s.channels];
                }
#pragma unroll
                for (int j = 0; j < 4; j++) sum += part[j][0], product += part[j][1];
            }
        }
#pragma unroll 1
        for (int d = columns; d < 32; d <<= 1) {
            sum += __shfl_xor_sync(0xffffffffu, sum, d);
            product += __shfl_xor_sync(0xffffffffu, product, d);
        }
        if (k < s.size && row == 0) {
            Affine a = read_affine(s, n, c, gamma, beta, scale_shift);
            sum *= s.keep, product *= s.keep * own.y;
            put_share(s, a, n, c, sum, product, dscale_shift, shares);
            average += sum * a.gamma * a.factor, average_xhat += product * a.gamma * a.factor;
            map[c] = a.scale(own.y), map[s.channels + c] = a.shift(own.x, own.y);
        }
    }
    average = warp_sum(average) / count, average_xhat = warp_sum(average_xhat) / count;
#pragma unroll 1
    for (int c = g * s.size + lane; c < (g + 1) * s.size; c += 32) {
        map[2LL * s.channels + c] = slope(own, average_xhat);
        map[3LL * s.channels + c] = lift(own, average, average_xhat);
    }
}

template <typename T, int L>
__device__ __forceinline__ void apply(const StepState *state, const NormShape &s, const T *x, const T *dy, const float *map, const T *residual, T *dx) {
    int n = blockIdx.x / (unsigned)s.blocks, chunk = blockIdx.x - n * s.blocks;
    Place p = place<L>(s, blockIdx.y);
    float *scales = reinterpret_cast<float *>(shared), *shifts = scales + planes<L>(p), *slopes = shifts + planes<L>(p), *lifts = slopes + planes<L>(p);
    if (threadIdx.x < p.w) {
        int at = position<L>(p, threadIdx.x);
        const float *from = map + 4LL * n * s.channels + p.c0 + threadIdx.x;
        scales[at] = from[0], shifts[at] = from[s.channels], slopes[at] = from[2LL * s.channels], lifts[at] = from[3LL * s.channels];
    }
    __syncthreads();
    if (!p.active) return;
    float scale[L], shift[L], line[L], start[L];
    get_channels(scale, p, scales), get_channels(shift, p, shifts), get_channels(line, p, slopes), get_channels(start, p, lifts);
    MaskKey key = mask_key(state, s, n);
    int first = chunk * s.rows, c = p.c0 + p.column * L, end = min(first + s.rows, s.pixels);
    long long image = (long long)n * s.pixels;
#pragma unroll 1
    for (int r = first + p.row; r < end; r += p.rows) {
        float v[L], d[L];
        Rest<T, L> rest(residual, (image + r) * s.residual_pitch + c);
        load_vector(v, x + (image + r) * s.x_pitch + c);
        load_vector(d, dy + (image + r) * s.dy_pitch + c);
        drop_vector(key, s, (unsigned)r * s.channels + c, s.keep, d);
        gradient(s, d, v, scale, shift);
#pragma unroll
        for (int k = 0; k < L; k++) v[k] = d[k] * scale[k] + (v[k] * line[k] + start[k]);
        rest.add(v);
        store_vector(dx + (image + r) * s.y_pitch + c, v);
    }
}

// Eight warps of a block add the images' shares of 32 numbers, each every eighth image; then the first adds the eight sums.
extern "C" __global__ void __launch_bounds__(256)
group_norm_grad_parameters(const StepState *__restrict__ state, int images, int channels, int accumulate_gamma, int accumulate_beta,
                           const float *__restrict__ shares, float *__restrict__ dgamma, float *__restrict__ dbeta) {
    __shared__ float room[8][32];
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, i = blockIdx.x * 32 + lane;
    float sum = 0;
    if (i < 2 * channels) {
#pragma unroll 4
        for (int n = warp; n < images; n += 8) sum += shares[2LL * n * channels + i];
    }
    room[warp][lane] = sum;
    __syncthreads();
    if (warp != 0 || i >= 2 * channels) return;
#pragma unroll
    for (int k = 1; k < 8; k++) sum += room[k][lane];
    float *to = i < channels ? dgamma + i : dbeta + (i - channels);
    int accumulate = i < channels ? accumulate_gamma : accumulate_beta;
    if (accumulate && state->micro > 0) sum += *to;
    *to = sum;
}

#define SLAB(name, T)                                                                                                                       \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                                                    \
    name(const StepState *__restrict__ state, NormShape s, const T *__restrict__ x, const float *__restrict__ gamma,                        \
         const float *__restrict__ beta, const T *__restrict__ scale_shift, const float *__restrict__ stats, const T *__restrict__ dy,      \
         const T *__restrict__ residual, T *__restrict__ dx, T *__restrict__ dscale_shift, float *__restrict__ shares) {                    \
        slab(state, s, x, gamma, beta, scale_shift, stats, dy, residual, dx, dscale_shift, shares);                                         \
    }
#define SUMS(name, T, L)                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                                                    \
    name(const StepState *__restrict__ state, NormShape s, const T *__restrict__ x, const float *__restrict__ gamma,                        \
         const float *__restrict__ beta, const T *__restrict__ scale_shift, const float *__restrict__ stats, const T *__restrict__ dy,      \
         float *__restrict__ partials) {                                                                                                    \
        sums<T, L>(state, s, x, gamma, beta, scale_shift, stats, dy, partials);                                                             \
    }
#define FINISH(name, T)                                                                                                                     \
    extern "C" __global__ void __launch_bounds__(128)                                                                                       \
    name(NormShape s, int images, int columns, const float *__restrict__ partials, const float *__restrict__ gamma,                         \
         const float *__restrict__ beta, const T *__restrict__ scale_shift, const float *__restrict__ stats, T *__restrict__ dscale_shift,  \
         float *__restrict__ shares, float *__restrict__ map) {                                                                             \
        finish(s, images, columns, partials, gamma, beta, scale_shift, stats, dscale_shift, shares, map);                                   \
    }
#define APPLY(name, T, L)                                                                                                                   \
    extern "C" __global__ void __launch_bounds__(256, 3)                                                                                    \
    name(const StepState *__restrict__ state, NormShape s, const T *__restrict__ x, const T *__restrict__ dy,                               \
         const float *__restrict__ map, const T *__restrict__ residual, T *__restrict__ dx) {                                               \
        apply<T, L>(state, s, x, dy, map, residual, dx);                                                                                    \
    }

SLAB(group_norm_grad_slab_f32, float)
SLAB(group_norm_grad_slab_bf16, bf16)
SUMS(group_norm_grad_sums_f32, float, 4)
SUMS(group_norm_grad_sums_bf16, bf16, 8)
SUMS(group_norm_grad_sums_scalar_f32, float, 1)
SUMS(group_norm_grad_sums_scalar_bf16, bf16, 1)
FINISH(group_norm_grad_finish_f32, float)
FINISH(group_norm_grad_finish_bf16, bf16)
APPLY(group_norm_grad_apply_f32, float, 4)
APPLY(group_norm_grad_apply_bf16, bf16, 8)
APPLY(group_norm_grad_apply_scalar_f32, float, 1)
APPLY(group_norm_grad_apply_scalar_bf16, bf16, 1)
