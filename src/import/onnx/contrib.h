/* Building blocks for lowering com.microsoft's operators: one call, one node. A 0 operand gives 0: the first failure
 * is recorded in n->err, and sg_cb_end tells it. */
#ifndef SG_IMPORT_ONNX_CONTRIB_H
#define SG_IMPORT_ONNX_CONTRIB_H

#include "import/onnx/lower.h"

sg_vid sg_cb_unary(sg_onnx_node *n, int kind, sg_vid x, double alpha, double beta);
sg_vid sg_cb_binary(sg_onnx_node *n, int kind, sg_vid a, sg_vid b);
/* a + b; b may be absent (0). */
sg_vid sg_cb_add_maybe(sg_onnx_node *n, sg_vid a, sg_vid b);
sg_vid sg_cb_scalar(sg_onnx_node *n, sg_dtype dtype, double v);
/* x op v, v a scalar of x's type. */
sg_vid sg_cb_binary_scalar(sg_onnx_node *n, int kind, sg_vid x, double v);
sg_vid sg_cb_cast(sg_onnx_node *n, sg_vid x, sg_dtype to);
/* ONNX's Reshape: 0 keeps a dim, -1 takes what is left. */
sg_vid sg_cb_reshape(sg_onnx_node *n, sg_vid x, const int64_t *dim, int rank);
sg_vid sg_cb_transpose(sg_onnx_node *n, sg_vid x, const int64_t *perm, int rank);
/* Swaps the last two axes; needs a known rank. */
sg_vid sg_cb_swap_last(sg_onnx_node *n, sg_vid x);
sg_vid sg_cb_slice(sg_onnx_node *n, sg_vid x, int axis, int64_t from, int64_t to);
sg_vid sg_cb_unsqueeze(sg_onnx_node *n, sg_vid x, int64_t axis);
sg_vid sg_cb_concat(sg_onnx_node *n, sg_vid a, sg_vid b, int axis);
sg_vid sg_cb_gather(sg_onnx_node *n, sg_vid x, sg_vid index, int axis);
/* x[i] along axis 0. */
sg_vid sg_cb_row(sg_onnx_node *n, sg_vid x, int64_t i);
/* Dim `axis` of x: an int64 scalar. */
sg_vid sg_cb_dim(sg_onnx_node *n, sg_vid x, int axis);
/* 0, 1 ... count - 1 of an int64 scalar. */
sg_vid sg_cb_iota(sg_onnx_node *n, sg_vid count);
/* A single-output node with one int attribute set. */
sg_vid sg_cb_emit_int(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, sg_attr_id id, int64_t v);

static inline const sg_type *sg_cb_type(const sg_onnx_node *n, sg_vid v)
{
    return &n->g->value[v].type;
}

/* Error unless inputs [0, count) are present. */
sedge_status sg_cb_need(sg_onnx_node *n, int count);
/* Output k is v, when the node has an output k. */
sedge_status sg_cb_end(sg_onnx_node *n, int k, sg_vid v);

/* Attributes of the attention row, and what else a call of it takes. */
typedef struct sg_cb_attention {
    sg_vid q, k, v, mask, past_k, past_v;
    int64_t q_heads, kv_heads; /* for operands of rank 3 */
    int64_t window;            /* keys to the left that a query sees; -1: all */
    bool causal;
    double scale, softcap;     /* 0: the default, none */
} sg_cb_attention;
/* Emits it and binds outputs y, present key and present value to out. */
sedge_status sg_cb_attend(sg_onnx_node *n, const sg_cb_attention *a, sg_vid out[3]);

#endif
