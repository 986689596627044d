/* TypeProto to sg_type. */
#include <string.h>

#include "import/onnx/state.h"

static sg_dtype elem(uint64_t code)
{
    return code <= 64 ? sg_dtype_from_onnx((int)code) : SG_NONE;
}

/* A value below 0, a missing one and an unnamed parameter all mean: not known. */
static sedge_status dim_read(sg_onnx *s, sg_pb msg, sg_graph *g, sg_dim *out)
{
    sg_pb_field f;
    int64_t v = -1;
    const char *name = "";
    while (sg_pb_next(&msg, &f)) {
        if (f.num == SG_PF_DIM_VALUE) {
            v = (int64_t)f.v;
        } else if (f.num == SG_PF_DIM_PARAM) {
            name = sg_onnx_intern(s, f.b);
            if (!name)
                return SEDGE_E_FORMAT;
        }
    }
    if (msg.bad)
        return sg_onnx_bad(s, "shape");
    if (v > SG_NUMEL_MAX)
        return sg_fail(s->err, SEDGE_E_FORMAT, "an input has a dimension of %lld", (long long)v);
    *out = v >= 0 ? v : *name ? sg_dim_named(&g->dims, name) : sg_dim_sym(&g->dims, NULL, 0);
    return *out == SG_DIM_BAD ? sg_fail(s->err, SEDGE_E_NOMEM, "out of memory") : SEDGE_OK;
}

static sedge_status shape_read(sg_onnx *s, sg_pb msg, sg_graph *g, sg_type *out)
{
    sg_pb_field f;
    out->rank = 0;
    while (sg_pb_next(&msg, &f)) {
        if (f.num != SG_PF_SHAPE_DIM)
            continue;
        if (out->rank == SG_RANK_MAX)
            return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "a tensor has more than %d dimensions", SG_RANK_MAX);
        SG_TRY(dim_read(s, sg_pb_sub(&msg, &f), g, &out->dim[out->rank]));
        out->rank++;
    }
    return msg.bad ? sg_onnx_bad(s, "shape") : SEDGE_OK;
}

static sedge_status tensor_type(sg_onnx *s, sg_pb msg, sg_graph *g, sg_type *out)
{
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        if (f.num == SG_PF_TYPE_TENSOR_ELEM) {
            out->dtype = (uint8_t)elem(f.v);
            if (f.v && out->dtype == SG_NONE)
                return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "element type %llu is not supported", (unsigned long long)f.v);
        } else if (f.num == SG_PF_TYPE_TENSOR_SHAPE) {
            SG_TRY(shape_read(s, sg_pb_sub(&msg, &f), g, out));
        }
    }
    return msg.bad ? sg_onnx_bad(s, "type") : SEDGE_OK;
}

static sedge_status type_read(sg_onnx *s, sg_pb msg, sg_graph *g, sg_type *out);

/* Sequence, optional and map: the type says their kind and that of the elements at the bottom. */
static sedge_status boxed_type(sg_onnx *s, sg_pb msg, sg_graph *g, sg_kind kind, sg_type *out)
{
    sg_type in = {.rank = -1};
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        if (kind == SG_MAP && f.num == SG_PF_TYPE_MAP_KEY)
            out->key = (uint8_t)elem(f.v);
        else if (f.num == (kind == SG_MAP ? (uint32_t)SG_PF_TYPE_MAP_VALUE : (uint32_t)SG_PF_TYPE_LIST_ELEM))
            SG_TRY(type_read(s, sg_pb_sub(&msg, &f), g, &in));
    }
    out->kind = (uint8_t)kind;
    out->dtype = in.dtype;
    out->inner = in.kind;
    if (kind != SG_MAP)
        out->key = in.key;
    out->rank = -1;
    return msg.bad ? sg_onnx_bad(s, "type") : SEDGE_OK;
}

static sedge_status type_read(sg_onnx *s, sg_pb msg, sg_graph *g, sg_type *out)
{
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        sg_pb sub = sg_pb_sub(&msg, &f);
        switch (f.num) {
        case SG_PF_TYPE_TENSOR:
        case SG_PF_TYPE_SPARSE_TENSOR: SG_TRY(tensor_type(s, sub, g, out)); break;
        case SG_PF_TYPE_SEQUENCE: SG_TRY(boxed_type(s, sub, g, SG_SEQ, out)); break;
        case SG_PF_TYPE_OPTIONAL: SG_TRY(boxed_type(s, sub, g, SG_OPT, out)); break;
        case SG_PF_TYPE_MAP: SG_TRY(boxed_type(s, sub, g, SG_MAP, out)); break;
        case SG_PF_TYPE_OPAQUE: return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "opaque types are not supported");
        default: break;
        }
    }
    return msg.bad ? sg_onnx_bad(s, "type") : SEDGE_OK;
}

sedge_status sg_onp_type_read(sg_onnx *s, sg_pb value_info, sg_graph *g, sg_type *out)
{
    sg_pb_field f;
    memset(out, 0, sizeof *out);
    out->rank = -1;
    while (sg_pb_next(&value_info, &f))
        if (f.num == SG_PF_VALUE_TYPE)
            SG_TRY(type_read(s, sg_pb_sub(&value_info, &f), g, out));
    return value_info.bad ? sg_onnx_bad(s, "input") : SEDGE_OK;
}
