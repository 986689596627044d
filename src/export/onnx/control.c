/* Nodes with bodies: what a body takes from around it goes by its outer name again. */
#include <string.h>

#include "export/onnx/write.h"

/* Region k of a node as an attribute: n_formal inputs of its own, then those of the operands from `first` on. */
static sedge_status body(sg_ow *w, sg_ow_scope *sc, sg_nid id, int k, const char *attr, int n_formal, int first)
{
    const sg_graph *r = sc->g->node[id].region[k];
    sg_ow_scope in;
    SG_TRY(sg_ow_scope_open(w, r, &in));
    for (size_t i = (size_t)n_formal; i < r->n_input; i++)
        in.name[r->input[i]] = sg_ow_name(w, sc, sg_node_in(sc->g, id, first + (int)i - n_formal));
    sg_pbw_mark a = sg_ow_attr_open(w, attr, SG_AT_GRAPH), g = sg_pbw_open(&w->out, SG_PF_ATTR_G);
    SG_TRY(sg_ow_graph(w, &in, (size_t)n_formal, true));
    sg_pbw_close(&w->out, g);
    sg_pbw_close(&w->out, a);
    return SEDGE_OK;
}

/* Outputs are as many as the body's, so that each has a name, read or not. */
static sg_pbw_mark open_all(sg_ow *w, sg_ow_scope *sc, sg_nid id, const char *domain, const char *op, int n_in)
{
    return sg_ow_node_open(w, sc, id, id, domain, op, n_in, sc->g->node[id].n_out);
}

static sedge_status if_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    int n_then = (int)sg_get_int(sg_ow_attrs(sc, id), SG_A_n_then);
    sg_pbw_mark m = open_all(w, sc, id, "", "If", 1);
    SG_TRY(body(w, sc, id, 0, "then_branch", 0, 1));
    SG_TRY(body(w, sc, id, 1, "else_branch", 0, 1 + n_then));
    sg_pbw_close(&w->out, m);
    return SEDGE_OK;
}

/* A branch that is known to be taken stands where the If stood. */
static sedge_status branch_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    const sg_graph *r = sc->g->node[id].region[0];
    sg_ow_scope in;
    SG_TRY(sg_ow_scope_open(w, r, &in));
    for (size_t i = 0; i < r->n_input; i++)
        in.name[r->input[i]] = sg_ow_name(w, sc, sg_node_in(sc->g, id, 1 + (int)i));
    SG_TRY(sg_ow_nodes(w, &in));
    for (int k = 0; k < sc->g->node[id].n_out; k++)
        if (sg_node_out(sc->g, id, k))
            sg_ow_identity(w, sg_ow_name(w, &in, r->output[k]), sg_ow_name(w, sc, sg_node_out(sc->g, id, k)));
    return SEDGE_OK;
}

static sedge_status loop_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    int own = 2 + (int)sg_get_int(sg_ow_attrs(sc, id), SG_A_n_state);
    sg_pbw_mark m = open_all(w, sc, id, "", "Loop", own);
    SG_TRY(body(w, sc, id, 0, "body", own, own));
    sg_pbw_close(&w->out, m);
    return SEDGE_OK;
}

static sedge_status scan_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    static const sg_attr_id attrs[] = {SG_A_num_scan_inputs, SG_A_scan_input_axes, SG_A_scan_input_directions,
                                       SG_A_scan_output_axes, SG_A_scan_output_directions};
    sg_attrs a = sg_ow_attrs(sc, id);
    int own = (int)(sg_get_int(a, SG_A_n_state) + sg_get_int(a, SG_A_num_scan_inputs));
    if (sg_get_int(a, SG_A_batched))
        return sg_fail(w->err, SEDGE_E_UNSUPPORTED, "a Scan over batches, which ONNX had in opset 8 alone");
    sg_pbw_mark m = open_all(w, sc, id, "", "Scan", own);
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
        sg_ow_attr(w, sg_attr_names[attrs[i]], sg_attr_find(a.a, a.n, attrs[i]));
    SG_TRY(body(w, sc, id, 0, "body", own, own));
    sg_pbw_close(&w->out, m);
    return SEDGE_OK;
}

static sedge_status sequence_map_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    int own = (int)sg_get_int(sg_ow_attrs(sc, id), SG_A_n_state);
    sg_pbw_mark m = open_all(w, sc, id, "", "SequenceMap", own);
    SG_TRY(body(w, sc, id, 0, "body", own, own));
    sg_pbw_close(&w->out, m);
    return SEDGE_OK;
}

static sedge_status flex_attention_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    sg_attrs a = sg_ow_attrs(sc, id);
    int64_t kind = sg_get_int(a, SG_A_kind), soft = sg_get_int(a, SG_A_softmax_precision);
    sg_pbw_mark m = open_all(w, sc, id, "ai.onnx.preview", "FlexAttention", 3);
    sg_ow_attr(w, "scale", sg_attr_find(a.a, a.n, SG_A_scale));
    sg_ow_attr_int(w, "softmax_precision", sg_dtypes[soft].onnx);
    if (kind & 1)
        SG_TRY(body(w, sc, id, 0, "score_mod", 1, 3));
    if (kind & 2)
        SG_TRY(body(w, sc, id, kind & 1, "prob_mod", 1, 3 + (int)sg_get_int(a, SG_A_n_then)));
    sg_pbw_close(&w->out, m);
    return sg_ow_need(w, "ai.onnx.preview", 1);
}

sedge_status sg_ow_control(sg_ow *w, sg_ow_scope *sc, sg_nid id, bool *done)
{
    const sg_node *n = &sc->g->node[id];
    *done = true;
    if (n->op == SG_ROW(IF))
        return sg_get_int(sg_ow_attrs(sc, id), SG_A_kind) ? branch_write(w, sc, id) : if_write(w, sc, id);
    if (n->op == SG_ROW(LOOP))
        return loop_write(w, sc, id);
    if (n->op == SG_ROW(SCAN))
        return scan_write(w, sc, id);
    if (n->op == SG_ROW(SEQUENCE_MAP))
        return sequence_map_write(w, sc, id);
    if (n->op == SG_ROW(FLEX_ATTENTION))
        return flex_attention_write(w, sc, id);
    *done = false;
    return SEDGE_OK;
}
