/* Building blocks for lowerings that make several nodes: one call, one node. A failure gives 0 and is recorded in n->err;
 * from then on every call gives 0, so that sg_on_end need only look at the last. */
#ifndef SG_IMPORT_ONNX_BUILD_H
#define SG_IMPORT_ONNX_BUILD_H

#include "import/onnx/lower.h"

/* An attribute and its value: the member that its kind calls for. */
typedef struct sg_ob_attr {
    sg_attr_id id;
    int64_t i;
    double f;
    const int64_t *ints;
    int n;
} sg_ob_attr;

/* Operands (0: absent) and attributes of a call, as arrays with their lengths. */
#define SG_INS(...) (const sg_vid[]){__VA_ARGS__}, (int)(sizeof((const sg_vid[]){__VA_ARGS__}) / sizeof(sg_vid))
#define SG_SET(...) (const sg_ob_attr[]){__VA_ARGS__}, (int)(sizeof((const sg_ob_attr[]){__VA_ARGS__}) / sizeof(sg_ob_attr))

/* A node with attributes set and its rule run; 0: failed. Absent operands at the end are left off. */
sg_nid sg_ob_make(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out, const sg_ob_attr *attr, int n_attr);
/* Output 0 of one with a single output. */
sg_vid sg_ob_node(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, const sg_ob_attr *attr, int n_attr);
/* Sets an integer attribute of a node that is not done; false: failed. */
bool sg_ob_set(sg_onnx_node *n, sg_nid node, sg_attr_id id, int64_t v);
/* A row whose second operand is a list of numbers. */
sg_vid sg_ob_list(sg_onnx_node *n, sg_op_id row, sg_vid x, const int64_t *v, int count);

sg_vid sg_ob_unary(sg_onnx_node *n, int kind, sg_vid x, double alpha, double beta);
sg_vid sg_ob_binary(sg_onnx_node *n, int kind, sg_vid a, sg_vid b);
/* a + b; b may be absent (0). */
sg_vid sg_ob_add_maybe(sg_onnx_node *n, sg_vid a, sg_vid b);
sg_vid sg_ob_scalar(sg_onnx_node *n, sg_dtype dtype, double v);
/* x op v, v a scalar of x's type. */
sg_vid sg_ob_binary_scalar(sg_onnx_node *n, int kind, sg_vid x, double v);
sg_vid sg_ob_cast(sg_onnx_node *n, sg_vid x, sg_dtype to);
/* ONNX's Reshape: 0 keeps a dim, -1 takes what is left. */
sg_vid sg_ob_reshape(sg_onnx_node *n, sg_vid x, const int64_t *dim, int rank);
sg_vid sg_ob_transpose(sg_onnx_node *n, sg_vid x, const int64_t *perm, int rank);
/* Swaps the last two axes; needs a known rank. */
sg_vid sg_ob_swap_last(sg_onnx_node *n, sg_vid x);
sg_vid sg_ob_slice(sg_onnx_node *n, sg_vid x, int axis, int64_t from, int64_t to);
sg_vid sg_ob_unsqueeze(sg_onnx_node *n, sg_vid x, int64_t axis);
sg_vid sg_ob_concat(sg_onnx_node *n, sg_vid a, sg_vid b, int axis);
sg_vid sg_ob_compare(sg_onnx_node *n, int kind, sg_vid a, sg_vid b);
/* Over one axis. */
sg_vid sg_ob_reduce(sg_onnx_node *n, int kind, sg_vid x, int64_t axis, bool keep);
sg_vid sg_ob_matmul(sg_onnx_node *n, sg_vid a, sg_vid b);
sg_vid sg_ob_gather(sg_onnx_node *n, sg_vid x, sg_vid index, int axis);
/* x[i] along axis 0. */
sg_vid sg_ob_row(sg_onnx_node *n, sg_vid x, int64_t i);
/* Dim `axis` of x: an int64 scalar. */
sg_vid sg_ob_dim(sg_onnx_node *n, sg_vid x, int axis);
/* 0, 1 ... count - 1 of an int64 scalar. */
sg_vid sg_ob_iota(sg_onnx_node *n, sg_vid count);

static inline const sg_type *sg_ob_type(const sg_onnx_node *n, sg_vid v)
{
    return &n->g->value[v].type;
}

/* Error unless inputs [0, count) are present. */
sedge_status sg_ob_need(sg_onnx_node *n, int count);

/* Attributes of the attention row, and what else a call of it takes. */
typedef struct sg_ob_attention {
    sg_vid q, k, v, mask, past_k, past_v;
    int64_t q_heads, kv_heads; /* for operands of rank 3 */
    int64_t window;            /* keys to the left that a query sees; -1: all */
    bool causal;
    double scale, softcap;     /* 0: the default, none */
} sg_ob_attention;
/* Emits it and binds outputs y, present key and present value to out. */
sedge_status sg_ob_attend(sg_onnx_node *n, const sg_ob_attention *a, sg_vid out[3]);

#endif
