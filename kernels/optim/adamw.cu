// adamw: clipping by the global norm, AdamW (Loshchilov and Hutter 2019, algorithm 2), the moving average of the parameters and
// their bf16 copy, in one pass over the flat arena. With c = min(1, clip_norm / (norm + 1e-6)), or 1 without clipping,
//   g' = c g;  p = p (1 - lr wd) for the first `decayed` elements;  m = b1 m + (1 - b1) g';  v = b2 v + (1 - b2) g'^2
//   p = p - lr (m / correction1) / (sqrt(v / correction2) + epsilon);  ema = d ema + (1 - d) p;  copy = bf16(p)
// Nothing is written while the flag is not zero. Layout: rows of `count` elements, float32, the copy bf16 (null where absent).
//   adamw_vector   16-byte accesses (8 of the copy), one vector a thread; the elements behind the last whole vector one by one
//   adamw_scalar   any alignment, one element a thread
// The decay boundary may lie inside a vector. One thread of a block reads the step's scalars, while the
// vectors are under way.
// Bytes an element: 20 read, 16 written, 2 for the copy. Work: about 20 instructions.
#include "state.cuh"
#include "types.cuh"

struct Scalars {
    float clip, keep, beta1, one_minus_beta1, beta2, one_minus_beta2, rate, root, epsilon, decay, one_minus_decay;
};

// read_scalars derives what every element needs; a norm that is not a number stays one.
__device__ __forceinline__ Scalars read_scalars(const StepState &s, float norm) {
    Scalars k;
    float c = s.clip_norm / (norm + 1e-6f);
    k.clip = s.clip_norm <= 0.0f || c > 1.0f ? 1.0f : c;
    k.keep = 1.0f - s.learning_rate * s.weight_decay;
    k.beta1 = s.beta1, k.one_minus_beta1 = s.one_minus_beta1;
    k.beta2 = s.beta2, k.one_minus_beta2 = s.one_minus_beta2;
    k.rate = s.learning_rate / s.correction1;
    k.root = 1.0f / sqrtf(s.correction2);
    k.epsilon = s.epsilon;
    k.decay = s.ema_decay, k.one_minus_decay = s.one_minus_ema_decay;
    return k;
}

// root and quotient of the update have relative errors of some 2^-22, without the branches of rounded ones; a denominator is at most
// sqrt(v) root + epsilon, far below the 2^126 from which the fast quotient is 0.
__device__ __forceinline__ float fast_root(float x) {
    float y;
    asm("sqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ void update(const Scalars &k, float keep, float g, float &p, float &m, float &v, float &ema) {
    g *= k.clip;
    m = k.beta1 * m + k.one_minus_beta1 * g;
    v = k.beta2 * v + k.one_minus_beta2 * (g * g);
    p = p * keep - __fdividef(k.rate * m, fast_root(v) * k.root + k.epsilon);
    ema = k.decay * ema + k.one_minus_decay * p;
}

__device__ __forceinline__ void update_one(const Scalars &k, long long i, long long decayed, float *p, float *m, float *v, float *ema,
                                           const float *g, bf16 *copy) {
    float pi = p[i], mi = m[i], vi = v[i], ei = ema[i];
    update(k, i < decayed ? k.keep : 1.0f, g[i], pi, mi, vi, ei);
    p[i] = pi, m[i] = mi, v[i] = vi, ema[i] = ei;
    if (copy) copy[i] = from_float<bf16>(pi);
}

extern "C" __global__ void __launch_bounds__(256)
adamw_vector(const StepState *__restrict__ state, const float *__restrict__ norm, const int *__restrict__ flag, long long count, long long decayed,
             float *__restrict__ p, float *__restrict__ m, float *__restrict__ v, float *__restrict__ ema, const float *__restrict__ g,
             bf16 *__restrict__ copy) {
    __shared__ Scalars shared;
    __shared__ int bad;
    long long i = ((long long)blockIdx.x * 256 + threadIdx.x) * 4;
    bool whole = i + 4 <= count;
    float pi[4], mi[4], vi[4], ei[4], gi[4];
    if (whole) load16(pi, p + i), load16(mi, m + i), load16(vi, v + i), load16(ei, ema + i), load16(gi, g + i);
    if (threadIdx.x == 0) shared = read_scalars(*state, *norm), bad = *flag;
    __syncthreads();
    if (bad != 0) return;
    const Scalars k = shared;
    if (!whole) {
#pragma unroll 1
        for (; i < count; i++) update_one(k, i, decayed, p, m, v, ema, g, copy);
        return;
    }
    long long left = decayed - i;
#pragma unroll
    for (int j = 0; j < 4; j++) update(k, j < left ? k.keep : 1.0f, gi[j], pi[j], mi[j], vi[j], ei[j]);
    store16(p + i, pi), store16(m + i, mi), store16(v + i, vi), store16(ema + i, ei);
    if (copy) *reinterpret_cast<uint2 *>(copy + i) = make_uint2(pack2(pi[0], pi[1]), pack2(pi[2], pi[3]));
}

extern "C" __global__ void __launch_bounds__(256)
adamw_scalar(const StepState *__restrict__ state, const float *__restrict__ norm, const int *__restrict__ flag, long long count, long long decayed,
             float *__restrict__ p, float *__restrict__ m, float *__restrict__ v, float *__restrict__ ema, const float *__restrict__ g,
             bf16 *__restrict__ copy) {
    if (*flag != 0) return;
    const Scalars k = read_scalars(*state, *norm);
    long long i = (long long)blockIdx.x * 256 + threadIdx.x;
    if (i < count) update_one(k, i, decayed, p, m, v, ema, g, copy);
}
