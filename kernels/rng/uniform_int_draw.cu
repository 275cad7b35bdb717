// uniform_int_draw: t[n] = high half of w max, an integer of 0 .. max-1, w the first word drawn for (seed, sample_base + n, step,
// stream). Layout: t int32, one element a row at distance pitch. One thread draws one number.
// Bytes: 4 written an element, each in a sector of its own where the pitch is 8. Work: about 60 integer operations.
#include "philox.cuh"

extern "C" __global__ void __launch_bounds__(256)
uniform_int_draw(const StepState *__restrict__ state, unsigned stream, int count, int max, int pitch, int *__restrict__ t) {
    long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n < count) t[n * pitch] = (int)__umulhi(draw4(draw_key(state), stream, (unsigned)n, 0).x, (unsigned)max);
}
