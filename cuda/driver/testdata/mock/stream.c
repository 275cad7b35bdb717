/* Streams, events, launches, captures. */
#include "mock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct CUevent_st {
	int recorded, at; /* at: entries of the stream's capture before it */
	struct timespec time;
	CUstream stream;
	CUgraph graph;
};

/* A graph that can be launched: a copy of the captured work. */
struct CUgraphExec_st { struct CUgraph_st graph; };

static CUstream streams;

static void run(const struct work *w)
{
	switch (w->kind) {
	case KERNEL: run_kernel(w); break;
	case COPY: memmove(w->dst, w->src, w->n); break;
	case SET: memset(w->dst, w->value, w->n); break;
	}
}

CUresult submit(CUstream s, const struct work *w)
{
	if (!s || !s->graph) {
		run(w);
		return CUDA_SUCCESS;
	}
	if (s->graph->count == 64)
		return CUDA_ERROR_OUT_OF_MEMORY;
	s->graph->work[s->graph->count++] = *w;
	s->queued++;
	return CUDA_SUCCESS;
}

static CUresult launch(CUfunction f, const unsigned int *grid, const unsigned int *block, unsigned int shared, CUstream s, void **params)
{
	struct work w = {.kind = KERNEL, .function = f};
	char hex[1200] = "";
	memcpy(w.grid, grid, sizeof w.grid);
	memcpy(w.block, block, sizeof w.block);
	if ((int)(block[0] * block[1] * block[2]) > f->max_threads || (int)shared > f->max_dynamic)
		return CUDA_ERROR_INVALID_VALUE;
	for (int i = 0; i < f->params; i++) {
		char *to = w.args + arg_offset(f, i);
		memcpy(to, params[i], f->sizes[i]);
		for (int k = 0; k < f->sizes[i]; k++)
			sprintf(hex + strlen(hex), "%02x", (unsigned char)to[k]);
		strcat(hex, i + 1 < f->params ? "," : "");
	}
	say("launch %s grid %u %u %u block %u %u %u shared %u args %s\n", f->name, grid[0], grid[1], grid[2], block[0], block[1], block[2], shared, hex);
	return submit(s, &w);
}

CUresult cuLaunchKernel(CUfunction f, unsigned int a, unsigned int b, unsigned int c, unsigned int d, unsigned int e, unsigned int g, unsigned int shared,
	CUstream s, void **params, void **extra)
{
	CALL(1);
	if (extra)
		return CUDA_ERROR_INVALID_VALUE;
	return launch(f, (unsigned int[]){a, b, c}, (unsigned int[]){d, e, g}, shared, s, params);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *l, CUfunction f, void **params, void **extra)
{
	CALL(1);
	if (extra || l->numAttrs != 1 || l->attrs[0].id != CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
		return CUDA_ERROR_INVALID_VALUE;
	say("cluster %u %u %u\n", l->attrs[0].value.clusterDim.x, l->attrs[0].value.clusterDim.y, l->attrs[0].value.clusterDim.z);
	return launch(f, (unsigned int[]){l->gridDimX, l->gridDimY, l->gridDimZ}, (unsigned int[]){l->blockDimX, l->blockDimY, l->blockDimZ}, l->sharedMemBytes,
		l->hStream, params);
}

CUresult cuStreamCreate(CUstream *s, unsigned int flags)
{
	CALL(1);
	if (flags != CU_STREAM_NON_BLOCKING)
		return CUDA_ERROR_INVALID_VALUE;
	*s = calloc(1, sizeof **s);
	(*s)->next = streams;
	streams = *s;
	control->streams++;
	return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream s)
{
	CALL(1);
	for (CUstream *p = &streams; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	free(s);
	control->streams--;
	return CUDA_SUCCESS;
}

static CUresult outside(CUstream s) { return s && s->graph ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS; }

CUresult cuStreamSynchronize(CUstream s) { CALL(1); return outside(s); }
CUresult cuStreamQuery(CUstream s) { CALL(1); return outside(s); }

CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned int flags)
{
	(void)flags;
	CALL(1);
	if (!e->graph)
		return s->graph && e->recorded ? CUDA_ERROR_STREAM_CAPTURE_ISOLATION : CUDA_SUCCESS;
	if (s->graph && s->graph != e->graph)
		return CUDA_ERROR_STREAM_CAPTURE_MERGE;
	if (!s->graph) {
		s->graph = e->graph;
		s->queued = s->joined = 0;
	}
	if (e->stream->joined < e->at)
		e->stream->joined = e->at;
	return CUDA_SUCCESS;
}

CUresult cuStreamBeginCapture_v2(CUstream s, CUstreamCaptureMode mode)
{
	(void)mode;
	CALL(1);
	if (s->graph)
		return CUDA_ERROR_ILLEGAL_STATE;
	s->graph = calloc(1, sizeof *s->graph);
	s->origin = 1;
	control->graphs++;
	return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream s, CUgraph *g)
{
	CUresult r = CUDA_SUCCESS;
	CALL(1);
	*g = NULL;
	if (!s->graph || !s->origin)
		return CUDA_ERROR_ILLEGAL_STATE;
	CUgraph graph = s->graph;
	s->origin = 0;
	for (CUstream t = streams; t; t = t->next)
		if (t->graph == graph) {
			t->graph = NULL;
			if (t != s && t->joined < t->queued)
				r = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
		}
	if (r == CUDA_SUCCESS)
		*g = graph;
	else
		cuGraphDestroy(graph);
	return r;
}

CUresult cuStreamIsCapturing(CUstream s, CUstreamCaptureStatus *status)
{
	CALL(1);
	*status = s->graph ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
	return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *e, unsigned int flags) { (void)flags; CALL(1); *e = calloc(1, sizeof **e); control->events++; return CUDA_SUCCESS; }
CUresult cuEventDestroy_v2(CUevent e) { CALL(1); free(e); control->events--; return CUDA_SUCCESS; }

CUresult cuEventRecord(CUevent e, CUstream s)
{
	CALL(1);
	e->recorded = 1;
	e->stream = s;
	e->graph = s->graph;
	e->at = s->queued;
	clock_gettime(CLOCK_MONOTONIC, &e->time);
	return CUDA_SUCCESS;
}

CUresult cuEventQuery(CUevent e) { CALL(1); return e->graph ? CUDA_ERROR_CAPTURED_EVENT : CUDA_SUCCESS; }
CUresult cuEventSynchronize(CUevent e) { CALL(1); return e->graph ? CUDA_ERROR_CAPTURED_EVENT : CUDA_SUCCESS; }

CUresult cuEventElapsedTime(float *ms, CUevent a, CUevent b)
{
	CALL(1);
	if (!a->recorded || !b->recorded)
		return CUDA_ERROR_INVALID_HANDLE;
	*ms = (b->time.tv_sec - a->time.tv_sec) * 1e3f + (b->time.tv_nsec - a->time.tv_nsec) * 1e-6f;
	return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph g) { CALL(1); free(g); control->graphs--; return CUDA_SUCCESS; }

CUresult cuGraphGetNodes(CUgraph g, CUgraphNode *nodes, size_t *n)
{
	CALL(1);
	for (size_t i = 0; nodes && i < *n; i++)
		nodes[i] = (CUgraphNode)&g->work[i];
	*n = g->count;
	return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type)
{
	static const CUgraphNodeType types[] = {CU_GRAPH_NODE_TYPE_KERNEL, CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_MEMSET};
	CALL(1);
	*type = types[((struct work *)node)->kind];
	return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *e, CUgraph g, unsigned long long flags)
{
	(void)flags;
	CALL(1);
	*e = malloc(sizeof **e);
	(*e)->graph = *g;
	control->graphs++;
	return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec e) { CALL(1); free(e); control->graphs--; return CUDA_SUCCESS; }

CUresult cuGraphLaunch(CUgraphExec e, CUstream s)
{
	CALL(1);
	if (outside(s))
		return outside(s);
	for (int i = 0; i < e->graph.count; i++)
		run(&e->graph.work[i]);
	return CUDA_SUCCESS;
}

CUresult cuTensorMapEncodeTiled(CUtensorMap *m, CUtensorMapDataType type, cuuint32_t rank, void *base, const cuuint64_t *dims, const cuuint64_t *strides,
	const cuuint32_t *box, const cuuint32_t *steps, CUtensorMapInterleave i, CUtensorMapSwizzle swizzle, CUtensorMapL2promotion p, CUtensorMapFloatOOBfill f)
{
	(void)i, (void)p, (void)f;
	CALL(1);
	cuuint64_t all[] = {type, rank, (cuuint64_t)base, dims[0], dims[1], strides[0], box[0], box[1], steps[0], steps[1], swizzle};
	memset(m, 0, sizeof *m);
	memcpy(m, all, sizeof all);
	return CUDA_SUCCESS;
}
