/* Recurrent operators, spectra, boxes. */
#include <math.h>
#include <string.h>

#include "export/tflite/write.h"

enum { GATES = 4 };

static const sg_node *made_by(const sg_tw_scope *sc, sg_vid v, const sg_op *row)
{
    const sg_node *n = v && sc->g->value[v].role == SG_COMPUTED ? &sc->g->node[sc->g->value[v].def] : NULL;
    return n && n->op == row ? n : NULL;
}

static sg_vid operand(const sg_tw_scope *sc, const sg_node *n, int k)
{
    return sc->g->operand[n->in0 + (uint32_t)k].value;
}

/* Gates of weights or biases v [1, gates * hidden, ..] as tensors, in the order of the row: the parts that were joined, integers
 * among them, or cuts of the whole. */
static sedge_status gates(sg_tw_scope *sc, sg_vid v, int64_t hidden, int32_t out[GATES])
{
    const sg_node *made = made_by(sc, v, SG_ROW(UNSQUEEZE)),
                  *joined = made ? made_by(sc, operand(sc, made, 0), SG_ROW(CONCAT)) : NULL;
    for (int k = 0; joined && joined->n_in == GATES && k < GATES; k++) {
        sg_vid part = operand(sc, joined, k);
        out[k] = sg_tw_operand(sc, part, NULL, sg_tw_of(sc, part)->lazy);
        if (out[k] < 0)
            return sc->w->err->status;
    }
    if (joined && joined->n_in == GATES)
        return SEDGE_OK;
    const sg_tensor *whole = sg_tw_const(sc, v);
    if (!whole || whole->dtype != SG_F32 || whole->dim[0] != 1)
        return sg_tw_unsupported(sc, "weights that are no constants");
    sg_tw_tensor t = {.name = "", .dtype = SG_F32, .rank = whole->rank - 1, .dim = {hidden, whole->rank > 2 ? whole->dim[2] : 0}};
    int64_t size = hidden * (whole->rank > 2 ? whole->dim[2] : 1);
    for (int k = 0; k < GATES; k++) {
        t.data = (const float *)whole->data + k * size;
        out[k] = sg_tw_tensor_new(sc, &t);
    }
    return SEDGE_OK;
}

/* The sum of both biases of ONNX; the second half of those of the file is zero. */
static sedge_status biases(sg_tw_scope *sc, sg_vid v, int64_t hidden, int32_t out[GATES])
{
    const sg_node *both = made_by(sc, v, SG_ROW(CONCAT));
    if (both && made_by(sc, operand(sc, both, 0), SG_ROW(UNSQUEEZE)) && made_by(sc, operand(sc, both, 1), SG_ROW(BINARY)))
        return gates(sc, operand(sc, both, 0), hidden, out);
    const sg_tensor *b = sg_tw_const(sc, v);
    float *sum = b && b->dtype == SG_F32 ? sg_arena_array(sc->w->arena, (size_t)(GATES * hidden), sizeof *sum) : NULL;
    if (!sum)
        return sg_tw_unsupported(sc, "a bias that is no constant");
    for (int64_t i = 0; i < GATES * hidden; i++)
        sum[i] = ((const float *)b->data)[i] + ((const float *)b->data)[GATES * hidden + i];
    for (int k = 0; k < GATES; k++)
        out[k] = sg_tw_tensor_new(
            sc, &(sg_tw_tensor){.name = "", .dtype = SG_F32, .rank = 1, .dim = {hidden}, .data = sum + k * hidden});
    return SEDGE_OK;
}

/* The state that the file keeps: the tensor behind v. */
static int32_t state(sg_tw_scope *sc, sg_vid v)
{
    const sg_node *n = made_by(sc, v, SG_ROW(UNSQUEEZE));
    v = n ? operand(sc, n, 0) : v;
    n = made_by(sc, v, SG_ROW(DEQUANTIZE));
    v = n ? operand(sc, n, 0) : v;
    if (v && sc->val[v].t >= 0 && sc->sub->tensor[sc->val[v].t].kept)
        return sc->val[v].t;
    sg_tw_unsupported(sc, "an operator that begins with something else than state");
    return SG_TW_BAD;
}

/* What becomes of states is said by the operator. */
static void absorb(sg_tw_scope *sc, sg_vid v)
{
    while (v && sc->g->value[v].n_uses == 1) {
        sg_nid n = sc->g->operand[sc->g->value[v].uses].node;
        sc->done[n] = true;
        v = sc->g->node[n].out[0];
    }
}

sedge_status sg_tw_lstm(sg_tw_scope *sc, sg_nid n)
{
    static const int order[GATES] = {0, 3, 1,
                                     2}; /* the row has input, output, forget, cell; the file input, forget, cell, output */
    sg_attrs a = sg_tw_attrs(sc, n);
    const sg_node *node = &sc->g->node[n];
    sg_vid x = sg_node_in(sc->g, n, 0), r = sg_node_in(sc->g, n, 2), b = sg_node_in(sc->g, n, 3), y = node->out[0];
    int64_t hidden = sg_tw_type(sc, r)->dim[2];
    bool time_major = !sg_get_int(a, SG_A_layout);
    int32_t in[24], w[GATES], u[GATES], c[GATES] = {-1, -1, -1, -1};
    const sg_attr *acts = sg_attr_find(a.a, a.n, SG_A_activations);
    static const char *const words[] = {"Sigmoid", "Tanh", "Tanh"};
    for (int k = 0; acts->set && k < 3; k++)
        if (acts->n < 3 || acts->u.strs[k].n != strlen(words[k]) || memcmp(acts->u.strs[k].p, words[k], strlen(words[k])) != 0)
            return sg_tw_unsupported(sc, "an LSTM with these activations");
    if (strcmp(sg_get_str(a, SG_A_direction), "reverse") == 0 || strcmp(sg_get_str(a, SG_A_direction), "bidirectional") == 0 ||
        sg_node_in(sc->g, n, 4) || sg_node_in(sc->g, n, 7) || sg_get_int(a, SG_A_input_forget) || !y)
        return sg_tw_unsupported(sc, "an LSTM of this form");
    for (int k = 0; k < 24; k++)
        in[k] = -1;
    SG_TRY(gates(sc, sg_node_in(sc->g, n, 1), hidden, w));
    SG_TRY(gates(sc, r, hidden, u));
    if (b)
        SG_TRY(biases(sc, b, hidden, c));
    for (int k = 0; k < GATES; k++) {
        in[1 + order[k]] = w[k];
        in[5 + order[k]] = u[k];
        in[12 + order[k]] = c[k];
    }
    in[0] = sg_tw_operand(sc, x, NULL, sg_tw_is_ints(sc, x));
    in[18] = state(sc, sg_node_in(sc->g, n, 5));
    in[19] = state(sc, sg_node_in(sc->g, n, 6));
    for (int k = 1; k < node->n_out; k++)
        absorb(sc, node->out[k]);
    const sg_type *ty = sg_tw_type(sc, y);
    int32_t out = sg_tw_out(sc, y, NULL), line;
    const sg_dim dim[3] = {ty->dim[0], ty->dim[time_major ? 2 : 1], ty->dim[3]};
    int64_t list[4];
    line = sg_tw_like(sc, out, 3, dim);
    for (int i = 0; i < 4; i++)
        list[i] = sg_dim_is_expr(ty->dim[i]) ? -1 : ty->dim[i];
    const sg_tw_attr attr[] = {{SG_TF_LSTM_ACT, .i = 4},
                               {SG_TF_LSTM_CELL_CLIP, .real = sg_get_float(a, SG_A_cell_clip)},
                               {SG_TF_LSTM_TIME_MAJOR, .i = time_major}};
    SG_TRY(sg_tw_emit(sc, SG_TW_UNIDIRECTIONAL_SEQUENCE_LSTM, in, 24, &line, 1, attr, 3));
    return sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){line, sg_tw_list32(sc, list, 4, 1)}, 2, &out, 1, NULL, 0);
}

/* ---- spectra ---- */

/* A one-sided transform of real numbers along the last axis, and maybe another along the axis before. */
sedge_status sg_tw_dft(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    const sg_type *t = sg_tw_type(sc, x);
    int64_t count, length[2] = {1, 0}, axis = t->rank - 2;
    const int64_t *v = sg_node_in(sc->g, n, 1) ? sg_tw_ints(sc, sg_node_in(sc->g, n, 1), &count) : NULL;
    length[1] = v ? v[0] : t->dim[axis];
    v = sg_node_in(sc->g, n, 2) ? sg_tw_ints(sc, sg_node_in(sc->g, n, 2), &count) : NULL;
    if ((sg_node_in(sc->g, n, 2) && !v) || (v && v[0] != axis && v[0] != -2) || !sg_get_int(a, SG_A_onesided) ||
        sg_get_int(a, SG_A_inverse) || t->dim[t->rank - 1] != 1 || t->rank < 3 || sg_dim_is_expr(length[1]))
        return sg_tw_unsupported(sc, "a transform of this form");
    sg_nid next = sc->g->value[y].n_uses == 1 && !sc->is_out[y] ? sc->g->operand[sc->g->value[y].uses].node : 0;
    const sg_node *second = next && sc->g->node[next].op == SG_ROW(DFT) ? &sc->g->node[next] : NULL;
    v = second ? sg_tw_ints(sc, operand(sc, second, 2), &count) : NULL;
    const int64_t *rows = second ? sg_tw_ints(sc, operand(sc, second, 1), &count) : NULL;
    if (!v || !rows || v[0] != axis - 1 || sg_get_int(sg_tw_attrs(sc, next), SG_A_inverse))
        return sg_tw_unsupported(sc, "a transform along one axis");
    length[0] = rows[0];
    sc->done[next] = true;
    y = second->out[0];
    sg_type ty = *sg_tw_type(sc, y);
    int64_t list[SG_RANK_MAX];
    for (int i = 0; i < t->rank - 1; i++)
        list[i] = sg_dim_is_expr(t->dim[i]) ? -1 : t->dim[i];
    int32_t in = sg_tw_need(sc, x, NULL), flat = in < 0 ? in : sg_tw_like(sc, in, t->rank - 1, t->dim), out;
    SG_TRY(sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){in, sg_tw_list32(sc, list, t->rank - 1, 1)}, 2, &flat, 1, NULL, 0));
    sg_tw_tensor c = {.name = "", .dtype = SG_C64, .rank = ty.rank - 1};
    memcpy(c.dim, ty.dim, sizeof c.dim);
    out = sg_tw_tensor_new(sc, &c);
    sc->val[y] = (sg_tw_val){.there = true, .complex = true, .t = out, .real = -1, .turned = -1};
    sg_tw_same(sc->val[y].order);
    return sg_tw_emit(sc, SG_TW_RFFT2D, (const int32_t[]){flat, sg_tw_list32(sc, length, 2, 1)}, 2, &out, 1, NULL, 0);
}

/* ---- boxes ---- */

/* A value as a tensor of this shape. */
static int32_t flat(sg_tw_scope *sc, sg_vid v, int rank, const int64_t *dim)
{
    int32_t t = sg_tw_need(sc, v, NULL), y = t < 0 ? t : sg_tw_like(sc, t, rank, dim);
    const int32_t in[2] = {t, sg_tw_list32(sc, dim, rank, 1)};
    return sg_tw_emit(sc, SG_TW_RESHAPE, in, 2, &y, 1, NULL, 0) == SEDGE_OK ? y : SG_TW_BAD;
}

/* One sample and one class: the boxes that stay, as rows batch, class, box. */
sedge_status sg_tw_non_max_suppression(sg_tw_scope *sc, sg_nid n)
{
    sg_vid boxes = sg_node_in(sc->g, n, 0), scores = sg_node_in(sc->g, n, 1), y = sg_node_out(sc->g, n, 0);
    const sg_type *tb = sg_tw_type(sc, boxes), *ts = sg_tw_type(sc, scores);
    int64_t count;
    double iou = 0, least = -INFINITY;
    const int64_t *most = sg_node_in(sc->g, n, 2) ? sg_tw_ints(sc, sg_node_in(sc->g, n, 2), &count) : NULL;
    if (!most || tb->dim[0] != 1 || ts->dim[0] != 1 || ts->dim[1] != 1 || sg_dim_is_expr(tb->dim[1]) ||
        sg_get_int(sg_tw_attrs(sc, n), SG_A_center_point_box) || !sg_node_in(sc->g, n, 3) ||
        !sg_tw_scalar(sc, sg_node_in(sc->g, n, 3), &iou) ||
        (sg_node_in(sc->g, n, 4) && !sg_tw_scalar(sc, sg_node_in(sc->g, n, 4), &least)))
        return sg_tw_unsupported(sc, "a choice of boxes of several samples or classes");
    const int64_t n_box = tb->dim[1], zero = 0, rows[2] = {-1, 1};
    int32_t in[5] = {flat(sc, boxes, 2, (const int64_t[]){n_box, 4}), flat(sc, scores, 1, &n_box), sg_tw_list32(sc, most, 1, 0),
                     sg_tw_number(sc, SG_F32, iou, NULL), sg_tw_number(sc, SG_F32, least, NULL)};
    sg_tw_tensor t = {.name = "", .dtype = SG_I32, .rank = 1, .dim = {most[0]}};
    int32_t out[2] = {sg_tw_tensor_new(sc, &t), -1}, size, found, row, wide, last = sg_tw_out(sc, y, NULL), *pads;
    t.dim[0] = 1;
    size = sg_tw_tensor_new(sc, &t);
    t.rank = 0;
    out[1] = sg_tw_tensor_new(sc, &t);
    SG_TRY(sg_tw_emit(sc, SG_TW_NON_MAX_SUPPRESSION_V4, in, 5, out, 2, NULL, 0));
    SG_TRY(sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){out[1], sg_tw_list32(sc, (const int64_t[]){1}, 1, 1)}, 2, &size, 1,
                      NULL, 0));
    t.rank = 1;
    t.dim[0] = sg_tw_type(sc, y)->dim[0];
    found = sg_tw_tensor_new(sc, &t);
    SG_TRY(sg_tw_emit(sc, SG_TW_SLICE, (const int32_t[]){out[0], sg_tw_list32(sc, &zero, 1, 1), size}, 3, &found, 1, NULL, 0));
    t.rank = 2;
    t.dim[1] = 1;
    row = sg_tw_tensor_new(sc, &t);
    SG_TRY(sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){found, sg_tw_list32(sc, rows, 2, 1)}, 2, &row, 1, NULL, 0));
    if ((wide = sg_tw_cast_to(sc, row, SG_I64, -1)) < 0 || !(pads = sg_arena_array(sc->w->arena, 4, sizeof *pads)))
        return sg_tw_nomem(sc->w);
    pads[2] = 2;
    t = (sg_tw_tensor){.name = "", .dtype = SG_I32, .rank = 2, .dim = {2, 2}, .data = pads};
    return sg_tw_emit(sc, SG_TW_PAD, (const int32_t[]){wide, sg_tw_tensor_new(sc, &t)}, 2, &last, 1, NULL, 0);
}
