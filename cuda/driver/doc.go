// Package driver runs package cuda on an NVIDIA GPU through the CUDA driver API. It registers the kind "cuda" with cuda.Open:
// "cuda:1" is the second GPU that the driver shows to this process.
//
// # Building
//
// The build tag cuda (with cgo) brings the driver in; without it the package only says that it is not there. No CUDA toolkit is
// needed: include/cuda.h is the project's own header and replaces the toolkit's, so that the version of a toolkit that may be
// installed (12 or 13, whose headers give some functions other arguments) does not matter. gorgonia.org/cu finds the header
// and an empty libcuda.a through the environment, which make sets:
//
//	printf '!<arch>\n' > DIR/libcuda.a
//	CGO_CFLAGS=-I$PWD/cuda/driver/include CGO_LDFLAGS="-Wl,--as-needed -LDIR" go build -tags cuda ./cli/unnoise
//
// The program does not depend on libcuda: trampolines.c, generated from the header, defines every function of the driver API that
// is used, and finds the driver's own with dlopen and dlsym when it is first called. The functions are hidden symbols, so
// other libraries of the process never see them. cuInit answers 0 and loads nothing, because gorgonia.org/cu calls it when
// the program starts; opening a device does the real initialisation. UNNOISE_LIBCUDA names another library file.
//
// # Threads
//
// A device owns one operating-system thread, locked, on which the primary context of the GPU is current. Methods hand their work
// to it and wait, so they may be called from any goroutine; all state of the device belongs to that thread and needs no lock.
// While one call waits for the GPU, calls of other goroutines wait too. Of gorgonia.org/cu only functions without a context
// object are used.
//
// # Kernels
//
// PTX is compiled by the driver's linker, and the machine code kept in the user's cache directory under a hash of the PTX, the
// driver's version and the GPU's architecture. Damaged entries are ignored and made anew.
package driver

//go:generate go run ./internal/gen trampolines
