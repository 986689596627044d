/* What lowerings of every importer are made of: the operator in hand, and building blocks, one call, one node. A failure gives 0 and is recorded in n->err;
 * from then on every call gives 0, so that sg_ib_end need only look at the last. */
#ifndef SG_IMPORT_BUILD_H
#define SG_IMPORT_BUILD_H

#include "op/op.h"

/* An operator of a model in hand: what a lowering takes and gives. Shape inference runs as nodes are emitted, so the types
 * of inputs are known (as far as they can be): sg_ib_in_type(n, k). */
typedef struct sg_ib {
    sg_graph *g;
    sg_err *err;
    sg_arena *arena; /* of the model */
    const char *name, *op_type, *domain; /* domain "" is the format's own */
    const char *source; /* the operator, for messages */
    int64_t opset; /* version of that domain, or of the operator */
    int n_in, n_out;
    sg_vid *in; /* [n_in], 0: absent */
    sg_vid *out; /* [n_out]: a lowering sets every one (an output that is not there may stay 0) */
    const void *own; /* the importer's: attributes */
    sg_nid before; /* new nodes stand before it; 0: at the end */
} sg_ib;

static inline sg_vid sg_ib_in(const sg_ib *n, int k)
{
    return k < n->n_in ? n->in[k] : SG_NONE_ID;
}
static inline const sg_type *sg_ib_in_type(const sg_ib *n, int k)
{
    sg_vid v = sg_ib_in(n, k);
    return v ? &n->g->value[v].type : NULL;
}
/* Puts v in place of input k, which may lie past the end (by 16 at the most). */
static inline void sg_ib_in_set(sg_ib *n, int k, sg_vid v)
{
    n->in[k] = v;
    n->n_in = k < n->n_in ? n->n_in : k + 1;
}
/* Emits a node of a row on ins (0: absent). Set its attributes by sg_set_*, then sg_ib_done(n, node) runs its
 * shape rule. Return 0 on failure, error recorded. sg_ib_emit1 does it all for a row without attributes to set and
 * gives output 0. */
sg_nid sg_ib_emit(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out);
/* The same for a row that is not in the table. */
sg_nid sg_ib_emit_op(sg_ib *n, const sg_op *op, const sg_vid *ins, int n_in, int n_out);
sedge_status sg_ib_done(sg_ib *n, sg_nid node);
sg_vid sg_ib_emit1(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in);
/* Output k of the node, if it has that many, is v; 0: an error, out of memory unless another one is recorded. */
sedge_status sg_ib_end(sg_ib *n, int k, sg_vid v);
/* Constants. */
sg_vid sg_ib_const_i64s(sg_ib *n, const int64_t *v, int count); /* rank 1 */
sg_vid sg_ib_const_i64(sg_ib *n, int64_t v); /* scalar */
sg_vid sg_ib_const_like(sg_ib *n, int k, double v); /* scalar of the dtype of input k */
/* The value of constant input k as int64 list, if it is a constant; NULL otherwise. Arena memory. */
const int64_t *sg_ib_const_ints(sg_ib *n, int k, int64_t *count);

/* An attribute and its value: the member that its kind calls for. */
typedef struct sg_ib_attr {
    sg_attr_id id;
    int64_t i;
    double f;
    const int64_t *ints;
    int n;
} sg_ib_attr;

/* Operands (0: absent) and attributes of a call, as arrays with their lengths. */
#define SG_INS(...) (const sg_vid[]){__VA_ARGS__}, (int)(sizeof((const sg_vid[]){__VA_ARGS__}) / sizeof(sg_vid))
#define SG_SET(...) (const sg_ib_attr[]){__VA_ARGS__}, (int)(sizeof((const sg_ib_attr[]){__VA_ARGS__}) / sizeof(sg_ib_attr))

/* A node with attributes set and its rule run; 0: failed. Absent operands at the end are left off. */
sg_nid sg_ib_make(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out, const sg_ib_attr *attr, int n_attr);
/* Output 0 of one with a single output. */
sg_vid sg_ib_node(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in, const sg_ib_attr *attr, int n_attr);
/* Sets an integer attribute of a node that is not done; false: failed. */
bool sg_ib_set(sg_ib *n, sg_nid node, sg_attr_id id, int64_t v);
/* A row whose second operand is a list of numbers. */
sg_vid sg_ib_list(sg_ib *n, sg_op_id row, sg_vid x, const int64_t *v, int count);

sg_vid sg_ib_unary(sg_ib *n, int kind, sg_vid x, double alpha, double beta);
sg_vid sg_ib_binary(sg_ib *n, int kind, sg_vid a, sg_vid b);
/* a + b; b may be absent (0). */
sg_vid sg_ib_add_maybe(sg_ib *n, sg_vid a, sg_vid b);
sg_vid sg_ib_scalar(sg_ib *n, sg_dtype dtype, double v);
/* x op v, v a scalar of x's type. */
sg_vid sg_ib_binary_scalar(sg_ib *n, int kind, sg_vid x, double v);
sg_vid sg_ib_cast(sg_ib *n, sg_vid x, sg_dtype to);
/* ONNX's Reshape: 0 keeps a dim, -1 takes what is left. */
sg_vid sg_ib_reshape(sg_ib *n, sg_vid x, const int64_t *dim, int rank);
sg_vid sg_ib_transpose(sg_ib *n, sg_vid x, const int64_t *perm, int rank);
/* Swaps the last two axes; needs a known rank. */
sg_vid sg_ib_swap_last(sg_ib *n, sg_vid x);
sg_vid sg_ib_slice(sg_ib *n, sg_vid x, int axis, int64_t from, int64_t to);
sg_vid sg_ib_unsqueeze(sg_ib *n, sg_vid x, int64_t axis);
sg_vid sg_ib_concat(sg_ib *n, sg_vid a, sg_vid b, int axis);
sg_vid sg_ib_compare(sg_ib *n, int kind, sg_vid a, sg_vid b);
/* Over one axis. */
sg_vid sg_ib_reduce(sg_ib *n, int kind, sg_vid x, int64_t axis, bool keep);
sg_vid sg_ib_matmul(sg_ib *n, sg_vid a, sg_vid b);
sg_vid sg_ib_gather(sg_ib *n, sg_vid x, sg_vid index, int axis);
/* x[i] along axis 0. */
sg_vid sg_ib_row(sg_ib *n, sg_vid x, int64_t i);
/* Dim `axis` of x: an int64 scalar. */
sg_vid sg_ib_dim(sg_ib *n, sg_vid x, int axis);
/* 0, 1 ... count - 1 of an int64 scalar. */
sg_vid sg_ib_iota(sg_ib *n, sg_vid count);

static inline const sg_type *sg_ib_type(const sg_ib *n, sg_vid v)
{
    return &n->g->value[v].type;
}

/* Error unless inputs [0, count) are present. */
sedge_status sg_ib_need(sg_ib *n, int count);

/* Attributes of the attention row, and what else a call of it takes. */
typedef struct sg_ib_attention {
    sg_vid q, k, v, mask, past_k, past_v;
    int64_t q_heads, kv_heads; /* for operands of rank 3 */
    int64_t window; /* keys to the left that a query sees; -1: all */
    bool causal;
    double scale, softcap; /* 0: the default, none */
} sg_ib_attention;
/* Emits it and binds outputs y, present key and present value to out. */
sedge_status sg_ib_attend(sg_ib *n, const sg_ib_attention *a, sg_vid out[3]);

#endif
