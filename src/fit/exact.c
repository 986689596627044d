/* Digests of what is computed in integers alone. */
#include "fit/exact.h"

#include <stdlib.h>

#include "base/sha256.h"
#include "run/api.h"
#include "tensor/layout.h"

typedef struct watch {
    const sg_frame *f;
    bool *exact; /* by slot */
    json_t *out;
    bool lost;
} watch;

/* Elements in the order of the axes, however they lie in memory. */
static void digest(watch *w, const char *name, const sg_tensor *t)
{
    sg_tensor row = *t;
    size_t bytes = sg_tensor_bytes(t);
    uint8_t sum[SG_SHA256_BYTES];
    char text[2 * SG_SHA256_BYTES + 1];
    sg_sha256 s;
    row.layout = SG_LAYOUT_ROW;
    if (!(row.data = malloc(bytes + 1))) {
        w->lost = true;
        return;
    }
    sg_layout_copy(t, &row);
    sg_sha256_init(&s);
    sg_sha256_add(&s, row.data, bytes);
    sg_sha256_end(&s, sum);
    sg_sha256_text(sum, text);
    free(row.data);
    w->lost = json_object_set_new(w->out, name, json_string(text)) != 0 || w->lost;
}

static void on_step(void *ctx, int step, double seconds)
{
    watch *w = ctx;
    const sg_plan *p = w->f->plan;
    const sg_step *s = &p->step[step];
    bool exact = s->op && !s->n_region, moves = s->view || s->op == SG_ROW(RELAYOUT) || s->op == SG_ROW(TRANSPOSE);
    (void)seconds;
    for (uint32_t k = 0; k < s->n_in; k++)
        exact = exact && w->exact[p->operand[s->operand + k]];
    for (uint32_t k = s->n_in; k < (uint32_t)s->n_in + s->n_out; k++) {
        uint32_t v = p->operand[s->operand + k];
        const sg_tensor *t = &w->f->val[v];
        bool whole = t->kind == SG_TENSOR && sg_is_int((sg_dtype)t->dtype);
        if (!v)
            continue;
        w->exact[v] = exact && (whole || moves);
        if (w->exact[v] && whole && p->slot[v].name && s->op != SG_ROW(RELAYOUT))
            digest(w, p->slot[v].name, t);
    }
}

sedge_status sg_exact_digests(sedge_session *s, json_t *out, sedge_error *err)
{
    const sg_plan *p = s->frame->plan;
    watch w = {.f = s->frame, .exact = calloc(p->n_slot + 1, 1), .out = out};
    if (!w.exact)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory");
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
    return st == SEDGE_OK && w.lost ? sg_fail(err, SEDGE_E_NOMEM, "no memory") : st;
}
