// normal_draw: y = standard normals, element e (the H,W,C index) of image n drawn for (seed, sample_base + n, step, stream).
// Layout: y float32, image elements in rows of C at distance pitch. One thread draws one Philox group, four elements.
//   normal_draw_vector   rows without pads and image sizes that are multiples of 4: one 16-byte store a thread
//   normal_draw          any pitch, any size
// Bytes: 4 written an element. Work: about 60 integer and 60 float32 operations for four elements.
#include "philox.cuh"

extern "C" __global__ void __launch_bounds__(256)
normal_draw_vector(const StepState *__restrict__ state, unsigned stream, int images, int groups, float *__restrict__ y) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (long long)images * groups) return;
    int n = (int)(i / groups);
    reinterpret_cast<float4 *>(y)[i] = normal4(draw4(*state, stream, n, (unsigned)(i - (long long)n * groups)));
}

extern "C" __global__ void __launch_bounds__(256)
normal_draw(const StepState *__restrict__ state, unsigned stream, int images, int size, int c, int pitch, float *__restrict__ y) {
    int groups = (size + 3) / 4;
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (long long)images * groups) return;
    int n = (int)(i / groups), group = (int)(i - (long long)n * groups);
    float4 z = normal4(draw4(*state, stream, n, group));
    float v[4] = {z.x, z.y, z.z, z.w};
    long long rows = (long long)n * (size / c);
#pragma unroll
    for (int k = 0; k < 4; k++) {
        int e = 4 * group + k;
        if (e < size) y[(rows + e / c) * pitch + e % c] = v[k];
    }
}
