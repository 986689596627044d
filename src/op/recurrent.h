/* What the recurrent references share: sizes and activations of one call. */
#ifndef SG_OP_RECURRENT_H
#define SG_OP_RECURRENT_H

#include "op/op.h"

typedef enum sg_rec_kind { SG_REC_RNN, SG_REC_GRU, SG_REC_LSTM } sg_rec_kind;

typedef enum sg_rec_act_kind {
    SG_REC_TANH,
    SG_REC_SIGMOID,
    SG_REC_RELU,
    SG_REC_AFFINE,
    SG_REC_LEAKY_RELU,
    SG_REC_THRESHOLDED_RELU,
    SG_REC_SCALED_TANH,
    SG_REC_HARD_SIGMOID,
    SG_REC_ELU,
    SG_REC_SOFTSIGN,
    SG_REC_SOFTPLUS,
    SG_REC_ACTS
} sg_rec_act_kind;

typedef struct sg_rec_act {
    sg_rec_act_kind kind;
    double alpha, beta;
    void (*run)(const void *ctx, float *v, int64_t n); /* a kernel of a backend, for f32; NULL: none */
    const void *ctx;
} sg_rec_act;

/* out[r * out_row + j] += sum over i < k of v[r * v_row + i] * w[i * ld + j]. */
typedef void sg_rec_madd(float *out, int64_t out_row, const float *v, int64_t v_row, int64_t rows, const float *w, int64_t ld,
                         int64_t k, int64_t n);

typedef struct sg_rec {
    sg_rec_kind kind;
    int gates, dirs, acts;           /* acts: activations of one direction */
    bool reverse, batch_first, couple, linear_before_reset;
    double clip, cell_clip;          /* 0: none */
    int64_t steps, batch, n_in, hidden;
    const int32_t *length;           /* [batch], NULL: all `steps` */
    sg_rec_act act[2][3];
    int64_t x_step, x_batch;         /* strides of x */
    int64_t y_step, y_dir, y_batch;  /* strides of output 0 */
    int64_t s_dir, s_batch;          /* strides of states */
    sg_rec_madd *madd;               /* a kernel of a backend, for f32, which has the weights turned; NULL: none */
    const float *turned[2][2];       /* by direction: [n_in, gates hidden], [hidden, gates hidden] */
} sg_rec;

/* Reads attributes and shapes; fails where they disagree. */
sedge_status sg_rec_init(sg_exec *x, sg_rec *r);

sedge_status sg_rec_run_f32(sg_exec *x, const sg_rec *r);
sedge_status sg_rec_run_f64(sg_exec *x, const sg_rec *r);

#endif
