// Operations across the threads of a warp; each thread writes 28 words in the order below.
// warp_ops: votes, match, redux, all modes of shfl with segments, activemask in a divergent branch, masks of part of a warp.
// aggregate: a warp-aggregated atomic counter: the leader of the active threads adds once for all (order inside a warp is by lane).

extern "C" __global__ void warp_ops(const int *__restrict__ x, int *__restrict__ out) {
    const unsigned all = 0xffffffffu;
    int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x & 31, v = x[i];
    int *o = out + 28 * i;
    o[0] = __all_sync(all, v > -100);
    o[1] = __any_sync(all, v > 90);
    o[2] = __ballot_sync(all, v & 1);
    int same;
    o[3] = __match_any_sync(all, v & 7);
    o[4] = __match_all_sync(all, v >> 8, &same);
    o[5] = same;
    o[6] = __reduce_add_sync(all, v);
    o[7] = __reduce_min_sync(all, v);
    o[8] = __reduce_max_sync(all, v);
    o[9] = __reduce_min_sync(all, (unsigned)v);
    o[10] = __reduce_max_sync(all, (unsigned)v);
    o[11] = __reduce_and_sync(all, (unsigned)v);
    o[12] = __reduce_or_sync(all, (unsigned)v);
    o[13] = __reduce_xor_sync(all, (unsigned)v);
    o[14] = __shfl_sync(all, v, 5);
    o[15] = __shfl_sync(all, v, lane * 7 + 3);
    o[16] = __shfl_sync(all, v, 3, 8);
    o[17] = __shfl_up_sync(all, v, 3);
    o[18] = __shfl_up_sync(all, v, 2, 8);
    o[19] = __shfl_down_sync(all, v, 9);
    o[20] = __shfl_down_sync(all, v, 3, 16);
    o[21] = __shfl_xor_sync(all, v, 13);
    o[22] = __shfl_xor_sync(all, v, 5, 4);
    if (v & 2) {
        o[23] = __activemask();
        o[24] = __popc(__ballot_sync(__activemask(), v & 4));
    } else {
        o[23] = ~__activemask();
        o[24] = __reduce_add_sync(__activemask(), lane);
    }
    __syncwarp();
    unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
    o[25] = __shfl_xor_sync(half, v, 15, 16);
    o[26] = __any_sync(half, v == 7);
    double d = __shfl_down_sync(all, (double)v * 1.5, 1);
    o[27] = (int)d;
}

extern "C" __global__ void aggregate(int n, int limit, const int *__restrict__ x, int *counter, int *__restrict__ kept) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n || x[i] >= limit) return;
    unsigned active = __activemask();
    int lane = threadIdx.x & 31, leader = __ffs(active) - 1, base = 0;
    if (lane == leader) base = atomicAdd(counter, __popc(active));
    base = __shfl_sync(active, base, leader);
    kept[base + __popc(active & ((1u << lane) - 1))] = x[i];
}
