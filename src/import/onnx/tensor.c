/* TensorProto: weights borrowed in place, everything else converted. */
#include "import/onnx/tensor.h"

#include <string.h>

#include "import/onnx/fields.h"

/* What one scan of the message found. */
typedef struct found {
    int64_t dim[SG_RANK_MAX];
    int rank;
    uint64_t dtype;
    sg_bytes name, raw, location;
    bool has_raw, external, has_size;
    uint64_t offset, size;
    uint32_t typed;  /* number of the typed data field, 0: none */
    uint64_t count;  /* its elements */
    sg_bytes packed; /* its bytes if it came in one packed piece */
    int pieces;
} found;

void *sg_onnx_room(sg_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    char *p = sg_arena_alloc(arena, size + 48);
    return p ? p + (-(uintptr_t)p & 63u) : NULL;
}

static sg_pb_wire wire_of(uint32_t field)
{
    return field == SG_PF_TENSOR_FLOAT_DATA ? SG_PB_I32 : field == SG_PF_TENSOR_DOUBLE_DATA ? SG_PB_I64 : SG_PB_VARINT;
}

static bool number(sg_bytes b, uint64_t *out)
{
    uint64_t v = 0;
    if (b.n == 0 || b.n > 18)
        return false;
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] < '0' || b.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(b.p[i] - '0');
    }
    *out = v;
    return true;
}

static bool is(sg_bytes b, const char *word)
{
    return b.n == strlen(word) && memcmp(b.p, word, b.n) == 0;
}

static sedge_status external_entry(sg_pb msg, found *t, sg_err *err)
{
    sg_bytes key = {NULL, 0}, value = {NULL, 0};
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        if (f.num == SG_PF_ENTRY_KEY)
            key = f.b;
        else if (f.num == SG_PF_ENTRY_VALUE)
            value = f.b;
    }
    if (msg.bad)
        return sg_fail(err, SEDGE_E_FORMAT, "malformed external data entry");
    if (is(key, "location"))
        t->location = value;
    else if (is(key, "offset") && !number(value, &t->offset))
        return sg_fail(err, SEDGE_E_FORMAT, "bad offset of external data");
    else if (is(key, "length") && !(t->has_size = number(value, &t->size)))
        return sg_fail(err, SEDGE_E_FORMAT, "bad length of external data");
    return SEDGE_OK;
}

static sedge_status dims_add(found *t, const sg_pb_field *f, sg_err *err)
{
    sg_pb_list l = sg_pb_list_open(f, SG_PB_VARINT);
    uint64_t v;
    while (sg_pb_list_next(&l, &v)) {
        if (t->rank == SG_RANK_MAX)
            return sg_fail(err, SEDGE_E_UNSUPPORTED, "a tensor has more than %d dimensions", SG_RANK_MAX);
        t->dim[t->rank++] = (int64_t)v;
    }
    return l.bad ? sg_fail(err, SEDGE_E_FORMAT, "malformed dims") : SEDGE_OK;
}

static sedge_status typed_count(found *t, const sg_pb_field *f, sg_err *err)
{
    if (t->typed && t->typed != f->num)
        return sg_fail(err, SEDGE_E_FORMAT, "a tensor has two kinds of data");
    t->typed = f->num;
    t->pieces++;
    t->packed = f->b;
    if (f->num == SG_PF_TENSOR_STRING_DATA) {
        t->count++;
        return f->wire == SG_PB_LEN ? SEDGE_OK : sg_fail(err, SEDGE_E_FORMAT, "malformed tensor data");
    }
    sg_pb_wire wire = wire_of(f->num);
    if (f->wire == SG_PB_LEN && wire != SG_PB_VARINT) {
        size_t each = wire == SG_PB_I32 ? 4 : 8;
        t->count += f->b.n / each;
        return f->b.n % each ? sg_fail(err, SEDGE_E_FORMAT, "malformed tensor data") : SEDGE_OK;
    }
    if (f->wire != SG_PB_LEN)
        t->pieces++; /* not packed */
    sg_pb_list l = sg_pb_list_open(f, wire);
    uint64_t v;
    while (sg_pb_list_next(&l, &v))
        t->count++;
    return l.bad ? sg_fail(err, SEDGE_E_FORMAT, "malformed tensor data") : SEDGE_OK;
}

static sedge_status scan(sg_pb msg, found *t, sg_err *err)
{
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        switch (f.num) {
        case SG_PF_TENSOR_DIMS: SG_TRY(dims_add(t, &f, err)); break;
        case SG_PF_TENSOR_DATA_TYPE: t->dtype = f.v; break;
        case SG_PF_TENSOR_SEGMENT: return sg_fail(err, SEDGE_E_UNSUPPORTED, "tensors in segments are not supported");
        case SG_PF_TENSOR_NAME: t->name = f.b; break;
        case SG_PF_TENSOR_RAW_DATA:
            if (f.wire != SG_PB_LEN)
                return sg_fail(err, SEDGE_E_FORMAT, "malformed tensor data");
            t->raw = f.b;
            t->has_raw = true;
            break;
        case SG_PF_TENSOR_EXTERNAL_DATA: SG_TRY(external_entry(sg_pb_sub(&msg, &f), t, err)); break;
        case SG_PF_TENSOR_DATA_LOCATION: t->external = f.v == 1; break;
        case SG_PF_TENSOR_FLOAT_DATA:
        case SG_PF_TENSOR_INT32_DATA:
        case SG_PF_TENSOR_STRING_DATA:
        case SG_PF_TENSOR_INT64_DATA:
        case SG_PF_TENSOR_DOUBLE_DATA:
        case SG_PF_TENSOR_UINT64_DATA: SG_TRY(typed_count(t, &f, err)); break;
        default: break;
        }
    }
    return msg.bad ? sg_fail(err, SEDGE_E_FORMAT, "malformed TensorProto") : SEDGE_OK;
}

/* The field that holds a type's elements, and the bytes that one entry of it fills. Entries of
 * int32_data hold a whole byte of packed 4-bit or 2-bit elements (onnx.proto, TensorProto). */
static uint32_t field_of(sg_dtype d, size_t *unit)
{
    switch (d) {
    case SG_F32:
    case SG_C64: *unit = 4; return SG_PF_TENSOR_FLOAT_DATA;
    case SG_F64:
    case SG_C128: *unit = 8; return SG_PF_TENSOR_DOUBLE_DATA;
    case SG_I64: *unit = 8; return SG_PF_TENSOR_INT64_DATA;
    case SG_U64: *unit = 8; return SG_PF_TENSOR_UINT64_DATA;
    case SG_U32: *unit = 4; return SG_PF_TENSOR_UINT64_DATA;
    case SG_STR: *unit = sizeof(sg_str); return SG_PF_TENSOR_STRING_DATA;
    default: *unit = sg_dtypes[d].bits <= 8 ? 1 : sg_dtypes[d].bits / 8u; return SG_PF_TENSOR_INT32_DATA;
    }
}

static void fill(sg_pb msg, const found *t, size_t unit, uint8_t *out)
{
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        if (f.num != t->typed)
            continue;
        if (f.num == SG_PF_TENSOR_STRING_DATA) {
            sg_str str = {(const char *)f.b.p, f.b.n};
            memcpy(out, &str, sizeof str);
            out += sizeof str;
            continue;
        }
        sg_pb_list l = sg_pb_list_open(&f, wire_of(f.num));
        uint64_t v;
        while (sg_pb_list_next(&l, &v))
            for (size_t i = 0; i < unit; i++)
                *out++ = (uint8_t)(v >> (8 * i));
    }
}

static sedge_status borrow(sg_tensor *out, const void *p)
{
    out->data = (void *)(uintptr_t)p;
    return SEDGE_OK;
}

static sedge_status typed_read(sg_arena *arena, sg_pb msg, const found *t, size_t bytes, sg_tensor *out, sg_err *err)
{
    size_t unit;
    sg_dtype d = (sg_dtype)out->dtype;
    uint32_t want = field_of(d, &unit);
    if (bytes && t->typed != want)
        return sg_fail(err, SEDGE_E_FORMAT, "a %s tensor lacks its data", sg_dtypes[d].name);
    if (t->count != bytes / unit)
        return sg_fail(err, SEDGE_E_FORMAT, "a %s tensor has %llu values for %llu", sg_dtypes[d].name,
                       (unsigned long long)t->count, (unsigned long long)(bytes / unit));
    if (t->pieces == 1 && wire_of(want) != SG_PB_VARINT && t->packed.n == bytes)
        return borrow(out, t->packed.p);
    out->data = sg_onnx_room(arena, bytes);
    if (!out->data)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (bytes)
        fill(msg, t, unit, out->data);
    return SEDGE_OK;
}

sedge_status sg_onnx_tensor_read(sg_arena *arena, sg_pb msg, const sg_onnx_files *files, sg_tensor *out, sg_bytes *name,
                                 sg_err *err)
{
    found t = {0};
    memset(out, 0, sizeof *out);
    if (msg.bad)
        return sg_fail(err, SEDGE_E_FORMAT, "malformed TensorProto");
    sedge_status st = scan(msg, &t, err);
    if (name)
        *name = t.name;
    SG_TRY(st);
    sg_dtype d = t.dtype <= 64 ? sg_dtype_from_onnx((int)t.dtype) : SG_NONE;
    if (d == SG_NONE)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "element type %llu is not supported", (unsigned long long)t.dtype);
    int64_t numel;
    if (!sg_numel_checked(t.dim, t.rank, &numel))
        return sg_fail(err, SEDGE_E_FORMAT, "a tensor has a negative or too large shape");
    out->dtype = (uint8_t)d;
    out->rank = (int8_t)t.rank;
    memcpy(out->dim, t.dim, sizeof t.dim);
    size_t bytes = sg_dtype_bytes(d, (size_t)numel);
    if (t.external) {
        if (t.has_size && t.size != bytes)
            return sg_fail(err, SEDGE_E_FORMAT, "external data has %llu bytes for %llu", (unsigned long long)t.size,
                           (unsigned long long)bytes);
        if (d == SG_STR)
            return sg_fail(err, SEDGE_E_UNSUPPORTED, "strings in external data are not supported");
        const void *p;
        SG_TRY(sg_onnx_external(files, t.location, t.offset, bytes, &p, err));
        return borrow(out, p);
    }
    if (!t.has_raw || d == SG_STR)
        return typed_read(arena, msg, &t, bytes, out, err);
    if (t.raw.n != bytes)
        return sg_fail(err, SEDGE_E_FORMAT, "a %s tensor has %llu bytes of data for %llu", sg_dtypes[d].name,
                       (unsigned long long)t.raw.n, (unsigned long long)bytes);
    return borrow(out, t.raw.p);
}
