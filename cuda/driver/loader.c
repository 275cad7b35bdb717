//go:build cuda && cgo

#define _GNU_SOURCE
#include "loader.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/* Where the driver is on systems that do not tell the dynamic linker: WSL, NixOS. */
static const char *const candidates[] = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/run/opengl-driver/lib/libcuda.so.1"};

static pthread_once_t load_once = PTHREAD_ONCE_INIT, init_once = PTHREAD_ONCE_INIT;
static void *library;
static char library_path[4096], load_error[512];
static CUresult init_result;

static int try_library(const char *name)
{
	struct link_map *map = NULL;
	library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		/* The first message is about the name that everybody expects. */
		const char *why = dlerror();
		if (!load_error[0])
			snprintf(load_error, sizeof load_error, "%s", why ? why : "no reason given");
		return 0;
	}
	if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name[0])
		name = map->l_name;
	snprintf(library_path, sizeof library_path, "%s", name);
	load_error[0] = 0;
	return 1;
}

static void load(void)
{
	const char *chosen = getenv("UNNOISE_LIBCUDA");
	if (chosen && chosen[0]) {
		try_library(chosen);
		return;
	}
	for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++)
		if (try_library(candidates[i]))
			return;
}

const char *unnoise_library(void)
{
	pthread_once(&load_once, load);
	return library ? library_path : NULL;
}

const char *unnoise_library_error(void)
{
	pthread_once(&load_once, load);
	return load_error;
}

void *unnoise_lookup(_Atomic(void *) *slot, const char *name)
{
	void *f = NULL;
	if (unnoise_library())
		f = dlsym(library, name);
	atomic_store_explicit(slot, f, memory_order_release);
	return f;
}

CUresult unnoise_absent(void)
{
	return library ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_NO_DEVICE;
}

/* gorgonia.org/cu calls cuInit when the program starts and ends the program if it fails. Starting must not touch the driver, so
 * this answers success; unnoise_init does the work when a device is opened. */
UNNOISE_HIDDEN CUresult cuInit(unsigned int flags)
{
	(void)flags;
	return CUDA_SUCCESS;
}

static void init(void)
{
	static _Atomic(void *) slot;
	CUresult (*f)(unsigned int) = (CUresult(*)(unsigned int))unnoise_lookup(&slot, "cuInit");
	init_result = f ? f(0) : unnoise_absent();
}

CUresult unnoise_init(void)
{
	pthread_once(&init_once, init);
	return init_result;
}
