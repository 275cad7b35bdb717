//go:build cuda && cgo

/* The driver library, opened at run time and not before it is needed. */
#ifndef UNNOISE_LOADER_H
#define UNNOISE_LOADER_H

#include "cuda.h"

#define UNNOISE_HIDDEN __attribute__((visibility("hidden")))

/* Loads the library if that has not been tried yet. Returns the path it was loaded from, or NULL. */
UNNOISE_HIDDEN const char *unnoise_library(void);

/* Why the library could not be loaded, or "". */
UNNOISE_HIDDEN const char *unnoise_library_error(void);

/* The driver's own cuInit, called once. */
UNNOISE_HIDDEN CUresult unnoise_init(void);

/* The driver's function of that name, or NULL; *slot remembers it. */
UNNOISE_HIDDEN void *unnoise_lookup(_Atomic(void *) *slot, const char *name);

/* What a call answers whose function is not there. */
UNNOISE_HIDDEN CUresult unnoise_absent(void);

#endif
