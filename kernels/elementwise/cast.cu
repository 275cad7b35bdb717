// cast: y = x in the other type; to bf16 it rounds to nearest, ties to even. Layout: kernels/include/pointwise.cuh.
//   cast_f32, cast_bf16           to the type named: four elements at once, 16 bytes of float32 and 8 of bf16, so that sectors are whole
//   cast_any_f32, cast_any_bf16   any pitch and alignment
// Bytes an element: 6. FLOPs: 0.
#include "pointwise.cuh"

#define CAST(name, X, Y, N)                                                                         \
    extern "C" __global__ void __launch_bounds__(256)                                               \
    name(int rows, int c, int last, const X *__restrict__ x, int px, Y *__restrict__ y, int py) {   \
        map<N>(Rows{rows, c, last}, x, px, y, py, [](float v) { return v; });                       \
    }
CAST(cast_f32, bf16, float, 4)
CAST(cast_bf16, float, bf16, 4)
CAST(cast_any_f32, bf16, float, 1)
CAST(cast_any_bf16, float, bf16, 1)
