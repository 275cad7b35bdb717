// Division by a number that is the same in a whole launch: a multiplication instead of the division that takes 20 instructions
// (Granlund and Montgomery 1994). kernels/gpu/divisor.go makes the struct.
#pragma once

struct Divisor {
    unsigned multiplier, shift; // ceil(2^(31+shift) / divisor), ceil(log2(divisor))
};

// quotient returns n / d for n < 2^31.
__device__ __forceinline__ unsigned quotient(unsigned n, Divisor d) { return __umulhi(n << 1, d.multiplier) >> d.shift; }
