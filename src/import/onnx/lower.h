/* ONNX operators to op rows: what a lowering function sees and does. */
#ifndef SG_IMPORT_ONNX_LOWER_H
#define SG_IMPORT_ONNX_LOWER_H

#include "import/build.h"

typedef sg_ib sg_onnx_node;

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

/* True if output k is present and somebody may read it. */
bool sg_on_wants(const sg_onnx_node *n, int k);

/* The node of a row: on the node's inputs, with its attributes, carried over by forms.def; the outputs are bound to n->out.
 * Attributes that the row lacks are left for more settings; 0 on failure. */
sg_nid sg_on_start(sg_onnx_node *n, sg_op_id row);
/* The same, and its shape rule. */
sedge_status sg_on_row(sg_onnx_node *n, sg_op_id row);
typedef sedge_status sg_onnx_lower_fn(sg_onnx_node *n);

typedef struct sg_onnx_op {
    const char *domain, *name;
    int row;                 /* sg_op_id, or -1 when lower builds it of several */
    sg_onnx_lower_fn *lower;
    int64_t extra;           /* for lower: n->... a kind, by sg_on_extra(n) */
} sg_onnx_op;

/* The table, read from both ends: the writer of ONNX looks for the row. The last name is NULL. */
extern const sg_onnx_op sg_onnx_ops[];

/* The `extra` column and the row of the table entry at hand. */
int64_t sg_on_extra(const sg_onnx_node *n);

/* The table is ops.def: ONNX(domain, name, row, lower or direct, extra). `row` is SG_OP_X or -1. `direct` starts the
 * row and is done; there an attribute that the row lacks is an error. */
sedge_status sg_lower_direct(sg_onnx_node *n);
#define ONNX(domain, name, row, lower, extra) sedge_status sg_lower_##lower(sg_onnx_node *n);
#include "import/onnx/ops.def"
#undef ONNX

#endif
