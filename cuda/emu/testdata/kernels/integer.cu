// 32-bit integer arithmetic as the compiler turns it into PTX; results are written in the order below.
// divisions: quotients and remainders by variables and by constants, signed and unsigned.
// bits: population counts, leading zeros, reversals, permutes, funnel shifts, fields, byte sums of products.

extern "C" __global__ void divisions(int n, const int *__restrict__ x, const int *__restrict__ y, int *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int a = x[i], b = y[i];
    unsigned ua = a, ub = b;
    int *o = out + 12 * i;
    o[0] = a / b;
    o[1] = a % b;
    o[2] = ua / ub;
    o[3] = ua % ub;
    o[4] = a / 7;
    o[5] = a % 7;
    o[6] = ua / 10;
    o[7] = ua % 1000;
    o[8] = a / 16;
    o[9] = a % 16;
    o[10] = ua / 641;
    o[11] = a / -3;
}

extern "C" __global__ void bits(int n, const unsigned *__restrict__ x, const unsigned *__restrict__ y, unsigned *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned a = x[i], b = y[i];
    int sa = a, sb = b;
    unsigned *o = out + 28 * i;
    o[0] = __popc(a);
    o[1] = __clz(a);
    o[2] = __ffs(a);
    o[3] = __brev(a);
    o[4] = __byte_perm(a, b, 0x3715);
    o[5] = __funnelshift_l(a, b, b & 63);
    o[6] = __funnelshift_r(a, b, 13);
    o[7] = __umulhi(a, b);
    o[8] = __mulhi(sa, sb);
    o[9] = __dp4a(sa, sb, 17);
    o[10] = __dp4a(a, b, 17u);
    o[11] = __usad(a, b, 3u);
    o[12] = __sad(sa, sb, 3u);
    o[13] = (a << (b & 31)) | (a >> (32 - (b & 31)) % 32);
    o[14] = sa >> (b & 31);
    o[15] = (a & b) ^ (~a | b);
    o[16] = min(sa, sb);
    o[17] = max(a, b);
    o[18] = abs(sa);
    o[19] = __hadd(sa, sb);
    o[20] = __uhadd(a, b);
    o[21] = __mul24(sa, sb);
    o[22] = __vadd4(a, b);
    o[23] = __vabsdiffu4(a, b);
    o[24] = __vcmpgtu4(a, b);
    asm("bfe.s32 %0, %1, 5, 11;" : "=r"(o[25]) : "r"(a));
    asm("lop3.b32 %0, %1, %2, %3, 0xe8;" : "=r"(o[26]) : "r"(a), "r"(b), "r"(a ^ 0x5a5a5a5au));
    asm("bfind.u32 %0, %1;" : "=r"(o[27]) : "r"(b));
}
