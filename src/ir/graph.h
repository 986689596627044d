/* The graph: typed values and nodes in SSA form, with closed regions. Everything works on it. */
#ifndef SG_IR_GRAPH_H
#define SG_IR_GRAPH_H

#include "ir/dim.h"
#include "tensor/tensor.h"

#define SG_NONE_ID 0u
typedef uint32_t sg_vid; /* a value of a graph; 0: absent operand */
typedef uint32_t sg_nid; /* a node of a graph; 0: none */

/* Type of a value. rank -1: unknown until run time. */
typedef struct sg_type {
    uint8_t kind;    /* sg_kind */
    uint8_t dtype;   /* of the elements (inside, for boxed kinds); SG_NONE: unknown. Map: of the values */
    uint8_t key;     /* map: dtype of the keys */
    uint8_t inner;   /* SG_OPT: kind of what may be inside (SG_TENSOR or SG_SEQ) */
    int8_t rank;
    uint8_t layout;  /* sg_layout; set by the layout pass alone */
    uint16_t quant;  /* row of the graph's quant table; 0: none */
    sg_dim dim[SG_RANK_MAX];
} sg_type;

/* The names of all attributes of all ops, one id each. */
typedef enum sg_attr_id {
    SG_A_NONE,
#define ATTR(name) SG_A_##name,
#include "ir/attrs.def"
#undef ATTR
    SG_A_COUNT
} sg_attr_id;
extern const char *const sg_attr_names[SG_A_COUNT];

/* Kinds of attribute. A dtype or an enumeration is an INT. */
typedef enum sg_attr_kind { SG_AK_INT, SG_AK_FLOAT, SG_AK_STR, SG_AK_INTS, SG_AK_FLOATS, SG_AK_STRS, SG_AK_TENSOR } sg_attr_kind;

typedef struct sg_attr {
    uint16_t id;   /* sg_attr_id */
    uint8_t kind;  /* sg_attr_kind */
    bool set;      /* false: the schema's default */
    uint32_t n;    /* length of a list or string */
    union {
        int64_t i;
        double f;
        const char *s;         /* NUL-terminated; n bytes */
        const int64_t *ints;
        const double *floats;
        const sg_str *strs;
        const sg_tensor *t;
    } u;
} sg_attr;

struct sg_op; /* op/op.h: a row of the op table */

typedef enum sg_role { SG_COMPUTED, SG_INPUT, SG_CONST, SG_STATE } sg_role;

typedef struct sg_value {
    sg_type type;
    uint8_t role;      /* sg_role */
    uint16_t out_index; /* COMPUTED: which output of `def` */
    sg_nid def;        /* COMPUTED */
    uint32_t uses;     /* first operand slot that reads it, 0: none */
    uint32_t n_uses;   /* operand slots, not counting graph outputs */
    const char *name;  /* source name or NULL */
    const void *data;  /* CONST: borrowed or arena bytes, packed row-major, any alignment */
    /* What is known of a small integer tensor's elements at plan time (row-major), else NULL. */
    const sg_dim *content;
    uint32_t n_content;
} sg_value;

typedef struct sg_operand {
    sg_vid value;
    sg_nid node;
    uint32_t next, prev; /* use list of `value` */
} sg_operand;

typedef struct sg_node {
    const struct sg_op *op; /* NULL: deleted */
    const char *name;       /* source name or NULL */
    const char *source;     /* source operator, e.g. "ai.onnx.Relu", for messages */
    uint32_t in0;           /* operands [in0, in0 + n_in) of graph.operand */
    uint16_t n_in, n_out, n_region, n_attr;
    sg_vid *out;            /* 0: unused output */
    sg_attr *attr;          /* one per schema entry, in schema order */
    struct sg_graph **region;
    sg_nid next, prev;      /* execution order */
    uint8_t backend;        /* segment owner chosen by partition; 0: cpu */
    uint8_t choice;         /* which of the target's kernels for the op, from 1; 0: its cost rule decides */
} sg_node;

typedef struct sg_quant {
    sg_vid scale, zero; /* constants of the graph */
    int8_t axis;        /* -1: per tensor */
    int32_t block;      /* 0: none */
} sg_quant;

typedef struct sg_graph {
    sg_arena *arena;  /* of the model; regions share it */
    sg_mem *mem;
    const char *name;
    sg_value *value;
    size_t n_value, cap_value;   /* [0] unused */
    sg_node *node;
    size_t n_node, cap_node;     /* [0] is the list head */
    sg_operand *operand;
    size_t n_operand, cap_operand; /* [0] unused */
    sg_quant *quant;
    size_t n_quant, cap_quant;   /* [0] unused */
    sg_dims dims;     /* this graph's own symbols and expressions */
    sg_vid *input;
    size_t n_input, cap_input;   /* region: its operands, in order */
    sg_vid *output;
    size_t n_output, cap_output;
} sg_graph;

sg_graph *sg_graph_new(sg_arena *arena);
/* Frees the growable arrays of a graph and its regions; the arena keeps the rest. NULL is fine. */
void sg_graph_free(sg_graph *g);

/* A copy to change, with arrays and nodes in `arena`; shares the bytes of constants and attribute lists. NULL: out of memory. */
sg_graph *sg_graph_clone(const sg_graph *src, sg_arena *arena);

/* Makers return 0 (SG_NONE_ID) when memory ends. */
sg_vid sg_value_new(sg_graph *g, sg_role role, const sg_type *type, const char *name);
sg_vid sg_input_new(sg_graph *g, const sg_type *type, const char *name); /* and appends it to inputs */
sg_vid sg_const_new(sg_graph *g, sg_dtype dtype, int rank, const int64_t *dim, const void *data,
                    const char *name); /* borrows data */
sg_vid sg_const_i64(sg_graph *g, const int64_t *v, int64_t n, int rank /* 0 or 1 */);
sg_vid sg_const_f64(sg_graph *g, sg_dtype dtype, double v); /* a scalar of any numeric dtype */
sedge_status sg_output_add(sg_graph *g, sg_vid v);

/* Appends a node (before `before` if not 0) with n_out fresh untyped outputs. Attributes take the
 * schema's defaults. ins may hold 0 for absent operands. */
sg_nid sg_node_new(sg_graph *g, const struct sg_op *op, const sg_vid *ins, int n_in, int n_out, sg_nid before);
sg_graph *sg_node_region(sg_graph *g, sg_nid n, int k); /* region k, made if absent */
static inline sg_vid sg_node_in(const sg_graph *g, sg_nid n, int k)
{
    return k < g->node[n].n_in ? g->operand[g->node[n].in0 + (uint32_t)k].value : SG_NONE_ID;
}
static inline sg_vid sg_node_out(const sg_graph *g, sg_nid n, int k)
{
    return k < g->node[n].n_out ? g->node[n].out[k] : SG_NONE_ID;
}
void sg_node_set_in(sg_graph *g, sg_nid n, int k, sg_vid v);
void sg_node_delete(sg_graph *g, sg_nid n); /* its outputs must have no uses */
void sg_value_replace(sg_graph *g, sg_vid old, sg_vid by); /* all uses and graph outputs */

/* Attribute setters copy into the arena. False: not in the op's schema, or out of memory. */
bool sg_set_int(sg_graph *g, sg_nid n, sg_attr_id id, int64_t v);
bool sg_set_float(sg_graph *g, sg_nid n, sg_attr_id id, double v);
bool sg_set_str(sg_graph *g, sg_nid n, sg_attr_id id, const char *s, size_t len);
bool sg_set_ints(sg_graph *g, sg_nid n, sg_attr_id id, const int64_t *v, size_t count);
bool sg_set_floats(sg_graph *g, sg_nid n, sg_attr_id id, const double *v, size_t count);
bool sg_set_strs(sg_graph *g, sg_nid n, sg_attr_id id, const sg_str *v, size_t count);
bool sg_set_tensor(sg_graph *g, sg_nid n, sg_attr_id id, const sg_tensor *t);

/* The attribute of a list, NULL if the schema lacks it. */
const sg_attr *sg_attr_find(const sg_attr *attr, int n, sg_attr_id id);

#define SG_EACH_NODE(g, n) for (sg_nid n = (g)->node[0].next; n; n = (g)->node[n].next)

#endif
