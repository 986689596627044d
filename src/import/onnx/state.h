/* The importer's own: messages as parsed, names, scopes, and what its files call of each other. */
#ifndef SG_IMPORT_ONNX_STATE_H
#define SG_IMPORT_ONNX_STATE_H

#include "import/onnx/fields.h"
#include "import/onnx/import.h"
#include "import/onnx/lower.h"
#include "import/wire/pb.h"

/* ---- messages: names are interned, so equal names are equal pointers ---------------------- */

typedef struct sg_onp_graph sg_onp_graph;

typedef struct sg_onp_attr {
    const char *name;
    const char *ref; /* the enclosing function's attribute that this one repeats, or NULL */
    int type;        /* SG_AT_ */
    int64_t i;
    float f;
    sg_bytes s, t, sparse;
    sg_pb msg; /* the whole message, for lists */
    sg_onp_graph *graph;
} sg_onp_attr;

typedef struct sg_onp_node {
    const char *name, *op_type, *domain, *overload;
    const char **in, **out;
    const char **reads; /* inputs, then what its bodies capture */
    sg_onp_attr *attr;
    int n_in, n_out, n_reads, n_attr;
} sg_onp_node;

struct sg_onp_graph {
    const char *name;
    sg_onp_node *node;
    sg_pb *init, *sparse, *input; /* messages */
    const char **output;
    const char **input_name, **init_name, **sparse_name;
    const char **free_name; /* read inside, defined outside */
    int n_node, n_init, n_sparse, n_input, n_output, n_free;
};

typedef struct sg_onp_fn {
    const char *name, *domain, *overload;
    const char **in, **out;
    sg_onp_node *node;
    sg_onp_attr *attr; /* parameters with a default */
    sg_import_opset *opset;
    int n_in, n_out, n_node, n_attr, n_opset;
    int next;     /* 1 + index of the next function of the same name, 0: none */
    bool library; /* from a sg_import_library: the table of operators goes first */
    bool seen;    /* by the search for unknown operators */
} sg_onp_fn;

/* ---- names and scopes ----------------------------------------------------------------------- */

enum {
    SG_SLOT_USED = 1,   /* somebody reads it */
    SG_SLOT_BOUND = 2,  /* v is set (0: an argument that was left out) */
    SG_SLOT_WEAK = 4    /* taken from outside: a definition inside may replace it */
};

typedef struct sg_onnx_slot {
    const char *name;
    int32_t producer; /* node of the scope, -1: none */
    sg_vid v;
    uint8_t flags;
} sg_onnx_slot;

/* Names to slots by open addressing on the pointer. */
typedef struct sg_onnx_table {
    sg_mem *mem;
    sg_onnx_slot *slot;
    size_t n, cap;
} sg_onnx_table;

sg_onnx_slot *sg_onnx_slot_find(const sg_onnx_table *t, const char *name);
/* Finds or makes; NULL: out of memory. Moves slots: pointers to others end here. */
sg_onnx_slot *sg_onnx_slot_add(sg_onnx_table *t, const char *name, bool *fresh);
void sg_onnx_table_free(sg_onnx_table *t);

typedef struct sg_onnx_arg {
    const char *name;
    const sg_onp_attr *attr;
} sg_onnx_arg;

/* The model, or one call of a function: versions of operators, and attributes by reference. */
typedef struct sg_onnx_frame {
    const struct sg_onnx_frame *caller;
    const sg_onp_fn *fn; /* NULL: the model */
    const sg_import_opset *opset;
    int n_opset;
    sg_onnx_arg *arg;
    int n_arg;
    const char *prefix; /* of node names, "" outside functions */
} sg_onnx_frame;

/* The names of one graph, body or function call. */
typedef struct sg_onnx_scope {
    const struct sg_onnx_scope *outer; /* bodies see it; NULL for the model and for functions */
    sg_graph *g;
    const sg_onnx_frame *frame;
    sg_onnx_table table;
} sg_onnx_scope;

typedef struct sg_onnx_word {
    const char *s;
    uint32_t len, hash;
} sg_onnx_word;

struct sg_onnx {
    sg_arena *arena;
    sg_arena tmp; /* dies with the import */
    sg_mem *mem;
    sg_err *err;
    sg_import_info *info;
    const char *path;
    const sg_custom *custom;
    int n_custom;
    sg_onnx_word *word;
    size_t n_word, cap_word;
    uint16_t *index; /* operators by hash: 1 + row of the table, 0: free */
    sg_onp_fn *fn;
    int n_fn;
    sg_onnx_table fn_name; /* name to first function: slot.producer */
    sg_onnx_frame frame; /* of the model */
    size_t lowered;      /* nodes of functions so far: bounds what functions unfold to */
    size_t dense;        /* bytes made of sparse tensors so far */
    int depth;           /* of bodies and calls */
};
typedef struct sg_onnx sg_onnx;

#define SG_ONNX_DEPTH_MAX 64

/* A node in hand together with where it stands; sg_onnx_node.own points to it. */
typedef struct sg_onnx_at {
    sg_onnx *imp;
    sg_onnx_node n;
    const sg_onp_node *node;
    sg_onnx_scope *scope;
    const sg_onnx_op *entry;
} sg_onnx_at;

static inline const sg_onnx_at *sg_onnx_here(const sg_onnx_node *n)
{
    return n->own;
}

/* The one copy of a string; NULL: error recorded (out of memory, a NUL inside). */
const char *sg_onnx_intern(sg_onnx *s, sg_bytes b);

/* ---- parsing ---------------------------------------------------------------------------------- */

sedge_status sg_onnx_bad(sg_onnx *s, const char *what);
sedge_status sg_onp_graph_read(sg_onnx *s, sg_pb msg, sg_onp_graph **out);
sedge_status sg_onp_node_read(sg_onnx *s, sg_pb msg, sg_onp_node *out);
sedge_status sg_onp_attr_read(sg_onnx *s, sg_pb msg, sg_onp_attr *out);
sedge_status sg_onp_fn_read(sg_onnx *s, sg_pb msg, sg_onp_fn *out);
sedge_status sg_onp_opset_read(sg_onnx *s, sg_pb msg, sg_import_opset *out);
/* Number of occurrences of a field, SIZE_MAX when malformed. */
size_t sg_onp_count(sg_pb msg, uint32_t field);
/* The type in a ValueInfoProto; without one: a tensor of which nothing is known. */
sedge_status sg_onp_type_read(sg_onnx *s, sg_pb value_info, sg_graph *g, sg_type *out);

/* ---- building ---------------------------------------------------------------------------------- */

/* Initializers as constants of the scope. */
sedge_status sg_onnx_bind_consts(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_graph *g);
sedge_status sg_onnx_bind(sg_onnx *s, sg_onnx_scope *sc, const char *name, sg_vid v, uint8_t flags);
/* Value of a name in a scope; constants of outer scopes are made again here. */
sedge_status sg_onnx_resolve(sg_onnx *s, sg_onnx_scope *sc, const char *name, sg_vid *out);
/* Defines, orders and lowers nodes; `output` names are read after them. */
sedge_status sg_onnx_lower_all(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_node *node, int n_node, const char *const *output,
                               int n_output);
/* Order of nodes in which definitions come first, in `order`. */
sedge_status sg_onnx_sort(sg_onnx *s, const sg_onnx_scope *sc, const sg_onp_node *node, int n_node, int32_t *order);

sedge_status sg_onnx_index_build(sg_onnx *s);
const sg_onnx_op *sg_onnx_op_find(const sg_onnx *s, const char *domain, const char *name);
sedge_status sg_onnx_fn_index(sg_onnx *s);
const sg_custom *sg_onnx_custom_find(const sg_onnx *s, const sg_onp_node *node); /* NULL: none */
const sg_onp_fn *sg_onnx_fn_find(const sg_onnx *s, const sg_onp_node *node, bool library);
bool sg_onnx_is_constant(const sg_onp_node *node);
int64_t sg_onnx_opset_of(const sg_onnx_frame *f, const char *domain);
/* Fails once, naming them all, if the model has operators that nothing lowers. */
sedge_status sg_onnx_check_known(sg_onnx *s, const sg_onp_graph *g);

sedge_status sg_onnx_node_lower(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_node *node);
sedge_status sg_onnx_call(sg_onnx_at *at, const sg_onp_fn *fn);
sedge_status sg_onnx_constant(sg_onnx_at *at);

/* The attribute by name, references resolved; NULL: absent. */
const sg_onp_attr *sg_onnx_attr(const sg_onnx_frame *f, const sg_onp_node *node, const char *name);
const sg_onp_attr *sg_onnx_attr_resolve(const sg_onnx_frame *f, const sg_onp_attr *a);

#endif
