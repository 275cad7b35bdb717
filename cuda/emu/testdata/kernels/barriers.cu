// Barriers other than __syncthreads. block_vote: barriers that count, and, or a predicate over the block.
// named: two producer warps and two consumer warps of a block hand over buffers with two named barriers (bar.arrive, bar.sync).
// bitonic: a sort in shared memory, one barrier a step.

extern "C" __global__ void block_vote(const int *__restrict__ x, int *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int count = __syncthreads_count(x[i] > 0);
    int every = __syncthreads_and(x[i] > -50);
    int some = __syncthreads_or(x[i] == 42);
    out[i] = count * 4 + (every != 0) * 2 + (some != 0);
}

extern "C" __global__ void named(int rounds, const int *__restrict__ x, int *__restrict__ y) {
    __shared__ int buffer[64];
    int t = threadIdx.x;
    if (t < 64) {
        for (int r = 0; r < rounds; r++) {
            if (r > 0) asm volatile("bar.sync 2, 128;" ::: "memory");
            buffer[t] = x[r * 64 + t] * 3;
            asm volatile("bar.arrive 1, 128;" ::: "memory");
        }
    } else {
        for (int r = 0; r < rounds; r++) {
            asm volatile("bar.sync 1, 128;" ::: "memory");
            y[r * 64 + t - 64] = buffer[127 - t] + r;
            if (r + 1 < rounds) asm volatile("bar.arrive 2, 128;" ::: "memory");
        }
    }
}

extern "C" __global__ void bitonic(unsigned *v) {
    __shared__ unsigned s[512];
    int t = threadIdx.x;
    unsigned *block = v + blockIdx.x * 512;
    s[t] = block[t];
    s[t + 256] = block[t + 256];
    for (int size = 2; size <= 512; size <<= 1) {
        for (int d = size >> 1; d > 0; d >>= 1) {
            __syncthreads();
            int lo = 2 * t - (t & (d - 1)), hi = lo + d;
            bool ascending = (lo & size) == 0;
            if ((s[lo] > s[hi]) == ascending) {
                unsigned swap = s[lo];
                s[lo] = s[hi];
                s[hi] = swap;
            }
        }
    }
    __syncthreads();
    block[t] = s[t];
    block[t + 256] = s[t + 256];
}
