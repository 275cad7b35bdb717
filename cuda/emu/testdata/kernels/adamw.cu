// adamw: one step of AdamW (Loshchilov and Hutter 2019, algorithm 2) with an exponential moving average and a bfloat16 copy of the weights:
// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= lr (m / c1 / (sqrt(v / c2) + epsilon) + decay w); ema += (1 - rate) (w - ema).
// The step's scalars come in a struct in device memory; nothing is written while its flag stands.

#include <cuda_bf16.h>

struct Step {
    float rate, b1, b2, c1, c2, epsilon, decay, keep, clip;
    int bad;
};

extern "C" __global__ void adamw(int n, int decayed, const Step *__restrict__ step, const float *__restrict__ gradient, float *__restrict__ w,
                                 float *__restrict__ m, float *__restrict__ v, float *__restrict__ ema, __nv_bfloat16 *__restrict__ copy) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    Step s = *step;
    if (i >= n || s.bad) return;
    float g = gradient[i] * s.clip;
    float mi = s.b1 * m[i] + (1.0f - s.b1) * g;
    float vi = s.b2 * v[i] + (1.0f - s.b2) * g * g;
    float wi = w[i];
    float update = __fdiv_rn(mi / s.c1, __fsqrt_rn(vi / s.c2) + s.epsilon);
    wi -= s.rate * (update + (i < decayed ? s.decay * wi : 0.0f));
    m[i] = mi;
    v[i] = vi;
    w[i] = wi;
    ema[i] += (1.0f - s.keep) * (wi - ema[i]);
    copy[i] = __float2bfloat16_rn(wi);
}
