// 64-bit integer arithmetic; sixteen words a thread, in the order written. linear_congruential: long dependent chains.

extern "C" __global__ void wide_integers(int n, const long long *__restrict__ x, const long long *__restrict__ y, long long *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    long long a = x[i], b = y[i];
    unsigned long long ua = a, ub = b;
    long long *o = out + 16 * i;
    o[0] = a * b;
    o[1] = __mul64hi(a, b);
    o[2] = __umul64hi(ua, ub);
    o[3] = a / b;
    o[4] = a % b;
    o[5] = ua / ub;
    o[6] = ua % ub;
    o[7] = a / 1000003;
    o[8] = (a << (b & 63)) ^ (a >> (b & 63)) ^ (ua >> (b & 63));
    o[9] = __popcll(a) + 100 * __clzll(a) + 10000 * __ffsll(a);
    o[10] = __brevll(a);
    o[11] = min(a, b) ^ (long long)max(ua, ub);
    o[12] = a < b ? -a : llabs(b);
    o[13] = (long long)(int)a + (unsigned)b;
    o[14] = (long long)((double)a * 0.5);
    o[15] = (unsigned long long)__ull2double_rz(ua) / 3;
}

extern "C" __global__ void linear_congruential(int n, int steps, unsigned long long *state) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned long long s = state[i];
    for (int k = 0; k < steps; k++) s = s * 6364136223846793005ull + 1442695040888963407ull;
    state[i] = s;
}
