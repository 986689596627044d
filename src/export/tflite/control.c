/* Branches, and state: variables of the model, or tensors that recurrent operators keep. */
#include <string.h>

#include "export/tflite/write.h"

/* The branches of the file take the same operands: those of both, each uses its own. */
static sedge_status branch(sg_tw_scope *sc, const sg_graph *r, int64_t from, int64_t all, int32_t *number)
{
    sg_graph *own = sg_graph_clone(r, sc->w->arena);
    if (!own)
        return sg_tw_nomem(sc->w);
    sg_vid *in = sg_arena_array(sc->w->arena, (size_t)all + 1, sizeof *in);
    sedge_status st = in ? SEDGE_OK : sg_tw_nomem(sc->w);
    for (int64_t k = 0; k < all && st == SEDGE_OK; k++) {
        bool mine = k >= from && k < from + (int64_t)r->n_input;
        sg_type t = {.dtype = SG_F32};
        in[k] = mine ? own->input[k - from] : sg_value_new(own, SG_INPUT, &t, "unused");
        if (!in[k])
            st = sg_tw_nomem(sc->w);
    }
    for (int64_t k = 0; k < all && st == SEDGE_OK; k++)
        if (k < from || k >= from + (int64_t)r->n_input)
            own->value[in[k]].type = *sg_tw_type(sc, sg_node_in(sc->g, sc->at, 1 + (int)k));
    sg_vid *list = own->input;
    size_t n_list = own->n_input;
    own->input = in;
    own->n_input = (size_t)all;
    if (st == SEDGE_OK)
        st = sg_tw_graph(sc->w, own, own->n_input, own->n_output, number);
    own->input = list;
    own->n_input = n_list;
    sg_graph_free(own);
    return st;
}

sedge_status sg_tw_if(sg_tw_scope *sc, sg_nid n)
{
    const sg_node *node = &sc->g->node[n];
    int64_t n_then = sg_get_int(sg_tw_attrs(sc, n), SG_A_n_then), all = node->n_in - 1;
    int32_t number[2], *in = sg_arena_array(sc->w->arena, (size_t)node->n_in + 1, sizeof *in);
    int32_t *out = sg_arena_array(sc->w->arena, (size_t)node->n_out + 1, sizeof *out);
    if (sg_get_int(sg_tw_attrs(sc, n), SG_A_kind) || !in || !out || node->n_region != 2)
        return sg_tw_unsupported(sc, "a branch of this form");
    sc->at = n;
    SG_TRY(branch(sc, node->region[0], 0, all, &number[0]));
    SG_TRY(branch(sc, node->region[1], n_then, all, &number[1]));
    for (int k = 0; k < node->n_in; k++)
        in[k] = sg_tw_need(sc, sg_node_in(sc->g, n, k), NULL);
    for (int k = 0; k < node->n_out; k++) {
        if (!node->out[k])
            return sg_tw_unsupported(sc, "a result that nobody wants");
        out[k] = sg_tw_out(sc, node->out[k], NULL);
    }
    const sg_tw_attr attr[] = {{SG_TF_THEN, .i = number[0]}, {SG_TF_ELSE, .i = number[1]}};
    return sg_tw_emit(sc, SG_TW_IF, in, node->n_in, out, node->n_out, attr, 2);
}

/* ---- state ---- */

/* Alone read by a recurrent operator as what it begins with, maybe dequantized and with another axis. */
static bool of_recurrent(const sg_tw_scope *sc, sg_vid v)
{
    for (int depth = 0; depth < 4; depth++) {
        const sg_value *val = &sc->g->value[v];
        sg_nid n = val->n_uses == 1 ? sc->g->operand[val->uses].node : 0;
        const sg_op *op = n ? sc->g->node[n].op : NULL;
        if (op == SG_ROW(LSTM))
            return v == sg_node_in(sc->g, n, 5) || v == sg_node_in(sc->g, n, 6);
        if (op != SG_ROW(DEQUANTIZE) && op != SG_ROW(UNSQUEEZE))
            return false;
        v = sc->g->node[n].out[0];
    }
    return false;
}

/* A subgraph that is called once and gives a variable its first value. */
static sedge_status first_value(sg_tw_scope *sc, const sg_tw_tensor *handle, const char *name, const sg_tw_tensor *value)
{
    sg_tw *w = sc->w;
    sg_tw_scope once = {.w = w, .g = sc->g, .sub = sg_arena_alloc(w->arena, sizeof *once.sub)};
    if (!once.sub || sg_grow(w->mem, &w->sub, &w->cap_sub, w->n_sub + 1, sizeof *w->sub) != SEDGE_OK)
        return sg_tw_nomem(w);
    int64_t number = (int64_t)w->n_sub;
    once.sub->name = "first";
    w->sub[w->n_sub++] = once.sub;
    int32_t in[2] = {sg_tw_tensor_new(&once, handle), sg_tw_tensor_new(&once, value)};
    SG_TRY(sg_tw_emit(&once, SG_TW_VAR_HANDLE, NULL, 0, in, 1, &(const sg_tw_attr){SG_TF_SHARED_NAME, .text = name}, 1));
    SG_TRY(sg_tw_emit(&once, SG_TW_ASSIGN_VARIABLE, in, 2, NULL, 0, NULL, 0));
    return sg_tw_emit(sc, SG_TW_CALL_ONCE, NULL, 0, NULL, 0, &(const sg_tw_attr){SG_TF_CALL, .i = number}, 1);
}

static sedge_status variable(sg_tw_scope *sc, size_t k, sg_vid v, const void *init)
{
    const sg_type *type = sg_tw_type(sc, v);
    sg_tw_tensor handle = {.name = "", .dtype = SG_NONE};
    const char *name = sc->g->value[v].name ? sc->g->value[v].name : "state";
    int32_t t = sg_tw_out(sc, v, NULL), h = sc->handle[k] = sg_tw_tensor_new(sc, &handle);
    int64_t n = sg_d_numel(type);
    if (t < 0 || h < 0 || n < 0)
        return sg_tw_unsupported(sc, "state of unknown size");
    sg_tw_tensor value = sc->sub->tensor[t];
    value.data = init ? init : sg_arena_alloc(sc->w->arena, sg_dtype_bytes((sg_dtype)type->dtype, (size_t)n) + 1);
    if (!value.data)
        return sg_tw_nomem(sc->w);
    SG_TRY(first_value(sc, &handle, name, &value));
    SG_TRY(sg_tw_emit(sc, SG_TW_VAR_HANDLE, NULL, 0, &h, 1, &(const sg_tw_attr){SG_TF_SHARED_NAME, .text = name}, 1));
    return sg_tw_emit(sc, SG_TW_READ_VARIABLE, &h, 1, &t, 1, NULL, 0);
}

sedge_status sg_tw_states_read(sg_tw_scope *sc, size_t n_in)
{
    sc->handle = sg_arena_array(sc->w->arena, sc->g->n_input - n_in + 1, sizeof *sc->handle);
    if (!sc->handle)
        return sg_tw_nomem(sc->w);
    for (size_t k = 0; n_in + k < sc->g->n_input; k++) {
        sg_vid v = sc->g->input[n_in + k];
        if (!of_recurrent(sc, v)) {
            SG_TRY(variable(sc, k, v, sc->w->opts->info->state[k]));
            continue;
        }
        int32_t t = sg_tw_out(sc, v, NULL);
        if (t < 0)
            return sc->w->err->status;
        sc->sub->tensor[t].kept = true;
        sc->handle[k] = -1;
    }
    return SEDGE_OK;
}

sedge_status sg_tw_states_keep(sg_tw_scope *sc, size_t n_out)
{
    for (size_t k = 0; n_out + k < sc->g->n_output; k++)
        if (sc->handle[k] >= 0)
            SG_TRY(sg_tw_emit(sc, SG_TW_ASSIGN_VARIABLE,
                              (const int32_t[]){sc->handle[k], sg_tw_need(sc, sc->g->output[n_out + k], NULL)}, 2, NULL, 0, NULL,
                              0));
    return SEDGE_OK;
}
