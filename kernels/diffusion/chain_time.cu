// chain_time: t[n] = table[chain_index], NaN where the chain index lies outside the table.
// Layout: table and t float32, one element a row, each at its own pitch. One thread writes one element.
// Bytes: 4 written an element, each in a sector of its own where the pitch is 8.
#include "state.cuh"

extern "C" __global__ void __launch_bounds__(256)
chain_time(const StepState *__restrict__ state, const float *__restrict__ table, int steps, int table_pitch, int count, int pitch,
           float *__restrict__ t) {
    long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= count) return;
    unsigned i = state->chain_index;
    t[n * pitch] = i < (unsigned)steps ? table[(long long)i * table_pitch] : __int_as_float(0x7fffffff);
}
