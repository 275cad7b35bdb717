// activation_grad: dx = dy kind'(x) with silu' = s + x s (1 - s), s = sigmoid(x), and gelu' = Phi(x) + x phi(x). Layout:
// kernels/include/pointwise.cuh.
//   activation_grad_f32, activation_grad_bf16           16-byte accesses; four of each operand in flight a thread, one for gelu
//   activation_grad_any_f32, activation_grad_any_bf16   any pitch and alignment
// Bytes an element: 12 (f32), 6 (bf16). FLOPs: 8.
#include "activation.cuh"
#include "pointwise.cuh"

#define ACTIVATION_GRAD(name, T, N)                                                                                              \
    extern "C" __global__ void __launch_bounds__(256)                                                                            \
    name(int rows, int c, int last, const T *__restrict__ x, int px, const T *__restrict__ dy, int pdy, T *__restrict__ dx,       \
         int pdx, int kind) {                                                                                                    \
        Rows r = {rows, c, last};                                                                                                \
        if (kind == silu) map2<N>(r, x, px, dy, pdy, dx, pdx, [](float v, float d) { return d * activate_grad(silu, v); });       \
        else if (kind == gelu) map2<N, 1>(r, x, px, dy, pdy, dx, pdx, [](float v, float d) { return d * activate_grad(gelu, v); }); \
        else map<N>(r, dy, pdy, dx, pdx, [](float d) { return d; });                                                             \
    }
EACH_TYPE(ACTIVATION_GRAD, activation_grad)
