// Activations and their derivatives in float32: elementwise.Kind of Go, same numbers.
#pragma once

enum Activation { none = 0, silu = 1, gelu = 2 };

__device__ __forceinline__ float sigmoid(float x) { return __fdiv_rn(1.0f, 1.0f + expf(-x)); }

__device__ __forceinline__ float normal_cdf(float x) { return 0.5f * erfcf(-0.70710678118654752f * x); }

// activate: silu(x) = x sigmoid(x) (Elfwing et al. 2018), gelu(x) = x Phi(x) (Hendrycks and Gimpel 2016, exact form).
__device__ __forceinline__ float activate(int kind, float x) {
    if (kind == silu) return x * sigmoid(x);
    if (kind == gelu) return x * normal_cdf(x);
    return x;
}

// activate_grad is the derivative at x.
__device__ __forceinline__ float activate_grad(int kind, float x) {
    if (kind == silu) {
        float s = sigmoid(x);
        return s + x * s * (1.0f - s);
    }
    if (kind == gelu) return normal_cdf(x) + x * 0.39894228040143268f * expf(-0.5f * x * x);
    return 1.0f;
}
