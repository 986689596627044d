/* Maps of ai.onnx.ml: ZipMap makes them, CastMap and DictVectorizer take them apart. A map is a list of two boxes,
 * the keys (int64 or strings, rank 1) and the values (rank 1). */
#include <string.h>

#include "op/op.h"

/* The labels or vocabulary of the op: int64s or strings. */
typedef struct keys {
    const int64_t *ints;
    const sg_str *strs;
    int n;
} keys;

static keys keys_of(sg_attrs a, sg_attr_id ints, sg_attr_id strs)
{
    keys k = {0};
    k.ints = sg_get_ints(a, ints, &k.n);
    if (!k.ints)
        k.strs = sg_get_strs(a, strs, &k.n);
    return k;
}

sedge_status sg_infer_zip_map(sg_infer *c)
{
    keys k = keys_of(c->attrs, SG_A_classlabels_int64s, SG_A_classlabels_strings);
    const sg_type *t = c->in[0];
    if (t->kind != SG_TENSOR || t->dtype != SG_F32)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "takes a float tensor");
    if (!k.ints && !k.strs)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "has no class labels");
    if (t->rank > 2 || t->rank == 0 || (t->rank > 0 && !sg_dim_is_expr(t->dim[t->rank - 1]) && t->dim[t->rank - 1] != k.n))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the last axis must have one element per class");
    c->out[0].kind = SG_SEQ;
    c->out[0].inner = SG_MAP;
    c->out[0].dtype = SG_F32;
    c->out[0].key = k.ints ? SG_I64 : SG_STR;
    c->out[0].rank = -1;
    return SEDGE_OK;
}

/* A box of a map with these keys and values; the keys' box is shared. Output 0 holds the list for a moment. */
static sg_box *map_box(sg_exec *x, sg_box *key, const sg_tensor *values)
{
    sg_seq *pair = sg_out_seq(x, 0, SG_MAP, (sg_dtype)values->dtype, 2);
    if (!pair)
        return NULL;
    sg_box_ref(key);
    pair->item[0] = key;
    pair->item[1] = sg_box_copy(x, values);
    if (!pair->item[1])
        return NULL;
    sg_tensor t = {.data = pair, .kind = SG_MAP, .dtype = values->dtype};
    sg_box *b = sg_box_copy(x, &t);
    if (b) { /* the box owns the list now */
        pair->refs--;
        x->out[0]->data = NULL;
    }
    return b;
}

static sedge_status zip_run(sg_exec *x, sg_box *key, sg_box **box, int64_t n, int64_t n_class)
{
    for (int64_t i = 0; i < n; i++) {
        sg_tensor v = {.data = (float *)x->in[0]->data + i * n_class, .dtype = SG_F32, .rank = 1, .dim = {n_class}};
        if (!(box[i] = map_box(x, key, &v)))
            return SEDGE_E_NOMEM;
    }
    sg_seq *out = sg_out_seq(x, 0, SG_SEQ, SG_F32, (uint32_t)n);
    if (!out)
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        out->item[i] = box[i];
        box[i] = NULL;
    }
    return SEDGE_OK;
}

sedge_status sg_ref_zip_map(sg_exec *x)
{
    keys k = keys_of(x->attrs, SG_A_classlabels_int64s, SG_A_classlabels_strings);
    const sg_tensor *in = x->in[0];
    int64_t n = in->rank == 2 ? in->dim[0] : 1;
    if (in->rank < 1 || in->rank > 2 || in->dim[in->rank - 1] != k.n || n >= UINT32_MAX)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the last axis must have one element per class");
    sg_tensor t = {.dtype = k.ints ? SG_I64 : SG_STR, .rank = 1, .dim = {k.n}};
    t.data = (void *)(uintptr_t)(k.ints ? (const void *)k.ints : (const void *)k.strs);
    sg_box **box = sg_scratch(x, ((size_t)n + 1) * sizeof *box);
    sg_box *key = box ? sg_box_copy(x, &t) : NULL;
    if (!key)
        return SEDGE_E_NOMEM;
    memset(box, 0, ((size_t)n + 1) * sizeof *box);
    sedge_status st = zip_run(x, key, box, n, k.n);
    for (int64_t i = 0; i < n; i++)
        if (box[i])
            sg_box_unref(x, box[i]);
    sg_box_unref(x, key);
    return st;
}

/* Both tensors of a map; false when it is not one. */
static bool map_parts(const sg_tensor *t, const sg_tensor **key, const sg_tensor **value)
{
    const sg_seq *s = t->kind == SG_MAP ? t->data : NULL;
    if (!s || s->n != 2)
        return false;
    *key = &s->item[0]->t;
    *value = &s->item[1]->t;
    return sg_numel(*key) == sg_numel(*value);
}

sedge_status sg_infer_dict_vectorizer(sg_infer *c)
{
    keys k = keys_of(c->attrs, SG_A_int64_vocabulary, SG_A_string_vocabulary);
    if (c->in[0]->kind != SG_MAP)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "takes a map");
    c->out[0].dtype = c->in[0]->dtype;
    c->out[0].rank = 2;
    c->out[0].dim[0] = 1;
    c->out[0].dim[1] = k.n;
    return SEDGE_OK;
}

static bool key_is(const keys *k, int i, const sg_tensor *key, int64_t j)
{
    if (k->ints)
        return key->dtype == SG_I64 && sg_load_i64(SG_I64, key->data, (size_t)j) == k->ints[i];
    const sg_str *s = key->data;
    return key->dtype == SG_STR && s[j].n == k->strs[i].n && (!s[j].n || memcmp(s[j].p, k->strs[i].p, (size_t)s[j].n) == 0);
}

sedge_status sg_ref_dict_vectorizer(sg_exec *x)
{
    keys k = keys_of(x->attrs, SG_A_int64_vocabulary, SG_A_string_vocabulary);
    const sg_tensor *key, *value;
    if (!map_parts(x->in[0], &key, &value))
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "takes a map");
    sg_tensor *out = sg_out(x, 0, (sg_dtype)value->dtype, 2, (int64_t[]){1, k.n});
    if (!out)
        return SEDGE_E_NOMEM;
    memset(out->data, 0, sg_tensor_bytes(out));
    for (int i = 0; i < k.n; i++)
        for (int64_t j = 0; j < sg_numel(key); j++)
            if (key_is(&k, i, key, j))
                sg_elem_copy((sg_dtype)value->dtype, out->data, (size_t)i, value->data, (size_t)j);
    return SEDGE_OK;
}

/* cast_map: dtype is the output's; mode 1: sparse, keys are columns below max_map. */
sedge_status sg_infer_cast_map(sg_infer *c)
{
    if (c->in[0]->kind != SG_MAP)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "takes a map");
    c->out[0].dtype = (uint8_t)sg_get_int(c->attrs, SG_A_dtype);
    c->out[0].rank = 2;
    c->out[0].dim[0] = 1;
    int64_t n = sg_get_int(c->attrs, SG_A_max_map);
    if (sg_get_int(c->attrs, SG_A_mode) && (n < 0 || n > SG_NUMEL_MAX))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "max_map is %lld", (long long)n);
    c->out[0].dim[1] = sg_get_int(c->attrs, SG_A_mode) ? n : sg_d_fresh(c);
    return SEDGE_OK;
}

sedge_status sg_ref_cast_map(sg_exec *x)
{
    const sg_tensor *key, *value;
    sg_dtype dtype = (sg_dtype)sg_get_int(x->attrs, SG_A_dtype);
    bool sparse = sg_get_int(x->attrs, SG_A_mode) != 0;
    if (!map_parts(x->in[0], &key, &value) || key->dtype != SG_I64)
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "takes a map with integer keys");
    if ((value->dtype == SG_STR) != (dtype == SG_STR))
        return SG_EXEC_FAIL(x, SEDGE_E_UNSUPPORTED, "casting between numbers and strings in a map");
    int64_t n = sg_numel(key), width = sparse ? sg_get_int(x->attrs, SG_A_max_map) : n;
    sg_tensor *out = sg_out(x, 0, dtype, 2, (int64_t[]){1, width});
    if (!out)
        return SEDGE_E_NOMEM;
    memset(out->data, 0, sg_tensor_bytes(out));
    for (int64_t i = 0; i < n; i++) {
        int64_t at = sparse ? sg_load_i64(SG_I64, key->data, (size_t)i) : i;
        if (at < 0 || at >= width)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "key %lld is outside the map's %lld columns", (long long)at, (long long)width);
        if (dtype == SG_STR)
            sg_elem_copy(SG_STR, out->data, (size_t)at, value->data, (size_t)i);
        else
            sg_store_f64(dtype, out->data, (size_t)at, sg_load_f64((sg_dtype)value->dtype, value->data, (size_t)i));
    }
    return SEDGE_OK;
}
