// Sine and cosine without the range reduction of the CUDA library, whose slow path needs local memory. The angle is reduced in
// float64, where quarter turns and their fractions part exactly; the polynomials are those of the normals (philox.cuh).
#pragma once

// sincos_quarters returns the sine (x) and cosine (y) of u quarter turns, u = angle * 2/pi. The error is below 2e-7 while u has
// fractional bits to spare, |u| < 2^30; NaN and infinities give NaN.
__device__ __forceinline__ float2 sincos_quarters(double u) {
    double whole = rint(u);
    float t = 2.0f * (float)(u - whole), z = t * t; // in units of pi/4, |t| <= 1
    float p = 0.21460184454917908f + z * (0.08074543625116348f + z * (-0.002490007085725665f + z * 3.595450834836811e-05f));
    float q = 0.3084251284599304f + z * (-0.015854327008128166f + z * (0.0003259420918766409f + z * -3.5313726129970746e-06f));
    float sine = t - t * p, cosine = 1.0f - z * q;
    int quarter = (int)(long long)whole;
    float a = quarter & 1 ? cosine : sine, b = quarter & 1 ? sine : cosine;
    return make_float2(quarter & 2 ? -a : a, (quarter + 1) & 2 ? -b : b);
}

constexpr double quarters_per_radian = 0.63661977236758134308; // 2/pi

// time_of reads the time of an image, an integer or a float32.
__device__ __forceinline__ double time_of(const void *t, int integer, long long at) {
    return integer ? (double)static_cast<const int *>(t)[at] : (double)static_cast<const float *>(t)[at];
}
