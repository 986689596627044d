/* Tensors of the file, and values of the graph as such in whatever order of axes. */
#include <string.h>

#include "export/tflite/write.h"

sedge_status sg_tw_nomem(sg_tw *w)
{
    return sg_fail(w->err, SEDGE_E_NOMEM, "out of memory");
}

sedge_status sg_tw_unsupported(sg_tw_scope *sc, const char *what)
{
    return sg_fail(sc->w->err, SEDGE_E_UNSUPPORTED, "%s cannot be said in TensorFlow Lite", what);
}

int sg_tw_type_number(sg_dtype t)
{
    int i = 0;
    while (i < SG_TF_TYPES && sg_tf_types[i] != t)
        i++;
    return i;
}

int32_t sg_tw_tensor_new(sg_tw_scope *sc, const sg_tw_tensor *t)
{
    sg_tw_sub *sub = sc->sub;
    if (t->dtype != SG_NONE && sg_tw_type_number(t->dtype) == SG_TF_TYPES) {
        sg_tw_unsupported(sc, sg_dtypes[t->dtype].name);
        return SG_TW_BAD;
    }
    if (sub->n_tensor >= INT32_MAX ||
        sg_grow(sc->w->mem, &sub->tensor, &sub->cap_tensor, sub->n_tensor + 1, sizeof *sub->tensor) != SEDGE_OK) {
        sg_tw_nomem(sc->w);
        return SG_TW_BAD;
    }
    sub->tensor[sub->n_tensor] = *t;
    return (int32_t)sub->n_tensor++;
}

int32_t sg_tw_list32(sg_tw_scope *sc, const int64_t *v, int n, int rank)
{
    int32_t *data = sg_arena_array(sc->w->arena, (size_t)n + 1, sizeof *data);
    for (int i = 0; data && i < n; i++) {
        if (v[i] < INT32_MIN || v[i] > INT32_MAX) {
            sg_tw_unsupported(sc, "an integer of more than 32 bits");
            return SG_TW_BAD;
        }
        data[i] = (int32_t)v[i];
    }
    if (!data) {
        sg_tw_nomem(sc->w);
        return SG_TW_BAD;
    }
    return sg_tw_tensor_new(sc, &(sg_tw_tensor){.name = "", .dtype = SG_I32, .rank = rank, .dim = {n}, .data = data});
}

int32_t sg_tw_number(sg_tw_scope *sc, sg_dtype dtype, double v, const sg_tw_quant *q)
{
    void *data = sg_arena_alloc(sc->w->arena, 16);
    if (!data) {
        sg_tw_nomem(sc->w);
        return SG_TW_BAD;
    }
    sg_store_f64(dtype, data, 0, v);
    sg_tw_tensor t = {.name = "", .dtype = dtype, .rank = 0, .data = data};
    if (q)
        t.q = *q;
    return sg_tw_tensor_new(sc, &t);
}

int32_t sg_tw_like(sg_tw_scope *sc, int32_t t, int rank, const sg_dim *dim)
{
    if (t < 0)
        return SG_TW_BAD;
    sg_tw_tensor own = sc->sub->tensor[t];
    own.name = "";
    own.data = NULL;
    own.kept = false;
    own.rank = rank;
    if (rank)
        memcpy(own.dim, dim, (size_t)rank * sizeof *dim);
    return sg_tw_tensor_new(sc, &own);
}

sedge_status sg_tw_emit(sg_tw_scope *sc, sg_tw_code op, const int32_t *in, int n_in, const int32_t *out, int n_out,
                        const sg_tw_attr *attr, int n_attr)
{
    sg_tw_sub *sub = sc->sub;
    sg_arena *a = sc->w->arena;
    sg_tw_node n = {.op = op, .n_in = n_in, .n_out = n_out, .n_attr = n_attr};
    for (int k = 0; k < n_in + n_out; k++) {
        int32_t t = k < n_in ? in[k] : out[k - n_in];
        if (t == SG_TW_BAD)
            return sc->w->err->status;
        sg_dtype d = t < 0 ? SG_NONE : sub->tensor[t].dtype;
        n.version = d == SG_I8 || d == SG_U8 || d == SG_I16 ? 1 : n.version;
    }
    n.in = sg_arena_dup(a, n_in ? in : (const int32_t[]){0}, (size_t)(n_in ? n_in : 1) * sizeof *in);
    n.out = sg_arena_dup(a, n_out ? out : (const int32_t[]){0}, (size_t)(n_out ? n_out : 1) * sizeof *out);
    n.attr = sg_arena_array(a, (size_t)n_attr + 1, sizeof *n.attr);
    if (!n.in || !n.out || !n.attr ||
        sg_grow(sc->w->mem, &sub->node, &sub->cap_node, sub->n_node + 1, sizeof *sub->node) != SEDGE_OK)
        return sg_tw_nomem(sc->w);
    for (int i = 0; i < n_attr; i++) {
        n.attr[i] = attr[i];
        if (attr[i].list && !(n.attr[i].list = sg_arena_dup(a, attr[i].list, (size_t)attr[i].n * sizeof *attr[i].list)))
            return sg_tw_nomem(sc->w);
    }
    sub->node[sub->n_node++] = n;
    return SEDGE_OK;
}

/* ---- orders of axes ---- */

void sg_tw_same(int8_t order[SG_RANK_MAX])
{
    for (int k = 0; k < SG_RANK_MAX; k++)
        order[k] = (int8_t)k;
}

void sg_tw_last(int8_t order[SG_RANK_MAX], int rank)
{
    sg_tw_same(order);
    for (int k = 1; k < rank && k < SG_RANK_MAX; k++)
        order[k] = (int8_t)(k == rank - 1 ? 1 : k + 1);
}

/* Axis j of the order wanted is axis perm[j] of what is there. True: they are the same. */
static bool perm_of(const int8_t *have, const int8_t *want, int rank, int64_t *perm)
{
    bool same = true;
    for (int j = 0; j < rank; j++) {
        perm[j] = j;
        for (int k = 0; k < rank; k++)
            if (have[k] == want[j]) {
                perm[j] = k;
                same = same && j == k;
            }
    }
    return same;
}

/* Elements of a constant with its axes turned. */
static const void *turned_data(sg_tw *w, const sg_tw_tensor *t, const int64_t *perm)
{
    int64_t stride[SG_RANK_MAX], step[SG_RANK_MAX], at[SG_RANK_MAX] = {0}, n = 1, from = 0;
    for (int i = t->rank - 1; i >= 0; i--) {
        stride[i] = n;
        n *= t->dim[i];
    }
    uint8_t *data = sg_arena_alloc(w->arena, sg_dtype_bytes(t->dtype, (size_t)n) + 1);
    for (int i = 0; i < t->rank; i++)
        step[i] = stride[perm[i]];
    for (int64_t e = 0; data && e < n; e++) {
        sg_elem_copy(t->dtype, data, (size_t)e, t->data, (size_t)from);
        for (int i = t->rank - 1; i >= 0; i--) {
            from += step[i];
            if (++at[i] < t->dim[perm[i]])
                break;
            from -= step[i] * at[i];
            at[i] = 0;
        }
    }
    if (!data)
        sg_tw_nomem(w);
    return data;
}

/* Tensor t with axis perm[j] at place j. */
static int32_t turn(sg_tw_scope *sc, int32_t t, const int64_t *perm)
{
    sg_tw_tensor own = sc->sub->tensor[t], from = own;
    for (int j = 0; j < own.rank; j++) {
        own.dim[j] = from.dim[perm[j]];
        if (from.q.n > 1 && perm[j] == from.q.axis)
            own.q.axis = j;
    }
    if (from.data && !(own.data = turned_data(sc->w, &from, perm)))
        return SG_TW_BAD;
    own.name = from.data ? from.name : "";
    own.kept = false;
    int32_t to = sg_tw_tensor_new(sc, &own), list = from.data ? -1 : sg_tw_list32(sc, perm, own.rank, 1);
    if (!from.data && sg_tw_emit(sc, SG_TW_TRANSPOSE, (const int32_t[]){t, list}, 2, &to, 1, NULL, 0) != SEDGE_OK)
        return SG_TW_BAD;
    return to;
}

/* ---- values ---- */

sg_tw_val *sg_tw_of(sg_tw_scope *sc, sg_vid v)
{
    sg_tw_val *val = &sc->val[v];
    if (!val->there && sc->g->value[v].role == SG_CONST && sc->g->value[v].data) {
        *val = (sg_tw_val){.there = true, .src = v, .t = -1, .real = -1, .turned = -1};
        sg_tw_same(val->order);
    }
    return val;
}

/* Bytes of 8-bit integers without sign, which become signed ones of the same meaning. */
static const void *shifted(sg_tw *w, const uint8_t *p, int64_t n)
{
    uint8_t *data = sg_arena_alloc(w->arena, (size_t)n + 1);
    for (int64_t i = 0; data && i < n; i++)
        data[i] = p[i] ^ 0x80;
    if (!data)
        sg_tw_nomem(w);
    return data;
}

void sg_tw_stored(sg_tw_scope *sc, sg_tw_tensor *t)
{
    if (!sc->w->shift || t->dtype != SG_U8 || t->q.n < 1)
        return;
    int64_t *zero = sg_arena_array(sc->w->arena, (size_t)t->q.n, sizeof *zero), n = 1;
    for (int64_t i = 0; zero && i < t->q.n; i++)
        zero[i] = t->q.zero[i] - 128;
    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    if (!zero)
        sg_tw_nomem(sc->w);
    else
        t->q.zero = zero;
    if (t->data)
        t->data = shifted(sc->w, t->data, n);
    t->dtype = SG_I8;
}

/* TensorFlow Lite's tensor of strings: their number, where each begins and the last ends, the bytes. */
static const void *strings(sg_tw *w, const sg_str *s, int64_t n, size_t *bytes)
{
    size_t at = 4 * (size_t)(n + 2);
    *bytes = at;
    for (int64_t i = 0; i < n; i++)
        *bytes += s[i].n;
    uint8_t *data = *bytes <= INT32_MAX ? sg_arena_alloc(w->arena, *bytes) : NULL;
    if (!data) {
        sg_tw_nomem(w);
        return NULL;
    }
    sg_store_i64(SG_I32, data, 0, n);
    for (int64_t i = 0; i <= n; i++) {
        sg_store_i64(SG_I32, data, (size_t)i + 1, (int64_t)at);
        if (i < n && s[i].n)
            memcpy(data + at, s[i].p, s[i].n);
        at += i < n ? s[i].n : 0;
    }
    return data;
}

/* The tensor of a constant, with its scales if it is a lazy one. */
static int32_t const_tensor(sg_tw_scope *sc, const sg_tw_val *val)
{
    const sg_value *c = &sc->g->value[val->src];
    sg_tw_tensor t = {.name = c->name ? c->name : "", .dtype = (sg_dtype)c->type.dtype, .rank = c->type.rank, .data = c->data};
    memcpy(t.dim, c->type.dim, sizeof t.dim);
    if (t.dtype == SG_STR && !(t.data = strings(sc->w, c->data, sg_d_numel(&c->type), &t.bytes)))
        return SG_TW_BAD;
    if (val->lazy)
        t.q = val->q;
    sg_tw_stored(sc, &t);
    return sg_tw_tensor_new(sc, &t);
}

/* A complex tensor as numbers with an axis of two behind. */
static sedge_status parts(sg_tw_scope *sc, sg_vid v, sg_tw_val *val)
{
    int32_t part[2], whole;
    const sg_type *t = sg_tw_type(sc, v);
    sg_tw_tensor own = sc->sub->tensor[val->t];
    own.dtype = SG_F32;
    own.name = "";
    for (int i = 0; i < 2; i++) {
        part[i] = sg_tw_tensor_new(sc, &own);
        SG_TRY(sg_tw_emit(sc, i ? SG_TW_IMAG : SG_TW_REAL, &val->t, 1, &part[i], 1, NULL, 0));
    }
    whole = sg_tw_like(sc, part[0], t->rank, t->dim);
    SG_TRY(sg_tw_emit(sc, SG_TW_PACK, part, 2, &whole, 1,
                      (const sg_tw_attr[]){{SG_TF_PACK_COUNT, .i = 2}, {SG_TF_PACK_AXIS, .i = t->rank - 1}}, 2));
    val->t = whole;
    val->complex = false;
    return SEDGE_OK;
}

/* What dequantize makes of a constant. */
static const void *real_data(sg_tw_scope *sc, const sg_tw_val *val, const sg_tw_tensor *t)
{
    int64_t n = 1, inner = 1;
    for (int i = 0; i < t->rank; i++) {
        n *= t->dim[i];
        inner *= i > val->q.axis ? t->dim[i] : 1;
    }
    float *data = sg_arena_array(sc->w->arena, (size_t)n + 1, sizeof *data);
    for (int64_t i = 0; data && i < n; i++) {
        int64_t c = val->q.n > 1 ? i / inner % val->q.n : 0;
        data[i] = (float)(sg_load_i64(t->dtype, t->data, (size_t)i) - val->q.zero[c]) * val->q.scale[c];
    }
    if (!data)
        sg_tw_nomem(sc->w);
    return data;
}

/* The tensor of a value in the order that it has. */
static int32_t base(sg_tw_scope *sc, sg_vid v, bool ints)
{
    sg_tw_val *val = sg_tw_of(sc, v);
    if (!val->there) {
        sg_fail(sc->w->err, SEDGE_E_UNSUPPORTED, "an operand is computed nowhere before");
        return SG_TW_BAD;
    }
    if (val->complex && parts(sc, v, val) != SEDGE_OK)
        return SG_TW_BAD;
    if (val->t < 0)
        val->t = const_tensor(sc, val);
    if (!val->lazy || ints || val->t < 0)
        return val->t;
    if (val->real < 0) {
        sg_tw_tensor t = sc->sub->tensor[val->t];
        bool wide = t.data && sg_dtypes[t.dtype].bits > 16; /* kernels dequantize 16 bits at the most */
        t.data = wide ? real_data(sc, val, &t) : NULL;
        t.dtype = SG_F32;
        t.q.n = 0;
        t.name = "";
        val->real = wide && !t.data ? SG_TW_BAD : sg_tw_tensor_new(sc, &t);
        if (!wide && sg_tw_emit(sc, SG_TW_DEQUANTIZE, &val->t, 1, &val->real, 1, NULL, 0) != SEDGE_OK)
            val->real = SG_TW_BAD;
    }
    return val->real;
}

int32_t sg_tw_operand(sg_tw_scope *sc, sg_vid v, const int8_t *order, bool ints)
{
    int32_t t = base(sc, v, ints);
    sg_tw_val *val = &sc->val[v];
    int64_t perm[SG_RANK_MAX];
    int rank = sg_tw_type(sc, v)->rank;
    int8_t same[SG_RANK_MAX];
    sg_tw_same(same);
    order = order ? order : same;
    if (t < 0 || perm_of(val->order, order, rank, perm))
        return t;
    bool kept = val->lazy == ints || !val->lazy;
    if (kept && val->turned >= 0 && memcmp(val->turned_order, order, (size_t)rank) == 0)
        return val->turned;
    t = turn(sc, t, perm);
    if (kept) {
        val->turned = t;
        memcpy(val->turned_order, order, (size_t)rank);
    }
    return t;
}

int32_t sg_tw_need(sg_tw_scope *sc, sg_vid v, const int8_t *order)
{
    return sg_tw_operand(sc, v, order, false);
}

int32_t sg_tw_need_ints(sg_tw_scope *sc, sg_vid v, const int8_t *order)
{
    return sg_tw_operand(sc, v, order, true);
}

int32_t sg_tw_need_flat(sg_tw_scope *sc, sg_vid v, bool ints)
{
    const sg_tw_val *val = sg_tw_of(sc, v);
    const sg_type *t = sg_tw_type(sc, v);
    int last = -1;
    bool in_order = val->there;
    for (int k = 0; in_order && k < t->rank; k++)
        if (t->dim[val->order[k]] != 1) {
            in_order = val->order[k] > last;
            last = val->order[k];
        }
    return in_order ? base(sc, v, ints) : sg_tw_operand(sc, v, NULL, ints);
}

int32_t sg_tw_out(sg_tw_scope *sc, sg_vid v, const int8_t *order)
{
    const sg_type *type = sg_tw_type(sc, v);
    sg_tw_val *val = &sc->val[v];
    sg_tw_tensor t = {.name = sc->g->value[v].name ? sc->g->value[v].name : "",
                      .dtype = (sg_dtype)type->dtype,
                      .rank = type->rank,
                      .q = sc->quant[v]};
    *val = (sg_tw_val){.there = true, .t = -1, .real = -1, .turned = -1};
    if (type->rank < 0 || type->kind != SG_TENSOR) {
        sg_tw_unsupported(sc, "a value of unknown rank, or that is no tensor,");
        return SG_TW_BAD;
    }
    sg_tw_same(val->order);
    if (order)
        memcpy(val->order, order, sizeof val->order);
    for (int k = 0; k < type->rank; k++)
        t.dim[k] = type->dim[val->order[k]];
    sg_tw_stored(sc, &t);
    return val->t = sg_tw_tensor_new(sc, &t);
}

int32_t sg_tw_out_ints(sg_tw_scope *sc, sg_vid v, const int8_t *order, sg_vid x, int32_t t)
{
    int32_t y = sg_tw_out(sc, v, order);
    if (y < 0)
        return y;
    sg_tw_tensor *own = &sc->sub->tensor[y];
    own->dtype = sc->sub->tensor[t].dtype;
    own->q = sc->sub->tensor[t].q;
    sc->val[v].lazy = true;
    sc->val[v].q = sc->val[x].q;
    return y;
}
