/* ONNX operators to op rows: what a lowering function sees and does. */
#ifndef SG_IMPORT_ONNX_LOWER_H
#define SG_IMPORT_ONNX_LOWER_H

#include "op/op.h"

struct sg_onnx; /* the importer's state */

/* A NodeProto in hand. Shape inference runs as nodes are emitted, so the types of inputs are known
 * (as far as they can be): sg_on_type(n, k). */
typedef struct sg_onnx_node {
    struct sg_onnx *imp;
    sg_graph *g;
    sg_err *err;
    const char *name, *op_type, *domain; /* domain "" is ai.onnx */
    int64_t opset;                       /* imported version of that domain */
    int n_in, n_out;
    sg_vid *in;  /* [n_in], 0: absent */
    sg_vid *out; /* [n_out]: a lowering sets every one (an output named "" may stay 0) */
    const void *proto; /* the importer's own: attributes */
} sg_onnx_node;

/* Attributes of the node, or the default. A present attribute of another type is an error recorded in
 * n->err (checked after lowering). Lists live as long as the model. */
bool sg_on_has(const sg_onnx_node *n, const char *attr);
int64_t sg_on_int(sg_onnx_node *n, const char *attr, int64_t def);
double sg_on_float(sg_onnx_node *n, const char *attr, double def);
const char *sg_on_str(sg_onnx_node *n, const char *attr, const char *def);
const int64_t *sg_on_ints(sg_onnx_node *n, const char *attr, int *count);  /* NULL, 0 if absent */
const double *sg_on_floats(sg_onnx_node *n, const char *attr, int *count);
const sg_str *sg_on_strs(sg_onnx_node *n, const char *attr, int *count);
bool sg_on_tensor(sg_onnx_node *n, const char *attr, sg_tensor *out);      /* borrows the bytes; false: absent */
/* Maps an ONNX TensorProto.DataType attribute to sg_dtype (def: sg_dtype when absent). */
sg_dtype sg_on_dtype(sg_onnx_node *n, const char *attr, sg_dtype def);
/* The place of a string attribute in a list of words with spaces between; = joins words of one meaning. An unknown
 * word is an error that lists them. */
int sg_on_word(sg_onnx_node *n, const char *attr, const char *words, int def);

static inline sg_vid sg_on_in(const sg_onnx_node *n, int k)
{
    return k < n->n_in ? n->in[k] : SG_NONE_ID;
}
static inline const sg_type *sg_on_type(const sg_onnx_node *n, int k)
{
    sg_vid v = sg_on_in(n, k);
    return v ? &n->g->value[v].type : NULL;
}
/* Puts v in place of input k, which may lie past the end (by 16 at the most). */
static inline void sg_on_in_set(sg_onnx_node *n, int k, sg_vid v)
{
    n->in[k] = v;
    n->n_in = k < n->n_in ? n->n_in : k + 1;
}
/* True if output k is present and somebody may read it. */
bool sg_on_wants(const sg_onnx_node *n, int k);

/* Emits a node of a row on ins (0: absent). Set its attributes by sg_set_*, then sg_on_done(n, node) runs its
 * shape rule. Return 0 on failure, error recorded. sg_on_emit1 does it all for a row without attributes to set and
 * gives output 0. */
sg_nid sg_on_emit(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out);
/* The same for a row that is not in the table. */
sg_nid sg_on_emit_op(sg_onnx_node *n, const sg_op *op, const sg_vid *ins, int n_in, int n_out);
sedge_status sg_on_done(sg_onnx_node *n, sg_nid node);
sg_vid sg_on_emit1(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in);
/* The node of a row: on the node's inputs, with its attributes, carried over by forms.def; the outputs are bound to n->out.
 * Attributes that the row lacks are left for more settings; 0 on failure. */
sg_nid sg_on_start(sg_onnx_node *n, sg_op_id row);
/* The same, and its shape rule. */
sedge_status sg_on_row(sg_onnx_node *n, sg_op_id row);
/* Output k of the node, if it has that many, is v; 0: an error, out of memory unless another one is recorded. */
sedge_status sg_on_end(sg_onnx_node *n, int k, sg_vid v);
/* Constants. */
sg_vid sg_on_const_i64s(sg_onnx_node *n, const int64_t *v, int count); /* rank 1 */
sg_vid sg_on_const_i64(sg_onnx_node *n, int64_t v);                    /* scalar */
sg_vid sg_on_const_like(sg_onnx_node *n, int k, double v);             /* scalar of the dtype of input k */
/* The value of constant input k as int64 list, if it is a constant; NULL otherwise. Arena memory. */
const int64_t *sg_on_const_ints(sg_onnx_node *n, int k, int64_t *count);

typedef sedge_status sg_onnx_lower_fn(sg_onnx_node *n);

typedef struct sg_onnx_op {
    const char *domain, *name;
    int row;                 /* sg_op_id, or -1 when lower builds it of several */
    sg_onnx_lower_fn *lower;
    int64_t extra;           /* for lower: n->... a kind, by sg_on_extra(n) */
} sg_onnx_op;

/* The `extra` column and the row of the table entry at hand. */
int64_t sg_on_extra(const sg_onnx_node *n);

/* The table is ops.def: ONNX(domain, name, row, lower or direct, extra). `row` is SG_OP_X or -1. `direct` starts the
 * row and is done; there an attribute that the row lacks is an error. */
sedge_status sg_lower_direct(sg_onnx_node *n);
#define ONNX(domain, name, row, lower, extra) sedge_status sg_lower_##lower(sg_onnx_node *n);
#include "import/onnx/ops.def"
#undef ONNX

#endif
