// Package lane holds the frequent instructions of PTX for the 32 threads of a
// warp in assembly. Every body gives the bits that the portable code gives; a
// machine without AVX2 and FMA runs that, and so does any with
// GODEBUG=cpu.avx2=off. The assembly is written by gen: go generate ./cuda/emu/lane.
package lane

import "unsafe"

// Func computes 32 lanes: d = f(a, b, c). Each pointer is 32 words of 4 or 8
// bytes, or a predicate, a 32-bit word with one bit a lane. d may be one of the
// sources if their words have the same size.
type Func = func(d, a, b, c unsafe.Pointer)

// Of returns the body of an instruction by its opcode with modifiers and
// types, "add.f32" or "setp.lt.s32", or nil if there is none. Comparisons set
// one predicate and are not combined with another. "pack.b16" is the mov that
// joins two 16-bit registers, the lower one first.
func Of(opcode string) Func { return bodies[opcode] }

// Scratch is memory that MultiplyBF16 works in.
type Scratch = [384]float32

// MultiplyBF16 is mma.m16n8k16 with bfloat16 operands and float32 sums, or nil.
// The 14 registers are d, a, b and c in the order of the instruction; every
// product and every sum is rounded to float32, k rising.
var MultiplyBF16 func(registers *[14]unsafe.Pointer, scratch *Scratch) = multiplyBF16
