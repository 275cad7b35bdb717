// Loads of matrices for a warp from shared memory (PTX ISA: ldmatrix). One function is one instruction.
#pragma once

// ldmatrix_x4 loads four 8x8 matrices of 16-bit elements, transposed with trans: lane l gives in smem_addr where row l % 8 of matrix
// l / 8 begins, a multiple of 16.
template <bool trans> __device__ __forceinline__ void ldmatrix_x4(unsigned (&frag)[4], unsigned smem_addr) {
    if constexpr (trans)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(frag[0]), "=r"(frag[1]), "=r"(frag[2]), "=r"(frag[3])
                     : "r"(smem_addr)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(frag[0]), "=r"(frag[1]), "=r"(frag[2]), "=r"(frag[3])
                     : "r"(smem_addr)
                     : "memory");
}
