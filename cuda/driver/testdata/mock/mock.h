/*
 * A CUDA driver for tests: device memory is memory of the process, streams run at once, captures are lists of work, and the few
 * kernels that the tests launch are written in C. Environment:
 *
 *   MOCK_CONTROL   file that is mapped as struct control: what to pretend, and how many objects are alive
 *   MOCK_LOG       file that gets a line a call: name, thread, and for launches the kernel, its shape and argument bytes
 *   MOCK_LOADED    file that is created when the library is loaded
 */
#ifndef MOCK_H
#define MOCK_H

#include <cuda.h>
#include <stdatomic.h>

/* Package driver's tests write and read the same bytes. */
struct control {
	char fail[64];                  /* function that fails */
	int32_t code, skip;             /* with this code, after so many good calls */
	int32_t devices, major, minor, version;
	int64_t memory;                 /* bytes of the device */
	int32_t memories, hosts, streams, events, modules, graphs, contexts; /* alive */
	int32_t foreign;                /* calls made without the context current */
};

extern struct control *control;

CUresult enter(const char *name, int needs_context);
void say(const char *format, ...);

/* Begins a function of the driver. */
#define CALL(needs_context)                                       \
	do {                                                      \
		CUresult r_ = enter(__func__, needs_context);     \
		if (r_ != CUDA_SUCCESS)                           \
			return r_;                                \
	} while (0)

struct CUmod_st {
	char *text;
	int32_t table[4];
	struct CUfunc_st *functions;
};

struct CUfunc_st {
	char name[96];
	CUmodule module;
	int max_threads, max_dynamic;
	int params, sizes[16];
	struct CUfunc_st *next;
};

/* One entry of a capture. */
struct work {
	enum { KERNEL, COPY, SET } kind;
	CUfunction function;
	unsigned int grid[3], block[3];
	char args[512];
	char *dst, *src;
	size_t n;
	int value;
};

struct CUgraph_st {
	struct work work[64];
	int count;
};

struct CUstream_st {
	CUgraph graph;  /* being captured */
	int origin;     /* the capture began here */
	int queued, joined; /* captured entries, and those that another stream waited for */
	struct CUstream_st *next;
};

CUresult submit(CUstream s, const struct work *w);
void run_kernel(const struct work *w);
int find_params(CUfunction f);
size_t arg_offset(CUfunction f, int i);

#endif
