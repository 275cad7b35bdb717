//go:build cuda && cgo

// Code generated from include/cuda.h by internal/gen. DO NOT EDIT.

#include "loader.h"

#include <stdatomic.h>

#define FORWARD(name, types, args)                                               \
	static _Atomic(void *) slot;                                              \
	void *target = atomic_load_explicit(&slot, memory_order_acquire);              \
	if (!target)                                                                \
		target = unnoise_lookup(&slot, #name);                                 \
	return target ? ((CUresult(*) types)target)args : unnoise_absent()

UNNOISE_HIDDEN CUresult cuDriverGetVersion(int *a) { FORWARD(cuDriverGetVersion, (int *), (a)); }
UNNOISE_HIDDEN CUresult cuGetErrorName(CUresult a, const char **b) { FORWARD(cuGetErrorName, (CUresult, const char **), (a, b)); }
UNNOISE_HIDDEN CUresult cuGetErrorString(CUresult a, const char **b) { FORWARD(cuGetErrorString, (CUresult, const char **), (a, b)); }
UNNOISE_HIDDEN CUresult cuDeviceCanAccessPeer(int *a, CUdevice b, CUdevice c) { FORWARD(cuDeviceCanAccessPeer, (int *, CUdevice, CUdevice), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuDeviceGet(CUdevice *a, int b) { FORWARD(cuDeviceGet, (CUdevice *, int), (a, b)); }
UNNOISE_HIDDEN CUresult cuDeviceGetAttribute(int *a, CUdevice_attribute b, CUdevice c) { FORWARD(cuDeviceGetAttribute, (int *, CUdevice_attribute, CUdevice), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuDeviceGetCount(int *a) { FORWARD(cuDeviceGetCount, (int *), (a)); }
UNNOISE_HIDDEN CUresult cuDeviceGetName(char *a, int b, CUdevice c) { FORWARD(cuDeviceGetName, (char *, int, CUdevice), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuDeviceGetP2PAttribute(int *a, CUdevice_P2PAttribute b, CUdevice c, CUdevice d) { FORWARD(cuDeviceGetP2PAttribute, (int *, CUdevice_P2PAttribute, CUdevice, CUdevice), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuDeviceGetUuid(CUuuid *a, CUdevice b) { FORWARD(cuDeviceGetUuid, (CUuuid *, CUdevice), (a, b)); }
UNNOISE_HIDDEN CUresult cuDevicePrimaryCtxGetState(CUdevice a, unsigned int *b, int *c) { FORWARD(cuDevicePrimaryCtxGetState, (CUdevice, unsigned int *, int *), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuDevicePrimaryCtxRelease_v2(CUdevice a) { FORWARD(cuDevicePrimaryCtxRelease_v2, (CUdevice), (a)); }
UNNOISE_HIDDEN CUresult cuDevicePrimaryCtxReset_v2(CUdevice a) { FORWARD(cuDevicePrimaryCtxReset_v2, (CUdevice), (a)); }
UNNOISE_HIDDEN CUresult cuDevicePrimaryCtxRetain(CUcontext *a, CUdevice b) { FORWARD(cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice), (a, b)); }
UNNOISE_HIDDEN CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice a, unsigned int b) { FORWARD(cuDevicePrimaryCtxSetFlags_v2, (CUdevice, unsigned int), (a, b)); }
UNNOISE_HIDDEN CUresult cuDeviceTotalMem_v2(size_t *a, CUdevice b) { FORWARD(cuDeviceTotalMem_v2, (size_t *, CUdevice), (a, b)); }
UNNOISE_HIDDEN CUresult cuCtxCreate_v2(CUcontext *a, unsigned int b, CUdevice c) { FORWARD(cuCtxCreate_v2, (CUcontext *, unsigned int, CUdevice), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuCtxDestroy_v2(CUcontext a) { FORWARD(cuCtxDestroy_v2, (CUcontext), (a)); }
UNNOISE_HIDDEN CUresult cuCtxDisablePeerAccess(CUcontext a) { FORWARD(cuCtxDisablePeerAccess, (CUcontext), (a)); }
UNNOISE_HIDDEN CUresult cuCtxEnablePeerAccess(CUcontext a, unsigned int b) { FORWARD(cuCtxEnablePeerAccess, (CUcontext, unsigned int), (a, b)); }
UNNOISE_HIDDEN CUresult cuCtxGetApiVersion(CUcontext a, unsigned int *b) { FORWARD(cuCtxGetApiVersion, (CUcontext, unsigned int *), (a, b)); }
UNNOISE_HIDDEN CUresult cuCtxGetCacheConfig(CUfunc_cache *a) { FORWARD(cuCtxGetCacheConfig, (CUfunc_cache *), (a)); }
UNNOISE_HIDDEN CUresult cuCtxGetCurrent(CUcontext *a) { FORWARD(cuCtxGetCurrent, (CUcontext *), (a)); }
UNNOISE_HIDDEN CUresult cuCtxGetDevice(CUdevice *a) { FORWARD(cuCtxGetDevice, (CUdevice *), (a)); }
UNNOISE_HIDDEN CUresult cuCtxGetFlags(unsigned int *a) { FORWARD(cuCtxGetFlags, (unsigned int *), (a)); }
UNNOISE_HIDDEN CUresult cuCtxGetLimit(size_t *a, CUlimit b) { FORWARD(cuCtxGetLimit, (size_t *, CUlimit), (a, b)); }
UNNOISE_HIDDEN CUresult cuCtxGetSharedMemConfig(CUsharedconfig *a) { FORWARD(cuCtxGetSharedMemConfig, (CUsharedconfig *), (a)); }
UNNOISE_HIDDEN CUresult cuCtxGetStreamPriorityRange(int *a, int *b) { FORWARD(cuCtxGetStreamPriorityRange, (int *, int *), (a, b)); }
UNNOISE_HIDDEN CUresult cuCtxPopCurrent_v2(CUcontext *a) { FORWARD(cuCtxPopCurrent_v2, (CUcontext *), (a)); }
UNNOISE_HIDDEN CUresult cuCtxPushCurrent_v2(CUcontext a) { FORWARD(cuCtxPushCurrent_v2, (CUcontext), (a)); }
UNNOISE_HIDDEN CUresult cuCtxResetPersistingL2Cache(void) { FORWARD(cuCtxResetPersistingL2Cache, (void), ()); }
UNNOISE_HIDDEN CUresult cuCtxSetCacheConfig(CUfunc_cache a) { FORWARD(cuCtxSetCacheConfig, (CUfunc_cache), (a)); }
UNNOISE_HIDDEN CUresult cuCtxSetCurrent(CUcontext a) { FORWARD(cuCtxSetCurrent, (CUcontext), (a)); }
UNNOISE_HIDDEN CUresult cuCtxSetLimit(CUlimit a, size_t b) { FORWARD(cuCtxSetLimit, (CUlimit, size_t), (a, b)); }
UNNOISE_HIDDEN CUresult cuCtxSetSharedMemConfig(CUsharedconfig a) { FORWARD(cuCtxSetSharedMemConfig, (CUsharedconfig), (a)); }
UNNOISE_HIDDEN CUresult cuCtxSynchronize(void) { FORWARD(cuCtxSynchronize, (void), ()); }
UNNOISE_HIDDEN CUresult cuLinkAddData_v2(CUlinkState a, CUjitInputType b, void *c, size_t d, const char *e, unsigned int f, CUjit_option *g, void **h) { FORWARD(cuLinkAddData_v2, (CUlinkState, CUjitInputType, void *, size_t, const char *, unsigned int, CUjit_option *, void **), (a, b, c, d, e, f, g, h)); }
UNNOISE_HIDDEN CUresult cuLinkAddFile_v2(CUlinkState a, CUjitInputType b, const char *c, unsigned int d, CUjit_option *e, void **f) { FORWARD(cuLinkAddFile_v2, (CUlinkState, CUjitInputType, const char *, unsigned int, CUjit_option *, void **), (a, b, c, d, e, f)); }
UNNOISE_HIDDEN CUresult cuLinkComplete(CUlinkState a, void **b, size_t *c) { FORWARD(cuLinkComplete, (CUlinkState, void **, size_t *), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuLinkCreate_v2(unsigned int a, CUjit_option *b, void **c, CUlinkState *d) { FORWARD(cuLinkCreate_v2, (unsigned int, CUjit_option *, void **, CUlinkState *), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuLinkDestroy(CUlinkState a) { FORWARD(cuLinkDestroy, (CUlinkState), (a)); }
UNNOISE_HIDDEN CUresult cuModuleGetFunction(CUfunction *a, CUmodule b, const char *c) { FORWARD(cuModuleGetFunction, (CUfunction *, CUmodule, const char *), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuModuleGetGlobal_v2(CUdeviceptr *a, size_t *b, CUmodule c, const char *d) { FORWARD(cuModuleGetGlobal_v2, (CUdeviceptr *, size_t *, CUmodule, const char *), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuModuleGetSurfRef(CUsurfref *a, CUmodule b, const char *c) { FORWARD(cuModuleGetSurfRef, (CUsurfref *, CUmodule, const char *), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuModuleGetTexRef(CUtexref *a, CUmodule b, const char *c) { FORWARD(cuModuleGetTexRef, (CUtexref *, CUmodule, const char *), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuModuleLoad(CUmodule *a, const char *b) { FORWARD(cuModuleLoad, (CUmodule *, const char *), (a, b)); }
UNNOISE_HIDDEN CUresult cuModuleLoadData(CUmodule *a, const void *b) { FORWARD(cuModuleLoadData, (CUmodule *, const void *), (a, b)); }
UNNOISE_HIDDEN CUresult cuModuleLoadDataEx(CUmodule *a, const void *b, unsigned int c, CUjit_option *d, void **e) { FORWARD(cuModuleLoadDataEx, (CUmodule *, const void *, unsigned int, CUjit_option *, void **), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuModuleLoadFatBinary(CUmodule *a, const void *b) { FORWARD(cuModuleLoadFatBinary, (CUmodule *, const void *), (a, b)); }
UNNOISE_HIDDEN CUresult cuModuleUnload(CUmodule a) { FORWARD(cuModuleUnload, (CUmodule), (a)); }
UNNOISE_HIDDEN CUresult cuFuncGetAttribute(int *a, CUfunction_attribute b, CUfunction c) { FORWARD(cuFuncGetAttribute, (int *, CUfunction_attribute, CUfunction), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuFuncSetAttribute(CUfunction a, CUfunction_attribute b, int c) { FORWARD(cuFuncSetAttribute, (CUfunction, CUfunction_attribute, int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuFuncSetCacheConfig(CUfunction a, CUfunc_cache b) { FORWARD(cuFuncSetCacheConfig, (CUfunction, CUfunc_cache), (a, b)); }
UNNOISE_HIDDEN CUresult cuFuncSetSharedMemConfig(CUfunction a, CUsharedconfig b) { FORWARD(cuFuncSetSharedMemConfig, (CUfunction, CUsharedconfig), (a, b)); }
UNNOISE_HIDDEN CUresult cuLaunchKernel(CUfunction a, unsigned int b, unsigned int c, unsigned int d, unsigned int e, unsigned int f, unsigned int g, unsigned int h, CUstream i, void **j, void **k) { FORWARD(cuLaunchKernel, (CUfunction, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, CUstream, void **, void **), (a, b, c, d, e, f, g, h, i, j, k)); }
UNNOISE_HIDDEN CUresult cuLaunchKernelEx(const CUlaunchConfig *a, CUfunction b, void **c, void **d) { FORWARD(cuLaunchKernelEx, (const CUlaunchConfig *, CUfunction, void **, void **), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *a, CUfunction b, int c, size_t d) { FORWARD(cuOccupancyMaxActiveBlocksPerMultiprocessor, (int *, CUfunction, int, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *a, CUfunction b, int c, size_t d, unsigned int e) { FORWARD(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, (int *, CUfunction, int, size_t, unsigned int), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemAdvise(CUdeviceptr a, size_t b, CUmem_advise c, CUdevice d) { FORWARD(cuMemAdvise, (CUdeviceptr, size_t, CUmem_advise, CUdevice), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemAlloc_v2(CUdeviceptr *a, size_t b) { FORWARD(cuMemAlloc_v2, (CUdeviceptr *, size_t), (a, b)); }
UNNOISE_HIDDEN CUresult cuMemAllocManaged(CUdeviceptr *a, size_t b, unsigned int c) { FORWARD(cuMemAllocManaged, (CUdeviceptr *, size_t, unsigned int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemAllocPitch_v2(CUdeviceptr *a, size_t *b, size_t c, size_t d, unsigned int e) { FORWARD(cuMemAllocPitch_v2, (CUdeviceptr *, size_t *, size_t, size_t, unsigned int), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemFree_v2(CUdeviceptr a) { FORWARD(cuMemFree_v2, (CUdeviceptr), (a)); }
UNNOISE_HIDDEN CUresult cuMemFreeHost(void *a) { FORWARD(cuMemFreeHost, (void *), (a)); }
UNNOISE_HIDDEN CUresult cuMemGetAddressRange_v2(CUdeviceptr *a, size_t *b, CUdeviceptr c) { FORWARD(cuMemGetAddressRange_v2, (CUdeviceptr *, size_t *, CUdeviceptr), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemGetInfo_v2(size_t *a, size_t *b) { FORWARD(cuMemGetInfo_v2, (size_t *, size_t *), (a, b)); }
UNNOISE_HIDDEN CUresult cuMemHostAlloc(void **a, size_t b, unsigned int c) { FORWARD(cuMemHostAlloc, (void **, size_t, unsigned int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemPrefetchAsync(CUdeviceptr a, size_t b, CUdevice c, CUstream d) { FORWARD(cuMemPrefetchAsync, (CUdeviceptr, size_t, CUdevice, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuPointerGetAttribute(void *a, CUpointer_attribute b, CUdeviceptr c) { FORWARD(cuPointerGetAttribute, (void *, CUpointer_attribute, CUdeviceptr), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuPointerSetAttribute(const void *a, CUpointer_attribute b, CUdeviceptr c) { FORWARD(cuPointerSetAttribute, (const void *, CUpointer_attribute, CUdeviceptr), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemcpy(CUdeviceptr a, CUdeviceptr b, size_t c) { FORWARD(cuMemcpy, (CUdeviceptr, CUdeviceptr, size_t), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D *a) { FORWARD(cuMemcpy2D_v2, (const CUDA_MEMCPY2D *), (a)); }
UNNOISE_HIDDEN CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *a, CUstream b) { FORWARD(cuMemcpy2DAsync_v2, (const CUDA_MEMCPY2D *, CUstream), (a, b)); }
UNNOISE_HIDDEN CUresult cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *a) { FORWARD(cuMemcpy2DUnaligned_v2, (const CUDA_MEMCPY2D *), (a)); }
UNNOISE_HIDDEN CUresult cuMemcpy3D_v2(const CUDA_MEMCPY3D *a) { FORWARD(cuMemcpy3D_v2, (const CUDA_MEMCPY3D *), (a)); }
UNNOISE_HIDDEN CUresult cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *a, CUstream b) { FORWARD(cuMemcpy3DAsync_v2, (const CUDA_MEMCPY3D *, CUstream), (a, b)); }
UNNOISE_HIDDEN CUresult cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *a) { FORWARD(cuMemcpy3DPeer, (const CUDA_MEMCPY3D_PEER *), (a)); }
UNNOISE_HIDDEN CUresult cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *a, CUstream b) { FORWARD(cuMemcpy3DPeerAsync, (const CUDA_MEMCPY3D_PEER *, CUstream), (a, b)); }
UNNOISE_HIDDEN CUresult cuMemcpyAsync(CUdeviceptr a, CUdeviceptr b, size_t c, CUstream d) { FORWARD(cuMemcpyAsync, (CUdeviceptr, CUdeviceptr, size_t, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyAtoA_v2(CUarray a, size_t b, CUarray c, size_t d, size_t e) { FORWARD(cuMemcpyAtoA_v2, (CUarray, size_t, CUarray, size_t, size_t), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemcpyAtoD_v2(CUdeviceptr a, CUarray b, size_t c, size_t d) { FORWARD(cuMemcpyAtoD_v2, (CUdeviceptr, CUarray, size_t, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyAtoH_v2(void *a, CUarray b, size_t c, size_t d) { FORWARD(cuMemcpyAtoH_v2, (void *, CUarray, size_t, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyAtoHAsync_v2(void *a, CUarray b, size_t c, size_t d, CUstream e) { FORWARD(cuMemcpyAtoHAsync_v2, (void *, CUarray, size_t, size_t, CUstream), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemcpyDtoA_v2(CUarray a, size_t b, CUdeviceptr c, size_t d) { FORWARD(cuMemcpyDtoA_v2, (CUarray, size_t, CUdeviceptr, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyDtoD_v2(CUdeviceptr a, CUdeviceptr b, size_t c) { FORWARD(cuMemcpyDtoD_v2, (CUdeviceptr, CUdeviceptr, size_t), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr a, CUdeviceptr b, size_t c, CUstream d) { FORWARD(cuMemcpyDtoDAsync_v2, (CUdeviceptr, CUdeviceptr, size_t, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyDtoH_v2(void *a, CUdeviceptr b, size_t c) { FORWARD(cuMemcpyDtoH_v2, (void *, CUdeviceptr, size_t), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemcpyDtoHAsync_v2(void *a, CUdeviceptr b, size_t c, CUstream d) { FORWARD(cuMemcpyDtoHAsync_v2, (void *, CUdeviceptr, size_t, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyHtoA_v2(CUarray a, size_t b, const void *c, size_t d) { FORWARD(cuMemcpyHtoA_v2, (CUarray, size_t, const void *, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyHtoAAsync_v2(CUarray a, size_t b, const void *c, size_t d, CUstream e) { FORWARD(cuMemcpyHtoAAsync_v2, (CUarray, size_t, const void *, size_t, CUstream), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemcpyHtoD_v2(CUdeviceptr a, const void *b, size_t c) { FORWARD(cuMemcpyHtoD_v2, (CUdeviceptr, const void *, size_t), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr a, const void *b, size_t c, CUstream d) { FORWARD(cuMemcpyHtoDAsync_v2, (CUdeviceptr, const void *, size_t, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemcpyPeer(CUdeviceptr a, CUcontext b, CUdeviceptr c, CUcontext d, size_t e) { FORWARD(cuMemcpyPeer, (CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, size_t), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemcpyPeerAsync(CUdeviceptr a, CUcontext b, CUdeviceptr c, CUcontext d, size_t e, CUstream f) { FORWARD(cuMemcpyPeerAsync, (CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, size_t, CUstream), (a, b, c, d, e, f)); }
UNNOISE_HIDDEN CUresult cuMemsetD16_v2(CUdeviceptr a, unsigned short b, size_t c) { FORWARD(cuMemsetD16_v2, (CUdeviceptr, unsigned short, size_t), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemsetD16Async(CUdeviceptr a, unsigned short b, size_t c, CUstream d) { FORWARD(cuMemsetD16Async, (CUdeviceptr, unsigned short, size_t, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemsetD2D16_v2(CUdeviceptr a, size_t b, unsigned short c, size_t d, size_t e) { FORWARD(cuMemsetD2D16_v2, (CUdeviceptr, size_t, unsigned short, size_t, size_t), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemsetD2D16Async(CUdeviceptr a, size_t b, unsigned short c, size_t d, size_t e, CUstream f) { FORWARD(cuMemsetD2D16Async, (CUdeviceptr, size_t, unsigned short, size_t, size_t, CUstream), (a, b, c, d, e, f)); }
UNNOISE_HIDDEN CUresult cuMemsetD2D32_v2(CUdeviceptr a, size_t b, unsigned int c, size_t d, size_t e) { FORWARD(cuMemsetD2D32_v2, (CUdeviceptr, size_t, unsigned int, size_t, size_t), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemsetD2D32Async(CUdeviceptr a, size_t b, unsigned int c, size_t d, size_t e, CUstream f) { FORWARD(cuMemsetD2D32Async, (CUdeviceptr, size_t, unsigned int, size_t, size_t, CUstream), (a, b, c, d, e, f)); }
UNNOISE_HIDDEN CUresult cuMemsetD2D8_v2(CUdeviceptr a, size_t b, unsigned char c, size_t d, size_t e) { FORWARD(cuMemsetD2D8_v2, (CUdeviceptr, size_t, unsigned char, size_t, size_t), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuMemsetD2D8Async(CUdeviceptr a, size_t b, unsigned char c, size_t d, size_t e, CUstream f) { FORWARD(cuMemsetD2D8Async, (CUdeviceptr, size_t, unsigned char, size_t, size_t, CUstream), (a, b, c, d, e, f)); }
UNNOISE_HIDDEN CUresult cuMemsetD32_v2(CUdeviceptr a, unsigned int b, size_t c) { FORWARD(cuMemsetD32_v2, (CUdeviceptr, unsigned int, size_t), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemsetD32Async(CUdeviceptr a, unsigned int b, size_t c, CUstream d) { FORWARD(cuMemsetD32Async, (CUdeviceptr, unsigned int, size_t, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuMemsetD8_v2(CUdeviceptr a, unsigned char b, size_t c) { FORWARD(cuMemsetD8_v2, (CUdeviceptr, unsigned char, size_t), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuMemsetD8Async(CUdeviceptr a, unsigned char b, size_t c, CUstream d) { FORWARD(cuMemsetD8Async, (CUdeviceptr, unsigned char, size_t, CUstream), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuStreamAttachMemAsync(CUstream a, CUdeviceptr b, size_t c, unsigned int d) { FORWARD(cuStreamAttachMemAsync, (CUstream, CUdeviceptr, size_t, unsigned int), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuStreamBeginCapture_v2(CUstream a, CUstreamCaptureMode b) { FORWARD(cuStreamBeginCapture_v2, (CUstream, CUstreamCaptureMode), (a, b)); }
UNNOISE_HIDDEN CUresult cuStreamCreate(CUstream *a, unsigned int b) { FORWARD(cuStreamCreate, (CUstream *, unsigned int), (a, b)); }
UNNOISE_HIDDEN CUresult cuStreamCreateWithPriority(CUstream *a, unsigned int b, int c) { FORWARD(cuStreamCreateWithPriority, (CUstream *, unsigned int, int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuStreamDestroy_v2(CUstream a) { FORWARD(cuStreamDestroy_v2, (CUstream), (a)); }
UNNOISE_HIDDEN CUresult cuStreamEndCapture(CUstream a, CUgraph *b) { FORWARD(cuStreamEndCapture, (CUstream, CUgraph *), (a, b)); }
UNNOISE_HIDDEN CUresult cuStreamGetFlags(CUstream a, unsigned int *b) { FORWARD(cuStreamGetFlags, (CUstream, unsigned int *), (a, b)); }
UNNOISE_HIDDEN CUresult cuStreamGetPriority(CUstream a, int *b) { FORWARD(cuStreamGetPriority, (CUstream, int *), (a, b)); }
UNNOISE_HIDDEN CUresult cuStreamIsCapturing(CUstream a, CUstreamCaptureStatus *b) { FORWARD(cuStreamIsCapturing, (CUstream, CUstreamCaptureStatus *), (a, b)); }
UNNOISE_HIDDEN CUresult cuStreamQuery(CUstream a) { FORWARD(cuStreamQuery, (CUstream), (a)); }
UNNOISE_HIDDEN CUresult cuStreamSynchronize(CUstream a) { FORWARD(cuStreamSynchronize, (CUstream), (a)); }
UNNOISE_HIDDEN CUresult cuStreamWaitEvent(CUstream a, CUevent b, unsigned int c) { FORWARD(cuStreamWaitEvent, (CUstream, CUevent, unsigned int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuStreamWaitValue32_v2(CUstream a, CUdeviceptr b, cuuint32_t c, unsigned int d) { FORWARD(cuStreamWaitValue32_v2, (CUstream, CUdeviceptr, cuuint32_t, unsigned int), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuStreamWriteValue32_v2(CUstream a, CUdeviceptr b, cuuint32_t c, unsigned int d) { FORWARD(cuStreamWriteValue32_v2, (CUstream, CUdeviceptr, cuuint32_t, unsigned int), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuEventCreate(CUevent *a, unsigned int b) { FORWARD(cuEventCreate, (CUevent *, unsigned int), (a, b)); }
UNNOISE_HIDDEN CUresult cuEventDestroy_v2(CUevent a) { FORWARD(cuEventDestroy_v2, (CUevent), (a)); }
UNNOISE_HIDDEN CUresult cuEventElapsedTime(float *a, CUevent b, CUevent c) { FORWARD(cuEventElapsedTime, (float *, CUevent, CUevent), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuEventQuery(CUevent a) { FORWARD(cuEventQuery, (CUevent), (a)); }
UNNOISE_HIDDEN CUresult cuEventRecord(CUevent a, CUstream b) { FORWARD(cuEventRecord, (CUevent, CUstream), (a, b)); }
UNNOISE_HIDDEN CUresult cuEventSynchronize(CUevent a) { FORWARD(cuEventSynchronize, (CUevent), (a)); }
UNNOISE_HIDDEN CUresult cuGraphAddChildGraphNode(CUgraphNode *a, CUgraph b, const CUgraphNode *c, size_t d, CUgraph e) { FORWARD(cuGraphAddChildGraphNode, (CUgraphNode *, CUgraph, const CUgraphNode *, size_t, CUgraph), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuGraphAddDependencies(CUgraph a, const CUgraphNode *b, const CUgraphNode *c, size_t d) { FORWARD(cuGraphAddDependencies, (CUgraph, const CUgraphNode *, const CUgraphNode *, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuGraphAddEmptyNode(CUgraphNode *a, CUgraph b, const CUgraphNode *c, size_t d) { FORWARD(cuGraphAddEmptyNode, (CUgraphNode *, CUgraph, const CUgraphNode *, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuGraphAddHostNode(CUgraphNode *a, CUgraph b, const CUgraphNode *c, size_t d, const CUDA_HOST_NODE_PARAMS *e) { FORWARD(cuGraphAddHostNode, (CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_HOST_NODE_PARAMS *), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuGraphAddKernelNode_v2(CUgraphNode *a, CUgraph b, const CUgraphNode *c, size_t d, const CUDA_KERNEL_NODE_PARAMS *e) { FORWARD(cuGraphAddKernelNode_v2, (CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_KERNEL_NODE_PARAMS *), (a, b, c, d, e)); }
UNNOISE_HIDDEN CUresult cuGraphAddMemcpyNode(CUgraphNode *a, CUgraph b, const CUgraphNode *c, size_t d, const CUDA_MEMCPY3D *e, CUcontext f) { FORWARD(cuGraphAddMemcpyNode, (CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_MEMCPY3D *, CUcontext), (a, b, c, d, e, f)); }
UNNOISE_HIDDEN CUresult cuGraphAddMemsetNode(CUgraphNode *a, CUgraph b, const CUgraphNode *c, size_t d, const CUDA_MEMSET_NODE_PARAMS *e, CUcontext f) { FORWARD(cuGraphAddMemsetNode, (CUgraphNode *, CUgraph, const CUgraphNode *, size_t, const CUDA_MEMSET_NODE_PARAMS *, CUcontext), (a, b, c, d, e, f)); }
UNNOISE_HIDDEN CUresult cuGraphClone(CUgraph *a, CUgraph b) { FORWARD(cuGraphClone, (CUgraph *, CUgraph), (a, b)); }
UNNOISE_HIDDEN CUresult cuGraphCreate(CUgraph *a, unsigned int b) { FORWARD(cuGraphCreate, (CUgraph *, unsigned int), (a, b)); }
UNNOISE_HIDDEN CUresult cuGraphDestroy(CUgraph a) { FORWARD(cuGraphDestroy, (CUgraph), (a)); }
UNNOISE_HIDDEN CUresult cuGraphDestroyNode(CUgraphNode a) { FORWARD(cuGraphDestroyNode, (CUgraphNode), (a)); }
UNNOISE_HIDDEN CUresult cuGraphExecDestroy(CUgraphExec a) { FORWARD(cuGraphExecDestroy, (CUgraphExec), (a)); }
UNNOISE_HIDDEN CUresult cuGraphGetEdges(CUgraph a, CUgraphNode *b, CUgraphNode *c, size_t *d) { FORWARD(cuGraphGetEdges, (CUgraph, CUgraphNode *, CUgraphNode *, size_t *), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuGraphGetNodes(CUgraph a, CUgraphNode *b, size_t *c) { FORWARD(cuGraphGetNodes, (CUgraph, CUgraphNode *, size_t *), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuGraphInstantiateWithFlags(CUgraphExec *a, CUgraph b, unsigned long long c) { FORWARD(cuGraphInstantiateWithFlags, (CUgraphExec *, CUgraph, unsigned long long), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuGraphLaunch(CUgraphExec a, CUstream b) { FORWARD(cuGraphLaunch, (CUgraphExec, CUstream), (a, b)); }
UNNOISE_HIDDEN CUresult cuGraphNodeGetType(CUgraphNode a, CUgraphNodeType *b) { FORWARD(cuGraphNodeGetType, (CUgraphNode, CUgraphNodeType *), (a, b)); }
UNNOISE_HIDDEN CUresult cuTensorMapEncodeTiled(CUtensorMap *a, CUtensorMapDataType b, cuuint32_t c, void *d, const cuuint64_t *e, const cuuint64_t *f, const cuuint32_t *g, const cuuint32_t *h, CUtensorMapInterleave i, CUtensorMapSwizzle j, CUtensorMapL2promotion k, CUtensorMapFloatOOBfill l) { FORWARD(cuTensorMapEncodeTiled, (CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *, const cuuint64_t *, const cuuint64_t *, const cuuint32_t *, const cuuint32_t *, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill), (a, b, c, d, e, f, g, h, i, j, k, l)); }
UNNOISE_HIDDEN CUresult cuArray3DCreate_v2(CUarray *a, const CUDA_ARRAY3D_DESCRIPTOR *b) { FORWARD(cuArray3DCreate_v2, (CUarray *, const CUDA_ARRAY3D_DESCRIPTOR *), (a, b)); }
UNNOISE_HIDDEN CUresult cuArray3DGetDescriptor_v2(CUDA_ARRAY3D_DESCRIPTOR *a, CUarray b) { FORWARD(cuArray3DGetDescriptor_v2, (CUDA_ARRAY3D_DESCRIPTOR *, CUarray), (a, b)); }
UNNOISE_HIDDEN CUresult cuArrayCreate_v2(CUarray *a, const CUDA_ARRAY_DESCRIPTOR *b) { FORWARD(cuArrayCreate_v2, (CUarray *, const CUDA_ARRAY_DESCRIPTOR *), (a, b)); }
UNNOISE_HIDDEN CUresult cuArrayDestroy(CUarray a) { FORWARD(cuArrayDestroy, (CUarray), (a)); }
UNNOISE_HIDDEN CUresult cuArrayGetDescriptor_v2(CUDA_ARRAY_DESCRIPTOR *a, CUarray b) { FORWARD(cuArrayGetDescriptor_v2, (CUDA_ARRAY_DESCRIPTOR *, CUarray), (a, b)); }
UNNOISE_HIDDEN CUresult cuSurfRefGetArray(CUarray *a, CUsurfref b) { FORWARD(cuSurfRefGetArray, (CUarray *, CUsurfref), (a, b)); }
UNNOISE_HIDDEN CUresult cuSurfRefSetArray(CUsurfref a, CUarray b, unsigned int c) { FORWARD(cuSurfRefSetArray, (CUsurfref, CUarray, unsigned int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuTexRefGetAddress_v2(CUdeviceptr *a, CUtexref b) { FORWARD(cuTexRefGetAddress_v2, (CUdeviceptr *, CUtexref), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefGetAddressMode(CUaddress_mode *a, CUtexref b, int c) { FORWARD(cuTexRefGetAddressMode, (CUaddress_mode *, CUtexref, int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuTexRefGetArray(CUarray *a, CUtexref b) { FORWARD(cuTexRefGetArray, (CUarray *, CUtexref), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefGetBorderColor(float *a, CUtexref b) { FORWARD(cuTexRefGetBorderColor, (float *, CUtexref), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefGetFilterMode(CUfilter_mode *a, CUtexref b) { FORWARD(cuTexRefGetFilterMode, (CUfilter_mode *, CUtexref), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefGetFlags(unsigned int *a, CUtexref b) { FORWARD(cuTexRefGetFlags, (unsigned int *, CUtexref), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefGetFormat(CUarray_format *a, int *b, CUtexref c) { FORWARD(cuTexRefGetFormat, (CUarray_format *, int *, CUtexref), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuTexRefGetMaxAnisotropy(int *a, CUtexref b) { FORWARD(cuTexRefGetMaxAnisotropy, (int *, CUtexref), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefSetAddress_v2(size_t *a, CUtexref b, CUdeviceptr c, size_t d) { FORWARD(cuTexRefSetAddress_v2, (size_t *, CUtexref, CUdeviceptr, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuTexRefSetAddress2D_v3(CUtexref a, const CUDA_ARRAY_DESCRIPTOR *b, CUdeviceptr c, size_t d) { FORWARD(cuTexRefSetAddress2D_v3, (CUtexref, const CUDA_ARRAY_DESCRIPTOR *, CUdeviceptr, size_t), (a, b, c, d)); }
UNNOISE_HIDDEN CUresult cuTexRefSetAddressMode(CUtexref a, int b, CUaddress_mode c) { FORWARD(cuTexRefSetAddressMode, (CUtexref, int, CUaddress_mode), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuTexRefSetArray(CUtexref a, CUarray b, unsigned int c) { FORWARD(cuTexRefSetArray, (CUtexref, CUarray, unsigned int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuTexRefSetBorderColor(CUtexref a, float *b) { FORWARD(cuTexRefSetBorderColor, (CUtexref, float *), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefSetFilterMode(CUtexref a, CUfilter_mode b) { FORWARD(cuTexRefSetFilterMode, (CUtexref, CUfilter_mode), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefSetFlags(CUtexref a, unsigned int b) { FORWARD(cuTexRefSetFlags, (CUtexref, unsigned int), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefSetFormat(CUtexref a, CUarray_format b, int c) { FORWARD(cuTexRefSetFormat, (CUtexref, CUarray_format, int), (a, b, c)); }
UNNOISE_HIDDEN CUresult cuTexRefSetMaxAnisotropy(CUtexref a, unsigned int b) { FORWARD(cuTexRefSetMaxAnisotropy, (CUtexref, unsigned int), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefSetMipmapFilterMode(CUtexref a, CUfilter_mode b) { FORWARD(cuTexRefSetMipmapFilterMode, (CUtexref, CUfilter_mode), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefSetMipmapLevelBias(CUtexref a, float b) { FORWARD(cuTexRefSetMipmapLevelBias, (CUtexref, float), (a, b)); }
UNNOISE_HIDDEN CUresult cuTexRefSetMipmapLevelClamp(CUtexref a, float b, float c) { FORWARD(cuTexRefSetMipmapLevelClamp, (CUtexref, float, float), (a, b, c)); }
