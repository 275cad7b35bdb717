// Arrays in local memory, indexed by values known only at run time.
// sort_rows: each thread sorts its own 16 numbers by insertion.
// digit_walk: counts decimal digits of x[i] in a local table, then follows table[j] as the next index eight times.

extern "C" __global__ void sort_rows(int n, const int *__restrict__ x, int *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int v[16];
    for (int j = 0; j < 16; j++) v[j] = x[16 * i + j];
#pragma unroll 1
    for (int j = 1; j < 16; j++) {
        int key = v[j], k = j - 1;
        while (k >= 0 && v[k] > key) {
            v[k + 1] = v[k];
            k--;
        }
        v[k + 1] = key;
    }
    for (int j = 0; j < 16; j++) y[16 * i + j] = v[j];
}

extern "C" __global__ void digit_walk(int n, const unsigned *__restrict__ x, int *__restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned char table[10] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    for (unsigned v = x[i]; v != 0; v /= 10) table[v % 10]++;
    int at = x[i] % 10, sum = 0;
    for (int j = 0; j < 8; j++) {
        at = table[at] % 10;
        sum = sum * 10 + at;
    }
    y[i] = sum;
}
