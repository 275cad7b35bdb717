// activation: y = kind(x): silu(x) = x sigmoid(x) (Elfwing, Uchibe and Doya 2017, equation 4), gelu(x) = x Phi(x) (Hendrycks and
// Gimpel 2016, section 2), or x itself. Layout: kernels/include/pointwise.cuh.
//   activation_f32, activation_bf16           16-byte accesses; four in flight a thread, one for gelu, whose erfc is long
//   activation_any_f32, activation_any_bf16   any pitch and alignment
// Bytes an element: 8 (f32), 4 (bf16). FLOPs: 4 with one for the exponential and one for the division.
#include "activation.cuh"
#include "pointwise.cuh"

#define ACTIVATION(name, T, N)                                                                                   \
    extern "C" __global__ void __launch_bounds__(256)                                                            \
    name(int rows, int c, int last, const T *__restrict__ x, int px, T *__restrict__ y, int py, int kind) {      \
        Rows r = {rows, c, last};                                                                                \
        if (kind == silu) map<N>(r, x, px, y, py, [](float v) { return activate(silu, v); });               \
        else if (kind == gelu) map<N, 1>(r, x, px, y, py, [](float v) { return activate(gelu, v); });       \
        else map<N>(r, x, px, y, py, [](float v) { return v; });                                            \
    }
EACH_TYPE(ACTIVATION, activation)
