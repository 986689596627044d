/* One call of attention: its sizes, strides and switches. */
#ifndef SG_OP_ATTENTION_H
#define SG_OP_ATTENTION_H

#include "op/op.h"

/* Strides, in elements, of [batch, heads, steps, size] in a 4-D tensor or in a 3-D one with packed heads. */
typedef struct sg_att_view {
    int64_t batch, head, step;
} sg_att_view;

typedef struct sg_att {
    int64_t batch, q_heads, kv_heads, n_q, n_new, n_past, n_kv, size, v_size; /* n_kv = n_past + n_new */
    sg_att_view q, k, v, y;
    bool causal;
    int64_t left, right; /* -1: no bound */
    double scale, softcap;
    /* f16 or bf16 where intermediate results are rounded to it as ONNX's definition does, else SG_NONE: scaled operands
     * and probabilities; scores; the softmax. */
    sg_dtype round, score_round, softmax_round;
    int mode;               /* what output 3 holds */
    const sg_tensor *mask, *past_k, *past_v, *nonpad;
} sg_att;

sedge_status sg_att_init(const sg_exec *x, sg_att *a);
sedge_status sg_att_run_f32(sg_exec *x, const sg_att *a);
sedge_status sg_att_run_f64(sg_exec *x, const sg_att *a);

/* flex_attention into `out`: its softmax has type t. */
sedge_status sg_flex_run_f32(sg_exec *x, const sg_att *a, sg_dtype t, sg_tensor *out);
sedge_status sg_flex_run_f64(sg_exec *x, const sg_att *a, sg_dtype t, sg_tensor *out);

/* v rounded to f16 or bf16; other types leave it alone. */
static inline float sg_att_round(sg_dtype t, float v)
{
    return t == SG_F16 ? sg_f16_to_f32(sg_f32_to_f16(v)) : t == SG_BF16 ? sg_bf16_to_f32(sg_f32_to_bf16(v)) : v;
}

#endif
