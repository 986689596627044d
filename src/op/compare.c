/* Comparisons, selection and clipping. */
#include "op/elementwise.h"

#include <math.h>
#include <string.h>

#define COMPARE(id, name, formula)               \
    static bool f64_##id(double x, double y)     \
    {                                            \
        return formula;                          \
    }                                            \
    static bool i64_##id(int64_t x, int64_t y)   \
    {                                            \
        return formula;                          \
    }                                            \
    static bool u64_##id(uint64_t x, uint64_t y) \
    {                                            \
        return formula;                          \
    }
#include "op/fn.def"
#undef COMPARE

typedef struct compare_fns {
    bool (*f64)(double, double);
    bool (*i64)(int64_t, int64_t);
    bool (*u64)(uint64_t, uint64_t);
} compare_fns;

static const compare_fns table[SG_COMPARE_COUNT] = {
#define COMPARE(id, name, formula) {f64_##id, i64_##id, u64_##id},
#include "op/fn.def"
#undef COMPARE
};

/* ---- compare ------------------------------------------------------------------------------------------- */

static bool compare_content(sg_infer *c, const sg_dim *v, sg_dim *out)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    bool ea = sg_dim_is_expr(v[0]), eb = sg_dim_is_expr(v[1]);
    if (!ea && !eb)
        return *out = table[kind].i64(v[0], v[1]), true;
    if (v[0] == v[1])
        return *out = table[kind].i64(0, 0), true;
    if (!eb && v[1] < 0 && sg_d_nonneg(c, v[0]))
        return *out = table[kind].i64(1, 0), true;
    if (!ea && v[0] < 0 && sg_d_nonneg(c, v[1]))
        return *out = table[kind].i64(0, 1), true;
    return false;
}

sedge_status sg_infer_compare(sg_infer *c)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    sg_dtype t = (sg_dtype)c->in[0]->dtype, u = (sg_dtype)c->in[1]->dtype;
    if (kind < 0 || kind >= SG_COMPARE_COUNT)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "unknown kind %lld", (long long)kind);
    if (t != u && t != SG_NONE && u != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operands differ in type: %s and %s", sg_dtypes[t].name, sg_dtypes[u].name);
    if (sg_is_complex(t) || (t == SG_STR && kind != SG_COMPARE_EQUAL))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[t].name);
    SG_TRY(sg_infer_broadcast(c));
    c->out[0].dtype = SG_BOOL;
    if (sg_is_int(t) && c->out[0].rank >= 0)
        sg_content_map(c, 2, compare_content);
    return SEDGE_OK;
}

static bool same_text(const sg_tensor *a, size_t ia, const sg_tensor *b, size_t ib)
{
    sg_str s, t;
    memcpy(&s, (const sg_str *)a->data + ia, sizeof s);
    memcpy(&t, (const sg_str *)b->data + ib, sizeof t);
    return s.n == t.n && (s.n == 0 || memcmp(s.p, t.p, (size_t)s.n) == 0);
}

static bool compare_one(const compare_fns *fn, const sg_tensor *a, size_t ia, const sg_tensor *b, size_t ib)
{
    sg_dtype t = (sg_dtype)a->dtype;
    if (t == SG_STR)
        return same_text(a, ia, b, ib);
    if (sg_is_float(t))
        return fn->f64(sg_load_f64(t, a->data, ia), sg_load_f64(t, b->data, ib));
    int64_t x = sg_load_i64(t, a->data, ia), y = sg_load_i64(t, b->data, ib);
    return t == SG_U64 ? fn->u64((uint64_t)x, (uint64_t)y) : fn->i64(x, y);
}

sedge_status sg_ref_compare(sg_exec *x)
{
    const sg_tensor *in[2] = {x->in[0], x->in[1]};
    int64_t kind = sg_get_int(x->attrs, SG_A_kind);
    const compare_fns *fn = &table[kind];
    uint8_t *z = x->out[0]->data;
    sg_bcast w;
    SG_TRY(sg_bcast_init(x, &w, x->out[0], in, 2));
    for (int64_t o = 0; o < w.outer; o++, sg_bcast_next(&w))
        for (int64_t i = 0; i < w.inner; i++)
            *z++ = compare_one(fn, in[0], (size_t)(w.off[0] + i * w.step[0]), in[1], (size_t)(w.off[1] + i * w.step[1]));
    return SEDGE_OK;
}

/* ---- where ----------------------------------------------------------------------------------------------- */

static bool where_content(sg_infer *c, const sg_dim *v, sg_dim *out)
{
    (void)c;
    *out = v[1] == v[2] || v[0] != 0 ? v[1] : v[2];
    return v[1] == v[2] || !sg_dim_is_expr(v[0]);
}

/* Constant conditions are bool, whose contents are not kept: read the bytes. */
static void where_known(sg_infer *c)
{
    const sg_tensor *cond = sg_in_data(c, 0);
    const sg_dim *const *old = c->content, *with[3];
    sg_dim bits[SG_CONTENT_MAX];
    int64_t n = cond && cond->dtype == SG_BOOL ? sg_numel(cond) : -1;
    memcpy(with, old, sizeof with);
    if (!with[0] && n >= 0 && n <= SG_CONTENT_MAX) {
        for (int64_t i = 0; i < n; i++)
            bits[i] = sg_load_i64(SG_BOOL, cond->data, (size_t)i);
        with[0] = bits;
    }
    c->content = with;
    sg_content_map(c, 3, where_content);
    c->content = old;
}

sedge_status sg_infer_where(sg_infer *c)
{
    sg_dtype t = (sg_dtype)c->in[1]->dtype, u = (sg_dtype)c->in[2]->dtype, b = (sg_dtype)c->in[0]->dtype;
    if (t != u && t != SG_NONE && u != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operands differ in type: %s and %s", sg_dtypes[t].name, sg_dtypes[u].name);
    if (b != SG_BOOL && b != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the condition is %s, not bool", sg_dtypes[b].name);
    SG_TRY(sg_infer_broadcast(c));
    c->out[0].dtype = c->in[1]->dtype;
    if (sg_is_int(t) && c->out[0].rank >= 0)
        where_known(c);
    return SEDGE_OK;
}

/* Elements of 4 or 8 bytes are moved as a whole; others one by one. */
#define PICK(size)                                                                               \
    for (int64_t i = 0; i < w->inner; i++) {                                                     \
        int k = cond[i * w->step[0]] ? 1 : 2;                                                    \
        memcpy((char *)z->data + (size_t)(at + i) * (size),                                      \
               (const char *)in[k]->data + (size_t)(w->off[k] + i * w->step[k]) * (size), size); \
    }

static void where_inner(const sg_tensor *const *in, const sg_bcast *w, sg_tensor *z, int64_t at)
{
    const uint8_t *cond = (const uint8_t *)in[0]->data + w->off[0];
    unsigned bits = sg_dtypes[z->dtype].bits;
    if (bits == 32) {
        PICK(4)
    } else if (bits == 64) {
        PICK(8)
    } else {
        for (int64_t i = 0; i < w->inner; i++) {
            int k = cond[i * w->step[0]] ? 1 : 2;
            sg_elem_copy((sg_dtype)z->dtype, z->data, (size_t)(at + i), in[k]->data, (size_t)(w->off[k] + i * w->step[k]));
        }
    }
}

sedge_status sg_ref_where(sg_exec *x)
{
    const sg_tensor *in[3] = {x->in[0], x->in[1], x->in[2]};
    sg_tensor *z = x->out[0];
    sg_bcast w;
    SG_TRY(sg_bcast_init(x, &w, z, in, 3));
    for (int64_t o = 0; o < w.outer; o++, sg_bcast_next(&w))
        where_inner(in, &w, z, o * w.inner);
    return SEDGE_OK;
}

/* ---- clip ------------------------------------------------------------------------------------------------- */

sedge_status sg_infer_clip(sg_infer *c)
{
    sg_dtype t = (sg_dtype)c->in[0]->dtype;
    if (t != SG_NONE && !sg_is_float(t) && !sg_is_int(t))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[t].name);
    for (int k = 1; k < c->n_in; k++) {
        if (!c->in[k])
            continue;
        if (c->in[k]->dtype != t && t != SG_NONE && c->in[k]->dtype != SG_NONE)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "a bound is %s, the input %s", sg_dtypes[c->in[k]->dtype].name,
                                 sg_dtypes[t].name);
        sg_dim n = c->in[k]->rank < 0 ? 1 : sg_d_span(c, c->in[k], 0, c->in[k]->rank);
        if (!sg_d_equal(c, n, 1))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "a bound has %lld elements, not 1", (long long)n);
    }
    return sg_infer_same(c);
}

static void clip_f32(const float *in, float *out, int64_t n, float lo, float hi)
{
    for (int64_t i = 0; i < n; i++) {
        float v = in[i];
        v = v < lo ? lo : v;
        out[i] = v > hi ? hi : v;
    }
}

static void clip_ints(const sg_tensor *in, sg_tensor *out, const sg_tensor *lo, const sg_tensor *hi)
{
    sg_dtype t = (sg_dtype)in->dtype;
    int64_t l = lo ? sg_load_i64(t, lo->data, 0) : 0, h = hi ? sg_load_i64(t, hi->data, 0) : 0, n = sg_numel(in);
    for (int64_t i = 0; i < n; i++) {
        int64_t v = sg_load_i64(t, in->data, (size_t)i);
        if (lo && (t == SG_U64 ? (uint64_t)v < (uint64_t)l : v < l))
            v = l;
        if (hi && (t == SG_U64 ? (uint64_t)v > (uint64_t)h : v > h))
            v = h;
        sg_store_i64(t, out->data, (size_t)i, v);
    }
}

sedge_status sg_ref_clip(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *lo = x->n_in > 1 ? x->in[1] : NULL, *hi = x->n_in > 2 ? x->in[2] : NULL;
    sg_dtype t = (sg_dtype)in->dtype;
    int64_t n = sg_numel(in);
    if (!sg_is_float(t)) {
        clip_ints(in, x->out[0], lo, hi);
        return SEDGE_OK;
    }
    double l = lo ? sg_load_f64(t, lo->data, 0) : -HUGE_VAL, h = hi ? sg_load_f64(t, hi->data, 0) : HUGE_VAL;
    if (t == SG_F32) {
        clip_f32(in->data, x->out[0]->data, n, (float)l, (float)h);
        return SEDGE_OK;
    }
    for (int64_t i = 0; i < n; i++) {
        double v = sg_load_f64(t, in->data, (size_t)i);
        v = v < l ? l : v;
        sg_store_f64(t, x->out[0]->data, (size_t)i, v > h ? h : v);
    }
    return SEDGE_OK;
}
