/* The matcher: subgraphs as data. A pattern is a small table of nodes, the root first and every node before its
 * operands; a rule says what stands in its place. Matching goes from the root backwards over operands and use lists. */
#ifndef SG_PASS_MATCH_H
#define SG_PASS_MATCH_H

#include "pass/pass.h"

enum { SG_PAT_NODES = 16, SG_PAT_CAPS = 8, SG_PAT_INS = 3 };

typedef enum sg_pat_what {
    SG_PAT_FREE,   /* not looked at */
    SG_PAT_NODE,   /* made by node `at` of the pattern */
    SG_PAT_ANY,    /* any value, capture `at`; the same capture twice is the same value */
    SG_PAT_CONST,  /* a constant, capture `at` */
    SG_PAT_NUMBER, /* a constant of one element, capture `at` */
    SG_PAT_IS      /* a constant of one element that is v, as exactly as its type can say it */
} sg_pat_what;

typedef struct sg_pat_arg {
    uint8_t what, at;
    double v;
} sg_pat_arg;

typedef struct sg_pat_node {
    uint16_t op;   /* sg_op_id */
    int16_t kind;  /* attribute `kind`, -1: any */
    bool swap;     /* operands 0 and 1 may be exchanged */
    sg_pat_arg in[SG_PAT_INS];
} sg_pat_node;

/* Rows of patterns. */
#define SG_P_UNARY(k, x)                  \
    {                                     \
        SG_OP_UNARY, SG_UNARY_##k, false, \
        {                                 \
            x                             \
        }                                 \
    }
#define SG_P_BINARY(k, x, y)                \
    {                                       \
        SG_OP_BINARY, SG_BINARY_##k, false, \
        {                                   \
            x, y                            \
        }                                   \
    }
#define SG_P_EITHER(k, x, y)               \
    {                                      \
        SG_OP_BINARY, SG_BINARY_##k, true, \
        {                                  \
            x, y                           \
        }                                  \
    } /* for kinds that commute */
#define SG_P_OP(id, ...)       \
    {                          \
        SG_OP_##id, -1, false, \
        {                      \
            __VA_ARGS__        \
        }                      \
    }
#define SG_P_NODE(i)   {SG_PAT_NODE, i, 0}
#define SG_P_ANY(i)    {SG_PAT_ANY, i, 0}
#define SG_P_CONST(i)  {SG_PAT_CONST, i, 0}
#define SG_P_NUMBER(i) {SG_PAT_NUMBER, i, 0}
#define SG_P_IS(v)     {SG_PAT_IS, 0, v}
#define SG_P_FREE      {SG_PAT_FREE, 0, 0}

typedef struct sg_match {
    sg_nid node[SG_PAT_NODES];
    sg_vid cap[SG_PAT_CAPS];
} sg_match;

/* A pattern and what to do with a match: make, before the root, a node whose output 0 is the root's, or leave *by 0. */
typedef struct sg_rule {
    const sg_pat_node *node;
    int n;
    sedge_status (*make)(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err);
    int arg;
} sg_rule;
#define SG_RULE(make, arg, ...) \
    {(const sg_pat_node[]){__VA_ARGS__}, (int)(sizeof((const sg_pat_node[]){__VA_ARGS__}) / sizeof(sg_pat_node)), make, arg}

/* Does the pattern stand at root? Values inside it may be read by the pattern alone. */
bool sg_match_at(const sg_graph *g, const sg_rule *r, sg_nid root, sg_match *m);

/* Applies the rules to every node, the first that fits; what dies goes at once. A new node whose type is not that of
 * the old one is dropped again. */
sedge_status sg_rewrite(sg_graph *g, const sg_rule *rule, int n, int *changed, sg_err *err);

/* ---- what rules need ---- */

static inline const sg_type *sg_vtype(const sg_graph *g, sg_vid v)
{
    return &g->value[v].type;
}
bool sg_is_output(const sg_graph *g, sg_vid v);
/* The value of a constant of one element. */
bool sg_const_number(const sg_graph *g, sg_vid v, double *out);
int64_t sg_node_int(const sg_graph *g, sg_nid n, sg_attr_id id);
double sg_node_float(const sg_graph *g, sg_nid n, sg_attr_id id);
const int64_t *sg_node_ints(const sg_graph *g, sg_nid n, sg_attr_id id, int *count);
/* A node before `root`, of one output, with root's name; an error only when memory ends. */
sedge_status sg_make(sg_graph *g, sg_nid root, const sg_op *op, const sg_vid *in, int n_in, sg_nid *out, sg_err *err);
/* The same with the attributes of node `like`. */
sedge_status sg_make_like(sg_graph *g, sg_nid root, sg_nid like, const sg_vid *in, int n_in, sg_nid *out, sg_err *err);

#endif
