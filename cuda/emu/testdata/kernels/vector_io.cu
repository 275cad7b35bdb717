// Ways to move data. widen_rows: float32 y = 2 x for rows of bfloat16 with a pitch, eight values a 16-byte load through the read-only
// path, streaming stores. cache_operators: every cache operator of loads and stores on integers.
// small_copies: cp.async of 4, 8 and 16 bytes with two groups in flight; matrices_x2: ldmatrix of one and two matrices, plain and
// transposed, of a 16 x 8 tile of 16-bit numbers: six words a lane.

#include "tensor_core.cuh"
#include <cuda_bf16.h>

extern "C" __global__ void widen_rows(int rows, int columns, int pitch, const __nv_bfloat16 *__restrict__ x, float *__restrict__ y) {
    int chunk = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (row >= rows || chunk * 8 >= columns) return;
    uint4 packed = __ldg(reinterpret_cast<const uint4 *>(x + (size_t)row * pitch) + chunk);
    const __nv_bfloat162 *pairs = reinterpret_cast<const __nv_bfloat162 *>(&packed);
    float4 *to = reinterpret_cast<float4 *>(y + (size_t)row * columns + chunk * 8);
#pragma unroll
    for (int j = 0; j < 2; j++) {
        float2 a = __bfloat1622float2(pairs[2 * j]), b = __bfloat1622float2(pairs[2 * j + 1]);
        __stcs(to + j, make_float4(2 * a.x, 2 * a.y, 2 * b.x, 2 * b.y));
    }
}

extern "C" __global__ void cache_operators(int n, const int *x, int *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int v = __ldg(x + i) + __ldcg(x + i) + __ldca(x + i) + __ldcs(x + i) + __ldlu(x + i) + __ldcv(x + i);
    __stwb(y + 4 * i, v);
    __stcg(y + 4 * i + 1, v + 1);
    __stcs(y + 4 * i + 2, v + 2);
    __stwt(y + 4 * i + 3, v + 3);
}

extern "C" __global__ void small_copies(const int *__restrict__ a, const int2 *__restrict__ b, const int4 *__restrict__ c, int *__restrict__ y) {
    __shared__ int as[64];
    __shared__ int2 bs[64];
    __shared__ __align__(16) int4 cs[64];
    int t = threadIdx.x;
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared_address(&as[t])), "l"(a + t) : "memory");
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(shared_address(&bs[t])), "l"(b + t) : "memory");
    copy_commit();
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16, 12;" ::"r"(shared_address(&cs[t])), "l"(c + t) : "memory");
    copy_commit();
    copy_wait<1>();
    __syncthreads();
    int v = as[63 - t] + bs[63 - t].y;
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    int4 w = cs[(t + 1) & 63];
    y[t] = v * 10 + w.x + w.y + w.z + w.w;
}

extern "C" __global__ void matrices_x2(const uint4 *__restrict__ tile, unsigned *__restrict__ out) {
    __shared__ __align__(16) uint4 rows[16];
    int lane = threadIdx.x;
    if (lane < 16) rows[lane] = tile[lane];
    __syncwarp();
    unsigned address = shared_address(&rows[lane & 15]), *o = out + 6 * lane;
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(o[0]) : "r"(address) : "memory");
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];" : "=r"(o[1]) : "r"(address) : "memory");
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];" : "=r"(o[2]), "=r"(o[3]) : "r"(address) : "memory");
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];" : "=r"(o[4]), "=r"(o[5]) : "r"(address) : "memory");
}
