// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011) and normals by Box-Muller. Every step is one float32 operation rounded
// to nearest, in the order of kernels/rng/normal.go: host and device agree in every bit.
#pragma once
#include "state.cuh"

__device__ __forceinline__ uint4 philox4x32(uint4 c, uint2 key) {
#pragma unroll
    for (int round = 0; round < 10; round++) {
        unsigned hi0 = __umulhi(0xD2511F53u, c.x), lo0 = 0xD2511F53u * c.x;
        unsigned hi1 = __umulhi(0xCD9E8D57u, c.z), lo1 = 0xCD9E8D57u * c.z;
        c = make_uint4(hi1 ^ c.y ^ key.x, lo1, hi0 ^ c.w ^ key.y, lo0);
        key.x += 0x9E3779B9u;
        key.y += 0xBB67AE85u;
    }
    return c;
}

// draw4 returns the four words of elements 4*group .. 4*group+3 of image n of the batch; an element is the H,W,C index.
__device__ __forceinline__ uint4 draw4(const StepState &s, unsigned stream, unsigned n, unsigned group) {
    return philox4x32(make_uint4(group, s.sample_base + n, s.step, stream), make_uint2(s.seed_lo, s.seed_hi));
}

// DrawKey is what drawing needs of the step.
struct DrawKey {
    unsigned seed_lo, seed_hi, step, sample_base;
};

// draw_key reads it in two accesses; the state is 16-byte aligned.
__device__ __forceinline__ DrawKey draw_key(const StepState *s) {
    uint4 a = *reinterpret_cast<const uint4 *>(s);
    return {a.x, a.y, a.z, s->sample_base};
}

__device__ __forceinline__ uint4 draw4(const DrawKey &k, unsigned stream, unsigned n, unsigned group) {
    return philox4x32(make_uint4(group, k.sample_base + n, k.step, stream), make_uint2(k.seed_lo, k.seed_hi));
}

// uniform maps a word to (0, 1): (w>>9 + 1/2) 2^-23, exact.
__device__ __forceinline__ float uniform(unsigned w) {
    return __fmul_rn(__fadd_rn(__uint2float_rn(w >> 9), 0.5f), 1.1920928955078125e-7f);
}

// minus_two_log returns -2 ln((w + 1/2) 2^-32). Above sqrt(1/2) the distance to 1 is taken, else the number is split as m 2^k, m in
// [sqrt(1/2), sqrt(2)); both are computed and one is selected: words differ from lane to lane, a branch would be taken both ways.
__device__ __forceinline__ float minus_two_log(unsigned w) {
    bool high = w >= 0xB504F334u;
    float h = __fadd_rn(__uint2float_rn(high ? ~w : w), 0.5f);
    int b = __float_as_int(h), k = (b - 0x3F3504F3) >> 23;
    float near = -__fmul_rn(h, 2.3283064365386963e-10f), split = __fadd_rn(__int_as_float(b - (k << 23)), -1.0f);
    float f = high ? near : split, e = high ? 0.0f : __int2float_rn(k - 32);
    float p = __fadd_rn(__fmul_rn(f, 0.06915586441755295f), -0.11789869517087936f);
    p = __fadd_rn(__fmul_rn(f, p), 0.11872908473014832f);
    p = __fadd_rn(__fmul_rn(f, p), -0.12384333461523056f);
    p = __fadd_rn(__fmul_rn(f, p), 0.14218665659427643f);
    p = __fadd_rn(__fmul_rn(f, p), -0.16669252514839172f);
    p = __fadd_rn(__fmul_rn(f, p), 0.20002226531505585f);
    p = __fadd_rn(__fmul_rn(f, p), -0.24999986588954926f);
    p = __fadd_rn(__fmul_rn(f, p), 0.3333331048488617f);
    float z = __fmul_rn(f, f);
    float y = __fmul_rn(__fmul_rn(z, f), p);
    y = __fadd_rn(y, __fmul_rn(e, -2.12194440e-4f));
    y = __fsub_rn(y, __fmul_rn(0.5f, z));
    float x = __fadd_rn(f, y);
    x = __fadd_rn(x, __fmul_rn(e, 0.693359375f));
    return __fmul_rn(-2.0f, x);
}

// box_muller turns two words into two standard normals, cosine first. The angle is 2 pi (w1 + 1/2) 2^-32, taken by octants.
__device__ __forceinline__ float2 box_muller(unsigned w0, unsigned w1) {
    float r = __fsqrt_rn(minus_two_log(w0));
    unsigned octant = w1 >> 29, mirror = 0u - (octant & 1u);
    float t = __fmul_rn(__fadd_rn(__uint2float_rn((w1 ^ mirror) & 0x1FFFFFFFu), 0.5f), 1.862645149230957e-9f);
    float z = __fmul_rn(t, t);
    float p = __fadd_rn(__fmul_rn(z, 3.595450834836811e-05f), -0.002490007085725665f);
    p = __fadd_rn(__fmul_rn(z, p), 0.08074543625116348f);
    p = __fadd_rn(__fmul_rn(z, p), 0.21460184454917908f);
    float q = __fadd_rn(__fmul_rn(z, -3.5313726129970746e-06f), 0.0003259420918766409f);
    q = __fadd_rn(__fmul_rn(z, q), -0.015854327008128166f);
    q = __fadd_rn(__fmul_rn(z, q), 0.3084251284599304f);
    float a = __fsub_rn(t, __fmul_rn(t, p)), b = __fsub_rn(1.0f, __fmul_rn(z, q));
    unsigned quarter = ((octant + 1u) >> 1) & 3u;
    unsigned sine = __float_as_uint(a) ^ (mirror & 0x80000000u), cosine = __float_as_uint(b);
    if (quarter & 1u) {
        unsigned swap = sine;
        sine = cosine;
        cosine = swap ^ 0x80000000u;
    }
    unsigned flip = (quarter & 2u) << 30;
    return make_float2(__fmul_rn(r, __uint_as_float(cosine ^ flip)), __fmul_rn(r, __uint_as_float(sine ^ flip)));
}

// normal4 turns four words into four standard normals.
__device__ __forceinline__ float4 normal4(uint4 w) {
    float2 a = box_muller(w.x, w.y), b = box_muller(w.z, w.w);
    return make_float4(a.x, a.y, b.x, b.y);
}
