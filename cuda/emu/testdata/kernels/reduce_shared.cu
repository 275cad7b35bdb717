// sum_shared: out[b] = sum of block b's slice x[b * blockDim.x ...], by a tree in dynamic shared memory: at step d thread i < d adds
// element i + d to element i. blockDim.x is a power of two.
// dot_last_block: out[0] = sum x[i] y[i]; each block writes a partial sum, and the block that finishes last (a counter tells)
// adds the partial sums in ascending order, so that the result does not depend on the order of blocks.

extern "C" __global__ void sum_shared(int n, const float *__restrict__ x, float *__restrict__ out) {
    extern __shared__ float partial[];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
    partial[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    for (int d = blockDim.x / 2; d > 0; d >>= 1) {
        if (t < d) partial[t] += partial[t + d];
        __syncthreads();
    }
    if (t == 0) out[blockIdx.x] = partial[0];
}

extern "C" __global__ void dot_last_block(int n, const float *__restrict__ x, const float *__restrict__ y, volatile float *partials,
                                          unsigned *counter, float *out) {
    __shared__ float partial[256];
    __shared__ bool last;
    int t = threadIdx.x;
    float v = 0;
    for (int i = blockIdx.x * 256 + t; i < n; i += gridDim.x * 256) v += x[i] * y[i];
    partial[t] = v;
    __syncthreads();
    for (int d = 128; d > 0; d >>= 1) {
        if (t < d) partial[t] += partial[t + d];
        __syncthreads();
    }
    if (t == 0) {
        partials[blockIdx.x] = partial[0];
        __threadfence();
        last = atomicInc(counter, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && t == 0) {
        __threadfence();
        float sum = 0;
        for (unsigned b = 0; b < gridDim.x; b++) sum += partials[b];
        *out = sum;
    }
}
