// scan_segmented: inclusive sums that restart where head[i] is not 0. A pair (flag, value) is scanned with the associative operator
// (f1, v1) + (f2, v2) = (f1 | f2, f2 ? v2 : v1 + v2), by up-shuffles and then over the warps' last pairs. One block.

struct Pair {
    int flag;
    int value;
};

__device__ __forceinline__ Pair combine(Pair a, Pair b) { return {a.flag | b.flag, b.flag ? b.value : a.value + b.value}; }

__device__ __forceinline__ Pair warp_scan(Pair p, int lane) {
#pragma unroll
    for (int d = 1; d < 32; d <<= 1) {
        Pair other = {__shfl_up_sync(0xffffffffu, p.flag, d), __shfl_up_sync(0xffffffffu, p.value, d)};
        if (lane >= d) p = combine(other, p);
    }
    return p;
}

extern "C" __global__ void scan_segmented(int n, const int *__restrict__ x, const unsigned char *__restrict__ head, int *__restrict__ y) {
    __shared__ Pair totals[32];
    __shared__ Pair carry;
    int t = threadIdx.x, lane = t & 31, warp = t >> 5;
    if (t == 0) carry = {0, 0};
    for (int base = 0; base < n; base += blockDim.x) {
        int i = base + t;
        Pair p = {i < n ? head[i] != 0 : 0, i < n ? x[i] : 0};
        p = warp_scan(p, lane);
        if (lane == 31) totals[warp] = p;
        __syncthreads();
        if (warp == 0) {
            Pair q = lane < (int)blockDim.x / 32 ? totals[lane] : Pair{0, 0};
            totals[lane] = warp_scan(q, lane);
        }
        __syncthreads();
        if (warp > 0) p = combine(totals[warp - 1], p);
        p = combine(carry, p);
        if (i < n) y[i] = p.value;
        __syncthreads();
        if (t == (int)blockDim.x - 1) carry = p;
        __syncthreads();
    }
}
