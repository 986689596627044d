/* The op table: what a node means. One row per op: its shape rule and its scalar reference. */
#ifndef SG_OP_OP_H
#define SG_OP_OP_H

#include "ir/graph.h"

/* ---- rows ------------------------------------------------------------------------------ */

enum {
    SG_OPF_INPLACE = 1,  /* output 0 may share the bytes of an input of the same shape and element size */
    SG_OPF_VIEW = 2,     /* output 0 has the bytes of input 0, only the type differs (reshape family) */
    SG_OPF_DYN = 4,      /* the reference itself gives outputs their shape by sg_out (NonZero, sequences, Loop) */
    SG_OPF_RANDOM = 8,   /* never folded, never shared */
    SG_OPF_BOXED = 16,   /* works on sequences, optionals or maps; implies DYN */
    SG_OPF_COMMUTES = 32, /* inputs 0 and 1 may be swapped */
    SG_OPF_CONTROL = 64,  /* runs regions; implies DYN */
    SG_OPF_TEXT = 128,    /* works on strings, so it needs the string heap */
    SG_OPF_RANGE = 256,   /* its results may be ranges of input 0, or its inputs of output 0: see sg_op_range */
    SG_OPF_MOVE = 512     /* only moves bytes */
};

/* One schema entry: an attribute and its default. */
typedef struct sg_attr_decl {
    uint16_t id;
    uint8_t kind;
    int64_t i;
    double f;
} sg_attr_decl;

struct sg_infer;
struct sg_exec;

typedef struct sg_op {
    const char *name; /* "conv" */
    uint8_t min_in, max_in, min_out, max_out; /* max 255: any number */
    uint16_t flags;
    sedge_status (*infer)(struct sg_infer *c);
    sedge_status (*ref)(struct sg_exec *x); /* scalar reference */
    const char *nodiff; /* why there is no gradient; NULL: src/grad/ has it */
    const sg_attr_decl *attrs; /* ends with id 0 */
    uint8_t n_attr;
} sg_op;

typedef enum sg_op_id {
#define OP(id, ...) SG_OP_##id,
#include "op/ops.def"
#undef OP
    SG_OP_COUNT
} sg_op_id;

extern const sg_op sg_ops[SG_OP_COUNT];
#define SG_ROW(id) (&sg_ops[SG_OP_##id])
const sg_op *sg_op_find(const char *name);

/* ---- attributes (both in shape rules and in references) ---------------------------------- */

typedef struct sg_attrs {
    const sg_attr *a;
    int n;
} sg_attrs;
int64_t sg_get_int(sg_attrs a, sg_attr_id id);
double sg_get_float(sg_attrs a, sg_attr_id id);
const char *sg_get_str(sg_attrs a, sg_attr_id id); /* "" if unset */
/* The list and its length; NULL and 0 if unset. */
const int64_t *sg_get_ints(sg_attrs a, sg_attr_id id, int *n);
const double *sg_get_floats(sg_attrs a, sg_attr_id id, int *n);
const sg_str *sg_get_strs(sg_attrs a, sg_attr_id id, int *n);
const sg_tensor *sg_get_tensor(sg_attrs a, sg_attr_id id);
bool sg_attr_is_set(sg_attrs a, sg_attr_id id);

/* ---- shape rules ------------------------------------------------------------------------- */

/* The same rule runs at plan time, on symbolic dims, and at run time, on numbers, for the
 * values whose shape was not known before. It must set out[k].{dtype, rank, dim} of every output. */
typedef struct sg_infer {
    const sg_op *op;
    sg_attrs attrs;
    sg_dims *dims; /* where expressions are made; NULL at run time (all dims are numbers) */
    uint32_t owner; /* who defines fresh symbols */
    int n_in, n_out;
    const sg_type *const *in;  /* [n_in], NULL: absent operand */
    const sg_tensor *const *data; /* [n_in]: bytes of input k if known now, else NULL */
    const sg_dim *const *content; /* [n_in]: elements of a small integer input if known, symbolic; else NULL */
    sg_type *out;              /* [n_out], zeroed; rank 0 until set */
    sg_dim *out_content;       /* [SG_CONTENT_MAX]: write known elements of output 0 here ... */
    int n_out_content;         /* ... and their number here (-1: not known) */
    sg_graph *const *region;   /* [n_region]; NULL at run time */
    int n_region;
    sg_guards *guards; /* where sg_d_equal and its like note what they took for granted; NULL: nowhere */
    bool exact;        /* set by the rule: numbers give what the dims gave, wherever the guards hold */
    sg_err *err;
} sg_infer;
#define SG_CONTENT_MAX 64

/* Dim arithmetic; works with and without a table. */
sg_dim sg_d_add(sg_infer *c, sg_dim a, sg_dim b);
sg_dim sg_d_sub(sg_infer *c, sg_dim a, sg_dim b);
sg_dim sg_d_mul(sg_infer *c, sg_dim a, sg_dim b);
sg_dim sg_d_div(sg_infer *c, sg_dim a, sg_dim b); /* floor */
sg_dim sg_d_mod(sg_infer *c, sg_dim a, sg_dim b);
sg_dim sg_d_min(sg_infer *c, sg_dim a, sg_dim b);
sg_dim sg_d_max(sg_infer *c, sg_dim a, sg_dim b);
/* A dim that is known only when the node has run (at run time: an error, DYN ops never get there). */
sg_dim sg_d_fresh(sg_infer *c);
/* Product of type dims [from, to). */
sg_dim sg_d_span(sg_infer *c, const sg_type *t, int from, int to);
/* Questions about dims. What cannot be known yet is answered with yes, and noted as a guard. */
bool sg_d_equal(sg_infer *c, sg_dim a, sg_dim b);
bool sg_d_at_least(sg_infer *c, sg_dim a, sg_dim b);
/* Output shape of broadcasting a and b (right-aligned). *out may be one of them. Errors name both shapes. */
sedge_status sg_d_broadcast(sg_infer *c, const sg_type *a, const sg_type *b, sg_type *out);
/* Number of elements of input k if all dims are numbers, else -1. */
int64_t sg_d_numel(const sg_type *t);
/* Elements of integer input k as dims, with their number; NULL when they are not known now. */
const sg_dim *sg_in_content(sg_infer *c, int k, int64_t *n);
/* The bytes of input k as a tensor (constants at plan time, everything at run time), else NULL. */
const sg_tensor *sg_in_data(sg_infer *c, int k);
/* Scalar constant of input k; false if absent or not known now. */
bool sg_in_scalar_i64(sg_infer *c, int k, int64_t *v);

/* Runs the shape rule of a node of a graph and writes the types and known contents of its outputs.
 * Errors name the node. */
sedge_status sg_infer_node(sg_graph *g, sg_nid n, sg_err *err);
/* The same for every node in order. */
sedge_status sg_infer_graph(sg_graph *g, sg_err *err);
/* Runs the shape rule once more for what its answer rests on, which goes to `guards`; *exact: that is all of it,
 * so that the rule need not run again on numbers while they hold. The node's types do not change. */
sedge_status sg_infer_guards(sg_graph *g, sg_nid n, sg_guards *guards, bool *exact, sg_err *err);
/* Where a part stands in the whole: result k of split, slice or gather in operand 0, operand k of concat in the result.
 * *at: how many elements stand before it. False: it is not one range of memory, or that is not known. The graph's types are
 * inferred; its table of dims may get more expressions. */
bool sg_op_range(sg_graph *g, sg_nid n, int k, sg_dim *at);
/* The operand of a node that input k of one of its regions gets, of the same shape at least in the first call; -1: none is. */
int sg_region_operand(const sg_op *op, sg_attrs attrs, int region, int k);
/* Type of a runtime tensor. */
void sg_type_of(const sg_tensor *t, sg_type *out);
/* "f32 [1,N,3]" into buf; returns buf. */
const char *sg_type_text(const sg_type *t, const sg_dims *dims, char *buf, size_t size);

/* Common rules: output 0 = type of input 0 (all outputs alike); broadcast of all inputs, dtype of input 0. */
sedge_status sg_infer_same(sg_infer *c);
sedge_status sg_infer_broadcast(sg_infer *c);
/* Every output unknown rank with dtype of input 0; for DYN ops. */
sedge_status sg_infer_unknown(sg_infer *c);
/* Fails with "NAME: message". */
#define SG_INFER_FAIL(c, st, ...) sg_fail((c)->err, st, __VA_ARGS__)

/* ---- references ----------------------------------------------------------------------------- */

struct sg_threads;
struct sg_pool;

/* A call of a reference or kernel. Inputs are dense; absent ones are NULL. Outputs have dtype, shape
 * and room, except those of DYN ops, which ask for them by sg_out. Unused outputs are NULL. */
typedef struct sg_exec {
    const sg_op *op;
    sg_attrs attrs;
    int n_in, n_out;
    sg_tensor *const *in;
    sg_tensor *const *out;
    struct sg_pool *pool;   /* boxes, strings, scratch */
    uint64_t *rng;          /* state of the session's generator */
    int threads;            /* that a kernel may use: for sg_parallel */
    sg_err *err;
    /* Regions: runs region k on inputs, then leaves its outputs in outs (valid until the next call of the
     * same region; their data must be copied out by sg_tensor_keep to live longer). */
    sedge_status (*call)(struct sg_exec *x, int region, sg_tensor *const *ins, int n_in, sg_tensor *outs, int n_out);
    const void *packed;     /* weights rewritten for the kernel at plan time, or NULL */
    void *scratch;          /* what kernel.scratch asked for, 64-byte aligned, or NULL */
    void *kept;             /* kernel.kept bytes that kernel.scratch has filled, or NULL while there is no session */
    void *frame;            /* the run layer's own */
} sg_exec;

/* Gives output k its dtype and shape and room for it; fails past the memory limit. A placed output must
 * have that very shape already. NULL: failed, error recorded (or output k is unused and wanted by nobody: then
 * room is given all the same). */
sg_tensor *sg_out(sg_exec *x, int k, sg_dtype dtype, int rank, const int64_t *dim);
/* Scratch of `size` bytes until the reference returns; 64-byte aligned; NULL: error recorded. */
void *sg_scratch(sg_exec *x, size_t size);
/* Room for the bytes of a string until the session's next run. */
char *sg_text(sg_exec *x, size_t n);

/* Boxes: a counted copy of a tensor or list; lists share items by reference. NULL: error recorded. */
sg_box *sg_box_copy(sg_exec *x, const sg_tensor *t);
void sg_box_ref(sg_box *b);
void sg_box_unref(sg_exec *x, sg_box *b);
/* Sets output k to a new list of n items with room for them (items zeroed; fill each with an owned box). */
sg_seq *sg_out_seq(sg_exec *x, int k, sg_kind kind, sg_dtype dtype, uint32_t n);
/* Sets output k to the value of b: a copy for a tensor, a reference for a list. */
sedge_status sg_out_box(sg_exec *x, int k, const sg_box *b);
/* Sets output k to the value of t: bytes copied for a tensor, a reference for a list. */
sedge_status sg_out_copy(sg_exec *x, int k, const sg_tensor *t);

/* Runs the reference in the place of a kernel that has absorbed constants: those that stand askew are straightened first. */
sedge_status sg_exec_ref(sg_exec *x);
/* The reference of x->op, whatever the layouts: operands that stand channels last are moved to row-major scratch and back. */
sedge_status sg_op_ref(sg_exec *x);

#define SG_EXEC_FAIL(x, st, ...) sg_fail((x)->err, st, __VA_ARGS__)

/* Declares what a family's .def rows name. */
#define OP(id, name, i0, i1, o0, o1, flags, infer, ref, ...) \
    sedge_status infer(struct sg_infer *c);                  \
    sedge_status ref(struct sg_exec *x);
#include "op/ops.def"
#undef OP

#endif
