// out[c][r] = in[r][c], float32. Three variants of one result, told apart by the counters.
// transpose_naive: reads along rows, writes down columns: every store of a warp touches 32 sectors.
// transpose_conflict: through a 32 x 32 tile in shared memory; the column read meets a 32-way bank conflict.
// transpose_padded: a pitch of 33 removes the conflict.

constexpr int tile = 32, rows = 8;

extern "C" __global__ void transpose_naive(int height, int width, const float *__restrict__ in, float *__restrict__ out) {
    int c = blockIdx.x * tile + threadIdx.x;
    for (int j = 0; j < tile; j += rows) {
        int r = blockIdx.y * tile + threadIdx.y + j;
        if (r < height && c < width) out[c * height + r] = in[r * width + c];
    }
}

template <int pitch> __device__ __forceinline__ void through_shared(int height, int width, const float *in, float *out) {
    __shared__ float block[tile][pitch];
    int c = blockIdx.x * tile + threadIdx.x;
#pragma unroll
    for (int j = 0; j < tile; j += rows) {
        int r = blockIdx.y * tile + threadIdx.y + j;
        if (r < height && c < width) block[threadIdx.y + j][threadIdx.x] = in[r * width + c];
    }
    __syncthreads();
    int r = blockIdx.y * tile + threadIdx.x;
#pragma unroll
    for (int j = 0; j < tile; j += rows) {
        int k = blockIdx.x * tile + threadIdx.y + j;
        if (r < height && k < width) out[k * height + r] = block[threadIdx.x][threadIdx.y + j];
    }
}

extern "C" __global__ void transpose_conflict(int height, int width, const float *__restrict__ in, float *__restrict__ out) {
    through_shared<tile>(height, width, in, out);
}

extern "C" __global__ void transpose_padded(int height, int width, const float *__restrict__ in, float *__restrict__ out) {
    through_shared<tile + 1>(height, width, in, out);
}
