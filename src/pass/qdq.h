/* What the passes over quantized islands share: reading Quantize and Dequantize nodes with constant parameters. */
#ifndef SG_PASS_QDQ_H
#define SG_PASS_QDQ_H

#include "op/quant.h"
#include "pass/pass.h"

/* A Quantize or Dequantize of f32 whose scales and zero points are constants. */
typedef struct sg_qdq {
    sg_nid node;
    sg_vid q;          /* the integers */
    sg_vid scale, zero; /* zero SG_NONE_ID: 0 */
    sg_dtype dtype;    /* of the integers: 8 bits, or i32 */
    int axis;          /* of the scales, when there are several */
    int64_t n;         /* how many scales */
} sg_qdq;

/* Value v is made by such a Dequantize. */
bool sg_qdq_reader(const sg_graph *g, sg_vid v, sg_qdq *d);
/* Node n is such a Quantize, to 8 bits with one scale. */
bool sg_qdq_writer(const sg_graph *g, sg_nid n, sg_qdq *d);
/* Element i of the parameters; one serves for all. */
double sg_qdq_scale(const sg_graph *g, const sg_qdq *d, int64_t i);
int32_t sg_qdq_zero(const sg_graph *g, const sg_qdq *d, int64_t i);
/* One scale each, and the same meaning. */
bool sg_qdq_same(const sg_graph *g, const sg_qdq *a, const sg_qdq *b);
/* Exactly one operand reads v, and no caller does. */
bool sg_qdq_sole(const sg_graph *g, sg_vid v);
/* The zero point as a value, made if absent; 0: out of memory. */
sg_vid sg_qdq_zero_value(sg_graph *g, const sg_qdq *d);

#endif
