// Two 16-bit floats a register. Twelve words (24 values) a thread, in the order written, for float16 and for bfloat16; every result is one
// rounding to nearest even. half_compare: comparisons as 0 or 1, minimum and maximum with NaN, conversions with saturation.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void half_arithmetic(int n, const __half2 *__restrict__ x, const __half2 *__restrict__ y, __half2 *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    __half2 a = x[i], b = y[i];
    __half2 *o = out + 12 * i;
    o[0] = __hadd2_rn(a, b);
    o[1] = __hsub2_rn(a, b);
    o[2] = __hmul2_rn(a, b);
    o[3] = __hfma2(a, b, a);
    o[4] = __hmax2(a, b);
    o[5] = __hmin2(a, b);
    o[6] = __hneg2(a);
    o[7] = __habs2(b);
    o[8] = __hfma2_relu(a, b, b);
    o[9] = __hfma2_sat(a, a, b);
    o[10] = __lows2half2(a, b);
    o[11] = __float22half2_rn(make_float2(__low2float(a) * 3.0f, __high2float(b) / 7.0f));
}

extern "C" __global__ void bf16_arithmetic(int n, const __nv_bfloat162 *__restrict__ x, const __nv_bfloat162 *__restrict__ y,
                                           __nv_bfloat162 *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    __nv_bfloat162 a = x[i], b = y[i];
    __nv_bfloat162 *o = out + 12 * i;
    o[0] = __hadd2_rn(a, b);
    o[1] = __hsub2_rn(a, b);
    o[2] = __hmul2_rn(a, b);
    o[3] = __hfma2(a, b, a);
    o[4] = __hmax2(a, b);
    o[5] = __hmin2(a, b);
    o[6] = __hneg2(a);
    o[7] = __habs2(b);
    o[8] = __hfma2_relu(a, b, b);
    o[9] = __floats2bfloat162_rn(__low2float(a) + 1.0f, __high2float(b));
    o[10] = __lows2bfloat162(a, b);
    o[11] = __float22bfloat162_rn(make_float2(__low2float(a) * 3.0f, __high2float(b) / 7.0f));
}

extern "C" __global__ void half_compare(int n, const __half *__restrict__ x, const __half *__restrict__ y, int *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    __half a = x[i], b = y[i];
    int *o = out + 8 * i;
    o[0] = __heq(a, b) | __hne(a, b) << 1 | __hlt(a, b) << 2 | __hle(a, b) << 3 | __hgt(a, b) << 4 | __hge(a, b) << 5;
    o[1] = __hequ(a, b) | __hneu(a, b) << 1 | __hltu(a, b) << 2 | __hleu(a, b) << 3 | __hgtu(a, b) << 4 | __hgeu(a, b) << 5;
    o[2] = __hisnan(a);
    o[3] = __half2int_rn(a);
    o[4] = __half2int_rz(b);
    o[5] = __half2short_rn(a);
    o[6] = __half_as_ushort(__int2half_rn(__half2int_rd(b) * 5));
    o[7] = __half_as_ushort(__float2half_rz(__half2float(a) * 1.0009765625f));
}
