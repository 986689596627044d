/* Quantization: from a float graph and what calibration saw to a graph with quantize and dequantize around the ops that then run on integers. */
#ifndef SG_FIT_QUANT_H
#define SG_FIT_QUANT_H

#include "fit/calib.h"

/* What becomes of a node. */
typedef enum sg_quant_role {
    SG_QUANT_FLOAT, /* stays */
    SG_QUANT_WEIGHT, /* a convolution or product with constant weights */
    SG_QUANT_CLAMP, /* relu or clip behind one of the others: the quantizer's own clamp does it */
    SG_QUANT_MEET, /* sums and products of tensors, averages, tables */
    SG_QUANT_MOVE /* moves elements: one scale before and after */
} sg_quant_role;

/* What is decided from the graph alone. Arrays by node or value of the graph; in the graph's arena. */
typedef struct sg_quant_sites {
    uint8_t *role; /* sg_quant_role */
    uint8_t *watch; /* by value, for sg_calib_run */
    size_t n_node, n_value;
    size_t n_weight; /* nodes with weights */
} sg_quant_sites;

/* The graph of a model as it is quantized: constants folded, normalization in the weights, nothing fused. In *arena, which outlives it. */
sedge_status sg_quant_source(sg_graph **out, const sedge_model *m, sg_arena *arena, sg_err *err);
sedge_status sg_quant_find(sg_quant_sites *s, sg_graph *g, sg_err *err);

typedef struct sg_quant_how {
    sg_range_method method;
    bool correct; /* biases take up the mean error of the rounded weights (Nagel et al. 2019) */
    const uint8_t *high; /* by node: those that stay float though they could be integers; NULL: none */
} sg_quant_how;

/* What was done. */
typedef struct sg_quant_done {
    int layers, high; /* nodes with weights that are integers, that stayed float */
    double weights, high_weights; /* their elements */
    int dead; /* tensors that were 0 throughout, or never there */
    int raised; /* channels whose scale follows the bias, which would not fit 32 bits */
} sg_quant_done;

/* Changes g, a clone of the graph that `s` and `c` are about, to what runs on integers. */
sedge_status sg_quant_place(sg_graph *g, const sg_quant_sites *s, const sg_calib *c, const sg_quant_how *how, sg_quant_done *done,
                            sg_err *err);

/* How weights alone are stored: activations stay float, and so does the arithmetic. */
typedef enum sg_stored { SG_STORED_F16, SG_STORED_INT8, SG_STORED_INT4, SG_STORED_KINDS } sg_stored;
extern const char *const sg_stored_names[SG_STORED_KINDS];
/* How many inputs of a result share a scale of four bits in node n; 0: all. */
int64_t sg_quant_block(const sg_graph *g, sg_nid n);
/* Changes g to that (quant_store.c); high: as in sg_quant_how. */
sedge_status sg_quant_store(sg_graph *g, sg_stored kind, const uint8_t *high, sg_quant_done *done, sg_err *err);

/* Constants of 256 f32 or more that are halves anyway are stored so. */
sedge_status sg_quant_compact(sg_graph *g, sg_err *err);

/* Weights and bias of node n as dequantized constants (quant_weight.c). x_scale: of its operand 0; mean: of its channels, or NULL. */
sedge_status sg_quant_weights(sg_graph *g, sg_nid n, double x_scale, const double *mean, sg_quant_done *done, sg_err *err);
/* Whether node n is a convolution or product whose weights can be quantized. */
bool sg_quant_has_weights(const sg_graph *g, sg_nid n);

#endif
