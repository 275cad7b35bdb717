// apply: y[i] = f_k(x[i]) with k = op[i], through a table of function pointers in global memory: the threads of one warp call
// different functions. f = {negate, square, reciprocal, x + 1, |x|}.

typedef float (*Function)(float);

__noinline__ __device__ float negate(float x) { return -x; }
__noinline__ __device__ float square(float x) { return x * x; }
__noinline__ __device__ float reciprocal(float x) { return 1.0f / x; }
__noinline__ __device__ float increment(float x) { return x + 1.0f; }
__noinline__ __device__ float absolute(float x) { return fabsf(x); }

__device__ Function table[5] = {negate, square, reciprocal, increment, absolute};

extern "C" __global__ void apply(int n, const float *x, const int *op, float *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = table[op[i]](x[i]);
}

extern "C" __global__ void apply_twice(int n, int first, int second, const float *x, float *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    Function f = table[first], g = table[second];
    if (i < n) y[i] = g(f(x[i]));
}
