// saxpy: y[i] = a * x[i] + y[i], one element a thread.
// saxpy_grid: the same over a grid-stride loop, four elements a thread where 16-byte loads fit, with a scalar tail.
// The product and sum may be fused (fma.rn.f32).

extern "C" __global__ void saxpy(int n, float a, const float *__restrict__ x, float *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}

extern "C" __global__ void saxpy_grid(int n, float a, const float *__restrict__ x, float *__restrict__ y) {
    int stride = gridDim.x * blockDim.x;
    int first = blockIdx.x * blockDim.x + threadIdx.x;
    int quads = n / 4;
    for (int q = first; q < quads; q += stride) {
        float4 xv = reinterpret_cast<const float4 *>(x)[q];
        float4 yv = reinterpret_cast<float4 *>(y)[q];
        yv.x = a * xv.x + yv.x;
        yv.y = a * xv.y + yv.y;
        yv.z = a * xv.z + yv.z;
        yv.w = a * xv.w + yv.w;
        reinterpret_cast<float4 *>(y)[q] = yv;
    }
    for (int i = 4 * quads + first; i < n; i += stride) y[i] = a * x[i] + y[i];
}
