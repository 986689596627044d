/* What the bindings of 8-bit convolutions and products share: packing for a table of kernels, and jobs among workers. */
#ifndef SG_BACKEND_CPU_BIND_Q8_H
#define SG_BACKEND_CPU_BIND_Q8_H

#include <stdatomic.h>

#include "backend/cpu/bind_conv.h"
#include "backend/cpu/bind_qconv.h"
#include "kernel/q8/q8_conv.h"

/* What a step keeps: the table, and a convolution with its packed weights but without the sizes of a run. */
typedef struct sg_q8_bound {
    sg_q8_table q;
    sg_conv_bound image; /* of a convolution */
    sg_q8_conv conv;
} sg_q8_bound;

/* What runs of one shape share: a step's kept bytes. */
typedef struct sg_q8_ready {
    sg_q8_conv a;
    sg_q8_cut cut;
    size_t turned_x, turned_y; /* bytes of images turned */
    size_t each; /* bytes of a worker's scratch */
    int64_t workers;
    int64_t at[]; /* of sg_q8_conv_place */
} sg_q8_ready;

/* A run: workers take jobs as they come. */
typedef struct sg_q8_work {
    const sg_q8_table *q;
    const sg_q8_ready *r;
    const sg_q8_conv *a; /* the ready one, or one that differs in what a run brings */
    const uint8_t *x;
    uint8_t *y, *scratch;
    atomic_llong next;
} sg_q8_work;

static inline size_t sg_q8_align(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* A zero point of x in the table's form. */
static inline int32_t sg_q8_form_zero(const sg_q8_bound *b, int32_t zero, bool x_signed)
{
    return x_signed == b->q.x_signed ? zero : x_signed ? zero + 128 : zero - 128;
}

/* Packs weights for b->conv, whose sizes are set, into the plan; x's zero point is in the table's form. False: they do not fit. */
bool sg_q8_bound_pack(sg_plan *p, sg_q8_bound *b, const sg_slot *w, const int32_t *w_zero, const int32_t *bias,
                      const float *scale, int32_t x_zero, bool x_signed);
/* The bytes that steps of b keep. */
size_t sg_q8_kept(const sg_q8_bound *b);
/* Cuts r->a for the threads of x; r is what is kept, or another where there is no session yet. False: past what the kernels take. */
bool sg_q8_cut_work(const sg_exec *x, sg_q8_ready *r);
void sg_q8_work_run(const sg_exec *x, sg_q8_work *w);

#endif
