/* Digests of the integer tensors of a model, one line each: its name and the SHA-256 of its elements in the order of its axes. Taken
 * are those with nothing above them but integer ops, moves, and quantize and dequantize, which are defined to the bit as well; how many
 * stand behind other ops is said last. The inputs are the same on every machine. usage: digests MODEL */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "run/api.h"
#include "tensor/layout.h"

typedef struct watch {
    const sg_frame *f;
    bool *exact; /* by slot */
    int behind;
} watch;

static void digest(const char *name, const sg_tensor *t)
{
    sg_tensor row = *t;
    size_t bytes = sg_tensor_bytes(t);
    uint8_t sum[SG_SHA256_BYTES];
    char text[2 * SG_SHA256_BYTES + 1];
    sg_sha256 s;
    row.layout = SG_LAYOUT_ROW;
    if (!(row.data = malloc(bytes + 1)))
        exit(1);
    sg_layout_copy(t, &row);
    sg_sha256_init(&s);
    sg_sha256_add(&s, row.data, bytes);
    sg_sha256_end(&s, sum);
    sg_sha256_text(sum, text);
    printf("%s %s\n", name, text);
    free(row.data);
}

static bool moves(const sg_step *s)
{
    return s->view || s->op == SG_ROW(RELAYOUT) || s->op == SG_ROW(TRANSPOSE);
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
        w->exact[v] = exact && (whole || moves(s) || s->op == SG_ROW(DEQUANTIZE));
        if (w->exact[v] && whole && p->slot[v].name && s->op != SG_ROW(RELAYOUT))
            digest(p->slot[v].name, t);
        w->behind += whole && !w->exact[v];
    }
}

static void fill(sg_tensor *t, uint32_t *seed)
{
    size_t n = (size_t)sg_numel(t), bytes = sg_tensor_bytes(t);
    if (!(t->data = malloc(bytes + 1)))
        exit(1);
    for (size_t i = 0; i < (t->dtype == SG_F32 ? n : bytes); i++) {
        *seed = *seed * 1664525u + 1013904223u;
        if (t->dtype == SG_F32)
            ((float *)t->data)[i] = (float)(int32_t)(*seed >> 16) * 0x1p-14f - 2;
        else
            ((uint8_t *)t->data)[i] = (uint8_t)(*seed >> 24);
    }
}

static sedge_status run(const char *path, sedge_error *err)
{
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_io io;
    uint32_t seed = 1;
    SG_TRY(sedge_model_open(&m, path, NULL, err));
    SG_TRY(sedge_plan_make(&p, m, NULL, err));
    SG_TRY(sedge_session_open(&s, p, NULL, err));
    for (int i = 0; sedge_model_input(m, i, &io); i++) {
        sedge_tensor t = {.dtype = (uint8_t)io.dtype, .rank = (int8_t)io.rank};
        for (int k = 0; k < io.rank; k++)
            t.dim[k] = io.dim[k] < 0 ? 1 : io.dim[k];
        fill((sg_tensor *)(void *)&t, &seed);
        SG_TRY(sedge_session_set_input(s, i, &t, err));
    }
    watch w = {.f = s->frame, .exact = calloc(p->plan->n_slot + 1, 1)};
    if (!w.exact)
        exit(1);
    w.exact[0] = true; /* an absent operand */
    for (uint32_t v = 1; v < p->plan->n_slot; v++)
        w.exact[v] = p->plan->slot[v].base == SG_BASE_WEIGHTS;
    for (uint32_t k = 0; k < p->plan->n_input; k++)
        w.exact[p->plan->input[k]] = true;
    s->run.on_step = on_step;
    s->run.on_step_ctx = &w;
    SG_TRY(sedge_session_run(s, NULL, err));
    printf("# behind other ops: %d\n", w.behind);
    return SEDGE_OK;
}

int main(int argc, char **argv)
{
    sedge_error err = {0};
    if (argc != 2 || run(argv[1], &err) != SEDGE_OK) {
        fprintf(stderr, "digests: %s\n", argc == 2 ? err.msg : "usage: digests MODEL");
        return 1;
    }
    return 0;
}
