// softmax: y[r][c] = exp(scale x[r][c] - m) / sum_c exp(scale x[r][c] - m), m the row's maximum. A warp a row, one pass that keeps a running
// maximum and sum (Milakov and Gimelshein 2018), then one pass to write. Any number of columns.

extern "C" __global__ void softmax(int rows, int columns, float scale, const float *__restrict__ x, float *__restrict__ y) {
    int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x & 31;
    if (row >= rows) return;
    const float *xs = x + (size_t)row * columns;
    float m = -3.0e38f, sum = 0;
    for (int c = lane; c < columns; c += 32) {
        float v = xs[c] * scale;
        if (v > m) {
            sum *= expf(m - v);
            m = v;
        }
        sum += expf(v - m);
    }
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) {
        float om = __shfl_xor_sync(0xffffffffu, m, d), osum = __shfl_xor_sync(0xffffffffu, sum, d);
        float top = fmaxf(m, om);
        sum = sum * expf(m - top) + osum * expf(om - top);
        m = top;
    }
    float inverse = 1.0f / sum;
    for (int c = lane; c < columns; c += 32) y[(size_t)row * columns + c] = expf(xs[c] * scale - m) * inverse;
}
