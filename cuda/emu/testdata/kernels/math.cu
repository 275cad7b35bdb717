// The CUDA math library in float32, inlined by the compiler as polynomials; results lie within the errors of the CUDA C++ Programming
// Guide, "Mathematical Functions" (2 ulp and less for most). unary: twenty values a thread. intrinsics: the hardware's approximations.
// trigonometry: sinf, cosf, sincosf and tanf with arguments up to 1e30, which take the slow reduction in local memory.

extern "C" __global__ void unary(int n, const float *__restrict__ x, float *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float a = x[i], p = fabsf(a) + 1e-6f;
    float *o = out + 20 * i;
    o[0] = expf(a);
    o[1] = logf(p);
    o[2] = tanhf(a);
    o[3] = erff(a);
    o[4] = exp2f(a);
    o[5] = log2f(p);
    o[6] = log1pf(p);
    o[7] = expm1f(a);
    o[8] = rsqrtf(p);
    o[9] = cbrtf(a);
    o[10] = erfcf(a);
    o[11] = atanf(a);
    o[12] = powf(p, 1.3f);
    o[13] = hypotf(a, 2.5f);
    o[14] = sinhf(a);
    o[15] = log10f(p);
    o[16] = fmodf(a, 0.7f);
    o[17] = normcdff(a);
    o[18] = atan2f(a, 0.75f);
    o[19] = sqrtf(p) * 1.0f / p;
}

extern "C" __global__ void intrinsics(int n, const float *__restrict__ x, float *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float a = x[i], p = fabsf(a) + 1e-6f;
    float *o = out + 8 * i;
    o[0] = __expf(a);
    o[1] = __logf(p);
    o[2] = __sinf(a);
    o[3] = __cosf(a);
    o[4] = __powf(p, 1.3f);
    o[5] = __fdividef(a, p + 1.0f);
    o[6] = __frsqrt_rn(p);
    asm("tanh.approx.f32 %0, %1;" : "=f"(o[7]) : "f"(a));
}

extern "C" __global__ void trigonometry(int n, const float *__restrict__ x, float *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float a = x[i];
    float *o = out + 6 * i;
    o[0] = sinf(a);
    o[1] = cosf(a);
    sincosf(a, &o[2], &o[3]);
    o[4] = tanf(a);
    o[5] = sinpif(a * 0.125f);
}
