/* Modules, functions, and the kernels of the tests. */
#include "mock.h"

#include <stdio.h>
#include <string.h>

static const char magic[] = "MOCK CUBIN\n";

/* The linker's state: the text, and where the errors go. */
struct CUlinkState_st {
	char *log, *text;
	size_t log_size;
};

CUresult cuLinkCreate_v2(unsigned int n, CUjit_option *o, void **v, CUlinkState *s)
{
	CALL(1);
	*s = calloc(1, sizeof **s);
	for (unsigned int i = 0; i < n; i++) {
		if (o[i] == CU_JIT_ERROR_LOG_BUFFER)
			(*s)->log = v[i];
		if (o[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			(*s)->log_size = (size_t)v[i];
	}
	return CUDA_SUCCESS;
}

CUresult cuLinkAddData_v2(CUlinkState s, CUjitInputType type, void *data, size_t n, const char *name, unsigned int options, CUjit_option *o, void **v)
{
	int major = 0, minor = 0, target = 0;
	(void)options, (void)o, (void)v;
	CALL(1);
	const char *text = data, *version = strstr(text, ".version"), *sm = strstr(text, ".target");
	if (type != CU_JIT_INPUT_PTX || text[n - 1] || !version || sscanf(version, ".version %d.%d", &major, &minor) != 2)
		return CUDA_ERROR_INVALID_IMAGE;
	if (major * 10 + minor > 84)
		return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
	if (!sm || sscanf(sm, ".target sm_%d", &target) != 1 || target > control->major * 10 + control->minor)
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	if (strstr(text, "%r99")) {
		snprintf(s->log, s->log_size, "ptxas %s, line 21; error   : Unknown symbol '%%r99'\nptxas fatal   : Ptx assembly aborted due to errors", name);
		return CUDA_ERROR_INVALID_PTX;
	}
	s->text = malloc(sizeof magic + n);
	strcpy(s->text, magic);
	strcat(s->text, text);
	return CUDA_SUCCESS;
}

CUresult cuLinkComplete(CUlinkState s, void **code, size_t *n) { CALL(1); *code = s->text; *n = strlen(s->text) + 1; return CUDA_SUCCESS; }
CUresult cuLinkDestroy(CUlinkState s) { CALL(1); free(s->text); free(s); return CUDA_SUCCESS; }

CUresult cuModuleLoadData(CUmodule *m, const void *image)
{
	CALL(1);
	if (strncmp(image, magic, sizeof magic - 1))
		return CUDA_ERROR_INVALID_IMAGE;
	*m = calloc(1, sizeof **m);
	(*m)->text = malloc(strlen(image) + 1);
	strcpy((*m)->text, image);
	for (int i = 0; i < 4; i++)
		(*m)->table[i] = 10 * (i + 1);
	control->modules++;
	return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule m)
{
	CALL(1);
	while (m->functions) {
		CUfunction f = m->functions;
		m->functions = f->next;
		free(f);
	}
	free(m->text);
	free(m);
	control->modules--;
	return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name)
{
	char entry[128];
	CALL(1);
	snprintf(entry, sizeof entry, ".entry %s(", name);
	const char *at = strstr(m->text, entry);
	if (!at)
		return CUDA_ERROR_NOT_FOUND;
	*f = calloc(1, sizeof **f);
	snprintf((*f)->name, sizeof (*f)->name, "%s", name);
	(*f)->module = m;
	(*f)->max_dynamic = 49152;
	(*f)->max_threads = 1024;
	const char *limit = strstr(at, ".maxntid"), *body = strchr(at, '{');
	if (limit && body && limit < body)
		sscanf(limit, ".maxntid %d", &(*f)->max_threads);
	(*f)->next = m->functions;
	m->functions = *f;
	return find_params(*f) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_IMAGE;
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *p, size_t *n, CUmodule m, const char *name)
{
	CALL(1);
	if (strcmp(name, "table") || !strstr(m->text, " table["))
		return CUDA_ERROR_NOT_FOUND;
	*p = (CUdeviceptr)m->table;
	*n = sizeof m->table;
	return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *v, CUfunction_attribute a, CUfunction f)
{
	CALL(1);
	switch (a) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *v = f->max_threads; break;
	case CU_FUNC_ATTRIBUTE_NUM_REGS: *v = 16; break;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *v = f->max_dynamic; break;
	default: *v = 0;
	}
	return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v)
{
	CALL(1);
	if (a != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || v > 166912)
		return CUDA_ERROR_INVALID_VALUE;
	f->max_dynamic = v;
	return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, CUfunction f, int threads, size_t shared)
{
	(void)f;
	CALL(1);
	int by_threads = 2048 / threads, by_shared = 167936 / (shared + 1024);
	*n = by_threads < 32 ? by_threads : 32;
	if (by_shared < *n)
		*n = by_shared;
	return CUDA_SUCCESS;
}

/* The sizes of the parameters: of the known kernels, or as a name like args_8_4_1 says. */
int find_params(CUfunction f)
{
	static const struct { const char *name; int count, sizes[4]; } known[] = {
		{"scale", 4, {8, 8, 4, 4}}, {"fields", 2, {8, 24}}, {"reverse", 2, {8, 8}}, {"unnoise_probe", 2, {8, 4}}};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!strcmp(f->name, known[i].name)) {
			f->params = known[i].count;
			memcpy(f->sizes, known[i].sizes, sizeof known[i].sizes);
			return 1;
		}
	if (strncmp(f->name, "args", 4))
		return 0;
	for (char *s = f->name + 4; *s == '_' && f->params < 16;)
		f->sizes[f->params++] = strtol(s + 1, &s, 10);
	return 1;
}

/* Arguments lie one after the other, each at a multiple of 8. */
size_t arg_offset(CUfunction f, int i)
{
	size_t at = 0;
	for (int k = 0; k < i; k++)
		at += (f->sizes[k] + 7) / 8 * 8;
	return at;
}

static void scale(const struct work *w)
{
	uint32_t *x, *y, n, a;
	memcpy(&x, w->args, 8), memcpy(&y, w->args + 8, 8), memcpy(&n, w->args + 16, 4), memcpy(&a, w->args + 24, 4);
	for (uint32_t i = 0; i < n && i < w->grid[0] * w->block[0]; i++)
		y[i] = x[i] * a + w->function->module->table[i % 4];
}

static void fields(const struct work *w)
{
	struct { signed char a; int32_t b; int64_t c; float d; } s;
	char *out;
	memcpy(&out, w->args, 8), memcpy(&s, w->args + 8, sizeof s);
	int64_t sum = s.a + s.b + s.c;
	float half = s.d * 0.5f;
	memcpy(out, &sum, 8), memcpy(out + 8, &half, 4);
}

static void reverse(const struct work *w)
{
	uint32_t *in, *out;
	memcpy(&in, w->args, 8), memcpy(&out, w->args + 8, 8);
	for (unsigned int i = 0; i < w->block[0]; i++)
		out[i] = in[w->block[0] - 1 - i];
}

static void probe(const struct work *w)
{
	uint32_t *out, x;
	memcpy(&out, w->args, 8), memcpy(&x, w->args + 8, 4);
	*out = 3 * x + 1;
}

void run_kernel(const struct work *w)
{
	static const struct { const char *name; void (*run)(const struct work *); } kernels[] = {
		{"scale", scale}, {"fields", fields}, {"reverse", reverse}, {"unnoise_probe", probe}};
	for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
		if (!strcmp(w->function->name, kernels[i].name))
			kernels[i].run(w);
}
