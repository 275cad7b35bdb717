// Loads, stores and arithmetic narrower than 32 bits: sign and zero extension, wrap-around, vectors of bytes.
// widen: o[i] = sum of the same index in four arrays of different type. blend: 8-bit picture blend with rounding and clamp.
// quantize: float32 to s8 and u8 with saturation, as pictures are written; wrap16: 16-bit wrap-around and shifts.

extern "C" __global__ void widen(int n, const signed char *__restrict__ a, const unsigned char *__restrict__ b, const short *__restrict__ c,
                                 const unsigned short *__restrict__ d, int *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = a[i] + 3 * b[i] + 5 * c[i] + 7 * d[i];
}

extern "C" __global__ void blend(int quads, int alpha, const uchar4 *__restrict__ a, const uchar4 *__restrict__ b, uchar4 *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= quads) return;
    uchar4 p = a[i], q = b[i];
    auto mix = [=](int u, int v) { return (unsigned char)min(255, (u * alpha + v * (256 - alpha) + 128) >> 8); };
    out[i] = make_uchar4(mix(p.x, q.x), mix(p.y, q.y), mix(p.z, q.z), mix(p.w, q.w));
}

extern "C" __global__ void quantize(int n, const float *__restrict__ x, signed char *__restrict__ s, unsigned char *__restrict__ u) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    s[i] = (signed char)fminf(fmaxf(rintf(x[i] * 127.0f), -128.0f), 127.0f);
    u[i] = (unsigned char)(__saturatef(x[i] * 0.5f + 0.5f) * 255.0f + 0.5f);
}

extern "C" __global__ void wrap16(int n, const short *__restrict__ x, short *__restrict__ y, unsigned short *__restrict__ z) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    short v = x[i];
    v = (short)(v * 7 + 1000);
    v = (short)(v >> 3);
    y[i] = v < 0 ? (short)-v : v;
    unsigned short w = (unsigned short)x[i];
    w = (unsigned short)(w * w);
    w = (unsigned short)(w / 3 + (w >> 5));
    z[i] = (unsigned short)(w - 12345);
}
