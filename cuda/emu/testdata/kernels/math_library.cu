// The rarer functions of the CUDA math library in float32; 32 values a thread, in the order written. They bring table lookups, scaling by
// powers of two, bit tricks on exponents and out-of-line slow paths.

extern "C" __global__ void library(int n, const float *__restrict__ x, float *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float a = x[i], whole;
    int exponent;
    float *o = out + 32 * i;
    o[0] = rcbrtf(a);
    o[1] = norm3df(a, 1.0f, 2.0f);
    o[2] = lgammaf(a);
    o[3] = tgammaf(a);
    o[4] = erfinvf(a);
    o[5] = erfcxf(a);
    o[6] = coshf(a);
    o[7] = asinf(a);
    o[8] = acosf(a);
    o[9] = ldexpf(a, 3);
    o[10] = frexpf(a, &exponent);
    o[11] = exponent;
    o[12] = modff(8.0f * a, &whole);
    o[13] = whole;
    o[14] = nextafterf(a, 2.0f);
    o[15] = remainderf(a, 0.3f);
    o[16] = roundf(8.0f * a);
    o[17] = lrintf(8.0f * a);
    o[18] = exp10f(a);
    o[19] = asinhf(a);
    o[20] = acoshf(a + 2.0f);
    o[21] = atanhf(a);
    o[22] = logbf(a);
    o[23] = ilogbf(a);
    o[24] = fdimf(a, 0.5f);
    o[25] = cospif(a);
    o[26] = normcdfinvf(fabsf(a));
    o[27] = rnorm3df(a, 1.0f, 2.0f);
    o[28] = rhypotf(a, 3.0f);
    o[29] = isnan(a) + 2 * isinf(a) + 4 * (signbit(a) != 0) + 8 * isfinite(a);
    o[30] = scalbnf(a, -130);
    o[31] = fmaf(a, a, -1.0f);
}
