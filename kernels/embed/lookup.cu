// lookup: y[n] = table[ids[n]], NaN where the identifier lies outside the table.
// Layout: ids int32, one a row; table and y rows of columns elements, each at its own pitch. i counts the accesses of a row.
//   lookup_vector_T   rows 16-byte aligned: 16-byte accesses, what is left at the end of a row is copied one by one
//   lookup_T          any pitch, any alignment
// Bytes: 2 elements read and written for each element of y.
#include "divide.cuh"
#include "types.cuh"

// Copies tells what a launch copies: accesses of a row, in all rows together.
struct Copies {
    unsigned total, accesses;
    Divisor by_accesses;
    int columns, ids_pitch, rows, table_pitch, pitch;
};

// Source is a row of the table; it is missing where an identifier lies outside.
template <typename T> struct Source {
    bool exists;
    const T *row;
};

template <typename T>
__device__ __forceinline__ Source<T> source_of(const Copies &c, const int *ids, const T *table, long long n) {
    int id = ids[n * c.ids_pitch];
    return {id >= 0 && id < c.rows, table + (long long)id * c.table_pitch};
}

__device__ __forceinline__ float nan_float() { return __int_as_float(0x7fffffff); }

template <typename T>
__device__ __forceinline__ void copy_vector(const Copies &c, const int *ids, const T *table, T *y) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= c.total) return;
    unsigned q = quotient(i, c.by_accesses);
    int first = (i - q * c.accesses) * lanes<T>;
    Source<T> from = source_of(c, ids, table, q);
    T *to = y + (long long)q * c.pitch;
    if (from.exists && first + lanes<T> <= c.columns) {
        *reinterpret_cast<uint4 *>(to + first) = *reinterpret_cast<const uint4 *>(from.row + first);
        return;
    }
#pragma unroll 1
    for (int k = first; k < min(first + lanes<T>, c.columns); k++) to[k] = from.exists ? from.row[k] : from_float<T>(nan_float());
}

template <typename T>
__device__ __forceinline__ void copy_any(const Copies &c, const int *ids, const T *table, T *y) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= c.total) return;
    unsigned q = quotient(i, c.by_accesses), k = i - q * c.accesses;
    Source<T> from = source_of(c, ids, table, q);
    y[(long long)q * c.pitch + k] = from.exists ? from.row[k] : from_float<T>(nan_float());
}

#define LOOKUP(type, name)                                                                                                    \
    extern "C" __global__ void __launch_bounds__(256) lookup_vector_##name(Copies c, const int *__restrict__ ids,             \
                                                                           const type *__restrict__ table, type *__restrict__ y) { \
        copy_vector(c, ids, table, y);                                                                                        \
    }                                                                                                                         \
    extern "C" __global__ void __launch_bounds__(256)                                                                         \
        lookup_##name(Copies c, const int *__restrict__ ids, const type *__restrict__ table, type *__restrict__ y) {          \
        copy_any(c, ids, table, y);                                                                                           \
    }

LOOKUP(float, f32)
LOOKUP(bf16, bf16)
