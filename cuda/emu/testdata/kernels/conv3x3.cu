// conv3x3: y[n,h,w,o] = bias[o] + sum over r, s, c of x[n,h+r-1,w+s-1,c] weight[o,r,s,c], zero padding, stride 1, NHWC and OHWI, float32.
// Direct: a block computes an 8 x 8 patch of one output channel slice of 4 channels from a 10 x 10 halo in shared memory, 8 input
// channels at a time. grid = (patches, ceil(O / 4), N), block = (8, 8, 4). Sums in the order c-slice, r, s, c with fused multiply-add.

constexpr int patch = 8, halo = patch + 2, slice = 8, outputs = 4;

extern "C" __global__ void conv3x3(int H, int W, int C, int O, const float *__restrict__ x, const float *__restrict__ weight,
                                   const float *__restrict__ bias, float *__restrict__ y) {
    __shared__ float xs[halo][halo][slice + 1];
    __shared__ float ws[outputs][9][slice];
    int tx = threadIdx.x, ty = threadIdx.y, to = threadIdx.z, thread = (to * patch + ty) * patch + tx;
    int across = (W + patch - 1) / patch, h0 = blockIdx.x / across * patch, w0 = blockIdx.x % across * patch;
    int o0 = blockIdx.y * outputs, n = blockIdx.z;
    float sum = o0 + to < O ? bias[o0 + to] : 0.0f;
    for (int c0 = 0; c0 < C; c0 += slice) {
        __syncthreads();
        for (int i = thread; i < halo * halo * slice; i += 256) {
            int c = i % slice, w = i / slice % halo, h = i / slice / halo, gh = h0 + h - 1, gw = w0 + w - 1;
            bool inside = gh >= 0 && gh < H && gw >= 0 && gw < W && c0 + c < C;
            xs[h][w][c] = inside ? x[((n * H + gh) * W + gw) * C + c0 + c] : 0.0f;
        }
        for (int i = thread; i < outputs * 9 * slice; i += 256) {
            int c = i % slice, k = i / slice % 9, o = i / slice / 9;
            ws[o][k][c] = o0 + o < O && c0 + c < C ? weight[((o0 + o) * 9 + k) * C + c0 + c] : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < 9; k++)
#pragma unroll
            for (int c = 0; c < slice; c++) sum = fmaf(xs[ty + k / 3][tx + k % 3][c], ws[to][k][c], sum);
    }
    int h = h0 + ty, w = w0 + tx, o = o0 + to;
    if (h < H && w < W && o < O) y[((n * H + h) * W + w) * O + o] = sum;
}
