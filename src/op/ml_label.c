/* Tables of labels: LabelEncoder and OneHotEncoder. */
#include <math.h>
#include <string.h>

#include "op/op.h"

/* A list of keys or values, wherever the node has it. */
typedef struct list {
    int64_t n;
    const sg_str *s;
    const int64_t *i;
    const double *f;
    const sg_tensor *t;
} list;

static bool list_read(sg_attrs a, const sg_attr_id id[4], list *l)
{
    int n = 0;
    memset(l, 0, sizeof *l);
    if ((l->t = id[3] ? sg_get_tensor(a, id[3]) : NULL) != NULL) {
        l->n = sg_numel(l->t);
        if (l->t->dtype == SG_STR)
            l->s = l->t->data;
        return true;
    }
    l->s = sg_get_strs(a, id[0], &n);
    if (!l->s)
        l->i = sg_get_ints(a, id[1], &n);
    if (!l->s && !l->i && id[2])
        l->f = sg_get_floats(a, id[2], &n);
    l->n = n;
    return l->s || l->i || l->f;
}

static const sg_attr_id key_ids[4] = {SG_A_keys_strings, SG_A_keys_int64s, SG_A_keys_floats, SG_A_keys_tensor};
static const sg_attr_id value_ids[4] = {SG_A_values_strings, SG_A_values_int64s, SG_A_values_floats, SG_A_values_tensor};
static const sg_attr_id cat_ids[4] = {SG_A_cats_strings, SG_A_cats_int64s, SG_A_NONE, SG_A_NONE};

static sg_dtype list_dtype(const list *l)
{
    return l->s ? SG_STR : l->t ? (sg_dtype)l->t->dtype : l->i ? SG_I64 : SG_F32;
}

/* A key as it is compared: bytes, or the bits of a number. */
typedef struct key {
    const char *p;
    uint64_t n; /* length, or the bits when p is NULL */
} key;

static key float_key(double v)
{
    key k = {NULL, 0};
    v = v != v ? NAN : v == 0 ? 0 : v; /* one NaN, one zero */
    memcpy(&k.n, &v, sizeof k.n);
    return k;
}

static key string_key(sg_str s)
{
    return (key){s.p ? s.p : "", s.n};
}

/* Element i of a tensor as a key of a table of floats, or of ints. */
static key elem_key(const sg_tensor *t, int64_t i, bool floats)
{
    if (t->dtype == SG_STR) {
        sg_str s;
        memcpy(&s, (const char *)t->data + (size_t)i * sizeof s, sizeof s);
        return string_key(s);
    }
    if (floats)
        return float_key(sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i));
    return (key){NULL, (uint64_t)sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)i)};
}

static key list_key(const list *l, int64_t i)
{
    if (l->s)
        return elem_key(&(sg_tensor){.dtype = SG_STR, .data = (void *)(uintptr_t)l->s}, i, false);
    if (l->t)
        return elem_key(l->t, i, sg_is_float((sg_dtype)l->t->dtype));
    return l->i ? (key){NULL, (uint64_t)l->i[i]} : float_key(l->f[i]);
}

static bool same_key(key a, key b)
{
    return a.n == b.n && (!a.p || !b.p ? a.p == b.p : memcmp(a.p, b.p, (size_t)a.n) == 0);
}

/* FNV-1a. */
static uint64_t hash(key k)
{
    uint64_t h = 14695981039346656037u;
    for (uint64_t i = 0; i < (k.p ? k.n : 8); i++)
        h = (h ^ (k.p ? (uint8_t)k.p[i] : (k.n >> (8 * i)) & 255u)) * 1099511628211u;
    return h ^ (h >> 29);
}

/* Keys by open addressing: slot holds index + 1. */
typedef struct table {
    const list *keys;
    int64_t *slot;
    uint64_t mask;
} table;

static uint64_t table_slot(const table *t, key k)
{
    uint64_t at = hash(k) & t->mask;
    while (t->slot[at] && !same_key(list_key(t->keys, t->slot[at] - 1), k))
        at = (at + 1) & t->mask;
    return at;
}

static bool table_init(sg_exec *x, table *t, const list *keys)
{
    uint64_t size = 4;
    while (size < 2 * (uint64_t)keys->n)
        size *= 2;
    *t = (table){keys, sg_scratch(x, (size_t)size * sizeof(int64_t)), size - 1};
    if (!t->slot)
        return false;
    memset(t->slot, 0, (size_t)size * sizeof(int64_t));
    for (int64_t i = 0; i < keys->n; i++)
        t->slot[table_slot(t, list_key(keys, i))] = i + 1; /* a repeated key: the last one counts */
    return true;
}

static bool kinds_match(int dtype, const list *keys)
{
    return dtype == SG_NONE || (dtype == SG_STR) == (keys->s != NULL);
}

sedge_status sg_infer_label_encoder(sg_infer *c)
{
    list keys, values;
    if (!list_read(c->attrs, key_ids, &keys) || !list_read(c->attrs, value_ids, &values) || keys.n > values.n)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "label_encoder: keys or values are missing");
    if (!kinds_match(c->in[0]->dtype, &keys))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "label_encoder: input and keys are of different types");
    const sg_tensor *def = values.t ? sg_get_tensor(c->attrs, SG_A_default_tensor) : NULL;
    if (def && (sg_numel(def) < 1 || def->dtype != values.t->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "label_encoder: default_tensor does not fit values_tensor");
    c->out[0] = *c->in[0];
    c->out[0].dtype = (uint8_t)list_dtype(&values);
    return SEDGE_OK;
}

static void value_store(sg_attrs a, const list *l, int64_t at, sg_tensor *y, int64_t i)
{
    sg_dtype t = (sg_dtype)y->dtype;
    const sg_tensor *def = l->t ? sg_get_tensor(a, SG_A_default_tensor) : NULL;
    if (l->t && (at >= 0 || def)) {
        sg_elem_copy(t, y->data, (size_t)i, at >= 0 ? l->t->data : def->data, at >= 0 ? (size_t)at : 0);
    } else if (t == SG_STR) {
        const char *s = sg_attr_is_set(a, SG_A_default_string) ? sg_get_str(a, SG_A_default_string) : "_Unused";
        ((sg_str *)y->data)[i] = at >= 0 ? l->s[at] : (sg_str){s, strlen(s)};
    } else if (sg_is_float(t)) {
        sg_store_f64(t, y->data, (size_t)i, at >= 0 ? l->f[at] : sg_get_float(a, SG_A_default_float));
    } else {
        sg_store_i64(t, y->data, (size_t)i, at >= 0 ? l->i[at] : sg_get_int(a, SG_A_default_int64));
    }
}

sedge_status sg_ref_label_encoder(sg_exec *x)
{
    list keys, values;
    table t;
    list_read(x->attrs, key_ids, &keys);
    list_read(x->attrs, value_ids, &values);
    if (!table_init(x, &t, &keys))
        return SEDGE_E_NOMEM;
    bool floats = !keys.s && (keys.f || (keys.t && sg_is_float((sg_dtype)keys.t->dtype)));
    int64_t n = sg_numel(x->in[0]);
    for (int64_t i = 0; i < n; i++)
        value_store(x->attrs, &values, t.slot[table_slot(&t, elem_key(x->in[0], i, floats))] - 1, x->out[0], i);
    return SEDGE_OK;
}

sedge_status sg_infer_label_one_hot(sg_infer *c)
{
    list cats;
    if (!list_read(c->attrs, cat_ids, &cats))
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "label_one_hot: categories are missing");
    if (!kinds_match(c->in[0]->dtype, &cats))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "label_one_hot: input and categories are of different types");
    if (c->in[0]->rank >= SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "label_one_hot: too many dimensions");
    c->out[0] = *c->in[0];
    c->out[0].dtype = SG_F32;
    if (c->in[0]->rank < 0)
        return SEDGE_OK;
    c->out[0].rank = (int8_t)(c->in[0]->rank + 1);
    c->out[0].dim[c->in[0]->rank] = cats.n;
    return SEDGE_OK;
}

sedge_status sg_ref_label_one_hot(sg_exec *x)
{
    list cats;
    table t;
    list_read(x->attrs, cat_ids, &cats);
    if (!table_init(x, &t, &cats))
        return SEDGE_E_NOMEM;
    float *y = x->out[0]->data;
    int64_t n = sg_numel(x->in[0]);
    for (int64_t i = 0; i < n * cats.n; i++)
        y[i] = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = t.slot[table_slot(&t, elem_key(x->in[0], i, false))] - 1;
        if (at >= 0)
            y[i * cats.n + at] = 1;
        else if (!sg_get_int(x->attrs, SG_A_zeros))
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "label_one_hot: element %lld is in no category", (long long)i);
    }
    return SEDGE_OK;
}
