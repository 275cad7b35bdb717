// Inclusive prefix sums of each block's slice: y[i] = sum of x[j] for j <= i in the same block.
// scan_shfl: up-shuffles inside a warp, then the warps' totals are scanned by the first warp.
// scan_double_buffer: Hillis and Steele (1986): log2(n) steps between two halves of shared memory.
// scan_work_efficient: Blelloch (1990): up-sweep and down-sweep in place; exclusive: y[i] = sum of x[j] for j < i.

extern "C" __global__ void scan_shfl(int n, const int *__restrict__ x, int *__restrict__ y) {
    __shared__ int totals[32];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t, lane = t & 31, warp = t >> 5;
    int v = i < n ? x[i] : 0;
#pragma unroll
    for (int d = 1; d < 32; d <<= 1) {
        int other = __shfl_up_sync(0xffffffffu, v, d);
        if (lane >= d) v += other;
    }
    if (lane == 31) totals[warp] = v;
    __syncthreads();
    if (warp == 0) {
        int total = lane < (int)blockDim.x / 32 ? totals[lane] : 0;
#pragma unroll
        for (int d = 1; d < 32; d <<= 1) {
            int other = __shfl_up_sync(0xffffffffu, total, d);
            if (lane >= d) total += other;
        }
        totals[lane] = total;
    }
    __syncthreads();
    if (warp > 0) v += totals[warp - 1];
    if (i < n) y[i] = v;
}

extern "C" __global__ void scan_double_buffer(int n, const float *__restrict__ x, float *__restrict__ y) {
    extern __shared__ float buffer[];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t, size = blockDim.x;
    int from = 0, to = size;
    buffer[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    for (int d = 1; d < size; d <<= 1) {
        buffer[to + t] = t >= d ? buffer[from + t] + buffer[from + t - d] : buffer[from + t];
        __syncthreads();
        int swap = from;
        from = to;
        to = swap;
    }
    if (i < n) y[i] = buffer[from + t];
}

extern "C" __global__ void scan_work_efficient(int n, const unsigned *__restrict__ x, unsigned *__restrict__ y) {
    extern __shared__ unsigned tree[];
    int t = threadIdx.x, size = 2 * blockDim.x, base = blockIdx.x * size;
    tree[2 * t] = base + 2 * t < n ? x[base + 2 * t] : 0;
    tree[2 * t + 1] = base + 2 * t + 1 < n ? x[base + 2 * t + 1] : 0;
    int offset = 1;
    for (int d = size >> 1; d > 0; d >>= 1, offset <<= 1) {
        __syncthreads();
        if (t < d) tree[offset * (2 * t + 2) - 1] += tree[offset * (2 * t + 1) - 1];
    }
    if (t == 0) tree[size - 1] = 0;
    for (int d = 1; d < size; d <<= 1) {
        offset >>= 1;
        __syncthreads();
        if (t < d) {
            int left = offset * (2 * t + 1) - 1, right = offset * (2 * t + 2) - 1;
            unsigned old = tree[left];
            tree[left] = tree[right];
            tree[right] += old;
        }
    }
    __syncthreads();
    if (base + 2 * t < n) y[base + 2 * t] = tree[2 * t];
    if (base + 2 * t + 1 < n) y[base + 2 * t + 1] = tree[2 * t + 1];
}
