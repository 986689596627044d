/* Nodes whose operator says in attributes what their row says otherwise. */
#include <string.h>

#include "export/onnx/write.h"
#include "import/kinds.h"

static sedge_status is_inf_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    sg_attrs a = sg_ow_attrs(sc, id);
    sg_pbw_mark m = sg_ow_node_open(w, sc, id, id, "", "IsInf", 1, 1);
    sg_ow_attr_int(w, "detect_negative", sg_get_float(a, SG_A_alpha) != 0);
    sg_ow_attr_int(w, "detect_positive", sg_get_float(a, SG_A_beta) != 0);
    sg_pbw_close(&w->out, m);
    return sg_ow_need(w, "", sc->g->value[sg_node_in(sc->g, id, 0)].type.dtype == SG_F16 ? 20 : 18);
}

static sedge_status cast_map_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    sg_attrs a = sg_ow_attrs(sc, id);
    int64_t to = sg_get_int(a, SG_A_dtype);
    const char *word = to == SG_STR ? "TO_STRING" : to == SG_I64 ? "TO_INT64" : "TO_FLOAT";
    const char *form = sg_get_int(a, SG_A_mode) ? "SPARSE" : "DENSE";
    sg_pbw_mark m = sg_ow_node_open(w, sc, id, id, "ai.onnx.ml", "CastMap", 1, 1);
    sg_ow_attr_str(w, "cast_to", word, strlen(word));
    sg_ow_attr_str(w, "map_form", form, strlen(form));
    sg_ow_attr_int(w, "max_map", sg_get_int(a, SG_A_max_map));
    sg_pbw_close(&w->out, m);
    return sg_ow_need(w, "ai.onnx.ml", 1);
}

/* Operators of the program keep their attributes in lists (op/custom.c). */
static sedge_status custom_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    const sg_node *n = &sc->g->node[id];
    const sg_custom *c = (const sg_custom *)n->op;
    sg_attrs a = sg_ow_attrs(sc, id);
    int count, other;
    const sg_str *name = sg_get_strs(a, SG_A_program_names, &count), *text = sg_get_strs(a, SG_A_program_strings, &other);
    const int64_t *kind = sg_get_ints(a, SG_A_program_kinds, &other), *whole = sg_get_ints(a, SG_A_program_ints, &other);
    const double *real = sg_get_floats(a, SG_A_program_floats, &other);
    sg_pbw_mark m = sg_ow_node_open(w, sc, id, id, c->op.domain, c->op.name, n->n_in, n->n_out);
    for (int i = 0; i < count; i++) {
        sg_attr one = {.kind = (uint8_t)kind[i], .set = true};
        if (kind[i] == SG_AK_INT)
            one.u.i = whole[i];
        else if (kind[i] == SG_AK_FLOAT)
            one.u.f = real[i];
        else
            one.u.s = text[i].p, one.n = (uint32_t)text[i].n;
        const char *s = sg_arena_str(w->arena, name[i].p, name[i].n);
        if (!s)
            return sg_ow_nomem(w);
        sg_ow_attr(w, s, &one);
    }
    sg_pbw_close(&w->out, m);
    return sg_ow_need(w, c->op.domain, 1);
}

sedge_status sg_ow_special(sg_ow *w, sg_ow_scope *sc, sg_nid id, bool *done)
{
    const sg_node *n = &sc->g->node[id];
    SG_TRY(sg_ow_control(w, sc, id, done));
    if (!*done)
        SG_TRY(sg_ow_ml(w, sc, id, done));
    if (*done)
        return SEDGE_OK;
    *done = true;
    if (n->op < sg_ops || n->op >= sg_ops + SG_OP_COUNT)
        return custom_write(w, sc, id);
    if (n->op == SG_ROW(UNARY) && sg_get_int(sg_ow_attrs(sc, id), SG_A_kind) == SG_UNARY_IS_INF)
        return is_inf_write(w, sc, id);
    if (n->op == SG_ROW(CAST_MAP))
        return cast_map_write(w, sc, id);
    *done = false;
    return SEDGE_OK;
}
