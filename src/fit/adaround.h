/* Learned rounding: whether a weight is rounded up or down is chosen for what the layer computes, not for the weight
 * (Nagel et al. 2020, "Up or down? Adaptive rounding for post-training quantization"). */
#ifndef SG_FIT_ADAROUND_H
#define SG_FIT_ADAROUND_H

#include "fit/calib.h"

/* What a layer's weights meet: of windows or rows of its operand, k values for each group of channels, means and covariances. Two graphs
 * may be looked at: x stands for what the layer gets there in float, and `now` for what it gets since others were rounded. */
typedef struct sg_covariance {
    int64_t groups, rows, k; /* rows: results of a group */
    double n; /* windows that were looked at */
    double *mean_x, *mean; /* [groups][k] of x and of `now` */
    double *cov; /* [groups][k][k] of `now` with itself */
    double *lag; /* [groups][k][k] of `now` with what it is more than x */
} sg_covariance;

/* Looks at the operand of node n of a convolution, gemm or matmul with constant weights, in graph g and in graph `now`, which is a clone of it with other
 * constants (or g itself), on samples [from, to); `windows` of each sample at most. Memory of the arena. */
sedge_status sg_covariance_look(sg_covariance *m, sg_nid n, const sg_graph *g, const sg_graph *now, const sedge_model *like,
                                const sg_samples *s, size_t from, size_t to, int64_t windows, sg_arena *arena, sg_err *err);

/* What to round: w / step between lo and hi. Weights are in the order [groups * rows][k]. */
typedef struct sg_rounding {
    const float *w, *step;
    int lo, hi;
    int steps; /* of learning */
} sg_rounding;

typedef struct sg_rounded {
    double saved; /* how much the variance of the results' error is less than by the nearest, as a share of that of the results */
    double flipped; /* share of the weights that are not rounded to the nearest */
} sg_rounded;

/* q[i]: w[i] / step[i] rounded up or down. */
sedge_status sg_round_learn(const sg_covariance *m, const sg_rounding *r, int8_t *q, sg_rounded *out, sg_arena *arena,
                            sg_err *err);

/* Weights of a whole graph, symmetric, with the scales that sg_quant_store has too: one a row of them, or for four bits one a block. */
typedef struct sg_round_how {
    int bits; /* 2 to 8 */
    int steps; /* of learning, for each layer; 0: single flips alone; -1: to the nearest */
    int64_t windows; /* of each sample and layer that are looked at */
    bool
        stay; /* weights stay f32, at multiples of a scale whose last one is the largest: quantization finds that scale and them again */
    const uint8_t *high; /* by node: those that are left alone; NULL: none */
} sg_round_how;

/* Rounds the weights of every convolution, gemm and matmul of g, a clone of `source`: dequantized constants stand in their places, or
 * floats. Each layer is learned on what it gets once those before it are rounded, and biases take up what is left of the mean. each (may be
 * NULL) hears of every layer. Layers of more than SG_ROUND_INPUTS inputs a result, and weights that two layers share, are left alone. */
enum { SG_ROUND_INPUTS = 1200 }; /* covariances grow with the square */
typedef void sg_round_fn(void *ctx, const char *layer, const sg_rounded *r);
sedge_status sg_round_graph(sg_graph *g, const sg_graph *source, const sedge_model *like, const sg_samples *s, size_t from,
                            size_t to, const sg_round_how *how, sg_round_fn *each, void *ctx, sg_err *err);

#endif
