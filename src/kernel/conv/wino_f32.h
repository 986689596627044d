/* Convolution of f32 tensors with channels last by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications for four sums
 * of nine (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). Larger outputs save more, but F(4x4, 3x3)
 * keeps four times the weights; this one keeps 16/9 of them, and its error stays within what a direct sum may lose were all pixels
 * of a patch as large as its largest (tests/kernel/wino_f32.c). */
#ifndef SG_KERNEL_CONV_WINO_F32_H
#define SG_KERNEL_CONV_WINO_F32_H

#include "kernel/conv/conv_last_f32.h"

enum { SG_WINO_OUT = 2, SG_WINO_IN = 4, SG_WINO_POINTS = SG_WINO_IN * SG_WINO_IN };

/* The sums of one patch on their way to the output. */
typedef struct sg_wino_out {
    const float *m; /* [points][m_step]: n sums of every point */
    int64_t m_step;
    const float *bias, *add; /* add: like y, or NULL */
    float *y;
    int64_t y_row, y_col;  /* from one row and column of y, and add, to the next */
    int64_t n, rows, cols; /* channels; rows and columns inside y, 1 or 2 */
    float lo, hi;
} sg_wino_out;

/* The transforms of one level. */
typedef struct sg_wino_table {
    int lanes;
    /* n channels of the pixels that stand at p, to v[point][v_step]; writes whole vectors. */
    void (*in)(const float *const p[SG_WINO_POINTS], int64_t n, float *v, int64_t v_step);
    void (*out)(const sg_wino_out *o);
} sg_wino_table;

void sg_wino_init_table(sg_wino_table *t, uint32_t cpu);
extern const sg_wino_table sg_wino_any, sg_wino_avx2, sg_wino_avx512, sg_wino_neon;

/* A convolution on its way: sg_wino_init fills all but the pointers and bounds. */
typedef struct sg_wino {
    sg_conv_shape a;
    const sg_tile_f32_table *tile;
    const sg_wino_table *table;
    sg_panels panels;
    int64_t high, wide, patches;                   /* of an image; of all images */
    int64_t rows, tiles, block, blocks, chunk, chunks; /* patches of the highest tile; tiles of a block, panels of a chunk */
    int64_t v_row, v_step, m_step;                 /* floats of a patch and of a point in scratch */
    int64_t bias_at, panels_at, floats;            /* of the packed weights */
    size_t scratch;                                /* bytes that a task needs, a multiple of 64 */
    const float *x, *packed, *add;                 /* add: a tensor like y that is added before the bounds, or NULL */
    float *y;
    float lo, hi;
    sg_act_f32 act; /* of every element after the bounds, while its patch is in the first cache */
} sg_wino;

/* Whether a convolution has the form: 3 x 3, dense, one group, steps of one. */
bool sg_wino_takes(const sg_conv_shape *a);
/* False: too large. Only `a.c` and `a.oc` decide on the packing. */
bool sg_wino_init(sg_wino *v, const sg_conv_shape *a, const sg_tile_f32_table *tile, const sg_wino_table *table);
/* Writes v->floats floats, 64-byte aligned. */
void sg_wino_pack(const sg_wino *v, const sg_conv_last_weights *w, float *packed);
/* The same in parts, in any order and at the same time. */
int64_t sg_wino_pack_parts(const sg_wino *v);
void sg_wino_pack_part(const sg_wino *v, const sg_conv_last_weights *w, float *packed, int64_t part);

/* Tasks 0 to blocks * chunks - 1, in any order and at the same time, each with v->scratch bytes of its own. */
static inline int64_t sg_wino_tasks(const sg_wino *v)
{
    return v->blocks * v->chunks;
}
void sg_wino_run(const sg_wino *v, int64_t task, void *scratch);

#endif
