/* Fields, buffers and tensors of the file. */
#include <string.h>

#include "import/tflite/tflite.h"
#include "import/wire/flex.h"

const sg_tf_field_info sg_tf_fields[SG_TF_COUNT] = {
#define FIELD(id, number, size, def) {number, size, def},
#include "import/tflite/fields.def"
#undef FIELD
};

int64_t sg_tf_get(const sg_fb_table *t, sg_tf_field f)
{
    return sg_fb_int(t, sg_tf_fields[f].number, sg_tf_fields[f].size, sg_tf_fields[f].def);
}

sg_fb_table sg_tf_sub(const sg_fb_table *t, sg_tf_field f)
{
    return sg_fb_sub(t, sg_tf_fields[f].number);
}

sg_fb_vec sg_tf_vec(const sg_fb_table *t, sg_tf_field f)
{
    return sg_fb_vector(t, sg_tf_fields[f].number, sg_tf_fields[f].size ? sg_tf_fields[f].size : 4);
}

const char *sg_tf_text(sg_tf *s, const sg_fb_table *t, sg_tf_field f)
{
    sg_bytes b = sg_fb_bytes(t, sg_tf_fields[f].number);
    if (!b.n)
        return "";
    if (memchr(b.p, 0, b.n)) {
        sg_fail(s->err, SEDGE_E_FORMAT, "a name has a NUL inside");
        return NULL;
    }
    const char *text = sg_arena_str(s->arena, (const char *)b.p, b.n);
    if (!text)
        sg_fail(s->err, SEDGE_E_NOMEM, "no memory for a name");
    return text;
}

sedge_status sg_tf_bad(sg_tf *s, const char *what)
{
    return sg_fail(s->err, SEDGE_E_FORMAT, "malformed %s", what);
}

int64_t sg_tf_int(const sg_ib *n, sg_tf_field f)
{
    return sg_tf_get(&sg_tf_here(n)->opts, f);
}

double sg_tf_f32(const sg_ib *n, sg_tf_field f)
{
    return sg_fb_f32(&sg_tf_here(n)->opts, sg_tf_fields[f].number, sg_tf_fields[f].def);
}

const int64_t *sg_tf_ints(sg_ib *n, sg_tf_field f, int64_t *count)
{
    sg_fb_vec v = sg_tf_vec(&sg_tf_here(n)->opts, f);
    int64_t *p = v.at ? sg_arena_array(n->arena, (size_t)v.n + 1, sizeof *p) : NULL;
    *count = 0;
    for (uint32_t i = 0; p && i < v.n; i++)
        p[(*count)++] = sg_fb_at(&v, i, sg_tf_fields[f].size);
    return p;
}

static sg_bytes custom(const sg_ib *n)
{
    return sg_fb_bytes(&sg_tf_here(n)->node, sg_tf_fields[SG_TF_OPERATOR_CUSTOM].number);
}

int64_t sg_tf_custom_i32(const sg_ib *n, size_t k)
{
    sg_bytes b = custom(n);
    return b.n / 4 > k ? sg_load_i64(SG_I32, b.p, k) : 0;
}

double sg_tf_custom_number(const sg_ib *n, const char *key, double def)
{
    double v;
    return sg_flex_number(custom(n), key, &v) ? v : def;
}

/* Data inside the flatbuffer, or behind it by offset and size. */
sedge_status sg_tf_buffer(sg_tf *s, int64_t id, sg_bytes *out)
{
    *out = (sg_bytes){NULL, 0};
    if (id <= 0)
        return SEDGE_OK;
    if (id >= s->buffer.n)
        return sg_tf_bad(s, "buffer number");
    sg_fb_table b = sg_fb_table_at(&s->buffer, (uint32_t)id);
    uint64_t at = (uint64_t)sg_tf_get(&b, SG_TF_BUFFER_OFFSET), size = (uint64_t)sg_tf_get(&b, SG_TF_BUFFER_SIZE);
    if (at > 1) {
        if (at > s->fb.n || size > s->fb.n - at)
            return sg_fail(s->err, SEDGE_E_FORMAT, "buffer %lld lies outside of the file", (long long)id);
        *out = (sg_bytes){s->fb.p + at, (size_t)size};
        return SEDGE_OK;
    }
    sg_fb_vec v = sg_tf_vec(&b, SG_TF_BUFFER_DATA);
    if (v.n)
        *out = (sg_bytes){sg_fb_data(&v), v.n};
    return s->fb.bad ? sg_tf_bad(s, "buffer") : SEDGE_OK;
}

const uint8_t sg_tf_types[SG_TF_TYPES] = {SG_F32, SG_F16, SG_I32,  SG_U8,   SG_I64, SG_STR,      SG_BOOL,  SG_I16,
                                          SG_C64, SG_I8,  SG_F64,  SG_C128, SG_U64, SG_NONE,     SG_NONE,  SG_U32,
                                          SG_U16, SG_I4,  SG_BF16, SG_I2,   SG_U4,  SG_F8E4M3FN, SG_F8E5M2};

static sedge_status shape_read(sg_tf *s, const sg_fb_table *t, sg_tf_tensor *out)
{
    sg_fb_vec shape = sg_tf_vec(t, SG_TF_TENSOR_SHAPE), signature = sg_tf_vec(t, SG_TF_TENSOR_SIGNATURE);
    sg_fb_vec *v = signature.n ? &signature : &shape;
    if (v->n > SG_RANK_MAX)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "tensor %.100s has %u dimensions, at most %d are possible", out->name, v->n,
                       SG_RANK_MAX);
    out->rank = (int)v->n;
    for (uint32_t i = 0; i < v->n; i++)
        if ((out->dim[i] = sg_fb_at(v, i, 4)) < -1)
            return sg_fail(s->err, SEDGE_E_FORMAT, "tensor %.100s has a dimension of %lld", out->name, (long long)out->dim[i]);
    return SEDGE_OK;
}

static sedge_status quant_read(sg_tf *s, const sg_fb_table *t, sg_tf_tensor *out)
{
    sg_fb_table q = sg_tf_sub(t, SG_TF_TENSOR_QUANT);
    sg_fb_vec scale = sg_tf_vec(&q, SG_TF_QUANT_SCALE), zero = sg_tf_vec(&q, SG_TF_QUANT_ZERO);
    int bits = sg_dtypes[out->dtype].bits;
    if (sg_tf_get(&q, SG_TF_QUANT_DETAILS))
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "tensor %.100s is quantized by blocks", out->name);
    if (!scale.n || !sg_is_int(out->dtype) || bits > 16)
        return SEDGE_OK;
    if (scale.n > 1)
        out->axis = (int)sg_tf_get(&q, SG_TF_QUANT_AXIS);
    if (scale.n > 1 && (out->axis < 0 || out->axis >= out->rank || out->dim[out->axis] != scale.n))
        return sg_fail(s->err, SEDGE_E_FORMAT, "tensor %.100s has %u scales, not one for each element of an axis", out->name,
                       scale.n);
    if (zero.n > 1 && zero.n != scale.n)
        return sg_fail(s->err, SEDGE_E_FORMAT, "tensor %.100s has %u zero points and %u scales", out->name, zero.n, scale.n);
    out->scale = scale;
    out->zero = zero;
    return SEDGE_OK;
}

sedge_status sg_tf_tensor_read(const sg_tf_scope *sc, int64_t id, sg_tf_tensor *out)
{
    sg_tf *s = sc->s;
    memset(out, 0, sizeof *out);
    out->name = "";
    out->axis = -1;
    if (id == -1)
        return SEDGE_OK;
    if (id < 0 || id >= sc->tensor.n)
        return sg_tf_bad(s, "tensor number");
    sg_fb_table t = sg_fb_table_at(&sc->tensor, (uint32_t)id);
    int64_t type = sg_tf_get(&t, SG_TF_TENSOR_TYPE);
    if (!t.at || !(out->name = sg_tf_text(s, &t, SG_TF_TENSOR_NAME)))
        return sg_tf_bad(s, "tensor");
    if (type < 0 || type >= SG_TF_TYPES)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "tensor %.100s has elements of type %lld", out->name, (long long)type);
    out->dtype = (sg_dtype)sg_tf_types[type];
    out->variable = sg_tf_get(&t, SG_TF_TENSOR_VARIABLE) != 0;
    SG_TRY(shape_read(s, &t, out));
    SG_TRY(quant_read(s, &t, out));
    if (sg_tf_get(&t, SG_TF_TENSOR_EXTERNAL))
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "tensor %.100s has its data in another file", out->name);
    SG_TRY(sg_tf_buffer(s, sg_tf_get(&t, SG_TF_TENSOR_BUFFER), &out->data));
    sg_fb_table sparse = sg_tf_sub(&t, SG_TF_TENSOR_SPARSITY);
    if (sparse.at && out->data.p && !s->fb.bad)
        SG_TRY(sg_tf_sparse(s, &sparse, out));
    return s->fb.bad ? sg_tf_bad(s, "tensor") : SEDGE_OK;
}

/* Strings: their number, where each begins and the last ends, the bytes. */
static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static const sg_str *strings(sg_tf *s, sg_bytes b, int64_t n)
{
    if (b.n < 8 || (uint64_t)n + 2 > b.n / 4 || le32(b.p) != (uint64_t)n)
        return NULL;
    sg_str *out = sg_arena_array(s->arena, (size_t)n + 1, sizeof *out);
    for (int64_t i = 0; out && i < n; i++) {
        uint32_t from = le32(b.p + 4 + 4 * i), to = le32(b.p + 8 + 4 * i);
        if (from > to || to > b.n)
            return NULL;
        out[i] = (sg_str){(const char *)b.p + from, to - from};
    }
    return out;
}

sg_vid sg_tf_const(const sg_tf_scope *sc, const sg_tf_tensor *t)
{
    static const uint8_t empty;
    int64_t numel;
    if (!sg_numel_checked(t->dim, t->rank, &numel)) {
        sg_fail(sc->s->err, SEDGE_E_FORMAT, "tensor %.100s is a constant without a shape, or too large", t->name);
        return SG_NONE_ID;
    }
    const void *data = !numel ? &empty : t->dtype == SG_STR ? (const void *)strings(sc->s, t->data, numel) : t->data.p;
    size_t bytes = t->dtype == SG_STR ? 0 : sg_dtype_bytes(t->dtype, (size_t)numel);
    if (!data || t->dtype == SG_NONE || t->data.n < bytes) {
        sg_fail(sc->s->err, SEDGE_E_FORMAT, "tensor %.100s has %zu bytes of data, its shape needs %zu", t->name, t->data.n,
                bytes);
        return SG_NONE_ID;
    }
    sg_vid v = sg_const_new(sc->g, t->dtype, t->rank, t->dim, data, t->name);
    if (!v)
        sg_fail(sc->s->err, SEDGE_E_NOMEM, "out of memory");
    return v;
}
