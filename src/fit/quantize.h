/* A float model in, an integer one out, both in memory. */
#ifndef SG_FIT_QUANTIZE_H
#define SG_FIT_QUANTIZE_H

#include "fit/quant.h"

typedef struct sg_quantizer {
    sg_mem *mem;
    const sedge_model *model;
    sg_arena arena;
    sg_graph *source;
    sg_graph *learned; /* the same with weights whose rounding was learned, or NULL */
    sg_quant_sites sites;
    sg_calib calib;
} sg_quantizer;

/* Borrows the model. Close in any case. */
sedge_status sg_quantizer_open(sg_quantizer *q, sg_mem *mem, const sedge_model *model, sg_err *err);
void sg_quantizer_close(sg_quantizer *q);
/* Runs samples [from, to) and adds what they show. */
sedge_status sg_quantizer_see(sg_quantizer *q, const sg_samples *s, size_t from, size_t to, sg_part_fn *part, void *ctx,
                              sg_err *err);
/* Rounds weights to so many bits for what their layers compute from samples [from, to), by so many steps of learning or, 0, by single flips
 * (adaround.h): what is made from then on has these. Of large models fewer samples are looked at; of very large ones none, and nothing changes. */
sedge_status sg_quantizer_learn(sg_quantizer *q, int bits, int steps, const sg_samples *s, size_t from, size_t to,
                                sg_part_fn *part, void *ctx, sg_err *err);
/* The integer model; it borrows from the quantizer and its model. Close it before them. */
sedge_status sg_quantizer_store(sg_quantizer *q, sg_stored kind, sedge_model **out, sg_quant_done *done,
                                sg_err *err); /* weights alone */
sedge_status sg_quantizer_make(sg_quantizer *q, const sg_quant_how *how, sedge_model **out, sg_quant_done *done, sg_err *err);

/* ---- how like two models are (agree.c) ---- */

/* Outputs of one model, a row a sample. */
typedef struct sg_outputs {
    sg_mem *mem;
    size_t n, width, cap;
    float *v; /* all float outputs of a sample one behind the other */
    size_t first; /* length of output 0, which top-1 is of */
} sg_outputs;

typedef struct sg_likeness {
    double snr_db; /* of all outputs; HUGE_VAL: equal */
    double top1; /* share of samples whose greatest element of output 0 is the same */
    double seconds; /* of a run of the second, median */
} sg_likeness;

/* Runs a model over samples [from, to). */
sedge_status sg_outputs_run(sg_outputs *o, const sedge_model *m, const sg_samples *s, size_t from, size_t to, double *seconds,
                            sg_part_fn *part, void *ctx, sg_err *err);
void sg_outputs_free(sg_outputs *o);
sg_likeness sg_outputs_compare(const sg_outputs *want, const sg_outputs *got);

/* ---- mixed precision (quant_mixed.c) ---- */

/* Tensors between the layers, the one whose integers cost most first. In the quantizer's arena. */
typedef struct sg_mixed {
    sg_vid *value;
    double *gain; /* share of the noise of the outputs that goes when what makes and reads the tensor stays float */
    size_t n;
} sg_mixed;

/* Measured on samples [from, to). */
sedge_status sg_mixed_rank(sg_mixed *m, sg_quantizer *q, const sg_quant_how *how, const sg_samples *s, size_t from, size_t to,
                           sg_part_fn *part, void *ctx, sg_err *err);
/* `high` for the first k of them; NULL: out of memory. */
const uint8_t *sg_mixed_high(const sg_mixed *m, sg_quantizer *q, size_t k);

#endif
