//go:build cuda && cgo

#include "calls.h"

#include <string.h>

CUresult unnoise_run(const unnoise_launch_t *l, char *args, const unsigned int *offsets, int count)
{
	void *params[count + 1];
	for (int i = 0; i < count; i++)
		params[i] = args + offsets[i];
	if (!l->cluster[0])
		return cuLaunchKernel(l->function, l->grid[0], l->grid[1], l->grid[2], l->block[0], l->block[1], l->block[2], l->shared,
			l->stream, params, NULL);
	CUlaunchAttribute cluster = {.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION};
	cluster.value.clusterDim.x = l->cluster[0];
	cluster.value.clusterDim.y = l->cluster[1];
	cluster.value.clusterDim.z = l->cluster[2];
	CUlaunchConfig config = {l->grid[0], l->grid[1], l->grid[2], l->block[0], l->block[1], l->block[2], l->shared, l->stream,
		&cluster, 1};
	return cuLaunchKernelEx(&config, l->function, params, NULL);
}

CUresult unnoise_compile(char *ptx, size_t length, const char *name, char *log, size_t size, void **image, size_t *image_size)
{
	CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
	void *values[] = {log, (void *)size};
	CUlinkState state;
	void *code = NULL;
	size_t code_size = 0;

	log[0] = 0;
	CUresult r = cuLinkCreate(2, options, values, &state);
	if (r != CUDA_SUCCESS)
		return r;
	r = cuLinkAddData(state, CU_JIT_INPUT_PTX, ptx, length, name, 0, NULL, NULL);
	if (r == CUDA_SUCCESS)
		r = cuLinkComplete(state, &code, &code_size);
	if (r == CUDA_SUCCESS) {
		/* The code belongs to the linker's state. */
		*image = malloc(code_size);
		*image_size = code_size;
		if (*image)
			memcpy(*image, code, code_size);
		else
			r = CUDA_ERROR_OUT_OF_MEMORY;
	}
	log[size - 1] = 0;
	cuLinkDestroy(state);
	return r;
}

CUresult unnoise_work_nodes(CUgraph graph, int *count)
{
	size_t n = 0;
	CUresult r = cuGraphGetNodes(graph, NULL, &n);
	*count = 0;
	if (r != CUDA_SUCCESS || n == 0)
		return r;
	CUgraphNode *nodes = malloc(n * sizeof *nodes);
	if (!nodes)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = cuGraphGetNodes(graph, nodes, &n);
	for (size_t i = 0; i < n && r == CUDA_SUCCESS; i++) {
		CUgraphNodeType type;
		r = cuGraphNodeGetType(nodes[i], &type);
		if (r == CUDA_SUCCESS &&
			(type == CU_GRAPH_NODE_TYPE_KERNEL || type == CU_GRAPH_NODE_TYPE_MEMCPY || type == CU_GRAPH_NODE_TYPE_MEMSET))
			++*count;
	}
	free(nodes);
	return r;
}
