// Asynchronous copies from global to shared memory (PTX ISA: cp.async). One function is one instruction; smem_addr is an address in
// shared memory.
#pragma once

// cp_async_16_zfill copies the first `bytes` of 16 (0 to 16) past the first-level cache and fills the rest with zeros.
__device__ __forceinline__ void cp_async_16_zfill(unsigned smem_addr, const void *from, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(smem_addr), "l"(from), "r"(bytes) : "memory");
}

// cp_async_4_zfill copies the first `bytes` of 4 and fills the rest with zeros.
__device__ __forceinline__ void cp_async_4_zfill(unsigned smem_addr, const void *from, int bytes) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(smem_addr), "l"(from), "r"(bytes) : "memory");
}

// cp_async_commit closes a group of copies of this thread.
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// cp_async_wait waits until at most `pending` groups of this thread are on their way.
template <int pending> __device__ __forceinline__ void cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory"); }
