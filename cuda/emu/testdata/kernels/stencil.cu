// stencil: five-point Laplacian step u' = u + k (left + right + up + down - 4 u) on an H x W grid, edges kept; a 16 x 16 block with a
// halo in shared memory, loaded by the block's own threads and its border threads. heat_rows: rolling window in registers down a column.

constexpr int edge = 16;

extern "C" __global__ void stencil(int H, int W, float k, const float *__restrict__ u, float *__restrict__ next) {
    __shared__ float s[edge + 2][edge + 2];
    int tx = threadIdx.x + 1, ty = threadIdx.y + 1, c = blockIdx.x * edge + threadIdx.x, r = blockIdx.y * edge + threadIdx.y;
    auto at = [=](int row, int column) { return u[min(max(row, 0), H - 1) * W + min(max(column, 0), W - 1)]; };
    s[ty][tx] = at(r, c);
    if (tx == 1) s[ty][0] = at(r, c - 1);
    if (tx == edge) s[ty][edge + 1] = at(r, c + 1);
    if (ty == 1) s[0][tx] = at(r - 1, c);
    if (ty == edge) s[edge + 1][tx] = at(r + 1, c);
    __syncthreads();
    if (r >= H || c >= W) return;
    float v = s[ty][tx];
    bool inner = r > 0 && r < H - 1 && c > 0 && c < W - 1;
    next[r * W + c] = inner ? v + k * (s[ty][tx - 1] + s[ty][tx + 1] + s[ty - 1][tx] + s[ty + 1][tx] - 4.0f * v) : v;
}

extern "C" __global__ void heat_rows(int H, int W, float k, const float *__restrict__ u, float *__restrict__ next) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= W) return;
    float above = u[c], here = u[c], below = H > 1 ? u[W + c] : here;
    for (int r = 0; r < H; r++) {
        next[r * W + c] = here + k * (above - 2.0f * here + below);
        above = here;
        here = below;
        below = u[min(r + 2, H - 1) * W + c];
    }
}
