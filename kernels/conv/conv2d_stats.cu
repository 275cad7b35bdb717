// The statistics of channels that conv2d takes of y for the norm that reads it: the mean over an image, and the sum of squared
// deviations from it. The epilogue of conv_mma.cuh takes the moments of its tile; where a tile is not of one image, k is split, or
// the product is one of plain multiply-adds, the partial sums are added here and moments taken in chunks of 128 pixels.
//   conv2d_reduce_stats   partial sums (splits x rows x pitch), then the epilogue of conv.cuh and the moments of a chunk, 32 columns a block
//   conv2d_join_stats     the moments of an image from those of its tiles or chunks, (channel, 2) at the image's pitch
// Bytes: reduce 4 splits read an element and the operands of the epilogue; moments 8 written and read for a column of a tile or chunk.
#include "conv.cuh"

constexpr int chunk_rows = 128, chunk_columns = 32;

// PixelChunk is up to 128 pixels of an image, 32 columns from n0 on: a thread for four columns of every 32nd pixel.
struct PixelChunk {
    static constexpr bool keeps = true;
    static constexpr int lanes = 256 / (chunk_columns / 4);
    const float *partial;
    int total, pitch, splits; // rows of y, floats of a row of partial sums
    int m0, rows, n0;
    float2 (*room)[chunk_columns];

    template <int V, int unroll, typename F> __device__ __forceinline__ void each(F f) const {
        int n = n0 + threadIdx.x % (chunk_columns / 4) * 4;
#pragma unroll 1
        for (int r = threadIdx.x / (chunk_columns / 4); r < rows; r += lanes) {
            float sum[4] = {};
            for (int s = 0; s < splits && n < pitch; s++) {
                float v[4];
                load16(v, partial + ((long long)s * total + m0 + r) * pitch + n);
#pragma unroll
                for (int j = 0; j < 4; j++) sum[j] += v[j];
            }
            f(m0 + r, n, sum);
        }
    }

    __device__ __forceinline__ float count(int lane) const { return lane < rows ? (float)((rows - lane + lanes - 1) / lanes) : 0.0f; }

    __device__ __forceinline__ void keep(const Moments<4> &mine, const Epilogue &e) const {
        int lane = threadIdx.x / (chunk_columns / 4), c = threadIdx.x;
#pragma unroll
        for (int i = 0; i < 4; i++) room[lane][c % (chunk_columns / 4) * 4 + i] = mine.of(i, count(lane));
        __syncthreads();
        if (c >= chunk_columns || n0 + c >= e.columns) return;
        e.moments[(long long)blockIdx.x * e.columns + n0 + c] =
            join(min(rows, lanes), (float)rows, [&](int i) { return room[i][c]; }, [&](int i) { return count(i); });
    }
};

// reduce_stats: blockIdx.x is the chunk, y the columns.
template <typename T>
__device__ __forceinline__ void reduce_stats(const Epilogue &e, const float *partial, int total, int pitch, int splits) {
    __shared__ float2 room[PixelChunk::lanes][chunk_columns];
    int chunks = (e.pixels + chunk_rows - 1) / chunk_rows, image = blockIdx.x / chunks, first = (blockIdx.x - image * chunks) * chunk_rows;
    PixelChunk chunk = {partial, total, pitch, splits, image * e.pixels + first, min(chunk_rows, e.pixels - first), (int)blockIdx.y * chunk_columns, room};
    finish_tile<T, rounded, 4>(e, chunk);
}

extern "C" __global__ void __launch_bounds__(256, 4)
conv2d_reduce_stats_f32(const Epilogue e, const float *__restrict__ partial, int total, int pitch, int splits) {
    reduce_stats<float>(e, partial, total, pitch, splits);
}

extern "C" __global__ void __launch_bounds__(256, 4)
conv2d_reduce_stats_bf16(const Epilogue e, const float *__restrict__ partial, int total, int pitch, int splits) {
    reduce_stats<bf16>(e, partial, total, pitch, splits);
}

// Parts are the moments of an image: of so many tiles of `rows` pixels, the last of `tail`.
struct Parts {
    int tiles, rows, tail, channels, pitch; // pitch of the statistics
};

// conv2d_join_stats: blockIdx.x is the image, y 32 channels; a warp joins every eighth tile, the first warp joins the warps.
extern "C" __global__ void __launch_bounds__(256)
conv2d_join_stats(const Parts p, const float2 *__restrict__ moments, float *__restrict__ stats) {
    constexpr int warps = 8;
    __shared__ float2 room[warps][32];
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, c = blockIdx.y * 32 + lane;
    if (c >= p.channels) c = p.channels - 1;
    auto rows = [&](int tile) { return (float)(tile == p.tiles - 1 ? p.tail : p.rows); };
    auto part = [&](int tile) { return moments[((long long)blockIdx.x * p.tiles + tile) * p.channels + c]; };
    auto count = [&](int warp) { // rows of all tiles of a warp
        int mine = (p.tiles - warp + warps - 1) / warps, last = warp + (mine - 1) * warps;
        return (mine - 1) * (float)p.rows + rows(last);
    };
    if (warp < p.tiles)
        room[warp][lane] = join((p.tiles - warp + warps - 1) / warps, count(warp), [&](int i) { return part(warp + i * warps); },
                                [&](int i) { return rows(warp + i * warps); });
    __syncthreads();
    if (warp > 0 || blockIdx.y * 32 + lane >= p.channels) return;
    float2 all = join(min(p.tiles, warps), (p.tiles - 1) * (float)p.rows + p.tail, [&](int i) { return room[i][lane]; }, count);
    float *to = stats + (long long)blockIdx.x * p.pitch + 2 * c;
    to[0] = all.x, to[1] = all.y;
}
