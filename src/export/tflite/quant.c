/* What integers mean, and which operators compute on them. */
#include <math.h>
#include <string.h>

#include "export/tflite/write.h"
#include "op/elementwise.h"
#include "op/pool.h"
#include "op/quant.h"
#include "op/reduce.h"
#include "op/resize.h"

/* ---- what the integers of a value mean ---- */

bool sg_tw_quant_same(const sg_tw_quant *a, const sg_tw_quant *b)
{
    if (a->n != b->n || (a->n > 1 && a->axis != b->axis))
        return false;
    for (int64_t i = 0; i < a->n; i++)
        if (a->scale[i] != b->scale[i] || a->zero[i] != b->zero[i])
            return false;
    return true;
}

/* Scales and zero points of a node that quantizes or dequantizes; n 0: they are not constants of the kind that the file has. */
sg_tw_quant sg_tw_quant_of(sg_tw_scope *sc, sg_nid n)
{
    sg_tw_quant q = {0};
    const sg_tensor *s = sg_tw_const(sc, sg_node_in(sc->g, n, 1)), *z = sg_tw_const(sc, sg_node_in(sc->g, n, 2));
    int64_t count = s ? sg_d_numel(sg_tw_type(sc, sg_node_in(sc->g, n, 1))) : 0;
    float *scale = count > 0 ? sg_arena_array(sc->w->arena, (size_t)count, sizeof *scale) : NULL;
    int64_t *zero = scale ? sg_arena_array(sc->w->arena, (size_t)count, sizeof *zero) : NULL;
    if (!zero || sg_get_int(sg_tw_attrs(sc, n), SG_A_block_size) ||
        (sg_node_in(sc->g, n, 2) && (!z || !sg_is_int((sg_dtype)z->dtype))))
        return q;
    for (int64_t i = 0; i < count; i++) {
        scale[i] = (float)sg_load_f64((sg_dtype)s->dtype, s->data, (size_t)i);
        zero[i] = z ? sg_load_i64((sg_dtype)z->dtype, z->data, (size_t)i) : 0;
    }
    int64_t axis = sg_get_int(sg_tw_attrs(sc, n), SG_A_axis);
    int rank = sg_tw_type(sc, sg_node_in(sc->g, n, 0))->rank;
    q = (sg_tw_quant){scale, zero, count, count > 1 ? (int)(axis < 0 ? axis + rank : axis) : 0};
    return q;
}

static bool carries(const sg_tw_scope *sc, sg_nid id)
{
    const sg_node *n = &sc->g->node[id];
    int64_t kind = sg_attr_find(n->attr, n->n_attr, SG_A_kind) ? sg_get_int(sg_tw_attrs(sc, id), SG_A_kind) : -1;
    static const sg_op_id rows[] = {SG_OP_RESHAPE,        SG_OP_FLATTEN,        SG_OP_SQUEEZE,
                                    SG_OP_UNSQUEEZE,      SG_OP_TRANSPOSE,      SG_OP_CONCAT,
                                    SG_OP_SPLIT,          SG_OP_SLICE,          SG_OP_PAD,
                                    SG_OP_EXPAND,         SG_OP_TILE,           SG_OP_GATHER,
                                    SG_OP_GATHER_ND,      SG_OP_CLIP,           SG_OP_IDENTITY,
                                    SG_OP_DEPTH_TO_SPACE, SG_OP_SPACE_TO_DEPTH, SG_OP_POOL,
                                    SG_OP_WHERE,          SG_OP_TOP_K,          SG_OP_REVERSE_SEQUENCE,
                                    SG_OP_RESIZE};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (n->op == &sg_ops[rows[i]])
            return true;
    return (n->op == SG_ROW(BINARY) && (kind == SG_BINARY_MIN || kind == SG_BINARY_MAX)) ||
           (n->op == SG_ROW(REDUCE) && (kind == SG_REDUCE_MIN || kind == SG_REDUCE_MAX));
}

static bool is_small_int(const sg_tw_scope *sc, sg_vid v)
{
    sg_dtype t = v ? (sg_dtype)sg_tw_type(sc, v)->dtype : SG_NONE;
    return t == SG_I8 || t == SG_U8 || t == SG_I16;
}

/* Gives what one operand or result means to the others. */
static bool spread(sg_tw_scope *sc, sg_nid id)
{
    const sg_node *n = &sc->g->node[id];
    const sg_tw_quant *known = NULL;
    bool changed = false;
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < n->n_in + n->n_out; k++) {
            sg_vid v = k < n->n_in ? sg_node_in(sc->g, id, k) : n->out[k - n->n_in];
            if (!is_small_int(sc, v))
                continue;
            if (!pass && sc->quant[v].n == 1)
                known = &sc->quant[v];
            if (pass && known && !sc->quant[v].n) {
                sc->quant[v] = *known;
                changed = true;
            }
        }
    return changed;
}

sedge_status sg_tw_quants(sg_tw_scope *sc)
{
    SG_EACH_NODE(sc->g, n)
    {
        bool from = sc->g->node[n].op == SG_ROW(QUANTIZE), to = sc->g->node[n].op == SG_ROW(DEQUANTIZE);
        sg_vid v = from ? sg_node_out(sc->g, n, 0) : sg_node_in(sc->g, n, 0);
        if ((from || to) && v && (from || !sc->quant[v].n) && sc->g->value[v].role != SG_CONST)
            sc->quant[v] = sg_tw_quant_of(sc, n);
    }
    for (bool changed = true; changed;) {
        changed = false;
        SG_EACH_NODE(sc->g, n)
        if (carries(sc, n))
            changed = spread(sc, n) || changed;
    }
    return sc->w->err->status;
}

bool sg_tw_is_ints(sg_tw_scope *sc, sg_vid v)
{
    const sg_tw_val *val = sg_tw_of(sc, v);
    return val->there && val->lazy && val->q.n == 1;
}

/* ---- what follows a node ---- */

enum { ACT_NONE, ACT_RELU, ACT_RELU_N1_TO_1, ACT_RELU6 };
static const struct {
    double lo, hi;
} bounds[] = {[ACT_RELU] = {0, INFINITY}, [ACT_RELU_N1_TO_1] = {-1, 1}, [ACT_RELU6] = {0, 6}};

/* The node that alone reads v; 0: none or several do. */
static sg_nid only_user(const sg_tw_scope *sc, sg_vid v)
{
    const sg_value *val = &sc->g->value[v];
    return val->n_uses == 1 && !sc->is_out[v] ? sc->g->operand[val->uses].node : 0;
}

static bool clip_bounds(sg_tw_scope *sc, sg_nid n, double *lo, double *hi)
{
    sg_vid a = sg_node_in(sc->g, n, 1), b = sg_node_in(sc->g, n, 2);
    *lo = -INFINITY;
    *hi = INFINITY;
    return (!a || sg_tw_scalar(sc, a, lo)) && (!b || sg_tw_scalar(sc, b, hi));
}

int sg_tw_act_of(sg_tw_scope *sc, sg_nid n)
{
    const sg_node *node = &sc->g->node[n];
    double lo, hi;
    if (node->op == SG_ROW(UNARY) && sg_get_int(sg_tw_attrs(sc, n), SG_A_kind) == SG_UNARY_RELU)
        return ACT_RELU;
    if (node->op != SG_ROW(CLIP) || !clip_bounds(sc, n, &lo, &hi))
        return ACT_NONE;
    for (int a = ACT_RELU; a <= ACT_RELU6; a++)
        if (lo == bounds[a].lo && hi == bounds[a].hi)
            return a;
    return ACT_NONE;
}

/* The activation that bounds integers as clip n does. */
static int act_on_ints(sg_tw_scope *sc, sg_nid n, const sg_tw_quant *q)
{
    const sg_node *node = &sc->g->node[n];
    sg_dtype t = (sg_dtype)sg_tw_type(sc, node->out[0])->dtype;
    double lo, hi;
    int32_t least, most;
    if (node->op != SG_ROW(CLIP) || !clip_bounds(sc, n, &lo, &hi) || q->n != 1)
        return ACT_NONE;
    sg_q_range(t, &least, &most);
    for (int a = ACT_RELU; a <= ACT_RELU6; a++) {
        double z = (double)q->zero[0], s = (double)q->scale[0];
        double from = z + floor(bounds[a].lo / s + 0.5), to = z + floor(bounds[a].hi / s + 0.5);
        if (fmax(from, least) == fmax(lo, least) && fmin(to, most) == fmin(hi, most))
            return a;
    }
    return ACT_NONE;
}

bool sg_tw_same_type(sg_tw_scope *sc, sg_vid x, sg_vid y)
{
    const sg_tw_val *val = &sc->val[x];
    sg_dtype to = (sg_dtype)sg_tw_type(sc, y)->dtype;
    sg_dtype from = val->t < 0 ? (sg_dtype)sc->g->value[val->src].type.dtype : sc->sub->tensor[val->t].dtype;
    return from == to || (sc->w->shift && to == SG_U8 && from == SG_I8);
}

/* The operator can take operands and result as integers. */
static bool allowed(sg_tw_scope *sc, sg_nid n, int n_x, sg_tw_rule rule, double unit, int zero, sg_vid yv)
{
    const sg_tw_quant *y = &sc->quant[yv];
    sg_dtype to = (sg_dtype)sg_tw_type(sc, yv)->dtype;
    if (rule == SG_TW_NEVER || y->n != 1 || (to != SG_I8 && to != SG_U8 && to != SG_I16))
        return false;
    for (int k = 0; k < n_x; k++) {
        sg_vid v = sg_node_in(sc->g, n, k);
        if (!v || !sg_tw_is_ints(sc, v) || (rule == SG_TW_ALIKE && !sg_tw_quant_same(&sc->val[v].q, y)))
            return false;
        if (!sg_tw_same_type(sc, v, yv))
            return false;
    }
    double want = to == SG_I16 ? unit / 128 : unit, at = to == SG_U8 ? zero + 128 : to == SG_I16 ? 0 : zero;
    return rule != SG_TW_FIXED || ((double)y->scale[0] == want && (double)y->zero[0] == at);
}

sg_tw_tail sg_tw_tail_of(sg_tw_scope *sc, sg_nid n, int n_x, sg_tw_rule rule, double unit, int zero, bool act)
{
    sg_tw_tail t = {.out = sc->g->node[n].out[0]};
    sg_nid next = only_user(sc, t.out), active = 0;
    int fused = next && act ? sg_tw_act_of(sc, next) : ACT_NONE;
    sg_vid v = t.out;
    if (fused) {
        active = next;
        v = sc->g->node[next].out[0];
        next = only_user(sc, v);
    }
    sg_vid y = next && sc->g->node[next].op == SG_ROW(QUANTIZE) ? sc->g->node[next].out[0] : 0;
    if (y && allowed(sc, n, n_x, rule, unit, zero, y)) {
        t.ints = sc->done[next] = true;
        v = y;
        next = only_user(sc, v);
        if (next && act && !fused && (fused = act_on_ints(sc, next, &sc->quant[v])) != ACT_NONE) {
            sc->done[next] = true;
            v = sc->g->node[next].out[0];
        }
    } else if (sg_tw_type(sc, t.out)->dtype != SG_F32) {
        return t;
    }
    if (active)
        sc->done[active] = true;
    t.act = fused;
    t.out = v;
    return t;
}
