/* Convolution of f32 tensors with channels last, as a matrix product whose rows are read where they stand (an implicit GEMM:
 * Dukhan, "The Indirect Convolution Algorithm", 2019). A matrix product with packed weights is the case of a 1 x 1 kernel. */
#ifndef SG_KERNEL_CONV_CONV_LAST_F32_H
#define SG_KERNEL_CONV_CONV_LAST_F32_H

#include <stdbool.h>

#include "kernel/conv/shape.h"
#include "kernel/gemm/tile_f32.h"
#include "kernel/unary/unary_f32.h"

/* A convolution on its way: sg_conv_last_init fills all but the pointers and bounds. */
typedef struct sg_conv_last {
    sg_conv_shape a;
    const sg_tile_f32_table *tile;
    sg_panels panels;        /* of one group */
    int64_t taps, k;         /* a sum has taps * k terms; with `rows_of_taps`, a tap is a whole row of the kernel */
    bool rows_of_taps;
    int64_t inner_from, inner_to; /* columns of y whose windows lie inside x */
    int64_t pixels, tiles, block, blocks, chunk, chunks; /* tiles of a block; panels of a chunk, over all groups */
    int64_t bias_at, panels_at, group_floats, floats;    /* of the packed weights */
    int64_t rows, block_most; /* the highest tile; tiles of a block that the cache has room for */
    size_t scratch;          /* bytes that a task needs, a multiple of 64 */
    const float *x, *packed, *add; /* add: a tensor like y that is added before the bounds, or NULL */
    float *y;
    float lo, hi;
    sg_act_f32 act; /* of every element after the bounds, while its tile is in the first cache */
} sg_conv_last;

/* False: too large. Only `a.c, oc, group, kh, kw, dilation_w` decide on the packing. */
bool sg_conv_last_init(sg_conv_last *v, const sg_conv_shape *a, const sg_tile_f32_table *tile);
/* The same for other images: `fixed` is the result for the weights. */
bool sg_conv_last_resize(sg_conv_last *v, const sg_conv_shape *a, const sg_conv_last *fixed);

/* Weights before packing: element (output channel, input channel of its group, tap) stands at oc * by_oc + ic * by_ic + tap
 * * by_tap. Any alignment. */
typedef struct sg_conv_last_weights {
    const void *data;
    int64_t by_oc, by_ic, by_tap;
    float scale;           /* of every weight */
    const void *bias;      /* [oc], or NULL */
    int64_t bias_step;     /* 0: one number for all channels */
    float bias_scale;
} sg_conv_last_weights;

/* Writes v->floats floats, 64-byte aligned. */
void sg_conv_last_pack(const sg_conv_last *v, const sg_conv_last_weights *w, float *packed);
/* The same in parts, in any order and at the same time. */
int64_t sg_conv_last_pack_parts(const sg_conv_last *v);
void sg_conv_last_pack_part(const sg_conv_last *v, const sg_conv_last_weights *w, float *packed, int64_t part);

/* Tasks 0 to blocks * chunks - 1, in any order and at the same time, each with v->scratch bytes of its own. */
static inline int64_t sg_conv_last_tasks(const sg_conv_last *v)
{
    return v->blocks * v->chunks;
}
void sg_conv_last_run(const sg_conv_last *v, int64_t task, void *scratch);

#endif
