//go:build cuda && cgo

/* What gorgonia.org/cu lacks, in calls that are cheap from Go. */
#ifndef UNNOISE_CALLS_H
#define UNNOISE_CALLS_H

#include "loader.h"

/* A launch. Argument i begins at args + offsets[i]. Clusters are used where cluster[0] is not 0. */
typedef struct unnoise_launch {
	CUfunction function;
	CUstream stream;
	unsigned int grid[3], block[3], cluster[3];
	unsigned int shared;
} unnoise_launch_t;

UNNOISE_HIDDEN CUresult unnoise_run(const unnoise_launch_t *l, char *args, const unsigned int *offsets, int count);

/* Compiles PTX, which ends with a NUL, to machine code for the current context's device. *image must be freed with free. The
 * compiler's messages go to log, at most size bytes with the NUL. */
UNNOISE_HIDDEN CUresult unnoise_compile(char *ptx, size_t length, const char *name, char *log, size_t size, void **image,
	size_t *image_size);

/* Counts the nodes of a graph that do work: kernels, copies, memsets. */
UNNOISE_HIDDEN CUresult unnoise_work_nodes(CUgraph graph, int *count);

#endif
