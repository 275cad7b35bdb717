// scale: y = factor x. Layout: kernels/include/pointwise.cuh.
//   scale_f32, scale_bf16           16-byte accesses, four in flight a thread
//   scale_any_f32, scale_any_bf16   any pitch and alignment
// Bytes an element: 8 (f32), 4 (bf16). FLOPs: 1.
#include "pointwise.cuh"

#define SCALE(name, T, N)                                                                                         \
    extern "C" __global__ void __launch_bounds__(256)                                                             \
    name(int rows, int c, int last, const T *__restrict__ x, int px, T *__restrict__ y, int py, float factor) {   \
        map<N>(Rows{rows, c, last}, x, px, y, py, [=](float v) { return factor * v; });                           \
    }
EACH_TYPE(SCALE, scale)
