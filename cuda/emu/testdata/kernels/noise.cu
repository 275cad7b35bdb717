// noise: the forward process of DDPM (Ho et al. 2020, equation 4), x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps.
// eps are standard normals from Philox4x32-10 and Box-Muller: counter = (element / 4, sample, step, stream), key = seed.
// blockIdx.y is the sample; four elements a thread; every operation is a separate float32 rounding.
// philox_words: the generator's raw words, four a thread, counter = (thread, 0, 0, 0).

#include "philox.cuh"

extern "C" __global__ void noise(int elements, const float *__restrict__ x0, const float2 *__restrict__ coefficients, uint2 seed,
                                 unsigned step, unsigned stream, float *__restrict__ xt, float *__restrict__ eps) {
    int quad = blockIdx.x * blockDim.x + threadIdx.x;
    int sample = blockIdx.y;
    int first = 4 * quad;
    if (first >= elements) return;
    uint4 words = philox4x32_10(make_uint4(quad, sample, step, stream), seed);
    float2 n01 = box_muller(words.x, words.y);
    float2 n23 = box_muller(words.z, words.w);
    float2 k = coefficients[sample];
    size_t at = (size_t)sample * elements + first;
    if (first + 4 <= elements && elements % 4 == 0) {
        float4 x = *reinterpret_cast<const float4 *>(x0 + at);
        float4 y = make_float4(__fadd_rn(__fmul_rn(k.x, x.x), __fmul_rn(k.y, n01.x)), __fadd_rn(__fmul_rn(k.x, x.y), __fmul_rn(k.y, n01.y)),
                               __fadd_rn(__fmul_rn(k.x, x.z), __fmul_rn(k.y, n23.x)), __fadd_rn(__fmul_rn(k.x, x.w), __fmul_rn(k.y, n23.y)));
        *reinterpret_cast<float4 *>(xt + at) = y;
        *reinterpret_cast<float4 *>(eps + at) = make_float4(n01.x, n01.y, n23.x, n23.y);
        return;
    }
    float n[4] = {n01.x, n01.y, n23.x, n23.y};
#pragma unroll
    for (int j = 0; j < 4; j++) {
        if (first + j < elements) {
            xt[at + j] = __fadd_rn(__fmul_rn(k.x, x0[at + j]), __fmul_rn(k.y, n[j]));
            eps[at + j] = n[j];
        }
    }
}

extern "C" __global__ void philox_words(int quads, uint2 key, uint4 *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < quads) out[i] = philox4x32_10(make_uint4(i, 0, 0, 0), key);
}
