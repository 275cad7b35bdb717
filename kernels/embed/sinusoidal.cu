// sinusoidal: y[n] = [sin(t f_k), cos(t f_k)], f_k = exp(-rate k), k < half (Vaswani et al. 2017, section 3.5; Ho et al. 2020); flip
// puts the cosines first, an odd dimension ends with a zero.
// Layout: t one int32 or float32 a row; y float32 rows of dim, each at its own pitch. One thread computes a sine and a cosine.
// The phase is float64 as on the host: times of thousands leave no digits to float32.
// Bytes: 4 written an element. Work: about 40 float64 and 20 float32 operations for two elements.
#include "divide.cuh"
#include "sincos.cuh"

extern "C" __global__ void __launch_bounds__(128)
sinusoidal(const void *__restrict__ t, int integer, int t_pitch, unsigned total, unsigned half, Divisor by_half, int dim, int flip,
           double rate, int pitch, float *__restrict__ y) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= total) return;
    unsigned q = quotient(i, by_half), k = i - q * half;
    long long n = q;
    float2 sc = sincos_quarters(time_of(t, integer, n * t_pitch) * (exp(-rate * (double)k) * quarters_per_radian));
    float *row = y + n * pitch;
    row[k] = flip ? sc.y : sc.x;
    row[half + k] = flip ? sc.x : sc.y;
    if (k == 0 && dim & 1) row[dim - 1] = 0;
}
