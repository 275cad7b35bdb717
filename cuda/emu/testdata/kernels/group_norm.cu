// group_norm: y = (x - mean) / sqrt(variance + epsilon) * gamma[c] + beta[c], mean and variance over the pixels and channels of one
// group of one sample (Wu and He 2018), biased variance, two passes over NHWC with a pitch of C. A block a (sample, group).
// group_norm_silu fuses x * sigmoid(x).

__device__ __forceinline__ float block_sum(float v, float *partial) {
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v += __shfl_xor_sync(0xffffffffu, v, d);
    __syncthreads();
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    v = 0;
    for (int w = 0; w < (int)blockDim.x / 32; w++) v += partial[w];
    return v;
}

template <bool silu> __device__ __forceinline__ void normalize(int pixels, int C, int groups, float epsilon, const float *x,
                                                               const float *gamma, const float *beta, float *y) {
    __shared__ float partial[32];
    int width = C / groups, first = blockIdx.x * width, count = pixels * width;
    const float *xs = x + (size_t)blockIdx.y * pixels * C + first;
    float *ys = y + (size_t)blockIdx.y * pixels * C + first;
    float sum = 0;
    for (int i = threadIdx.x; i < count; i += blockDim.x) sum += xs[i / width * C + i % width];
    float mean = block_sum(sum, partial) / count;
    float squares = 0;
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        float d = xs[i / width * C + i % width] - mean;
        squares = fmaf(d, d, squares);
    }
    float scale = rsqrtf(block_sum(squares, partial) / count + epsilon);
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        int c = i % width, at = i / width * C + c;
        float v = (xs[at] - mean) * scale * gamma[first + c] + beta[first + c];
        if (silu) v = v / (1.0f + __expf(-v));
        ys[at] = v;
    }
}

extern "C" __global__ void group_norm(int pixels, int C, int groups, float epsilon, const float *__restrict__ x,
                                      const float *__restrict__ gamma, const float *__restrict__ beta, float *__restrict__ y) {
    normalize<false>(pixels, C, groups, epsilon, x, gamma, beta, y);
}

extern "C" __global__ void group_norm_silu(int pixels, int C, int groups, float epsilon, const float *__restrict__ x,
                                           const float *__restrict__ gamma, const float *__restrict__ beta, float *__restrict__ y) {
    normalize<true>(pixels, C, groups, epsilon, x, gamma, beta, y);
}
