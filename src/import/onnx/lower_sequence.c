/* Sequence operators whose attributes differ from their rows'. */
#include "import/onnx/lower.h"

sedge_status sg_lower_sequence_empty(sg_onnx_node *n)
{
    sg_nid node = sg_on_start(n, SG_OP_SEQUENCE_EMPTY);
    if (!node)
        return n->err->status;
    if (!sg_set_int(n->g, node, SG_A_dtype, sg_on_dtype(n, "dtype", SG_F32)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return sg_on_done(n, node);
}

/* The TypeProto in `type` only matters for an absent element, whose type nothing reads. */
sedge_status sg_lower_optional(sg_onnx_node *n)
{
    sg_nid node = sg_on_emit(n, SG_OP_OPTIONAL, n->in, n->n_in, 1);
    if (!node)
        return n->err->status;
    n->out[0] = sg_node_out(n->g, node, 0);
    return sg_on_done(n, node);
}

sedge_status sg_lower_cast_map(sg_onnx_node *n)
{
    static const char *const to[] = {"TO_FLOAT", "TO_STRING", "TO_INT64", NULL}, *const form[] = {"DENSE", "SPARSE", NULL};
    static const sg_dtype dtype[] = {SG_F32, SG_STR, SG_I64};
    int to_k = sg_on_enum(n, "cast_to", to, 0), form_k = sg_on_enum(n, "map_form", form, 0);
    sg_nid node = sg_on_emit(n, SG_OP_CAST_MAP, n->in, n->n_in, 1);
    if (!node || to_k < 0 || form_k < 0)
        return n->err->status;
    n->out[0] = sg_node_out(n->g, node, 0);
    if (!sg_set_int(n->g, node, SG_A_dtype, dtype[to_k]) || !sg_set_int(n->g, node, SG_A_mode, form_k) ||
        !sg_set_int(n->g, node, SG_A_max_map, sg_on_int(n, "max_map", 1)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return sg_on_done(n, node);
}
