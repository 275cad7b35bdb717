// fourier: y[n] = [sin(p_k), cos(p_k)], p_k = 2 pi w_k t or 2 pi w_k log(t) (Song et al. 2021, appendix C.2; Tancik et al. 2020); flip puts
// the cosines first. The phase is rounded to float32 at every step, as the operator defines it: logarithm, times w, times 2,
// times pi.
// Layout: t one int32 or float32 a row; w float32, one row; y float32 rows of 2 half at distance pitch. One thread computes a
// sine and a cosine. Bytes: 4 written an element. Work: about 60 float64 and 20 float32 operations for two elements.
#include "divide.cuh"
#include "sincos.cuh"

extern "C" __global__ void __launch_bounds__(128)
fourier(const void *__restrict__ t, int integer, int t_pitch, const float *__restrict__ w, unsigned total, unsigned half, Divisor by_half,
        int logarithm, int flip, int pitch, float *__restrict__ y) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= total) return;
    unsigned q = quotient(i, by_half), k = i - q * half;
    long long n = q;
    float x = (float)time_of(t, integer, n * t_pitch);
    if (logarithm) x = (float)log((double)x);
    float phase = __fmul_rn(__fmul_rn(__fmul_rn(x, w[k]), 2.0f), 3.14159274101257324219f);
    float2 sc = sincos_quarters((double)phase * quarters_per_radian);
    float *row = y + n * pitch;
    row[k] = flip ? sc.y : sc.x;
    row[half + k] = flip ? sc.x : sc.y;
}
