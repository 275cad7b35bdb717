// copy: y = x; where y accumulates and the micro-batch is not the first, y = y + x. Layout: kernels/include/pointwise.cuh.
//   copy_f32, copy_bf16           16-byte accesses, four in flight a thread
//   copy_any_f32, copy_any_bf16   any pitch and alignment
// Bytes an element: 8 (f32), 4 (bf16), 12 and 6 where it adds. FLOPs: 0, or 1.
#include "pointwise.cuh"
#include "state.cuh"

#define COPY(name, T, N)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256)                                                                        \
    name(int rows, int c, int last, const T *__restrict__ x, int px, T *y, int py, const StepState *__restrict__ state,       \
         int accumulate) {                                                                                                   \
        Rows r = {rows, c, last};                                                                                            \
        if (accumulate && state->micro > 0) map2<N>(r, x, px, y, py, y, py, [](float v, float was) { return was + v; });      \
        else map<N>(r, x, px, y, py, [](float v) { return v; });                                                             \
    }
EACH_TYPE(COPY, copy)
