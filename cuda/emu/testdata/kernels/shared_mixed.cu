// Static and dynamic shared memory in one kernel, the dynamic part cut into arrays of different types at run time.
// group_by_key: a block counts keys (static), scans the counts, and writes its elements grouped by key, in input order inside a
// group (dynamic: values, then bytes of keys).

extern __shared__ __align__(16) unsigned char dynamic[];

extern "C" __global__ void group_by_key(int n, int keys, const unsigned char *__restrict__ key, const float *__restrict__ value,
                                        float *__restrict__ grouped, int *__restrict__ starts) {
    __shared__ int counts[64];
    __shared__ int start[65];
    float *values = reinterpret_cast<float *>(dynamic);
    unsigned char *copies = dynamic + blockDim.x * sizeof(float);
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t, size = min((int)blockDim.x, n - (int)(blockIdx.x * blockDim.x));
    if (t < 64) counts[t] = 0;
    __syncthreads();
    if (t < size) {
        values[t] = value[i];
        copies[t] = key[i];
        atomicAdd(&counts[copies[t]], 1);
    }
    __syncthreads();
    if (t == 0) {
        start[0] = 0;
        for (int k = 0; k < keys; k++) start[k + 1] = start[k] + counts[k];
    }
    __syncthreads();
    if (t < size) {
        int before = 0;
        for (int j = 0; j < t; j++) before += copies[j] == copies[t];
        grouped[blockIdx.x * blockDim.x + start[copies[t]] + before] = values[t];
    }
    if (t <= keys) starts[blockIdx.x * (keys + 1) + t] = start[t];
}
