/* Resizing images: rows first, then columns; a pixel is c elements that stand together (channels last), or one. */
#ifndef SG_KERNEL_RESIZE_RESIZE_H
#define SG_KERNEL_RESIZE_RESIZE_H

#include <stdint.h>

/* Sample o of an axis lies between a[o] and b[o], w[o] of the way. */
typedef struct sg_resize_axis {
    const int32_t *a, *b;
    const float *w;
} sg_resize_axis;

/* Functions of one level of the processor. */
typedef struct sg_resize_f32_table {
    /* y = x0 + w (x1 - x0), n floats. */
    void (*rows)(const float *x0, const float *x1, float w, int64_t n, float *y);
    /* n pixels of c floats from the row x. */
    void (*cols)(const float *x, const sg_resize_axis *at, int64_t n, int64_t c, float *y);
} sg_resize_f32_table;

const sg_resize_f32_table *sg_resize_f32_of(uint32_t cpu);
extern const sg_resize_f32_table sg_resize_f32_any, sg_resize_f32_avx2, sg_resize_f32_avx512, sg_resize_f32_neon;

/* n pixels of `size` bytes from the row x: pixel o is pixel at[o]. */
void sg_resize_copy(const void *x, const int32_t *at, int64_t n, int64_t size, void *y);

#endif
