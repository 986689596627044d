/* Passes: graph to graph, one idea each. */
#ifndef SG_PASS_PASS_H
#define SG_PASS_PASS_H

#include "op/op.h"

/* What passes report: a line per pass that changed something. NULL functions are silent. */
typedef struct sg_trace {
    void (*line)(void *ctx, const char *text);
    void *ctx;
} sg_trace;

/* Checks what must hold between passes: use lists, order, schemas. */
sedge_status sg_verify(const sg_graph *g, sg_err *err);

/* One pass; *changed counts its rewrites. */
typedef sedge_status sg_pass_fn(sg_graph *g, int *changed, sg_err *err);
sg_pass_fn sg_pass_identity;     /* nodes that give back what they take */
sg_pass_fn sg_pass_qdq_move;     /* ops that move elements, of dequantized integers, move the integers */
sg_pass_fn sg_pass_qdq;          /* quantized islands become integer ops */
sg_pass_fn sg_pass_dce;          /* nodes that nobody reads */
sg_pass_fn sg_pass_cse;          /* nodes that compute the same */
sg_pass_fn sg_pass_sink;         /* transposes sink below what treats all axes alike */
sg_pass_fn sg_pass_transpose;    /* transposes that meet */
sg_pass_fn sg_pass_bn;           /* batch normalization into weights */
sg_pass_fn sg_pass_scale;        /* factors and summands per channel into weights */
sg_pass_fn sg_pass_layer_norm;   /* layer normalization written out */
sg_pass_fn sg_pass_gelu;         /* gelu written out */
sg_pass_fn sg_pass_silu;         /* gates of a value by itself */
sg_pass_fn sg_pass_attention;    /* attention written out */
sg_pass_fn sg_pass_act;          /* bounds into the convolution before them; runs once */

/* Whether two attributes of one schema entry say the same. */
bool sg_attr_same(const sg_attr *a, const sg_attr *b);

/* All passes in order, verified after each, regions too. */
sedge_status sg_passes(sg_graph *g, const sg_trace *trace, sg_err *err);
/* Those that run once, after all others. */
sedge_status sg_passes_once(sg_graph *g, const sg_trace *trace, sg_err *err);

#endif
