// Cooperative groups as the toolkit's headers expand them. tiles: sums and maxima over tiles of 16 threads, shuffles and votes inside a tile.
// coalesced: ranks among the threads of a divergent branch.

#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>

namespace cg = cooperative_groups;

extern "C" __global__ void tiles(const int *__restrict__ x, int *__restrict__ out) {
    auto block = cg::this_thread_block();
    auto tile = cg::tiled_partition<16>(block);
    int i = block.group_index().x * block.size() + block.thread_rank(), v = x[i];
    int *o = out + 5 * i;
    o[0] = cg::reduce(tile, v, cg::plus<int>());
    o[1] = cg::reduce(tile, v, cg::greater<int>());
    o[2] = tile.shfl_xor(v, 3);
    o[3] = tile.any(v == 7) + 2 * tile.all(v > -90) + 4 * tile.meta_group_rank();
    o[4] = tile.ballot(v & 1);
    block.sync();
}

extern "C" __global__ void coalesced(const int *__restrict__ x, int *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = -1;
    if (x[i] & 1) {
        auto active = cg::coalesced_threads();
        out[i] = active.thread_rank() + 100 * active.size();
    }
}
