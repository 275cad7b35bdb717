// float32 operations with a stated rounding, bit for bit; 32 words a thread in the order written. conversions: float to integer and
// back in every rounding mode, with saturation and NaN.

extern "C" __global__ void rounding(int n, const float *__restrict__ x, const float *__restrict__ y, const float *__restrict__ z,
                                    float *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float a = x[i], b = y[i], c = z[i];
    float *o = out + 32 * i;
    o[0] = __fadd_rn(a, b);
    o[1] = __fadd_rz(a, b);
    o[2] = __fadd_ru(a, b);
    o[3] = __fadd_rd(a, b);
    o[4] = __fmul_rn(a, b);
    o[5] = __fmul_rz(a, b);
    o[6] = __fmul_ru(a, b);
    o[7] = __fmul_rd(a, b);
    o[8] = __fmaf_rn(a, b, c);
    o[9] = __fmaf_rz(a, b, c);
    o[10] = __fmaf_ru(a, b, c);
    o[11] = __fmaf_rd(a, b, c);
    o[12] = __fdiv_rn(a, b);
    o[13] = __fdiv_rz(a, b);
    o[14] = __fdiv_ru(a, b);
    o[15] = __fdiv_rd(a, b);
    o[16] = __fsqrt_rn(fabsf(a));
    o[17] = __fsqrt_rz(fabsf(a));
    o[18] = __fsqrt_ru(fabsf(a));
    o[19] = __fsqrt_rd(fabsf(a));
    o[20] = __frcp_rn(a);
    o[21] = __frcp_ru(a);
    o[22] = fminf(a, b);
    o[23] = fmaxf(a, b);
    o[24] = __saturatef(a);
    o[25] = floorf(a);
    o[26] = ceilf(a);
    o[27] = truncf(a);
    o[28] = rintf(a);
    o[29] = copysignf(a, b);
    asm("fma.rn.ftz.f32 %0, %1, %2, %3;" : "=f"(o[30]) : "f"(a), "f"(b), "f"(c));
    asm("mul.rn.ftz.sat.f32 %0, %1, %2;" : "=f"(o[31]) : "f"(a), "f"(b));
}

extern "C" __global__ void conversions(int n, const float *__restrict__ x, const int *__restrict__ k, int *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float a = x[i];
    int *o = out + 20 * i;
    o[0] = __float2int_rn(a);
    o[1] = __float2int_rz(a);
    o[2] = __float2int_ru(a);
    o[3] = __float2int_rd(a);
    o[4] = __float2uint_rn(a);
    o[5] = __float2uint_rz(a);
    long long w = __float2ll_rn(a);
    o[6] = (int)w;
    o[7] = (int)(w >> 32);
    unsigned long long u = __float2ull_rz(a);
    o[8] = (int)u;
    o[9] = (int)(u >> 32);
    o[10] = __float_as_int(__int2float_rn(k[i]));
    o[11] = __float_as_int(__int2float_rz(k[i]));
    o[12] = __float_as_int(__int2float_ru(k[i]));
    o[13] = __float_as_int(__int2float_rd(k[i]));
    o[14] = __float_as_int(__uint2float_rn(k[i]));
    o[15] = __float_as_int(__ll2float_rn((long long)k[i] * 1000003));
    o[16] = __float_as_int(__double2float_rn((double)k[i] * 1e-3));
    o[17] = __float_as_int(__double2float_ru((double)k[i] / 3));
    o[18] = __double2int_rn((double)a);
    o[19] = (int)__double2uint_rz((double)a * 0.25);
}
