// Geometry of two-dimensional convolutions as matrix products (implicit GEMM). Rows of the product are pixels of a tensor of
// images x h.outputs x w.outputs; along k run the taps and, inside a tap, the channels of the gathered tensor, images x
// h.inputs x w.inputs. A pixel p meets tap v along an axis at t = p scale + first + r step + j, and reads coordinate t / div.
//   forward: scale = stride, first = -pad, step = dilation, div = the enlargement (1 or 2), rounded down; t lies in the
//            enlarged input or is wrapped into it.
//   adjoint (the gradient in the input): scale = enlargement, first = pad, step = -dilation, div = stride, which must divide t.
//            A kernel tap r has sub virtual taps: one for each enlarged row j, and as many periods as a circular output has.
// kernels/conv/geometry_cuda.go fills these structs.
#pragma once
#include "types.cuh"

// opaque hides where a value comes from: else the compiler writes a loop once for each outcome of a test that does not change in it.
__device__ __forceinline__ int opaque(int x) {
    asm volatile("" : "+r"(x));
    return x;
}
__device__ __forceinline__ bool present(const void *p) { return opaque(p != nullptr); }

struct Axis {
    int outputs, inputs;
    int scale, first, step, div;
    int taps, sub, enlarge; // virtual taps, virtual taps of one kernel tap, enlarged rows among them
    int period;             // of circular padding; 0: zero padding
};

struct Geometry {
    Axis h, w;
    int images, taps; // taps = h.taps w.taps
};

// Tap is where a virtual tap reads relative to a pixel, and its index in the kernel.
struct Tap {
    int h, w, extra_h, extra_w, weight;
};

template <bool adjoint> __device__ __forceinline__ int decode_tap(const Axis &a, int v, int &offset, int &extra) {
    offset = a.first + v * a.step;
    if constexpr (!adjoint) return v;
    int r = v / a.sub, j = v - r * a.sub, wrap = j / a.enlarge;
    offset = a.first + r * a.step + j - wrap * a.enlarge;
    extra = wrap * a.period;
    return r;
}

// decode_tap returns virtual tap v; extra_h and extra_w are those of an adjoint only.
template <bool adjoint> __device__ __forceinline__ Tap decode_tap(const Geometry &g, int v) {
    Tap t;
    int vh = v / g.w.taps, vw = v - vh * g.w.taps;
    int r = decode_tap<adjoint>(g.h, vh, t.h, t.extra_h), s = decode_tap<adjoint>(g.w, vw, t.w, t.extra_w);
    t.weight = r * (g.w.taps / g.w.sub) + s;
    return t;
}

// source returns the coordinate that position t reads, -1 in the padding.
template <bool adjoint> __device__ __forceinline__ int source(const Axis &a, int t, int extra) {
    int period = opaque(a.period);
    if (period) {
        t %= period;
        if (t < 0) t += period;
        if (adjoint) t += extra;
    }
    if (t < 0) return -1;
    int q = t;
    if (a.div > 1) {
        q = t / a.div;
        if (adjoint && q * a.div != t) return -1;
    }
    return q < a.inputs ? q : -1;
}

// Pixel is a pixel of the product: the first row of its image in the gathered tensor, its coordinates times scale.
struct __align__(16) Pixel {
    int base, h, w, valid;
};

__device__ __forceinline__ Pixel decode_pixel(const Geometry &g, int p, int end) {
    Pixel x;
    int row = p / g.w.outputs, image = row / g.h.outputs;
    x.base = image * g.h.inputs;
    x.h = (row - image * g.h.outputs) * g.h.scale;
    x.w = (p - row * g.w.outputs) * g.w.scale;
    x.valid = p < end;
    return x;
}

// gathered_row returns the row (n H + h) W + w of the gathered tensor that a pixel reads with a tap, -1 in the padding.
template <bool adjoint> __device__ __forceinline__ int gathered_row(const Geometry &g, const Pixel &p, const Tap &t) {
    int h = source<adjoint>(g.h, p.h + t.h, t.extra_h), w = source<adjoint>(g.w, p.w + t.w, t.extra_w);
    return p.valid && h >= 0 && w >= 0 ? (p.base + h) * g.w.inputs + w : -1;
}

// Epilogue is what becomes of the sums: y = sum + bias[n] + image[image of m][n] + residual[m][n], rounded once. Absent operands
// are null. image has the type of the inputs, y and residual have it too or are float32.
struct Epilogue {
    const float *bias;
    const void *image, *residual;
    void *y;
    float2 *moments; // of the columns of y, tile by tile; null where they are not wanted
    int image_pitch, residual_pitch, y_pitch;
    int pixels;    // of an image
    int columns;   // of y
    int out_float; // y and residual are float32
    int vector;    // so many elements of all operands may be accessed at once
};

__device__ __forceinline__ void load(float (&v)[4], const float *p) { load16(v, p); }
__device__ __forceinline__ void load(float (&v)[8], const bf16 *p) { load16(v, p); }
__device__ __forceinline__ void load(float (&v)[4], const bf16 *p) {
    uint2 q = *reinterpret_cast<const uint2 *>(p);
    v[0] = __uint_as_float(q.x << 16), v[1] = __uint_as_float(q.x & 0xffff0000u);
    v[2] = __uint_as_float(q.y << 16), v[3] = __uint_as_float(q.y & 0xffff0000u);
}
__device__ __forceinline__ void load(float (&v)[8], const float *p) {
    load16(reinterpret_cast<float (&)[4]>(v[0]), p);
    load16(reinterpret_cast<float (&)[4]>(v[4]), p + 4);
}
__device__ __forceinline__ void store(float *p, const float (&v)[4]) { store16(p, v); }
__device__ __forceinline__ void store(bf16 *p, const float (&v)[8]) { store16(p, v); }
__device__ __forceinline__ void store(bf16 *p, const float (&v)[4]) {
    *reinterpret_cast<uint2 *>(p) = make_uint2(pack2(v[0], v[1]), pack2(v[2], v[3]));
}

// add_row adds V elements of a row from column n on, at once or, at the end of a row, as many as there are.
template <bool vector, typename T, int V> __device__ __forceinline__ void add_row(float (&v)[V], const T *row, int n, int columns) {
    if constexpr (vector) {
        float r[V];
        load(r, row + n);
#pragma unroll
        for (int i = 0; i < V; i++) v[i] += r[i];
    } else {
#pragma unroll
        for (int i = 0; i < V; i++)
            if (n + i < columns) v[i] += to_float(row[n + i]);
    }
}

// Finish is what an epilogue may meet: gradients have no bias, and only where y is a prediction is it float32 when the inputs are bf16.
enum Finish { gradient, rounded, prediction };

// finish turns the sums of row m, columns n to n+V-1 (n a multiple of V) into outputs of type O; T is the inputs' type.
template <typename T, typename O, Finish kind, bool vector, int V> __device__ __forceinline__ void finish(const Epilogue &e, int m, int n, float (&v)[V]) {
    if (n >= e.columns) return;
    if constexpr (kind != gradient) {
        if (present(e.bias)) add_row<vector>(v, e.bias, n, e.columns);
        if (present(e.image)) add_row<vector>(v, static_cast<const T *>(e.image) + (long long)(m / e.pixels) * e.image_pitch, n, e.columns);
    }
    if (present(e.residual)) add_row<vector>(v, static_cast<const O *>(e.residual) + (long long)m * e.residual_pitch, n, e.columns);
    O *y = static_cast<O *>(e.y) + (long long)m * e.y_pitch + n;
    if constexpr (vector) {
        store(y, v);
    } else {
#pragma unroll
        for (int i = 0; i < V; i++)
            if (n + i < e.columns) y[i] = from_float<O>(v[i]);
    }
}

// Moments are those of a thread's columns over a few rows. Their sums of squares in float32 are good to (mean / deviation)^2 2^-22 of
// themselves, below what rounding y to bf16 does to them.
template <int V> struct Moments {
    float sum[V] = {}, square[V] = {};

    template <typename O> __device__ __forceinline__ void add(const float (&v)[V]) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            float y = to_float(from_float<O>(v[i]));
            sum[i] += y;
            square[i] += y * y;
        }
    }

    // of returns the mean of column i over so many rows and the sum of squared deviations from it.
    __device__ __forceinline__ float2 of(int i, float rows) const { return make_float2(sum[i] / rows, square[i] - sum[i] * sum[i] / rows); }
};

// join makes the moments of all rows of those of parts (Chan, Golub and LeVeque 1983): part(i) are the moments of part i, rows(i) its rows.
template <typename Part, typename Rows> __device__ __forceinline__ float2 join(int parts, float count, Part part, Rows rows) {
    float sum = 0, squares = 0;
    for (int i = 0; i < parts; i++) sum += rows(i) * part(i).x;
    float mean = sum / count;
    for (int i = 0; i < parts; i++) {
        float2 p = part(i);
        squares += p.y + rows(i) * (p.x - mean) * (p.x - mean);
    }
    return make_float2(mean, squares);
}

// finish_rows finishes the sums that rows.each<V, unroll>(f) hands to f(m, n, sums), a thread's always of the same columns: by vectors
// where rows and columns allow it. Where the moments of outputs are wanted, rows.keep(moments, e) takes each thread's.
template <typename T, typename O, Finish kind, int V, typename Rows> __device__ __forceinline__ void finish_rows(const Epilogue &e, const Rows &rows) {
    constexpr bool may = Rows::keeps && kind != gradient && sizeof(O) == sizeof(T);
    Moments<V> moments;
    bool wanted = may && present(e.moments);
    if (e.vector >= V && e.columns % V == 0)
        rows.template each<V, 2>([&](int m, int n, float (&v)[V]) {
            finish<T, O, kind, true>(e, m, n, v);
            if (wanted) moments.template add<O>(v);
        });
    else
        rows.template each<V, 1>([&](int m, int n, float (&v)[V]) {
            finish<T, O, kind, false>(e, m, n, v);
            if (wanted) moments.template add<O>(v);
        });
    if constexpr (may)
        if (wanted) rows.keep(moments, e);
}

// finish_tile does so for outputs of the inputs' type T, V at a time, or of float32. y of float32 inputs is float32.
template <typename T, Finish kind, int V, typename Rows> __device__ __forceinline__ void finish_tile(const Epilogue &e, const Rows &rows) {
    if (sizeof(T) == 4 || (kind == prediction && e.out_float))
        finish_rows<T, float, kind, 4>(e, rows);
    else
        finish_rows<T, T, kind, V>(e, rows);
}

// store_partial writes four partial sums at once; of neighbouring stores the compiler would part some.
__device__ __forceinline__ void store_partial(float *p, const float (&v)[4]) {
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(p)), "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3]) : "memory");
}

// SplitRow is four sums of one row.
struct SplitRow {
    static constexpr bool keeps = false;
    int m, n;
    float sum[4];

    template <int V, int unroll, typename F> __device__ __forceinline__ void each(F f) const {
        float v[4] = {sum[0], sum[1], sum[2], sum[3]};
        f(m, n, v);
    }
};

// reduce_splits adds partial products, splits x rows x pitch floats, in order and finishes them; one thread for four columns.
template <typename T> __device__ __forceinline__ void reduce_splits(const Epilogue &e, const float *partial, int rows, int pitch, int splits) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    int groups = pitch >> 2;
    if (i >= (long long)rows * groups) return;
    SplitRow row = {(int)(i / groups), 0, {}};
    row.n = (int)(i - (long long)row.m * groups) * 4;
    for (int s = 0; s < splits; s++) {
        float v[4];
        load16(v, partial + ((long long)s * rows + row.m) * pitch + row.n);
#pragma unroll
        for (int j = 0; j < 4; j++) row.sum[j] += v[j];
    }
    finish_tile<T, prediction, 4>(e, row);
}
