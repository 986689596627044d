/* The TensorFlow Lite writer's own: the model in the making, and what is known of each value of a graph.
 * A value is a tensor of the file, or a constant, in some order of its axes: transposes only change that order, so those around a
 * convolution cancel. A dequantized value is the integers that it comes from until somebody needs it as numbers. */
#ifndef SG_EXPORT_TFLITE_WRITE_H
#define SG_EXPORT_TFLITE_WRITE_H

#include "export/export.h"
#include "export/tflite/fb.h"
#include "import/tflite/schema.h"
#include "op/op.h"

/* ---- the model in the making ---- */

typedef enum sg_tw_code {
#define WOP(id, code, options, v_real, v_int8) SG_TW_##id,
#include "export/tflite/ops.def"
#undef WOP
    SG_TW_COUNT
} sg_tw_code;

/* One scale and zero point, or several along an axis. */
typedef struct sg_tw_quant {
    const float *scale;
    const int64_t *zero;
    int64_t n; /* 0: not quantized */
    int axis;
} sg_tw_quant;

typedef struct sg_tw_tensor {
    const char *name;
    sg_dtype dtype; /* SG_NONE: a resource */
    int rank;
    sg_dim dim[SG_RANK_MAX];
    sg_tw_quant q;
    bool kept;        /* keeps its value from run to run */
    const void *data; /* of a constant; NULL: computed */
    size_t bytes;     /* of data, where the type does not say it */
} sg_tw_tensor;

/* An option: a number, or a list of as many as `n`, or a text. */
typedef struct sg_tw_attr {
    sg_tf_field f;
    int64_t i;
    double real; /* takes the place of i where it is not 0 */
    const int64_t *list;
    int n;
    const char *text;
} sg_tw_attr;

typedef struct sg_tw_node {
    sg_tw_code op;
    int n_in, n_out, n_attr, version;
    int32_t *in, *out;
    sg_tw_attr *attr;
} sg_tw_node;

typedef struct sg_tw_sub {
    const char *name;
    sg_tw_tensor *tensor;
    size_t n_tensor, cap_tensor;
    sg_tw_node *node;
    size_t n_node, cap_node;
    int32_t *in, *out;
    size_t n_in, n_out;
} sg_tw_sub;

typedef struct sg_tw {
    sg_mem *mem;
    sg_arena *arena;
    sg_err *err;
    const sg_export_opts *opts;
    sg_tw_sub **sub;
    size_t n_sub, cap_sub;
    bool shift; /* 8-bit integers without sign become signed ones, for kernels that are */
} sg_tw;

/* ---- values ---- */

typedef struct sg_tw_val {
    bool there, lazy, complex; /* lazy: numbers, as integers and q; complex: a complex tensor of one axis less */
    bool state;          /* kept from run to run */
    sg_vid src;          /* a constant of the graph, whose axes are those of the tensor; 0: tensor t */
    int32_t t, real;     /* real: after DEQUANTIZE, in the same order; -1: not yet */
    int8_t order[SG_RANK_MAX]; /* axis k of the tensor is axis order[k] of the value */
    sg_tw_quant q;       /* by axes of the tensor */
    int32_t turned;      /* the last that was made in another order */
    int8_t turned_order[SG_RANK_MAX];
} sg_tw_val;

/* A graph on its way into a subgraph. */
typedef struct sg_tw_scope {
    sg_tw *w;
    const sg_graph *g;
    sg_tw_sub *sub;
    sg_tw_val *val;    /* [n_value] */
    sg_tw_quant *quant; /* [n_value]: what the integers of a value mean */
    bool *done;        /* [n_node]: written with a node before */
    bool *is_out;      /* [n_value] */
    sg_nid at;         /* the node with regions in hand */
    int32_t *handle;   /* of variables by state; -1: kept by an operator */
} sg_tw_scope;

static inline const sg_type *sg_tw_type(const sg_tw_scope *sc, sg_vid v)
{
    return &sc->g->value[v].type;
}
static inline sg_attrs sg_tw_attrs(const sg_tw_scope *sc, sg_nid n)
{
    return (sg_attrs){sc->g->node[n].attr, sc->g->node[n].n_attr};
}

sedge_status sg_tw_nomem(sg_tw *w);
sedge_status sg_tw_unsupported(sg_tw_scope *sc, const char *what);

/* Makers of tensors give their number, or SG_TW_BAD with an error recorded; -1 is an operand that is not there. */
#define SG_TW_BAD (-2)
/* The schema's number of a type; SG_TF_TYPES: it has none. */
int sg_tw_type_number(sg_dtype t);
int32_t sg_tw_tensor_new(sg_tw_scope *sc, const sg_tw_tensor *t);
/* A list of int32, its bytes copied; rank 0 or 1. */
int32_t sg_tw_list32(sg_tw_scope *sc, const int64_t *v, int n, int rank);
/* A constant of one element, with a scale if q is not NULL. */
int32_t sg_tw_number(sg_tw_scope *sc, sg_dtype dtype, double v, const sg_tw_quant *q);
/* Where integers without sign become signed ones: what t is then. */
void sg_tw_stored(sg_tw_scope *sc, sg_tw_tensor *t);
/* An operator on tensors; fails as well where a tensor is SG_TW_BAD. */
sedge_status sg_tw_emit(sg_tw_scope *sc, sg_tw_code op, const int32_t *in, int n_in, const int32_t *out, int n_out,
                        const sg_tw_attr *attr, int n_attr);

/* The result of one operator on a, like it; and on b, if that is not -1. */
int32_t sg_tw_then(sg_tw_scope *sc, sg_tw_code op, int32_t a, int32_t b);

/* Orders of axes: as they are; channels first as channels last; that of a value. */
void sg_tw_same(int8_t order[SG_RANK_MAX]);
void sg_tw_last(int8_t order[SG_RANK_MAX], int rank);

/* What a value is; binds what constants are at first. */
sg_tw_val *sg_tw_of(sg_tw_scope *sc, sg_vid v);
/* The tensor of a value in an order: numbers, or integers of a lazy one with its scales. */
int32_t sg_tw_need(sg_tw_scope *sc, sg_vid v, const int8_t *order);
int32_t sg_tw_need_ints(sg_tw_scope *sc, sg_vid v, const int8_t *order);
/* By `ints` the one or the other. */
int32_t sg_tw_operand(sg_tw_scope *sc, sg_vid v, const int8_t *order, bool ints);
/* Numbers whose elements stand in the order of the value, whatever the axes are called. */
int32_t sg_tw_need_flat(sg_tw_scope *sc, sg_vid v, bool ints);
/* A tensor for a value that an operator makes, in an order. */
int32_t sg_tw_out(sg_tw_scope *sc, sg_vid v, const int8_t *order);
/* The same for integers that mean what those of x do, whose tensor is t: a lazy value. */
int32_t sg_tw_out_ints(sg_tw_scope *sc, sg_vid v, const int8_t *order, sg_vid x, int32_t t);
/* A tensor like t of another shape and type, without a value. */
int32_t sg_tw_like(sg_tw_scope *sc, int32_t t, int rank, const sg_dim *dim);

/* ---- constants ---- */

/* The tensor of a constant or of what is made of constants by moving and simple arithmetic; NULL: it is neither. */
const sg_tensor *sg_tw_const(sg_tw_scope *sc, sg_vid v);
/* Known integers of a value; NULL: not known. */
const int64_t *sg_tw_ints(sg_tw_scope *sc, sg_vid v, int64_t *n);
bool sg_tw_scalar(sg_tw_scope *sc, sg_vid v, double *out);

/* ---- quantization ---- */

/* What the integers of every value mean: said by quantize and dequantize, carried by what only moves elements. */
sedge_status sg_tw_quants(sg_tw_scope *sc);
/* Scales of a node that quantizes or dequantizes; n 0: the file cannot say them. */
sg_tw_quant sg_tw_quant_of(sg_tw_scope *sc, sg_nid n);
/* The fused activation that a node is, 0: none. */
int sg_tw_act_of(sg_tw_scope *sc, sg_nid n);
bool sg_tw_quant_same(const sg_tw_quant *a, const sg_tw_quant *b);
/* Numbers that are integers with a scale for all. */
bool sg_tw_is_ints(sg_tw_scope *sc, sg_vid v);

/* The integers behind numbers x have the type of y. */
bool sg_tw_same_type(sg_tw_scope *sc, sg_vid x, sg_vid y);

/* What follows a node and is written with it. */
typedef struct sg_tw_tail {
    int act;    /* the fused activation */
    bool ints;  /* operands and result are integers */
    sg_vid out; /* the value that the operator makes */
} sg_tw_tail;
/* How an operator for integers takes scales. */
typedef enum sg_tw_rule { SG_TW_NEVER, SG_TW_ANY, SG_TW_ALIKE, SG_TW_FIXED } sg_tw_rule;
/* The tail of node n, whose operands [0, n_x) are its numbers; by `rule` integers if they can be. unit, zero: of SG_TW_FIXED, for int8.
 * act: whether the operator has a fused activation. What it takes is marked as done. */
sg_tw_tail sg_tw_tail_of(sg_tw_scope *sc, sg_nid n, int n_x, sg_tw_rule rule, double unit, int zero, bool act);

/* ---- nodes ---- */

typedef sedge_status sg_tw_node_fn(sg_tw_scope *sc, sg_nid n);
/* Writes a graph with its first inputs and outputs as a subgraph; the others are state. */
sedge_status sg_tw_graph(sg_tw *w, const sg_graph *g, size_t n_in, size_t n_out, int32_t *number);
/* State of the model, the inputs from n_in on: as variables, and what they become: the outputs from n_out on. */
sedge_status sg_tw_states_read(sg_tw_scope *sc, size_t n_in);
sedge_status sg_tw_states_keep(sg_tw_scope *sc, size_t n_out);
sedge_status sg_tw_nodes(sg_tw_scope *sc);
#define ROW(row, fn) sg_tw_node_fn sg_tw_##fn;
#include "export/tflite/rows.def"
#undef ROW

/* An operand of a broadcast to `rank` axes in an order. */
int32_t sg_tw_broadcast(sg_tw_scope *sc, sg_vid v, int rank, const int8_t *order, bool ints);
/* Tensor t with elements of another type, as tensor `out`, a new one if -1. */
int32_t sg_tw_cast_to(sg_tw_scope *sc, int32_t t, sg_dtype to, int32_t out);

/* ---- the file ---- */

/* block: room for the metadata, which `out` borrows. */
sedge_status sg_tw_file(sg_tw *w, sg_fbw *out, sg_fbw *block);
/* A text of the source or of the options, by its key; NULL: none. */
const char *sg_tw_note(const sg_tw *w, const char *key);
/* The metadata block, nothing if there is nothing to say; and the files that it names, behind a model of `base` bytes. */
sedge_status sg_tw_metadata(sg_tw *w, sg_fbw *b);
sedge_status sg_tw_archive(sg_tw *w, uint64_t base, sg_file_part *out);

#endif
