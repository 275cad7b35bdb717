// Package emu executes PTX in pure Go: a device of package cuda that needs no GPU, checks every access, and counts what
// kernels do.
//
// # Execution
//
// A module's functions are decoded once into small instructions whose operands lie at fixed places of a frame. The 32
// threads of a warp execute them in lock step, most with one lane function for all threads; threads that part meet again at
// the immediate post-dominator of the branch. A frame is pushed for every call, so recursion and calls through pointers
// work; threads that want different functions take turns. The warps of a block take turns in order, from barrier to barrier.
//
// The blocks of a launch run on all cores, unless the kernel has atomics whose order shows (a result that is used, sums of
// floating-point numbers, exchanges) or accesses that synchronise; then they run in order. The outcome, reports and counters
// included, is always that of running them in order: a parallel launch keeps the pages it overwrites, and if anything is
// amiss they are put back and the blocks run again one after the other.
//
// # Memory
//
// An address is the number of an allocation and an offset, so that every address, however wrong, belongs to something that
// a report can name. Numbers are not used again: a pointer to freed memory is recognised. Each byte has a shadow byte that
// says whether anyone wrote it. A value read from bytes that nobody wrote is undefined, and so is what is computed from it;
// it is reported where it decides an address or a branch, or reaches global memory.
//
// # Races
//
// Between barriers, two warps of a block may not access the same shared memory if one of them stores; during a launch, two
// blocks may not access the same global memory if one of them stores. Atomics do not race with each other. Barriers, also of
// part of a block, order accesses; so do a fence followed by an atomic, volatile or release access, and an atomic, volatile
// or acquire access to the same address by the other side.
//
// Not seen are races inside a warp, whose threads run in lock step here (a missing bar.warp.sync), and races between the
// warps of one block on global memory.
//
// # Numbers
//
// Arithmetic is exact to the last bit where the PTX ISA defines it, in every rounding mode. Approximations are computed in
// double precision and rounded once, within every documented error; a GPU's may differ in the last places. Matrix products
// are exact and summed in single precision in the order of k, where a GPU sums in groups of its own.
package emu
