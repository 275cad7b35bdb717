// multiply: y = a b, element by element. Layout: kernels/include/pointwise.cuh; a, b and y have pitches of their own.
//   multiply_f32, multiply_bf16           16-byte accesses, four of each operand in flight a thread
//   multiply_any_f32, multiply_any_bf16   any pitch and alignment
// Bytes an element: 12 (f32), 6 (bf16). FLOPs: 1.
#include "pointwise.cuh"

#define MULTIPLY(name, T, N)                                                                                                      \
    extern "C" __global__ void __launch_bounds__(256)                                                                             \
    name(int rows, int c, int last, const T *__restrict__ a, int pa, const T *__restrict__ b, int pb, T *__restrict__ y, int py) { \
        map2<N>(Rows{rows, c, last}, a, pa, b, pb, y, py, [](float u, float v) { return u * v; });                                \
    }
EACH_TYPE(MULTIPLY, multiply)
