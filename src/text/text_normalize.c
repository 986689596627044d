/* StringNormalizer: drops stop words and changes case. */
#include <string.h>

#include "op/op.h"
#include "op/utf8.h"

typedef uint32_t fold_fn(uint32_t c);

sedge_status sg_infer_string_normalizer(sg_infer *c)
{
    const sg_type *t = c->in[0];
    if (t->kind != SG_TENSOR || t->dtype != SG_STR)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "takes a tensor of strings");
    if (t->rank == 0 || t->rank > 2 || (t->rank == 2 && !sg_dim_is_expr(t->dim[0]) && t->dim[0] != 1))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "takes a shape of [C] or [1,C]");
    c->out[0] = *t;
    if (t->rank > 0)
        c->out[0].dim[t->rank - 1] = sg_d_fresh(c);
    if (t->rank == 2)
        c->out[0].dim[0] = 1;
    return SEDGE_OK;
}

static bool same_words(sg_str a, sg_str b, fold_fn *fold)
{
    uint64_t i = 0, j = 0;
    if (!fold)
        return a.n == b.n && (!a.n || memcmp(a.p, b.p, (size_t)a.n) == 0);
    while (i < a.n && j < b.n) {
        unsigned ni, nj;
        if (fold(sg_utf8_read(a.p + i, a.n - i, &ni)) != fold(sg_utf8_read(b.p + j, b.n - j, &nj)))
            return false;
        i += ni;
        j += nj;
    }
    return i == a.n && j == b.n;
}

static bool is_stop_word(sg_exec *x, sg_str s, fold_fn *fold)
{
    int n;
    const sg_str *stop = sg_get_strs(x->attrs, SG_A_stopwords, &n);
    for (int i = 0; i < n; i++)
        if (same_words(s, stop[i], fold))
            return true;
    return false;
}

/* Writes s folded to p, when p is not NULL; returns the number of bytes. Malformed bytes stay. */
static size_t folded(sg_str s, fold_fn *fold, char *p)
{
    size_t n = 0;
    for (uint64_t i = 0; i < s.n;) {
        unsigned len;
        char buf[4] = {0};
        uint32_t c = sg_utf8_read(s.p + i, s.n - i, &len), f = fold(c);
        unsigned k = len;
        if (f == c)
            memcpy(buf, s.p + i, len);
        else
            k = sg_utf8_write(buf, f);
        if (p)
            memcpy(p + n, buf, k);
        n += k;
        i += len;
    }
    return n;
}

static sedge_status fold_str(sg_exec *x, sg_str s, fold_fn *fold, sg_str *out)
{
    *out = s;
    if (!fold || !s.n)
        return SEDGE_OK;
    size_t n = folded(s, fold, NULL);
    char *p = sg_text(x, n);
    if (!p)
        return SEDGE_E_NOMEM;
    folded(s, fold, p);
    *out = (sg_str){p, n};
    return SEDGE_OK;
}

static sedge_status change_of(sg_exec *x, fold_fn **change)
{
    const char *name = sg_get_str(x->attrs, SG_A_case_change_action);
    *change = strcmp(name, "LOWER") == 0 ? sg_utf8_lower : strcmp(name, "UPPER") == 0 ? sg_utf8_upper : NULL;
    if (*change || !*name || strcmp(name, "NONE") == 0)
        return SEDGE_OK;
    return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "case_change_action is %.16s; LOWER, UPPER and NONE are known", name);
}

sedge_status sg_ref_string_normalizer(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    if (in->rank < 1 || in->rank > 2 || (in->rank == 2 && in->dim[0] != 1))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "takes a shape of [C] or [1,C]");
    fold_fn *change, *compare = NULL;
    SG_TRY(change_of(x, &change));
    if (!sg_get_int(x->attrs, SG_A_is_case_sensitive))
        compare = change ? change : sg_utf8_lower;
    int64_t n = sg_numel(in), kept = 0;
    const sg_str *s = in->data;
    sg_str *keep = sg_scratch(x, ((size_t)n + 1) * sizeof *keep);
    if (!keep)
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < n; i++)
        if (!is_stop_word(x, s[i], compare))
            keep[kept++] = s[i];
    if (!kept)
        keep[kept++] = (sg_str){"", 0}; /* an empty output is one empty string */
    int64_t dim[2] = {1, kept};
    sg_tensor *y = sg_out(x, 0, SG_STR, in->rank, in->rank == 2 ? dim : dim + 1);
    if (!y)
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < kept; i++)
        SG_TRY(fold_str(x, keep[i], change, (sg_str *)y->data + i));
    return SEDGE_OK;
}
