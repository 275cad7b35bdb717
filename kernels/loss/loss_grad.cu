// loss_grad: dpred = loss_scale dmean weight[n] / (N H W C) times the derivative of the element loss of pred - target (loss.cuh).
// Layout: pred, target, dpred float32, rows of C, each at its own pitch; weight float32, one element a row; dmean one element.
//   loss_grad_vector_KIND   rows without pads, sample sizes that are multiples of 4: 16-byte accesses, i counts groups of four
//   loss_grad_KIND          any pitch: i counts elements
// Bytes: 12 an element. Work: 3 FLOPs an element.
#include "divide.cuh"
#include "loss.cuh"
#include "state.cuh"

// Factors are what the derivative is multiplied by; absent weights and gradients of the mean are null pointers.
struct Factors {
    const float *weight, *dmean;
    int weight_pitch;
    float delta, one_over_elements;

    __device__ __forceinline__ float all(const StepState *state) const {
        float f = state->loss_scale * one_over_elements;
        return dmean ? f * *dmean : f;
    }
};

template <int KIND>
__device__ __forceinline__ void grad_vector(const StepState *state, const Factors &f, unsigned total, int repeat, Divisor by_sample,
                                            const float4 *pred, const float4 *target, float4 *dpred) {
    float all = f.all(state), scale = all;
    unsigned of = total, i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        float4 x = pred[i], y = target[i];
        if (f.weight) {
            unsigned n = quotient(i, by_sample);
            if (n != of) scale = all * f.weight[(long long)(of = n) * f.weight_pitch];
        }
        dpred[i] = make_float4(scale * loss_derivative<KIND>(x.x - y.x, f.delta), scale * loss_derivative<KIND>(x.y - y.y, f.delta),
                               scale * loss_derivative<KIND>(x.z - y.z, f.delta), scale * loss_derivative<KIND>(x.w - y.w, f.delta));
    }
}

// Rows tells how samples lie in memory.
struct Rows {
    unsigned channels;
    Divisor by_channels, by_pixels;
    int pred, target, dpred; // pitches
};

template <int KIND>
__device__ __forceinline__ void grad_rows(const StepState *state, const Factors &f, unsigned total, int repeat, const Rows &rows,
                                          const float *pred, const float *target, float *dpred) {
    float all = f.all(state), scale = all;
    unsigned of = total, i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        unsigned q = quotient(i, rows.by_channels);
        long long row = q, c = i - q * rows.channels;
        float d = pred[row * rows.pred + c] - target[row * rows.target + c];
        if (f.weight) {
            unsigned n = quotient(q, rows.by_pixels);
            if (n != of) scale = all * f.weight[(long long)(of = n) * f.weight_pitch];
        }
        dpred[row * rows.dpred + c] = scale * loss_derivative<KIND>(d, f.delta);
    }
}

#define LOSS_GRAD(kind)                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(256)                                                                                    \
        loss_grad_vector_##kind(const StepState *__restrict__ state, Factors f, unsigned total, int repeat, Divisor by_sample,           \
                                const float4 *__restrict__ pred, const float4 *__restrict__ target, float4 *__restrict__ dpred) {        \
        grad_vector<kind>(state, f, total, repeat, by_sample, pred, target, dpred);                                                      \
    }                                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(256)                                                                                    \
        loss_grad_##kind(const StepState *__restrict__ state, Factors f, unsigned total, int repeat, Rows rows,                          \
                         const float *__restrict__ pred, const float *__restrict__ target, float *__restrict__ dpred) {                  \
        grad_rows<kind>(state, f, total, repeat, rows, pred, target, dpred);                                                             \
    }

LOSS_GRAD(mse)
LOSS_GRAD(huber)
LOSS_GRAD(l1)
