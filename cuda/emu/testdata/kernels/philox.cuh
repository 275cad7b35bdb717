// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and a Box-Muller transform in which
// every step is one float32 operation rounded to nearest, so that any machine gives the same bits.
#pragma once

__device__ __forceinline__ uint4 philox4x32_10(uint4 counter, uint2 key) {
#pragma unroll
    for (int round = 0; round < 10; round++) {
        unsigned hi0 = __umulhi(0xD2511F53u, counter.x), lo0 = 0xD2511F53u * counter.x;
        unsigned hi1 = __umulhi(0xCD9E8D57u, counter.z), lo1 = 0xCD9E8D57u * counter.z;
        counter = make_uint4(hi1 ^ counter.y ^ key.x, lo1, hi0 ^ counter.w ^ key.y, lo0);
        key.x += 0x9E3779B9u;
        key.y += 0xBB67AE85u;
    }
    return counter;
}

// log_rn: log(u) for a normal u > 0. u = m 2^e with m in [0.75, 1.5); log(m) = 2 artanh(s), s = (m - 1) / (m + 1).
__device__ __forceinline__ float log_rn(float u) {
    int bits = __float_as_int(u);
    int e = (bits - 0x3f400000) >> 23;
    float m = __int_as_float(bits - (e << 23));
    float s = __fdiv_rn(__fadd_rn(m, -1.0f), __fadd_rn(m, 1.0f));
    float s2 = __fmul_rn(s, s);
    float p = 1.0f / 11;
    p = __fadd_rn(__fmul_rn(p, s2), 1.0f / 9);
    p = __fadd_rn(__fmul_rn(p, s2), 1.0f / 7);
    p = __fadd_rn(__fmul_rn(p, s2), 1.0f / 5);
    p = __fadd_rn(__fmul_rn(p, s2), 1.0f / 3);
    p = __fmul_rn(__fmul_rn(p, s2), s);
    p = __fmul_rn(2.0f, __fadd_rn(p, s));
    return __fadd_rn(__fmul_rn((float)e, 0.693147181f), p);
}

// box_muller: two standard normals from two words; u0 = (w0 + 1/2) 2^-32, angle = 2 pi (w1 + 1/2) 2^-32.
__device__ __forceinline__ float2 box_muller(unsigned w0, unsigned w1) {
    float u0 = __fmul_rn(__fadd_rn(__uint2float_rn(w0), 0.5f), 2.3283064365386963e-10f);
    float r = __fsqrt_rn(__fmul_rn(-2.0f, log_rn(u0)));
    unsigned quadrant = (w1 + 0x20000000u) >> 30;
    int rest = (int)(w1 - (quadrant << 30));
    float a = __fmul_rn(__fadd_rn(__int2float_rn(rest), 0.5f), 1.4629180792671596e-9f);
    float a2 = __fmul_rn(a, a);
    float sine = 1.0f / 362880;
    sine = __fadd_rn(__fmul_rn(sine, a2), -1.0f / 5040);
    sine = __fadd_rn(__fmul_rn(sine, a2), 1.0f / 120);
    sine = __fadd_rn(__fmul_rn(sine, a2), -1.0f / 6);
    sine = __fadd_rn(__fmul_rn(__fmul_rn(sine, a2), a), a);
    float cosine = -1.0f / 3628800;
    cosine = __fadd_rn(__fmul_rn(cosine, a2), 1.0f / 40320);
    cosine = __fadd_rn(__fmul_rn(cosine, a2), -1.0f / 720);
    cosine = __fadd_rn(__fmul_rn(cosine, a2), 1.0f / 24);
    cosine = __fadd_rn(__fmul_rn(cosine, a2), -0.5f);
    cosine = __fadd_rn(__fmul_rn(cosine, a2), 1.0f);
    float c = quadrant & 1 ? sine : cosine;
    float s = quadrant & 1 ? cosine : sine;
    c = quadrant == 1 || quadrant == 2 ? -c : c;
    s = quadrant == 2 || quadrant == 3 ? -s : s;
    return make_float2(__fmul_rn(r, c), __fmul_rn(r, s));
}
