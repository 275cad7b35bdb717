// histogram: counts[v] += number of i with x[i] = v, for 256 values; a block counts in shared memory and adds to global memory
// once. Four bytes a thread and step.
// histogram_global: the same with one global atomic an element; also sums (64 bits), minimum and maximum.

extern "C" __global__ void histogram(int words, const unsigned *__restrict__ x, unsigned *__restrict__ counts) {
    __shared__ unsigned local[256];
    for (int i = threadIdx.x; i < 256; i += blockDim.x) local[i] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < words; i += gridDim.x * blockDim.x) {
        unsigned w = x[i];
        atomicAdd(&local[w & 255], 1u);
        atomicAdd(&local[(w >> 8) & 255], 1u);
        atomicAdd(&local[(w >> 16) & 255], 1u);
        atomicAdd(&local[w >> 24], 1u);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x)
        if (local[i] != 0) atomicAdd(&counts[i], local[i]);
}

extern "C" __global__ void histogram_global(int n, const unsigned char *__restrict__ x, unsigned *__restrict__ counts,
                                            unsigned long long *sum, int *lowest, int *highest) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int v = x[i];
    atomicAdd(&counts[v], 1u);
    atomicAdd(sum, (unsigned long long)v);
    atomicMin(lowest, v);
    atomicMax(highest, v);
}
