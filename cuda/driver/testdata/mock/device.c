/* Initialisation, devices, contexts, memory. */
#define _GNU_SOURCE
#include "mock.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct control defaults = {.devices = 1, .major = 8, .minor = 0, .version = 12040, .memory = 1 << 30};
struct control *control = &defaults;
static int log_file = -1;
static int initialised;
static struct CUctx_st { int references; } context;
static _Thread_local CUcontext current;
static int64_t used;

__attribute__((constructor)) static void loaded(void)
{
	const char *path = getenv("MOCK_LOADED");
	if (path)
		close(open(path, O_CREAT | O_WRONLY, 0600));
	if ((path = getenv("MOCK_CONTROL"))) {
		int f = open(path, O_RDWR);
		void *p = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
		if (p != MAP_FAILED)
			control = p;
		close(f);
	}
	if ((path = getenv("MOCK_LOG")))
		log_file = open(path, O_CREAT | O_APPEND | O_WRONLY, 0600);
}

void say(const char *format, ...)
{
	char line[2048];
	va_list list;
	if (log_file < 0)
		return;
	va_start(list, format);
	int n = vsnprintf(line, sizeof line, format, list);
	va_end(list);
	if (write(log_file, line, n) != n)
		abort();
}

CUresult enter(const char *name, int needs_context)
{
	say("%s %ld\n", name, (long)syscall(SYS_gettid));
	if (!initialised && strcmp(name, "cuInit") && strcmp(name, "cuDriverGetVersion") && strncmp(name, "cuGetError", 10))
		return CUDA_ERROR_NOT_INITIALIZED;
	if (needs_context && !current) {
		control->foreign++;
		return CUDA_ERROR_INVALID_CONTEXT;
	}
	if (!strcmp(control->fail, name) && control->skip-- <= 0)
		return control->code;
	return CUDA_SUCCESS;
}

CUresult cuInit(unsigned int flags) { initialised = flags == 0; CALL(0); return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *v) { CALL(0); *v = control->version; return CUDA_SUCCESS; }
CUresult cuGetErrorName(CUresult r, const char **s)
{
	*s = r == 205 ? "CUDA_ERROR_MAP_FAILED" : NULL;
	return *s ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuGetErrorString(CUresult r, const char **s) { *s = "mapping failed in the mock"; return r ? CUDA_SUCCESS : CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int *n) { CALL(0); *n = control->devices; return CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *d, int i) { CALL(0); *d = i; return i < control->devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE; }
CUresult cuDeviceGetName(char *s, int n, CUdevice d) { CALL(0); snprintf(s, n, "Mock GPU %d", d); return CUDA_SUCCESS; }
CUresult cuDeviceGetUuid(CUuuid *u, CUdevice d) { CALL(0); memset(u, 0x10 + d, sizeof *u); return CUDA_SUCCESS; }
CUresult cuDeviceTotalMem_v2(size_t *n, CUdevice d) { (void)d; CALL(0); *n = control->memory; return CUDA_SUCCESS; }

CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d)
{
	(void)d;
	CALL(0);
	switch (a) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = control->major; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = control->minor; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = 108; break;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *v = 32; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X: case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *v = 1024; break;
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *v = 64; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: *v = 2048; break;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *v = 0x7fffffff; break;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y: case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *v = 65535; break;
	case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: *v = 65536; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: *v = 167936; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *v = 49152; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = 166912; break;
	case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: *v = 1024; break;
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: *v = 32; break;
	case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH: *v = control->major >= 9; break;
	default: *v = 1;
	}
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d)
{
	(void)d;
	CALL(0);
	context.references++;
	control->contexts++;
	*c = &context;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d)
{
	(void)d;
	CALL(0);
	context.references--;
	control->contexts--;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice d) { (void)d; CALL(0); return CUDA_SUCCESS; }
CUresult cuCtxSetCurrent(CUcontext c) { CALL(0); current = c; return CUDA_SUCCESS; }
CUresult cuCtxSynchronize(void) { CALL(1); return CUDA_SUCCESS; }

/* Allocations carry their size in front. */
static CUresult take(char **p, size_t n, int32_t *alive)
{
	char *m = aligned_alloc(512, 512 + (n + 511) / 512 * 512);
	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(m, &n, sizeof n);
	memset(m + 512, 0xcd, n);
	*p = m + 512;
	++*alive;
	return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n)
{
	CALL(1);
	if ((int64_t)n > control->memory - used)
		return CUDA_ERROR_OUT_OF_MEMORY;
	used += n;
	return take((char **)p, n, &control->memories);
}

CUresult cuMemFree_v2(CUdeviceptr p)
{
	size_t n;
	CALL(1);
	memcpy(&n, (char *)p - 512, sizeof n);
	used -= n;
	free((char *)p - 512);
	control->memories--;
	return CUDA_SUCCESS;
}

CUresult cuMemGetInfo_v2(size_t *unused, size_t *total)
{
	CALL(1);
	*unused = control->memory - used;
	*total = control->memory;
	return CUDA_SUCCESS;
}

CUresult cuMemHostAlloc(void **p, size_t n, unsigned int flags) { (void)flags; CALL(1); return take((char **)p, n, &control->hosts); }
CUresult cuMemFreeHost(void *p) { CALL(1); free((char *)p - 512); control->hosts--; return CUDA_SUCCESS; }

static CUresult copy(CUstream s, void *dst, const void *src, size_t n)
{
	struct work w = {.kind = COPY, .dst = dst, .src = (char *)src, .n = n};
	return submit(s, &w);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr d, const void *h, size_t n) { CALL(1); return copy(NULL, (void *)d, h, n); }
CUresult cuMemcpyDtoH_v2(void *h, CUdeviceptr d, size_t n) { CALL(1); return copy(NULL, h, (void *)d, n); }
CUresult cuMemcpyDtoD_v2(CUdeviceptr d, CUdeviceptr s, size_t n) { CALL(1); return copy(NULL, (void *)d, (void *)s, n); }
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr d, const void *h, size_t n, CUstream s) { CALL(1); return copy(s, (void *)d, h, n); }
CUresult cuMemcpyDtoHAsync_v2(void *h, CUdeviceptr d, size_t n, CUstream s) { CALL(1); return copy(s, h, (void *)d, n); }
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr d, CUdeviceptr e, size_t n, CUstream s) { CALL(1); return copy(s, (void *)d, (void *)e, n); }

CUresult cuMemsetD8Async(CUdeviceptr d, unsigned char v, size_t n, CUstream s)
{
	struct work w = {.kind = SET, .dst = (char *)d, .value = v, .n = n};
	CALL(1);
	return submit(s, &w);
}

CUresult cuMemsetD8_v2(CUdeviceptr d, unsigned char v, size_t n) { CALL(1); memset((void *)d, v, n); return CUDA_SUCCESS; }
