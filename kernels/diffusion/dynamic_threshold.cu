// dynamic_threshold: for each sample the quantile of |a x + b out| over its elements, held to 1..most, with the row
// table[chain_index] = (a, b, ..) of reverse_update (Saharia et al. 2022, section 2.3). The quantile lies between the order statistics
// below and below + 1, linearly. A sample with a NaN gives NaN, as does a chain index outside the table.
// Layout: x, out float32, image elements in rows of C, each at its own pitch; limit float32, one element a row.
// One block takes one sample. Numbers that are not negative sort as their bits: four passes count the elements that share the bits found so
// far by their next eight bits, in shared memory, and follow the wanted rank into one bin; the fifth finds the next greater number.
// Integer counts only: the same bits on every run. Bytes: 8 an element, five times, all but the first from the cache where a sample fits.
#include "divide.cuh"
#include "reverse.cuh"

constexpr int THREADS = 512, BINS = 256, PER_LANE = BINS / 32;

struct Sample {
    const float *x, *out;
    long long x_pitch, out_pitch;
    unsigned channels;
    Divisor by_channels;
    float from_x, from_out;

    // bits returns those of |x_0| of element i.
    __device__ __forceinline__ unsigned bits(unsigned i) const {
        unsigned row = quotient(i, by_channels), c = i - row * channels;
        return __float_as_uint(from_x * x[row * x_pitch + c] + from_out * out[row * out_pitch + c]) & 0x7fffffffu;
    }
};

// Found is what a pass leaves: the bits of the wanted element so far, and its rank among those that share them.
struct Found {
    unsigned prefix, left;
};

// follow lets the first warp find the bin that holds rank left: each lane counts its own eight bins.
__device__ __forceinline__ void follow(const unsigned *count, int shift, Found *found) {
    unsigned lane = threadIdx.x, mine[PER_LANE], sum = 0, left = found->left;
#pragma unroll
    for (int k = 0; k < PER_LANE; k++) sum += mine[k] = count[lane * PER_LANE + k];
    unsigned before = sum;
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        unsigned other = __shfl_up_sync(0xffffffffu, before, d);
        if (lane >= d) before += other;
    }
    before -= sum;
    __syncwarp();
    if (before <= left && left < before + sum) {
        left -= before;
        unsigned digit = lane * PER_LANE, k = 0;
#pragma unroll
        for (int j = 0; j < PER_LANE - 1; j++)
            if (k == j && left >= mine[j]) {
                left -= mine[j];
                k++;
            }
        found->prefix |= (digit + k) << shift;
        found->left = left;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
dynamic_threshold(const StepState *__restrict__ state, Table table, unsigned size, unsigned channels, Divisor by_channels, unsigned pixels,
                  int x_pitch, int out_pitch, int limit_pitch, unsigned below, float share, float most, const float *__restrict__ x,
                  const float *__restrict__ out, float *__restrict__ limit) {
    __shared__ unsigned count[BINS];
    __shared__ Found found;
    __shared__ unsigned next, equal, bad;
    long long n = blockIdx.x;
    Sample s = {x + n * pixels * x_pitch, out + n * pixels * out_pitch, x_pitch, out_pitch, channels, by_channels, 0, 0};
    unsigned step = state->chain_index;
    const float *row = table.rows + (long long)step * table.pitch;
    s.from_x = step < (unsigned)table.steps ? row[X0_FROM_X] : __int_as_float(0x7fffffff);
    s.from_out = step < (unsigned)table.steps ? row[X0_FROM_OUT] : __int_as_float(0x7fffffff);
    if (threadIdx.x == 0) {
        found = {0, below};
        next = 0xffffffffu;
        equal = bad = 0;
    }
#pragma unroll 1
    for (int shift = 24; shift >= 0; shift -= 8) {
        if (threadIdx.x < BINS) count[threadIdx.x] = 0;
        __syncthreads();
        unsigned prefix = found.prefix, mask = shift == 24 ? 0 : 0xffffffffu << (shift + 8);
        for (unsigned i = threadIdx.x; i < size; i += THREADS) {
            unsigned bits = s.bits(i);
            if ((bits & mask) == prefix) atomicAdd(&count[bits >> shift & 255], 1);
        }
        __syncthreads();
        if (threadIdx.x < 32) follow(count, shift, &found);
        __syncthreads();
    }
    unsigned prefix = found.prefix;
    for (unsigned i = threadIdx.x; i < size; i += THREADS) {
        unsigned bits = s.bits(i);
        if (bits > 0x7f800000u) atomicOr(&bad, 1);
        if (bits == prefix) atomicAdd(&equal, 1);
        if (bits > prefix) atomicMin(&next, bits);
    }
    __syncthreads();
    if (threadIdx.x > 0) return;
    float low = __uint_as_float(prefix), high = found.left + 1 < equal || next == 0xffffffffu ? low : __uint_as_float(next);
    float quantile = low + share * (high - low);
    limit[n * limit_pitch] = bad ? __int_as_float(0x7fffffff) : fminf(fmaxf(quantile, 1.0f), most);
}
