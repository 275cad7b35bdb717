// label_dropout: y[n] = null where the uniform number of the first word drawn for (seed, sample_base + n, step, stream) lies below
// the probability, else labels[n] (Ho and Salimans 2022, algorithm 1).
// Layout: labels and y int32, one element a row, each at its own pitch. One thread takes one label.
// Bytes: 8 an element, each in sectors of its own where the pitch is 8. Work: about 60 integer operations.
#include "philox.cuh"

extern "C" __global__ void __launch_bounds__(256)
label_dropout(const StepState *__restrict__ state, unsigned stream, float probability, int null, int count, int label_pitch, int pitch,
              const int *__restrict__ labels, int *__restrict__ y) {
    long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= count) return;
    float u = uniform(draw4(draw_key(state), stream, (unsigned)n, 0).x);
    y[n * pitch] = u < probability ? null : labels[n * label_pitch];
}
