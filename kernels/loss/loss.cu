// loss: perSample[n] = mean over the elements of sample n of an element loss of d = pred - target (loss.cuh), mean = mean over the
// samples of weight[n] perSample[n]. Sums are taken in a fixed order: the same bits on every run.
// Layout: pred, target float32, rows of C, each at its own pitch; weight and perSample float32, one element a row.
//   loss_sum_vector_KIND   sums of parts of samples: 2^lane_bits lanes take one part together. Rows without pads, sample sizes
//                          that are multiples of 4: 16-byte accesses
//   loss_sum_KIND          the same at any pitch: neighbouring lanes take neighbouring elements
//   loss_mean              one block: perSample from the sums of its parts, then the mean
// Bytes: 8 an element, and 8 for each part. Work: 3 FLOPs an element.
#include "divide.cuh"
#include "loss.cuh"
#include "reduce.cuh"

// Parts cuts samples of size elements into parts of part_size each; there are total parts in all samples.
struct Parts {
    unsigned total, parts, size, part_size, lane_bits;
    Divisor by_parts;
};

// Part is what a thread's lanes sum: elements first, first + 1, .. end - 1 of a sample, none past the last part.
struct Part {
    unsigned index, sample, first, end, lane;
};

__device__ __forceinline__ Part part_of(const Parts &p) {
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x, index = thread >> p.lane_bits, lane = thread & ((1u << p.lane_bits) - 1);
    unsigned sample = quotient(index, p.by_parts), first = (index - sample * p.parts) * p.part_size;
    return {index, sample, first, index < p.total ? min(first + p.part_size, p.size) : first, lane};
}

// lanes_sum adds up over 2^bits neighbouring lanes; every lane of the warp must take part.
__device__ __forceinline__ float lanes_sum(float x, unsigned bits) {
    for (int d = 1 << bits >> 1; d > 0; d >>= 1) x += __shfl_xor_sync(0xffffffffu, x, d);
    return x;
}

template <int KIND>
__device__ __forceinline__ void sum_vector(const Parts &p, float delta, const float *pred, const float *target, float *sums) {
    Part part = part_of(p);
    long long from = (long long)part.sample * p.size;
    const float4 *a = reinterpret_cast<const float4 *>(pred + from), *b = reinterpret_cast<const float4 *>(target + from);
    float sum = 0;
#pragma unroll 4
    for (unsigned i = part.first / 4 + part.lane; i < part.end / 4; i += 1u << p.lane_bits) {
        float4 x = a[i], y = b[i];
        float v0 = loss_value<KIND>(x.x - y.x, delta), v1 = loss_value<KIND>(x.y - y.y, delta);
        float v2 = loss_value<KIND>(x.z - y.z, delta), v3 = loss_value<KIND>(x.w - y.w, delta);
        sum += (v0 + v1) + (v2 + v3);
    }
    sum = lanes_sum(sum, p.lane_bits);
    if (part.lane == 0 && part.index < p.total) sums[part.index] = sum;
}

// Rows tells how samples lie in memory.
struct Rows {
    unsigned pixels, channels;
    Divisor by_channels;
    int pred, target; // pitches
};

template <int KIND>
__device__ __forceinline__ void sum_rows(const Parts &p, const Rows &rows, float delta, const float *pred, const float *target,
                                         float *sums) {
    Part part = part_of(p);
    long long from = (long long)part.sample * rows.pixels;
    float sum = 0;
#pragma unroll 4
    for (unsigned i = part.first + part.lane; i < part.end; i += 1u << p.lane_bits) {
        unsigned q = quotient(i, rows.by_channels);
        long long row = from + q, c = i - q * rows.channels;
        sum += loss_value<KIND>(pred[row * rows.pred + c] - target[row * rows.target + c], delta);
    }
    sum = lanes_sum(sum, p.lane_bits);
    if (part.lane == 0 && part.index < p.total) sums[part.index] = sum;
}

#define LOSS_SUM(kind)                                                                                                                   \
    extern "C" __global__ void __launch_bounds__(128) loss_sum_vector_##kind(Parts p, float delta, const float *__restrict__ pred,       \
                                                                             const float *__restrict__ target, float *__restrict__ sums) { \
        sum_vector<kind>(p, delta, pred, target, sums);                                                                                  \
    }                                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(128) loss_sum_##kind(Parts p, Rows rows, float delta, const float *__restrict__ pred,   \
                                                                      const float *__restrict__ target, float *__restrict__ sums) {      \
        sum_rows<kind>(p, rows, delta, pred, target, sums);                                                                              \
    }

LOSS_SUM(mse)
LOSS_SUM(huber)
LOSS_SUM(l1)

extern "C" __global__ void __launch_bounds__(1024)
loss_mean(const float *__restrict__ sums, int samples, int parts, int lane_bits, float size, const float *__restrict__ weight,
          int weight_pitch, float *__restrict__ mean, float *__restrict__ per_sample, int per_sample_pitch) {
    __shared__ float room[32];
    int lane = threadIdx.x & ((1 << lane_bits) - 1), together = blockDim.x >> lane_bits;
    float total = 0;
#pragma unroll 1
    for (int first = 0; first < samples; first += together) {
        long long n = first + (threadIdx.x >> lane_bits);
        float sum = 0;
        if (n < samples)
#pragma unroll 1
            for (int k = lane; k < parts; k += 1 << lane_bits) sum += sums[n * parts + k];
        sum = lanes_sum(sum, lane_bits);
        if (n < samples && lane == 0) {
            float own = __fdiv_rn(sum, size);
            per_sample[n * per_sample_pitch] = own;
            total += weight ? own * weight[n * weight_pitch] : own;
        }
    }
    total = block_sum(total, room);
    if (threadIdx.x == 0) *mean = __fdiv_rn(total, (float)samples);
}
