// float64: fused and separate arithmetic, division and square root are exact roundings; exp and log lie within 1 ulp of libm.
// double_arithmetic: twelve words a thread, in the order written. double_math: exp, log, sin, cos, tanh, pow.

extern "C" __global__ void double_arithmetic(int n, const double *__restrict__ x, const double *__restrict__ y, double *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    double a = x[i], b = y[i];
    double *o = out + 12 * i;
    o[0] = __dadd_rn(a, b);
    o[1] = __dmul_rn(a, b);
    o[2] = fma(a, b, a);
    o[3] = a / b;
    o[4] = sqrt(fabs(a));
    o[5] = fmin(a, b);
    o[6] = (double)(float)a;
    o[7] = floor(a) + ceil(b) * 2 + trunc(a) * 4 + rint(b) * 8;
    o[8] = __dadd_ru(a, b);
    o[9] = __dmul_rd(a, b);
    o[10] = __ddiv_rz(a, b);
    o[11] = copysign(a, b);
}

extern "C" __global__ void double_math(int n, const double *__restrict__ x, double *__restrict__ out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    double a = x[i];
    double *o = out + 6 * i;
    o[0] = exp(a);
    o[1] = log(fabs(a) + 1e-3);
    o[2] = sin(a);
    o[3] = cos(a);
    o[4] = tanh(a);
    o[5] = pow(fabs(a), 1.7);
}
