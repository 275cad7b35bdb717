// Package cuda is the device interface: memory, streams, events, graphs,
// modules and launches, as little of the CUDA driver API as training and
// sampling need. Two implementations exist: cuda/driver talks to a real GPU,
// cuda/emu executes PTX in pure Go. Nothing above this folder knows which one
// it runs on.
//
// Rules that both implementations keep:
//
//   - Every object (Memory, HostMemory, Module, Stream, Event, Graph, Device)
//     has one owner and an explicit Close. Closing a device closes what is
//     still open on it, in the order streams, graphs, events, modules, memory.
//   - All methods may be called from any goroutine. Work queued on one stream
//     by several goroutines runs in the order in which the calls were made.
//   - Streams are non-blocking: nothing orders two streams except events, and
//     nothing orders a stream with the synchronous calls of Device (CopyToDevice,
//     CopyToHost, Copy, Memset). Synchronize the stream first.
//   - Stream calls only queue work. Host memory of a queued copy is read or
//     written when the copy runs, so it must stay untouched until a
//     synchronisation says that it has run; a captured copy reads it at every replay.
//   - Errors are of type *Error. A fault of a running kernel is reported by the
//     synchronisation that waits for it. On a GPU it is final for the device:
//     portable code reports it, closes the device and opens a new one.
package cuda
