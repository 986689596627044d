/* Test data as ONNX stores it: TensorProto, SequenceProto, OptionalProto, MapProto. */
#include <string.h>

#include "import/data/data.h"
#include "import/onnx/fields.h"
#include "import/onnx/tensor.h"

typedef struct reader {
    sg_arena *arena;
    sg_err *err;
    size_t dense;
} reader;

static sedge_status bad(reader *r, const char *what)
{
    return sg_fail(r->err, SEDGE_E_FORMAT, "malformed %s", what);
}

static sedge_status nomem(reader *r)
{
    return sg_fail(r->err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status sequence(reader *r, sg_pb msg, sg_tensor *out, sg_bytes *name);
static sedge_status optional(reader *r, sg_pb msg, sg_tensor *out, sg_bytes *name);
static sedge_status map(reader *r, sg_pb msg, sg_tensor *out, sg_bytes *name);

/* `n` items behind a boxed value; the room is at least one so that data is never NULL. */
static sedge_status box_open(reader *r, sg_tensor *out, sg_kind kind, size_t n)
{
    memset(out, 0, sizeof *out);
    out->kind = (uint8_t)kind;
    out->rank = 1;
    out->dim[0] = (int64_t)n;
    out->data = sg_arena_array(r->arena, n + 1, sizeof(sg_tensor));
    return out->data ? SEDGE_OK : nomem(r);
}

/* Sessions take tensors that are aligned; the message may hold them askew. */
static sedge_status dense(sg_arena *arena, sg_pb msg, sg_tensor *out, sg_bytes *name, sg_err *err)
{
    SG_TRY(sg_onnx_tensor_read(arena, msg, NULL, out, name, err));
    size_t size = sg_tensor_bytes(out);
    if ((uintptr_t)out->data % sg_dtype_align((sg_dtype)out->dtype) == 0)
        return SEDGE_OK;
    const void *from = out->data;
    out->data = sg_onnx_room(arena, size);
    if (!out->data)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    memcpy(out->data, from, size);
    return SEDGE_OK;
}

/* The field is one item of a list or optional (numbers: SequenceProto; OptionalProto's stand one to one below). */
static sedge_status item(reader *r, const sg_pb *msg, const sg_pb_field *f, bool list, sg_tensor *out)
{
    sg_pb sub = sg_pb_sub(msg, f);
    uint32_t num = f->num;
    if (!list) /* tensor, sparse, sequence, map, optional: the same order */
        num = num - SG_PF_OPTIONAL_TENSOR + SG_PF_SEQUENCE_TENSORS;
    switch (num) {
    case SG_PF_SEQUENCE_TENSORS: return dense(r->arena, sub, out, NULL, r->err);
    case SG_PF_SEQUENCE_SPARSE_TENSORS: return sg_onnx_sparse_read(r->arena, sub, NULL, &r->dense, out, NULL, r->err);
    case SG_PF_SEQUENCE_SEQUENCES: return sequence(r, sub, out, NULL);
    case SG_PF_SEQUENCE_MAPS: return map(r, sub, out, NULL);
    default: return optional(r, sub, out, NULL);
    }
}

static bool is_item(uint32_t num)
{
    return num >= SG_PF_SEQUENCE_TENSORS && num <= SG_PF_SEQUENCE_OPTIONALS;
}

static sedge_status box_fill(reader *r, sg_pb msg, bool list, sg_tensor *out, sg_bytes *name)
{
    size_t n = 0, at = 0;
    sg_pb_field f;
    sg_pb scan = msg;
    while (sg_pb_next(&scan, &f))
        n += is_item(f.num);
    if (scan.bad)
        return bad(r, list ? "SequenceProto" : "OptionalProto");
    if (!list && n > 1)
        return bad(r, "OptionalProto");
    SG_TRY(box_open(r, out, list ? SG_SEQ : SG_OPT, n));
    sg_tensor *items = out->data;
    while (sg_pb_next(&msg, &f)) {
        if (name && f.num == SG_PF_SEQUENCE_NAME)
            *name = f.b;
        if (is_item(f.num))
            SG_TRY(item(r, &msg, &f, list, &items[at++]));
    }
    out->dtype = n ? items[0].dtype : SG_NONE;
    return SEDGE_OK;
}

static sedge_status sequence(reader *r, sg_pb msg, sg_tensor *out, sg_bytes *name)
{
    return box_fill(r, msg, true, out, name);
}

static sedge_status optional(reader *r, sg_pb msg, sg_tensor *out, sg_bytes *name)
{
    return box_fill(r, msg, false, out, name);
}

/* Values of a map that are all scalars of one type are one tensor, as keys are. */
static sedge_status values_flat(reader *r, const sg_tensor *list, sg_tensor *out)
{
    const sg_tensor *v = list->data;
    size_t n = (size_t)list->dim[0];
    for (size_t i = 0; i < n; i++)
        if (v[i].kind != SG_TENSOR || v[i].dtype != v[0].dtype || sg_numel(&v[i]) != 1)
            return *out = *list, SEDGE_OK;
    memset(out, 0, sizeof *out);
    out->dtype = n ? v[0].dtype : SG_NONE;
    out->rank = 1;
    out->dim[0] = (int64_t)n;
    out->data = sg_onnx_room(r->arena, sg_dtype_bytes((sg_dtype)out->dtype, n));
    if (!out->data)
        return nomem(r);
    for (size_t i = 0; i < n; i++)
        sg_elem_copy((sg_dtype)out->dtype, out->data, i, v[i].data, 0);
    return SEDGE_OK;
}

static sedge_status keys_fill(reader *r, sg_pb msg, sg_dtype type, sg_tensor *keys)
{
    size_t n = 0, at = 0;
    sg_pb_field f;
    uint64_t v;
    for (int pass = 0; pass < 2; pass++) {
        sg_pb m = msg;
        while (sg_pb_next(&m, &f)) {
            if (f.num == SG_PF_MAP_STRING_KEYS && type == SG_STR) {
                if (pass)
                    ((sg_str *)keys->data)[at++] = (sg_str){(const char *)f.b.p, f.b.n};
                n += !pass;
            } else if (f.num == SG_PF_MAP_KEYS && type != SG_STR) {
                sg_pb_list l = sg_pb_list_open(&f, SG_PB_VARINT);
                while (sg_pb_list_next(&l, &v)) {
                    if (pass)
                        sg_store_i64(type, keys->data, at++, (int64_t)v);
                    n += !pass;
                }
                if (l.bad)
                    return bad(r, "MapProto");
            }
        }
        if (m.bad)
            return bad(r, "MapProto");
        if (!pass && !(keys->data = sg_onnx_room(r->arena, n * sizeof(sg_str))))
            return nomem(r);
    }
    keys->dtype = (uint8_t)type;
    keys->rank = 1;
    keys->dim[0] = (int64_t)n;
    return SEDGE_OK;
}

static sedge_status map(reader *r, sg_pb msg, sg_tensor *out, sg_bytes *name)
{
    sg_dtype type = SG_NONE;
    sg_tensor list;
    sg_pb scan = msg;
    sg_pb_field f;
    SG_TRY(box_open(r, out, SG_MAP, 2));
    SG_TRY(box_open(r, &list, SG_SEQ, 0));
    sg_tensor *kv = out->data;
    while (sg_pb_next(&scan, &f)) {
        if (f.num == SG_PF_MAP_KEY_TYPE)
            type = f.v <= 64 ? sg_dtype_from_onnx((int)f.v) : SG_NONE;
        else if (f.num == SG_PF_MAP_VALUES)
            SG_TRY(sequence(r, sg_pb_sub(&scan, &f), &list, NULL));
        else if (f.num == SG_PF_MAP_NAME && name)
            *name = f.b;
    }
    if (scan.bad || (type != SG_STR && !sg_is_int(type)))
        return bad(r, "MapProto");
    SG_TRY(keys_fill(r, msg, type, &kv[0]));
    SG_TRY(values_flat(r, &list, &kv[1]));
    if (kv[0].dim[0] != list.dim[0])
        return bad(r, "MapProto");
    out->dtype = kv[1].dtype;
    return SEDGE_OK;
}

sedge_status sg_pb_read(sg_arena *a, const uint8_t *data, size_t size, sg_kind kind, sg_data *out, sg_err *err)
{
    reader r = {a, err, 0};
    sg_pb msg = sg_pb_open(data, size);
    sg_bytes name = {NULL, 0};
    memset(out, 0, sizeof *out);
    switch (kind) {
    case SG_TENSOR: SG_TRY(dense(a, msg, &out->t, &name, err)); break;
    case SG_SEQ: SG_TRY(sequence(&r, msg, &out->t, &name)); break;
    case SG_OPT: SG_TRY(optional(&r, msg, &out->t, &name)); break;
    case SG_MAP: SG_TRY(map(&r, msg, &out->t, &name)); break;
    }
    out->name = sg_arena_str(a, name.p ? (const char *)name.p : "", name.n);
    return out->name ? SEDGE_OK : nomem(&r);
}
