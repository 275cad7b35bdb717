// The last step of convolutions whose k is split over blocks: partial sums are added in a fixed order, the same bits on every run.
//   conv2d_reduce   y or dx: partial sums (splits x rows x pitch), then the epilogue of conv.cuh; one thread for four columns
//   wgrad_reduce    dw and dbias: written, or added to in all micro-batches but the first (conv_wgrad.cuh)
//   wgrad_unfold    the same for partial sums in subpixel phases (conv2d_wgrad_subpixel.cu): four of them for an element
// Bytes: 4 splits read an element, the operands of the epilogue or the gradient once. Streaming: no shared memory.
#include "conv.cuh"
#include "conv_wgrad.cuh"

extern "C" __global__ void __launch_bounds__(256)
conv2d_reduce_f32(const Epilogue e, const float *__restrict__ partial, int rows, int pitch, int splits) {
    reduce_splits<float>(e, partial, rows, pitch, splits);
}

extern "C" __global__ void __launch_bounds__(256)
conv2d_reduce_bf16(const Epilogue e, const float *__restrict__ partial, int rows, int pitch, int splits) {
    reduce_splits<bf16>(e, partial, rows, pitch, splits);
}

#define WGRAD(subpixel, NAME)                                                                                                      \
    extern "C" __global__ void __launch_bounds__(256)                                                                               \
        NAME(const StepState *__restrict__ state, const Gradients d, const float *__restrict__ partial, int pitch, int splits) {    \
        reduce_wgrad<subpixel>(state, d, partial, pitch, splits);                                                                   \
    }

WGRAD(false, wgrad_reduce)
WGRAD(true, wgrad_unfold)
