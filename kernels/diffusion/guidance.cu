// guidance: y[n] = u + w (c - u), c = out[n], u = out[N+n], w the step's guidance (Ho and Salimans 2022, equation 6).
// Layout: out (2N images) and y (N images) float32, each at its own pitch; the second half of out starts half elements after
// the first.
//   guidance_vector   rows without pads, image sizes that are multiples of 4: 16-byte accesses, i counts groups of four
//   guidance          any pitch, any size: i counts elements
// Bytes: 12 an element of y. Work: 3 FLOPs.
#include "divide.cuh"
#include "state.cuh"

__device__ __forceinline__ float combine(float w, float c, float u) { return u + w * (c - u); }

extern "C" __global__ void __launch_bounds__(256)
guidance_vector(const StepState *__restrict__ state, unsigned total, int repeat, const float4 *__restrict__ out, float4 *__restrict__ y) {
    float w = state->guidance;
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        float4 c = out[i], u = out[(long long)total + i];
        y[i] = make_float4(combine(w, c.x, u.x), combine(w, c.y, u.y), combine(w, c.z, u.z), combine(w, c.w, u.w));
    }
}

extern "C" __global__ void __launch_bounds__(256)
guidance(const StepState *__restrict__ state, unsigned total, int repeat, unsigned channels, Divisor by_channels, long long half,
         int out_pitch, int y_pitch, const float *__restrict__ out, float *__restrict__ y) {
    float w = state->guidance;
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        unsigned q = quotient(i, by_channels);
        long long row = q, c = i - q * channels;
        const float *at = out + row * out_pitch + c;
        y[row * y_pitch + c] = combine(w, at[0], at[half]);
    }
}
