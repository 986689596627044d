/* Strings joined and cut: StringConcat, StringSplit. Cut pieces point into the input's bytes. */
#include <string.h>

#include "op/op.h"
#include "op/utf8.h"

static sedge_status want_strings(sg_infer *c)
{
    for (int k = 0; k < c->n_in; k++)
        if (c->in[k]->kind != SG_TENSOR || c->in[k]->dtype != SG_STR)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "input %d must be a tensor of strings", k);
    return SEDGE_OK;
}

sedge_status sg_infer_string_concat(sg_infer *c)
{
    SG_TRY(want_strings(c));
    return sg_infer_broadcast(c);
}

static sedge_status join(sg_exec *x, const sg_str *a, const sg_str *b, sg_str *out)
{
    if (a->n > SIZE_MAX / 2 || b->n > SIZE_MAX / 2)
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "a string is too long");
    char *p = sg_text(x, (size_t)(a->n + b->n));
    if (!p)
        return SEDGE_E_NOMEM;
    if (a->n)
        memcpy(p, a->p, (size_t)a->n);
    if (b->n)
        memcpy(p + a->n, b->p, (size_t)b->n);
    *out = (sg_str){p, a->n + b->n};
    return SEDGE_OK;
}

sedge_status sg_ref_string_concat(sg_exec *x)
{
    sg_tensor *y = x->out[0];
    sg_walk w;
    sg_walk_init(&w, y->dim, y->rank);
    sg_walk_add_bcast(&w, x->in[0]);
    sg_walk_add_bcast(&w, x->in[1]);
    sg_str *out = y->data;
    const sg_str *a = x->in[0]->data, *b = x->in[1]->data;
    for (bool more = sg_numel(y) > 0; more; more = sg_walk_next(&w)) {
        const sg_str *p = a + w.off[0], *q = b + w.off[1];
        if (!p->n || !q->n)
            *out++ = p->n ? *p : *q;
        else
            SG_TRY(join(x, p, q, out++));
    }
    return SEDGE_OK;
}

/* ---- StringSplit --------------------------------------------------------------------------- */

sedge_status sg_infer_string_split(sg_infer *c)
{
    SG_TRY(want_strings(c));
    const sg_type *t = c->in[0];
    if (t->rank >= SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the rank is too large");
    c->out[0] = *t;
    if (t->rank >= 0) {
        c->out[0].rank = (int8_t)(t->rank + 1);
        c->out[0].dim[t->rank] = sg_d_fresh(c);
    }
    if (c->n_out > 1) {
        c->out[1] = *t;
        c->out[1].dtype = SG_I64;
    }
    return SEDGE_OK;
}

static uint64_t skip(sg_str s, uint64_t at, int space)
{
    unsigned len;
    while (at < s.n && sg_utf8_is_space(sg_utf8_read(s.p + at, s.n - at, &len)) == space)
        at += len;
    return at;
}

/* Cuts at runs of white space; those at the ends give no piece. */
static int64_t split_space(sg_str s, int64_t most, sg_str *out)
{
    int64_t n = 0;
    for (uint64_t at = skip(s, 0, 1); at < s.n; n++) {
        uint64_t end = n == most ? s.n : skip(s, at, 0);
        if (out)
            out[n] = (sg_str){s.p + at, end - at};
        at = skip(s, end, 1);
    }
    return n;
}

static bool starts(sg_str s, uint64_t at, sg_str with)
{
    return s.n - at >= with.n && memcmp(s.p + at, with.p, (size_t)with.n) == 0;
}

static int64_t split_at(sg_str s, sg_str delimiter, int64_t most, sg_str *out)
{
    int64_t n = 0;
    uint64_t from = 0;
    for (uint64_t at = 0; at < s.n && n != most;) {
        if (!starts(s, at, delimiter)) {
            at++;
            continue;
        }
        if (out)
            out[n] = (sg_str){s.p + from, at - from};
        n++;
        at += delimiter.n;
        from = at;
    }
    if (out)
        out[n] = (sg_str){s.n ? s.p + from : s.p, s.n - from};
    return n + 1;
}

static int64_t split(sg_exec *x, sg_str s, sg_str *out)
{
    const char *d = sg_get_str(x->attrs, SG_A_delimiter);
    int64_t most = sg_attr_is_set(x->attrs, SG_A_maxsplit) ? sg_get_int(x->attrs, SG_A_maxsplit) : -1;
    if (most < 0)
        most = -1;
    return *d ? split_at(s, (sg_str){d, strlen(d)}, most, out) : split_space(s, most, out);
}

sedge_status sg_ref_string_split(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    const sg_str *s = in->data;
    int64_t n = sg_numel(in), most = 0, dim[SG_RANK_MAX], numel;
    sg_tensor *count = x->n_out > 1 ? sg_out(x, 1, SG_I64, in->rank, in->dim) : NULL;
    if (x->n_out > 1 && !count)
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        int64_t k = split(x, s[i], NULL);
        if (count)
            sg_store_i64(SG_I64, count->data, (size_t)i, k);
        most = k > most ? k : most;
    }
    memcpy(dim, in->dim, sizeof dim);
    if (in->rank >= SG_RANK_MAX)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the rank is too large");
    dim[in->rank] = most;
    if (!sg_numel_checked(dim, in->rank + 1, &numel))
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "the output is too large");
    sg_tensor *y = sg_out(x, 0, SG_STR, in->rank + 1, dim);
    if (!y)
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        sg_str *row = (sg_str *)y->data + i * most;
        for (int64_t k = split(x, s[i], row); k < most; k++)
            row[k] = (sg_str){"", 0};
    }
    return SEDGE_OK;
}
