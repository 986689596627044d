/* Fuzzes the TensorFlow Lite importer, the planner and one short run; what can be read is written, and read again. */
#include "export/export.h"
#include "model.h"
#include "run/api.h"

typedef struct text {
    uint8_t *p;
    size_t n;
} text;

static bool put(void *ctx, const void *p, size_t n)
{
    text *t = ctx;
    uint8_t *q = realloc(t->p, t->n + n + 1);
    if (!q)
        return false;
    memcpy(q + t->n, p, n);
    t->p = q;
    t->n += n;
    return true;
}

static void rewrite(const uint8_t *bytes, size_t size)
{
    sedge_model_opts o = {.memory_limit = 256 << 20};
    sedge_model *m = NULL, *again = NULL;
    sedge_error err = {0};
    text t = {0};
    if (sedge_model_open_memory(&m, bytes, size, &o, &err) != SEDGE_OK)
        return;
    const sg_export_opts opts = {.info = &m->info};
    if (sg_export_tflite_to(m->graph, &opts, put, &t, &err) == SEDGE_OK)
        sedge_model_open_memory(&again, t.p, t.n, &o, &err);
    sedge_model_close(&again);
    sedge_model_close(&m);
    free(t.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    rewrite(bytes, size);
    return fuzz_model(bytes, size);
}
