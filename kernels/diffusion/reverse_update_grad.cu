// reverse_update_grad: the gradient of reverse_update (reverse.cuh) for dy, the gradient of x_prev:
//   dx = c_x dy + a c_0 dy, dout = c_out dy + b c_0 dy, dz = sigma dy; the terms of c_0 are left out where x_0 is clamped.
// Layout: x, out, dy, dx, dout, dz float32 of one shape, each at its own pitch; table float32 of eight columns.
//   reverse_update_grad_vector   rows without pads, sizes that are multiples of 4: 16-byte accesses, i counts groups of four
//   reverse_update_grad          any pitch, any size: i counts elements
// Bytes: 24 an element. Work: 10 FLOPs an element.
#include "divide.cuh"
#include "reverse.cuh"

struct Gradients {
    float x, out, z;
};

__device__ __forceinline__ Gradients pass(const Step &k, float x, float out, float dy) {
    float x0 = k.clean(x, out), through = clamps(x0, k.clip) ? 0.0f : k.prev.x0 * dy;
    return {k.prev.x * dy + k.x0_from_x * through, k.prev.out * dy + k.x0_from_out * through, k.prev.z * dy};
}

extern "C" __global__ void __launch_bounds__(256)
reverse_update_grad_vector(const StepState *__restrict__ state, Table table, unsigned total, int repeat, const float4 *__restrict__ x,
                           const float4 *__restrict__ out, const float4 *__restrict__ dy, float4 *__restrict__ dx,
                           float4 *__restrict__ dout, float4 *__restrict__ dz) {
    Step k = step_of(table, state);
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        float4 a = x[i], b = out[i], d = dy[i];
        Gradients g0 = pass(k, a.x, b.x, d.x), g1 = pass(k, a.y, b.y, d.y), g2 = pass(k, a.z, b.z, d.z), g3 = pass(k, a.w, b.w, d.w);
        dx[i] = make_float4(g0.x, g1.x, g2.x, g3.x);
        dout[i] = make_float4(g0.out, g1.out, g2.out, g3.out);
        dz[i] = make_float4(g0.z, g1.z, g2.z, g3.z);
    }
}

// Pitches are the distances between rows in elements.
struct Pitches {
    int x, out, dy, dx, dout, dz;
};

extern "C" __global__ void __launch_bounds__(256)
reverse_update_grad(const StepState *__restrict__ state, Table table, unsigned total, int repeat, unsigned channels, Divisor by_channels,
                    Pitches pitch, const float *__restrict__ x, const float *__restrict__ out, const float *__restrict__ dy,
                    float *__restrict__ dx, float *__restrict__ dout, float *__restrict__ dz) {
    Step k = step_of(table, state);
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < total; r++, i += blockDim.x) {
        unsigned q = quotient(i, by_channels);
        long long row = q, c = i - q * channels;
        Gradients g = pass(k, x[row * pitch.x + c], out[row * pitch.out + c], dy[row * pitch.dy + c]);
        dx[row * pitch.dx + c] = g.x;
        dout[row * pitch.dout + c] = g.out;
        dz[row * pitch.dz + c] = g.z;
    }
}
