/* Depthwise convolution of f32 tensors with channels last: every channel by a kernel of its own, a vector of channels at a time. */
#ifndef SG_KERNEL_DWCONV_DWCONV_F32_H
#define SG_KERNEL_DWCONV_DWCONV_F32_H

#include "kernel/conv/conv_last_f32.h"

/* A run of pixels of one row, one vector of channels, whose taps all lie inside the image. */
typedef struct sg_dw_span {
    const float *x; /* first tap of the first pixel */
    const float *w, *bias, *add; /* weights [row][col][lanes], w_row floats a row; bias [lanes]; add like y, or NULL */
    float *y;
    int64_t pixels, x_step, y_step; /* floats from pixel to pixel */
    int64_t rows, cols, by_row, by_col, w_row; /* taps, and floats from one to the next */
    int64_t lanes; /* channels that are there */
    float lo, hi;
} sg_dw_span;

typedef void sg_dw_span_fn(const sg_dw_span *s);

/* Pixels of y that lie together, all their channels, with 3 x 3 taps at steps of one: what they read is loaded once. */
enum { SG_DW_ROWS = 2, SG_DW_COLS = 4 };
typedef struct sg_dw_block {
    const float *x[SG_DW_ROWS + 2][SG_DW_COLS + 2]; /* where the pixels stand; zeros outside */
    const float *w; /* packed weights */
    int64_t c; /* channels: a vector at least */
    const float *add;
    float *y; /* add and y: of the first pixel */
    int64_t y_row, rows, cols; /* floats from row to row; what of the block lies inside */
    float lo, hi;
} sg_dw_block;

/* Functions of one level of the processor. */
typedef struct sg_dw_table {
    int lanes;
    sg_dw_span_fn *three, *any, *few; /* kernels of 3 x 3 and of any size; fewer channels than lanes */
    void (*block)(const sg_dw_block *b);
    int block_rows; /* at most SG_DW_ROWS: as many as registers allow */
} sg_dw_table;

void sg_dw_init(sg_dw_table *t, uint32_t cpu);
extern const sg_dw_table sg_dw_any, sg_dw_avx2, sg_dw_avx512, sg_dw_neon;

/* A convolution on its way: sg_dwconv_init fills all but the pointers and bounds. */
typedef struct sg_dwconv {
    sg_conv_shape a; /* c == oc == group */
    const sg_dw_table *table;
    int64_t vectors, vector_floats, floats; /* of the packed weights: of a vector, the bias first; of all */
    int64_t step, tasks; /* rows of the output of a task */
    bool blocks; /* the form of sg_dw_block */
    const float *x, *packed, *add; /* add: a tensor like y that is added before the bounds, or NULL */
    float *y;
    float lo, hi;
    sg_act_f32 act; /* of every element after the bounds, while its row is in the first cache */
} sg_dwconv;

/* False: too large. Only `a.c, kh, kw` decide on the packing. */
bool sg_dwconv_init(sg_dwconv *v, const sg_conv_shape *a, const sg_dw_table *table);
/* Writes v->floats floats, 64-byte aligned. */
void sg_dwconv_pack(const sg_dwconv *v, const sg_conv_last_weights *w, float *packed);
/* Tasks 0 to v->tasks - 1, in any order and at the same time. */
void sg_dwconv_run(const sg_dwconv *v, int64_t task);

#endif
