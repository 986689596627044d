/* Digests of what is computed in integers alone. */
#include "fit/exact.h"

#include <stdlib.h>

#include "run/api.h"
#include "tensor/layout.h"

typedef struct watch {
    const sg_frame *f;
    bool *exact; /* by slot */
    sg_exact_fn *fn;
    void *ctx;
    int behind;
    sedge_status st;
} watch;

/* Elements in the order of the axes, however they lie in memory. */
static sedge_status digest(const watch *w, const char *name, const sg_tensor *t)
{
    sg_tensor row = *t;
    size_t bytes = sg_tensor_bytes(t);
    uint8_t sum[SG_SHA256_BYTES];
    char text[2 * SG_SHA256_BYTES + 1];
    sg_sha256 s;
    row.layout = SG_LAYOUT_ROW;
    if (!(row.data = malloc(bytes + 1)))
        return SEDGE_E_NOMEM;
    sg_layout_copy(t, &row);
    sg_sha256_init(&s);
    sg_sha256_add(&s, row.data, bytes);
    sg_sha256_end(&s, sum);
    sg_sha256_text(sum, text);
    free(row.data);
    return w->fn(w->ctx, name, text);
}

/* What makes no number anew, or makes floats that are defined to the bit. */
static bool keeps(const sg_step *s)
{
    return s->view || s->op == SG_ROW(RELAYOUT) || s->op == SG_ROW(TRANSPOSE) || s->op == SG_ROW(DEQUANTIZE);
}

static void on_step(void *ctx, int step, double seconds)
{
    watch *w = ctx;
    const sg_plan *p = w->f->plan;
    const sg_step *s = &p->step[step];
    bool exact = s->op && !s->n_region;
    (void)seconds;
    for (uint32_t k = 0; k < s->n_in; k++)
        exact = exact && w->exact[p->operand[s->operand + k]];
    for (uint32_t k = s->n_in; k < (uint32_t)s->n_in + s->n_out; k++) {
        uint32_t v = p->operand[s->operand + k];
        const sg_tensor *t = &w->f->val[v];
        bool whole = t->kind == SG_TENSOR && sg_is_int((sg_dtype)t->dtype);
        if (!v)
            continue;
        w->exact[v] = exact && (whole || keeps(s));
        if (w->exact[v] && whole && p->slot[v].name && s->op != SG_ROW(RELAYOUT) && w->st == SEDGE_OK)
            w->st = digest(w, p->slot[v].name, t);
        w->behind += whole && !w->exact[v];
    }
}

sedge_status sg_exact_digests(sedge_session *s, sg_exact_fn *fn, void *ctx, int *behind, sedge_error *err)
{
    const sg_plan *p = s->frame->plan;
    watch w = {.f = s->frame, .exact = calloc(p->n_slot + 1, 1), .fn = fn, .ctx = ctx};
    if (!w.exact)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    w.exact[0] = true; /* an absent operand */
    for (uint32_t v = 1; v < p->n_slot; v++)
        w.exact[v] = p->slot[v].base == SG_BASE_WEIGHTS;
    for (uint32_t k = 0; k < p->n_input; k++)
        w.exact[p->input[k]] = true;
    s->run.on_step = on_step;
    s->run.on_step_ctx = &w;
    sedge_status st = sedge_session_run(s, NULL, err);
    s->run.on_step = NULL;
    free(w.exact);
    if (behind)
        *behind = w.behind;
    return st == SEDGE_OK && w.st != SEDGE_OK ? sg_fail(err, w.st, "out of memory") : st;
}
