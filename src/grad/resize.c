/* Resizing is linear along each axis: a matrix of its taps, whose transpose is the gradient. */
#include "op/resize.h"

#include "grad/rule.h"

/* [out, in]: the weights of each output; 0: failed. */
static sg_vid taps_of(sg_grad *c, const sg_axis_map *m, sg_dtype real)
{
    int64_t taps = sg_axis_taps(m), dim[2] = {m->out, m->in}, n;
    int64_t *at = taps < 0 ? NULL : sg_arena_array(c->b.arena, (size_t)taps, sizeof *at);
    double *weight = at ? sg_arena_array(c->b.arena, (size_t)taps, sizeof *weight) : NULL;
    char *data = weight && sg_numel_checked(dim, 2, &n) ? sg_arena_array(c->b.arena, (size_t)n + 1, sizeof(double)) : NULL;
    if (!data) {
        sg_fail(c->b.err, SEDGE_E_NOMEM, "no room for a matrix of %lld by %lld", (long long)m->out, (long long)m->in);
        return 0;
    }
    for (int64_t o = 0; o < m->out; o++)
        for (int64_t k = 0; sg_axis_sample(m, o, taps, at, weight) && k < taps; k++) {
            size_t i = (size_t)(o * m->in + at[k]);
            sg_store_f64(real, data, i, sg_load_f64(real, data, i) + weight[k]);
        }
    return sg_const_new(c->b.g, real, 2, dim, data, NULL);
}

/* The resize as a run has it: its operands are shapes and constants. */
static bool read(sg_grad *c, sg_resize *r)
{
    sg_tensor t[5] = {{0}}, *ins[4] = {0}, *out = &t[4];
    sg_exec x = {.op = c->op, .attrs = c->attrs, .n_in = c->b.n_in, .n_out = 1, .in = ins, .out = &out, .err = c->b.err};
    for (int k = 0; k < 5; k++) {
        sg_vid v = k < 4 ? in(c, k) : c->y[0];
        const sg_value *val = &c->b.g->value[v];
        if (!v)
            continue;
        t[k] = (sg_tensor){.dtype = val->type.dtype, .rank = val->type.rank, .data = (void *)(uintptr_t)val->data};
        for (int i = 0; i < val->type.rank; i++)
            t[k].dim[i] = val->type.dim[i];
        if (k > 0 && k < 4 && !val->data) {
            sg_grad_refuse(c, "its sizes are known in the run alone");
            return false;
        }
        if (k < 4)
            ins[k] = &t[k];
    }
    return sg_resize_read(&x, r) == SEDGE_OK;
}

void sg_grad_resize(sg_grad *c)
{
    sg_resize r;
    sg_vid d = c->dy[0];
    if (!read(c, &r))
        return;
    for (int a = r.rank - 1; a >= 0; a--) {
        int64_t perm[SG_RANK_MAX];
        for (int i = 0; i < r.rank; i++)
            perm[i] = i == a ? r.rank - 1 : i == r.rank - 1 ? a : i;
        if (!r.active[a])
            continue;
        bool last = a == r.rank - 1;
        d = last ? d : sg_ib_transpose(&c->b, d, perm, r.rank);
        d = sg_ib_matmul(&c->b, d, taps_of(c, &r.map[a], (sg_dtype)type_of(c, d).dtype));
        d = last ? d : sg_ib_transpose(&c->b, d, perm, r.rank);
    }
    c->dx[0] = d;
}
