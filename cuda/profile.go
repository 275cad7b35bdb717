package cuda

// Profiler is implemented by devices that count what kernels do, exactly and
// without sampling. Ask with a type assertion.
type Profiler interface {
	// StartCounting clears the list of launches and begins to fill it.
	StartCounting()
	// StopCounting returns the launches executed since StartCounting, in
	// order of execution.
	StopCounting() []LaunchCounters
}

// LaunchCounters is what one launch did.
type LaunchCounters struct {
	Kernel string
	Label  string
	Grid   Dim3
	Block  Dim3

	Instructions InstructionCounters
	FLOPs        FLOPCounters
	Global       MemoryCounters
	Local        MemoryCounters
	Shared       SharedCounters

	Barriers          int64 // barrier instructions executed, per warp
	AsyncCopies       int64 // bytes copied by cp.async
	Atomics           int64 // atomic operations, per thread
	DivergentBranches int64 // branches on which the threads of a warp parted
}

// InstructionCounters counts instructions: Warp counts issues, Thread counts
// the threads that were active in them.
type InstructionCounters struct{ Warp, Thread ClassCounters }

// ClassCounters holds one count per class of instruction.
type ClassCounters struct {
	Integer, Float32, Half, Float64, Tensor            int64
	Convert, Move, Predicate, Special                  int64 // Special: approximations
	Load, Store, Atomic, Barrier, Branch, Cross, Other int64 // Cross: shuffles, votes, matches, reductions of a warp
}

// FLOPCounters counts floating-point operations per unit, over threads: an fma
// is two, an m16n8k16 mma is 4096 per warp.
type FLOPCounters struct {
	Float32, Float16, BFloat16, Float64 int64
	Special                             int64 // approximations: rcp, rsqrt, ex2, lg2, sin, cos, tanh
	TensorF16, TensorBF16, TensorTF32   int64
	TensorF64                           int64
}

// MemoryCounters counts accesses to device memory: a warp's access touches
// sectors of 32 bytes; the ideal is as many as the bytes asked for would fill.
type MemoryCounters struct {
	LoadAccesses, StoreAccesses int64 // warp instructions
	LoadBytes, StoreBytes       int64 // asked for by threads
	LoadSectors, StoreSectors   int64
}

// SharedCounters counts accesses to shared memory: a wavefront serves up to 32
// different banks of 4 bytes; Ideal is the number without bank conflicts.
type SharedCounters struct {
	LoadAccesses, StoreAccesses     int64
	LoadBytes, StoreBytes           int64
	LoadWavefronts, StoreWavefronts int64
	LoadIdeal, StoreIdeal           int64
}
