// Package exec runs programs of package graph: Executor holds the persistent buffers, on the CPU or
// on a device; LoadedProgram is a program bound to its memory.
package exec

import (
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
)

// Executor holds persistent buffers and runs programs: CPU or Device. Programs of an executor run
// one at a time; the methods of Executor may be called from other goroutines meanwhile.
type Executor interface {
	// Name says where programs run, for logs.
	Name() string
	// Persistent makes a persistent buffer, zeroed; asking again for the same name and spec is a no-op.
	Persistent(name string, s kernels.Spec) error
	// Write copies elements of host memory, pads included, into a persistent buffer from an element offset on.
	Write(name string, offset int, data []float32) error
	// Read copies from a persistent buffer.
	Read(name string, offset int, dst []float32) error
	// WriteInts and ReadInts are Write and Read for I32 buffers.
	WriteInts(name string, offset int, data []int32) error
	ReadInts(name string, offset int, dst []int32) error
	// Load binds a program to the executor's memory.
	Load(p *graph.Program) (LoadedProgram, error)
	// Close frees all memory.
	Close() error
}

// LoadedProgram is a program bound to an executor's memory.
type LoadedProgram interface {
	// Set fills an input from contiguous N,H,W,C data without pads.
	Set(name string, data []float32) error
	SetInts(name string, data []int32) error
	// InputView returns the memory of a float32 input for the next Run: N,H,W pixels of the input's
	// Spec.Pitch elements. The caller writes the channels, leaves the pads alone, and calls Commit;
	// the view is good until then. It is pinned where a device copies from it. nil: the executor
	// keeps the input in another type, and Set converts.
	InputView(name string) ([]float32, error)
	// Commit takes over what was written to the view of an input.
	Commit(name string) error
	// Run executes the program.
	Run(s *kernels.StepState) error
	// Get copies an output to contiguous N,H,W,C data without pads.
	Get(name string, dst []float32) error
	// Program returns what was loaded.
	Program() *graph.Program
	// Memory returns the bytes of the arena and of scratch memory that the program uses.
	Memory() int64
	// FirstNonFinite runs the program step by step and names the first tensor that holds NaN or
	// Inf, "" if there is none.
	FirstNonFinite(s *kernels.StepState) (string, error)
	Close() error
}
