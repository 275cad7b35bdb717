// interpreter: each thread runs its own program of 4-bit operations on an accumulator: a dense switch in a loop, with
// fall-through and a default.
// sparse: a switch over far-apart cases.

extern "C" __global__ void interpreter(int n, const unsigned long long *__restrict__ program, int *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int a = i, b = 1;
    for (unsigned long long p = program[i]; p != 0; p >>= 4) {
        switch (p & 15) {
        case 1: a += b; break;
        case 2: a -= b; break;
        case 3: a *= 3; break;
        case 4: b = a; break;
        case 5: a ^= b << 3; break;
        case 6: a = a < 0 ? -a : a;
        case 7: b++; break;
        case 8: a >>= 1; break;
        case 9: a = b & 0xff; break;
        case 10: a |= 0x10; break;
        case 11: { int swap = a; a = b; b = swap; break; }
        case 12: if (a > b) a = b; break;
        case 13: a = ~a; break;
        default: b -= a & 3; break;
        }
    }
    y[i] = a * 31 + b;
}

extern "C" __global__ void sparse(int n, const int *__restrict__ x, int *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    switch (x[i]) {
    case -1000000: y[i] = 1; break;
    case 0: y[i] = 2; break;
    case 77: y[i] = 3; break;
    case 78: y[i] = 4; break;
    case 123456789: y[i] = 5; break;
    default: y[i] = x[i] + 6;
    }
}
