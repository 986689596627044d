/* The importer's own: the model as it is read, what a lowering sees of an operator, and the table of operators.
 * A quantized tensor is its integers in the graph; who computes on it dequantizes, and the pass over quantized islands makes integer ops
 * of that (docs/integers.md). Shapes are logical as everywhere: a convolution transposes to channels first and back, which the passes
 * cancel or turn into layouts. */
#ifndef SG_IMPORT_TFLITE_TFLITE_H
#define SG_IMPORT_TFLITE_TFLITE_H

#include "import/build.h"
#include "import/import.h"
#include "import/tflite/schema.h"
#include "import/wire/flatbuf.h"

int64_t sg_tf_get(const sg_fb_table *t, sg_tf_field f);
sg_fb_table sg_tf_sub(const sg_fb_table *t, sg_tf_field f);
sg_fb_vec sg_tf_vec(const sg_fb_table *t, sg_tf_field f);
/* A string of the file as one of the model's; "" if absent, NULL: failed, error recorded. */
struct sg_tf;
const char *sg_tf_text(struct sg_tf *s, const sg_fb_table *t, sg_tf_field f);

/* ---- the model ---- */

/* How an operator's operands reach its lowering, and its results leave it. */
typedef enum sg_tf_mode {
    SG_TF_REAL, /* quantized operands are dequantized, results quantized */
    SG_TF_MOVE, /* integers as they are, where all that is quantized means the same; else as REAL */
    SG_TF_OWN   /* as they are: the lowering sees to it */
} sg_tf_mode;

typedef sedge_status sg_tf_lower_fn(sg_ib *n);

typedef struct sg_tf_op {
    int code;         /* BuiltinOperator; CUSTOM for those known by name */
    const char *name;
    sg_tf_mode mode;
    sg_tf_lower_fn *lower;
    int row;          /* sg_op_id or -1 */
    int64_t extra;    /* a number for the lowering */
    sg_tf_field act;  /* the fused activation */
} sg_tf_op;

typedef struct sg_tf_code {
    const sg_tf_op *op; /* NULL: not known */
    const char *name;
    int64_t version;
} sg_tf_code;

/* A resource variable, or a tensor that keeps its value from run to run. */
typedef struct sg_tf_var {
    const char *name;
    sg_vid first, now; /* as the run begins, and after the operators so far; 0: not read yet */
    const void *init;  /* its first bytes, NULL: zeros */
    sg_type init_type; /* of init */
    const sg_tensor *keys, *values; /* of a hash table */
} sg_tf_var;

typedef struct sg_tf {
    sg_arena *arena;
    sg_arena tmp; /* dies with the import */
    sg_err *err;
    sg_import_info *info;
    sg_fb fb;
    sg_fb_table model;
    sg_fb_vec subgraph, buffer;
    sg_tf_code *code;
    uint32_t n_code;
    sg_graph *g; /* of the model */
    sg_tf_var *var;
    size_t n_var, cap_var;
    size_t lowered; /* operators so far: bounds what calls unfold to */
    int depth;      /* of calls and bodies */
    bool once;      /* in a subgraph that sets first values of variables */
} sg_tf;

/* A tensor as its table says it. */
typedef struct sg_tf_tensor {
    const char *name;
    sg_dtype dtype; /* SG_NONE: a resource */
    int rank;
    int64_t dim[SG_RANK_MAX]; /* -1: not known */
    bool variable;
    sg_bytes data;  /* p NULL: computed */
    sg_fb_vec scale, zero; /* n 0: not quantized */
    int axis;
} sg_tf_tensor;

/* One subgraph on its way into a graph: a body, or unfolded where it is called. */
typedef struct sg_tf_scope {
    sg_tf *s;
    sg_graph *g;
    sg_fb_table sub;
    sg_fb_vec tensor;
    sg_vid *value; /* [tensor.n], 0: not there yet */
    int32_t *var;  /* [tensor.n]: 1 + the variable that a handle names */
    bool *wanted;  /* [tensor.n]: somebody reads it */
} sg_tf_scope;

/* An operator in hand; sg_ib.own points to it. */
typedef struct sg_tf_at {
    sg_tf_scope *sc;
    const sg_tf_op *op;
    sg_fb_table node, opts;
    sg_fb_vec in_id, out_id;
    sg_tf_tensor *in, *out; /* of absent operands: zeroed */
} sg_tf_at;

static inline const sg_tf_at *sg_tf_here(const sg_ib *n)
{
    return n->own;
}

sedge_status sg_tf_bad(sg_tf *s, const char *what);
sedge_status sg_tf_tensor_read(const sg_tf_scope *sc, int64_t id, sg_tf_tensor *out);
/* The value of a tensor that is a constant of the file. */
sg_vid sg_tf_const(const sg_tf_scope *sc, const sg_tf_tensor *t);
/* Makes t, whose data is sparse by these parameters, dense. */
sedge_status sg_tf_sparse(sg_tf *s, const sg_fb_table *p, sg_tf_tensor *t);
sedge_status sg_tf_buffer(sg_tf *s, int64_t id, sg_bytes *out);
/* The value of tensor `id`: computed before, a constant of the file, or state. */
sedge_status sg_tf_value(sg_tf_scope *sc, int64_t id, sg_vid *out);
/* 1 + the variable of a name. */
sedge_status sg_tf_var_named(sg_tf *s, const char *name, int32_t *out);
/* Makes a variable, of the type of t, state of the model if it is not yet. */
sedge_status sg_tf_var_open(sg_tf_scope *sc, sg_tf_var *var, const sg_tf_tensor *t);
/* Signatures and the metadata block, into the info. */
sedge_status sg_tf_metadata(sg_tf *s);
const sg_tf_op *sg_tf_op_find(int code, const char *custom);
/* What a subgraph is called with: values [first, first + n) of `in`, and the tensors of the caller that they were, for handles. */
typedef struct sg_tf_args {
    const sg_tf_scope *from;
    const sg_fb_vec *id;
    const sg_vid *in;
    int first, n;
} sg_tf_args;
/* Lowers the operators of subgraph `id` into g; its results go to `out`. */
sedge_status sg_tf_unfold(sg_tf *s, sg_graph *g, int64_t id, const sg_tf_args *args, sg_vid *out, int n_out);
sedge_status sg_tf_node_lower(sg_tf_scope *sc, const sg_fb_table *node);

/* ---- what lowerings use ---- */

/* Options of the operator. */
int64_t sg_tf_int(const sg_ib *n, sg_tf_field f);
double sg_tf_f32(const sg_ib *n, sg_tf_field f);
/* Of custom operators: number k of an array of 32-bit integers (0: past its end), or of a map by its key. */
int64_t sg_tf_custom_i32(const sg_ib *n, size_t k);
double sg_tf_custom_number(const sg_ib *n, const char *key, double def);
/* A list among the options, or the elements of constant operand k, in arena memory; NULL: not there, *count 0. */
const int64_t *sg_tf_ints(sg_ib *n, sg_tf_field f, int64_t *count);
static inline int64_t sg_tf_extra(const sg_ib *n)
{
    return sg_tf_here(n)->op->extra;
}
static inline sg_op_id sg_tf_row(const sg_ib *n)
{
    return (sg_op_id)sg_tf_here(n)->op->row;
}
static inline bool sg_tf_is_quant(const sg_tf_tensor *t)
{
    return t->scale.n > 0;
}
/* The zero point of a tensor that has one for all. */
static inline double sg_tf_zero(const sg_tf_tensor *t)
{
    return t->zero.n ? (double)sg_fb_at(&t->zero, 0, 8) : 0;
}
/* v, the integers of t, as numbers; several scales lie along `axis` of v. */
sg_vid sg_tf_dequant(sg_ib *n, sg_vid v, const sg_tf_tensor *t, int axis);
/* Numbers as the integers of t. */
sg_vid sg_tf_requant(sg_ib *n, sg_vid v, const sg_tf_tensor *t);
/* Operand k, a bias beside x and w, as numbers: it counts in units of their scales' product, whatever scale the file gives it. */
sg_vid sg_tf_bias(sg_ib *n, int k, const sg_tf_tensor *x, const sg_tf_tensor *w);
/* v after the fused activation, as result k wants it: quantized if that is. */
sg_vid sg_tf_result(sg_ib *n, int k, sg_vid v);
/* Between NHWC (and its like of other ranks) and the channels-first order of the op table. */
sg_vid sg_tf_to_first(sg_ib *n, sg_vid v);
sg_vid sg_tf_to_last(sg_ib *n, sg_vid v);
/* Operand k as int64, whatever integers it has. */
sg_vid sg_tf_i64(sg_ib *n, int k);
/* Operand k, a tensor that is kept from run to run, is v from now on. */
sedge_status sg_tf_keep(sg_ib *n, int k, sg_vid v);
sedge_status sg_tf_unsupported(sg_ib *n, const char *what);

#define TFL(code, name, mode, lower, row, extra, act) sg_tf_lower_fn sg_tf_##lower;
#include "import/tflite/ops.def"
#undef TFL

#endif
