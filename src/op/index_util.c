/* Shared by the index family: checked indices, comparing elements, a stable sort. */
#include "op/index.h"

#include <string.h>

sedge_status sg_index_at(sg_exec *x, const sg_tensor *index, int64_t i, int64_t d, int64_t *out)
{
    int64_t v = sg_load_i64((sg_dtype)index->dtype, index->data, (size_t)i);
    if (v < -d || v >= d)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "index %lld is outside an axis of %lld", (long long)v, (long long)d);
    *out = v < 0 ? v + d : v;
    return SEDGE_OK;
}

sedge_status sg_index_type(sg_infer *c, int k)
{
    if (!sg_is_int((sg_dtype)c->in[k]->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "indices must be integers, not %s", sg_dtypes[c->in[k]->dtype].name);
    return SEDGE_OK;
}

static int compare_text(const sg_tensor *t, int64_t i, int64_t j)
{
    sg_str a, b;
    memcpy(&a, (const char *)t->data + (size_t)i * sizeof a, sizeof a);
    memcpy(&b, (const char *)t->data + (size_t)j * sizeof b, sizeof b);
    size_t n = (size_t)(a.n < b.n ? a.n : b.n);
    int r = n ? memcmp(a.p, b.p, n) : 0;
    return r ? r : (a.n > b.n) - (a.n < b.n);
}

int sg_index_compare(const sg_tensor *t, int64_t i, int64_t j)
{
    sg_dtype type = (sg_dtype)t->dtype;
    if (type == SG_STR)
        return compare_text(t, i, j);
    if (sg_is_float(type)) {
        double a = sg_load_f64(type, t->data, (size_t)i), b = sg_load_f64(type, t->data, (size_t)j);
        bool na = a != a, nb = b != b;
        return na || nb ? na - nb : (a > b) - (a < b);
    }
    int64_t a = sg_load_i64(type, t->data, (size_t)i), b = sg_load_i64(type, t->data, (size_t)j);
    if (type == SG_U64)
        return ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b);
    return (a > b) - (a < b);
}

static void merge(int64_t *v, int64_t *tmp, int64_t mid, int64_t n, bool (*less)(const void *, int64_t, int64_t), const void *ctx)
{
    int64_t i = 0, j = mid, k = 0;
    while (i < mid && j < n)
        tmp[k++] = less(ctx, v[j], v[i]) ? v[j++] : v[i++];
    while (i < mid)
        tmp[k++] = v[i++];
    memcpy(v, tmp, (size_t)k * sizeof *v);
}

/* Bottom-up merge sort: no recursion, no worst case. */
void sg_index_sort(int64_t *v, int64_t *tmp, int64_t n, bool (*less)(const void *ctx, int64_t a, int64_t b), const void *ctx)
{
    for (int64_t width = 1; width < n; width *= 2)
        for (int64_t at = 0; at + width < n; at += 2 * width)
            merge(v + at, tmp, width, n - at < 2 * width ? n - at : 2 * width, less, ctx);
}
