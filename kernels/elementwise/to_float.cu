// to_float: y = float32(x) of integers such as time steps, one value an image. Layout: kernels/include/pointwise.cuh; any pitch.
// Bytes an element: 8. FLOPs: 0.
#include "pointwise.cuh"

extern "C" __global__ void __launch_bounds__(256)
to_float_i32(int rows, int c, int last, const int *__restrict__ x, int px, float *__restrict__ y, int py) {
    Tile<1> t(Rows{rows, c, last});
#pragma unroll
    for (int k = 0; k < thread_rows; k++)
        if (t.whole(k)) y[t.offset(k, py)] = __int2float_rn(x[t.offset(k, px)]);
}
