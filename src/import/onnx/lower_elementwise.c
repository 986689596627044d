/* ONNX's elementwise operators that are not a row as they stand. */
#include "import/onnx/lower.h"
#include "op/elementwise.h"

sedge_status sg_lower_is_inf(sg_onnx_node *n)
{
    double negative = sg_on_int(n, "detect_negative", 1) != 0, positive = sg_on_int(n, "detect_positive", 1) != 0;
    return sg_ib_end(n, 0, sg_ib_unary(n, SG_UNARY_IS_INF, sg_ib_in(n, 0), negative, positive));
}

/* v with `count` axes of size 1 appended. */
static sg_vid trail(sg_onnx_node *n, sg_vid v, int rank, int count)
{
    int64_t axes[SG_RANK_MAX];
    for (int i = 0; i < count && i < SG_RANK_MAX; i++)
        axes[i] = rank + i;
    return sg_ib_list(n, SG_OP_UNSQUEEZE, v, axes, count);
}

/* Before opset 7 the second operand was aligned by the attributes broadcast and axis. */
static sedge_status aligned(sg_onnx_node *n, sg_op_id row)
{
    const sg_type *a = sg_ib_in_type(n, 0), *b = sg_ib_in_type(n, 1);
    if (n->opset < 7 && a && b && sg_on_has(n, "axis") && sg_on_int(n, "broadcast", 0) && a->rank >= 0 && b->rank > 0) {
        int axis = sg_axis(sg_on_int(n, "axis", 0), a->rank), count = a->rank - axis - b->rank;
        if (axis < 0 || count < 0)
            return sg_fail(n->err, SEDGE_E_SHAPE, "axis is outside of the first operand");
        if (count)
            n->in[1] = trail(n, n->in[1], b->rank, count);
    }
    return sg_on_row(n, row);
}

sedge_status sg_lower_binary(sg_onnx_node *n)
{
    return aligned(n, SG_OP_BINARY);
}

sedge_status sg_lower_compare(sg_onnx_node *n)
{
    return aligned(n, SG_OP_COMPARE);
}

/* A slope per channel counts from axis 1 before opset 7, and in many later files too. */
sedge_status sg_lower_prelu(sg_onnx_node *n)
{
    const sg_type *x = sg_ib_in_type(n, 0), *s = sg_ib_in_type(n, 1);
    bool channel = x && s && x->rank > 2 && s->rank == 1 && s->dim[0] != 1 && s->dim[0] == x->dim[1];
    if (channel && (n->opset < 7 || s->dim[0] != x->dim[x->rank - 1]))
        n->in[1] = trail(n, n->in[1], 1, x->rank - 2);
    return sg_on_row(n, SG_OP_BINARY);
}

/* in[0] op in[1] op ... */
static sg_vid chain(sg_onnx_node *n, int kind)
{
    sg_vid v = n->n_in == 1 ? sg_ib_emit1(n, SG_OP_IDENTITY, n->in, 1) : sg_ib_in(n, 0);
    for (int k = 1; k < n->n_in; k++)
        v = sg_ib_binary(n, kind, v, n->in[k]);
    return v;
}

sedge_status sg_lower_chain(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, chain(n, (int)sg_on_extra(n)));
}

sedge_status sg_lower_mean(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 1));
    sg_vid sum = chain(n, SG_BINARY_ADD);
    return sg_ib_end(n, 0, n->n_in > 1 ? sg_ib_binary_scalar(n, SG_BINARY_DIV, sum, n->n_in) : sum);
}

/* The second input tells the type. */
sedge_status sg_lower_cast_like(sg_onnx_node *n)
{
    sg_dtype to = sg_ib_in(n, 1) ? (sg_dtype)sg_ib_in_type(n, 1)->dtype : SG_NONE;
    n->n_in = 1;
    sg_nid node = sg_on_start(n, SG_OP_CAST);
    return sg_ib_set(n, node, SG_A_to, to) ? sg_ib_done(n, node) : n->err->status;
}

/* True unless training mode is asked for or may be. */
static bool inference(sg_onnx_node *n)
{
    int64_t count;
    if (n->opset < 12 || !sg_ib_in(n, 2))
        return true;
    const sg_value *v = &n->g->value[n->in[2]];
    if (v->role == SG_CONST && v->data && v->type.dtype == SG_BOOL && v->type.rank == 0)
        return sg_load_i64(SG_BOOL, v->data, 0) == 0;
    const int64_t *mode = sg_ib_const_ints(n, 2, &count);
    return mode && count == 1 && mode[0] == 0;
}

sedge_status sg_lower_dropout(sg_onnx_node *n)
{
    bool plain = inference(n);
    if (plain && !sg_on_wants(n, 1))
        return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_IDENTITY, n->in, 1));
    n->n_in = plain ? 1 : n->n_in;
    return sg_on_row(n, SG_OP_DROPOUT);
}
