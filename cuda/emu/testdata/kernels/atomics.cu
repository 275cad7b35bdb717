// float_max: *out = max(*out, x[i]) by a compare-and-swap loop on the bits; every thread of a warp contends.
// atomic_suite: every 32-bit and 64-bit integer operation on its own word; out[k] as the operations are listed below.
// float_add: atomicAdd of small integers as float, double, half2: exact in any order.
// spin_lock: *count += 1 a thread under a lock taken by atomicCAS and released by atomicExch, one lane of each warp at a time.

#include <cuda_fp16.h>

extern "C" __global__ void float_max(int n, const float *__restrict__ x, float *out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int *bits = reinterpret_cast<int *>(out);
    int seen = *reinterpret_cast<volatile int *>(bits);
    while (x[i] > __int_as_float(seen)) {
        int before = atomicCAS(bits, seen, __float_as_int(x[i]));
        if (before == seen) break;
        seen = before;
    }
}

extern "C" __global__ void atomic_suite(unsigned *out, unsigned long long *wide, unsigned *ticket) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    int s = (int)i - 100;
    atomicAdd(&out[0], i);
    atomicSub(&out[1], i);
    atomicMin(&out[2], i + 5);
    atomicMax(&out[3], i * 3);
    atomicMin(reinterpret_cast<int *>(&out[4]), s);
    atomicMax(reinterpret_cast<int *>(&out[5]), s);
    atomicAnd(&out[6], ~(1u << (i & 7)));
    atomicOr(&out[7], 1u << (i & 31));
    atomicXor(&out[8], i * 2654435761u);
    atomicInc(&out[9], 9u);
    atomicDec(&out[10], 6u);
    ticket[i] = atomicAdd(&out[11], 1u);
    atomicAdd(&wide[0], (unsigned long long)i << 30);
    atomicMin(&wide[1], 0x1000000000ull + i);
    atomicMax(&wide[2], (unsigned long long)i << 33);
    atomicAnd(&wide[3], ~(1ull << (i & 63)));
    atomicOr(&wide[4], 1ull << (i & 63));
    atomicXor(&wide[5], (unsigned long long)i * 0x9E3779B97F4A7C15ull);
}

extern "C" __global__ void float_add(float *f, double *d, __half2 *h, float *returned) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    returned[i] = atomicAdd(f, (float)(i & 3));
    atomicAdd(d, (double)i);
    atomicAdd(h, __floats2half2_rn((float)(i & 1), 0.5f));
}

extern "C" __global__ void spin_lock(int *lock, volatile int *count) {
    for (int lane = 0; lane < 32; lane++) {
        if ((threadIdx.x & 31) != lane) continue;
        while (atomicCAS(lock, 0, 1) != 0) {
        }
        __threadfence();
        *count = *count + 1;
        __threadfence();
        atomicExch(lock, 0);
    }
}
