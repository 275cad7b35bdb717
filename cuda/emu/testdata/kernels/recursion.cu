// Recursive device functions: a frame a call, different depths in one warp.
// fibonacci: the textbook double recursion. ackermann: deep, single chain. quicksort: recursion over a range in global memory.

__noinline__ __device__ unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

__noinline__ __device__ unsigned ack(unsigned m, unsigned n) {
    if (m == 0) return n + 1;
    if (n == 0) return ack(m - 1, 1);
    return ack(m - 1, ack(m, n - 1));
}

__noinline__ __device__ void quick(int *v, int lo, int hi) {
    if (lo >= hi) return;
    int pivot = v[(lo + hi) / 2], i = lo, j = hi;
    while (i <= j) {
        while (v[i] < pivot) i++;
        while (v[j] > pivot) j--;
        if (i <= j) {
            int swap = v[i];
            v[i++] = v[j];
            v[j--] = swap;
        }
    }
    quick(v, lo, j);
    quick(v, i, hi);
}

extern "C" __global__ void fibonacci(int n, const unsigned *x, unsigned *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = fib(x[i]);
}

extern "C" __global__ void ackermann(int n, const unsigned *x, unsigned *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = ack(x[i] & 1, x[i] >> 1);
}

extern "C" __global__ void quicksort(int rows, int columns, int *v) {
    int r = blockIdx.x * blockDim.x + threadIdx.x;
    if (r < rows) quick(v + r * columns, 0, columns - 1);
}
