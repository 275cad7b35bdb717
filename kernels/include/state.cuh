// The scalars of a step, computed by the host in float64 and rounded once: kernels/gpu/state.go writes this struct.
#pragma once

struct StepState {
    unsigned seed_lo, seed_hi; // Philox key
    unsigned step, micro, sample_base, chain_index;
    float learning_rate, weight_decay, beta1, beta2, one_minus_beta1, one_minus_beta2, epsilon;
    float correction1, correction2; // 1 - beta^step
    float ema_decay, one_minus_ema_decay;
    float clip_norm; // 0: no clipping
    float loss_scale, guidance;
};
