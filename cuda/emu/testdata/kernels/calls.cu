// Functions called out of line: scalars, structs and pointers as arguments and results, divergent call sites.
// polynomial: y[i] = horner(c, x[i]) with the coefficients read through a pointer (generic addressing).
// mean_and_spread: a struct comes back by value; another is changed through a pointer into the caller's frame.
// choose_space: one function reads shared or global memory through the same generic pointer.

struct Moments {
    float mean;
    float spread;
    int count;
};

__noinline__ __device__ float horner(const float *c, int degree, float x) {
    float v = c[degree];
    for (int k = degree - 1; k >= 0; k--) v = fmaf(v, x, c[k]);
    return v;
}

__noinline__ __device__ Moments moments(const float *x, int n) {
    Moments m = {0, 0, n};
    for (int i = 0; i < n; i++) m.mean += x[i];
    m.mean /= n;
    for (int i = 0; i < n; i++) m.spread += (x[i] - m.mean) * (x[i] - m.mean);
    return m;
}

__noinline__ __device__ void scale(Moments *m, float by) {
    m->mean *= by;
    m->spread *= by * by;
}

__noinline__ __device__ float pick(const float *p, int i) { return p[i]; }

extern "C" __global__ void polynomial(int n, int degree, const float *c, const float *x, float *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    if (x[i] < 0)
        y[i] = -horner(c, degree - 1, -x[i]);
    else
        y[i] = horner(c, degree, x[i]);
}

extern "C" __global__ void mean_and_spread(int rows, int columns, const float *x, float *mean, float *spread, int *count) {
    int r = blockIdx.x * blockDim.x + threadIdx.x;
    if (r >= rows) return;
    Moments m = moments(x + r * columns, columns);
    if (r & 1) scale(&m, 2.0f);
    mean[r] = m.mean;
    spread[r] = m.spread;
    count[r] = m.count;
}

extern "C" __global__ void choose_space(int n, const float *x, float *y) {
    __shared__ float doubled[128];
    int t = threadIdx.x, i = blockIdx.x * 128 + t;
    doubled[t] = i < n ? 2 * x[i] : 0.0f;
    __syncthreads();
    if (i >= n) return;
    const float *from = i % 3 == 0 ? x + blockIdx.x * 128 : doubled;
    int other = 127 - t;
    if (blockIdx.x * 128 + other >= n) other = t;
    y[i] = pick(from, other);
}
