// Element losses of d = prediction - target and their derivatives: loss.Kind of Go, same numbers.
#pragma once

enum LossKind { mse = 0, huber = 1, l1 = 2 };

// loss_value: d^2; d^2/2 where |d| <= delta, else delta (|d| - delta/2) (Huber 1964, equation 2); |d|.
template <int KIND> __device__ __forceinline__ float loss_value(float d, float delta) {
    float a = fabsf(d);
    if (KIND == mse) return d * d;
    if (KIND == l1) return a;
    return a <= delta ? 0.5f * d * d : delta * (a - 0.5f * delta);
}

// loss_derivative: that of |d| at 0 is 0, that of NaN is NaN.
template <int KIND> __device__ __forceinline__ float loss_derivative(float d, float delta) {
    if (KIND == mse) return 2.0f * d;
    if (KIND == huber && fabsf(d) <= delta) return d;
    float size = KIND == huber ? delta : 1.0f;
    return d > 0 ? size : d < 0 ? -size : d;
}
