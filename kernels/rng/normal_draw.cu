// normal_draw: y = standard normals (philox.cuh), element e (the H,W,C index) of image n drawn for (seed, sample_base + n, step,
// stream). Layout: y float32, image elements in rows of C at distance pitch. One thread draws groups of four elements.
//   normal_draw_vector   rows without pads and image sizes that are multiples of 4: one 16-byte store a group
//   normal_draw          any pitch, any size: a warp exchanges its 128 numbers so that neighbouring lanes store neighbours
// Bytes: 4 written an element. Work: about 60 integer and 120 float32 operations for four elements.
#include "groups.cuh"
#include "philox.cuh"

extern "C" __global__ void __launch_bounds__(256)
normal_draw_vector(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, float *__restrict__ y) {
    DrawKey key = draw_key(state);
    unsigned i = blockIdx.x * blockDim.x * repeat + threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < repeat && i < g.total; r++, i += blockDim.x) {
        unsigned n = quotient(i, g.by_groups);
        reinterpret_cast<float4 *>(y)[i] = normal4(draw4(key, stream, n, i - n * g.groups));
    }
}

extern "C" __global__ void __launch_bounds__(256)
normal_draw(const StepState *__restrict__ state, unsigned stream, Groups g, int repeat, int pitch, float *__restrict__ y) {
    __shared__ __align__(16) float room[4 * 256];
    DrawKey key = draw_key(state);
    unsigned lane = threadIdx.x & 31, first = blockIdx.x * blockDim.x * repeat + (threadIdx.x & ~31u);
#pragma unroll 1
    for (int r = 0; r < repeat && first < g.total; r++, first += blockDim.x) {
        unsigned i = first + lane, n = quotient(i, g.by_groups);
        float v[4];
        transpose4(v, normal4(draw4(key, stream, n, i - n * g.groups)), room + 4 * (threadIdx.x & ~31u));
#pragma unroll
        for (int k = 0; k < 4; k++) {
            Element e = element_of(g, 4 * first + 32 * k + lane);
            if (e.exists) y[e.row * pitch + e.channel] = v[k];
        }
    }
}
