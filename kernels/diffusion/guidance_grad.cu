// guidance_grad: dout[n] = w dy[n], dout[N+n] = (1 - w) dy[n], w the step's guidance: the gradient of guidance.
// Layout: dy (N images) and dout (2N images) float32, each at its own pitch; the second half of dout starts half elements after
// the first.
//   guidance_grad_vector   rows without pads, image sizes that are multiples of 4: 16-byte accesses, i counts groups of four
//   guidance_grad          any pitch, any size: i counts elements
// Bytes: 12 an element of dy. Work: 2 FLOPs.
#include "divide.cuh"
#include "state.cuh"

extern "C" __global__ void __launch_bounds__(256)
guidance_grad_vector(const StepState *__restrict__ state, unsigned total, int repeat, const float4 *__restrict__ dy,
                     float4 *__restrict__ dout) {
    float w = state->guidance, v = 1 - w;
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        float4 d = dy[i];
        dout[i] = make_float4(w * d.x, w * d.y, w * d.z, w * d.w);
        dout[(long long)total + i] = make_float4(v * d.x, v * d.y, v * d.z, v * d.w);
    }
}

extern "C" __global__ void __launch_bounds__(256)
guidance_grad(const StepState *__restrict__ state, unsigned total, int repeat, unsigned channels, Divisor by_channels, long long half,
              int dy_pitch, int dout_pitch, const float *__restrict__ dy, float *__restrict__ dout) {
    float w = state->guidance, v = 1 - w;
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        unsigned q = quotient(i, by_channels);
        long long row = q, c = i - q * channels;
        float d = dy[row * dy_pitch + c];
        float *at = dout + row * dout_pitch + c;
        at[0] = w * d;
        at[half] = v * d;
    }
}
