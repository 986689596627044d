/* Packing the right side of 8-bit products, and products made of tiles. */
#ifndef SG_KERNEL_Q8_Q8_GEMM_H
#define SG_KERNEL_Q8_Q8_GEMM_H

#include "kernel/q8/q8.h"

/* Where the elements of the right side stand: element t * inner + i of column n is at n * step_n + t * step_t + i * step_i. `per` of the
 * outer ones make a run, which is filled up to fours; outer is a multiple of it. */
typedef struct sg_q8_source {
    const void *w;
    bool is_signed;
    const int32_t *zero; /* [n], or one for all */
    bool zero_each;
    int64_t n, outer, inner, per;
    int64_t step_n, step_t, step_i;
} sg_q8_source;

/* How many layers of 8 bits these weights need, less their zero points. */
int sg_q8_layers(const sg_q8_source *s);
/* Bytes of a panel and of all of them; false: past what this takes. */
bool sg_q8_packed(const sg_q8_source *s, int layers, int64_t *pitch, size_t *bytes);
/* Writes the panels, and the sum of every column, rounded up to panels. */
void sg_q8_pack(const sg_q8_source *s, int layers, int8_t *to, int32_t *sum);

/* Rows of x: `lines` times `rows`, whose starts are x_line apart in x and y_line in y. */
typedef struct sg_q8_field {
    int64_t lines, rows, x_line, y_line;
} sg_q8_field;

/* y = x times columns [from, to): `t` describes the whole product, its own rows and columns are not read. from is a multiple of 16. */
void sg_q8_product(const sg_q8_table *q, const sg_q8_tile *t, const sg_q8_field *f, int64_t from, int64_t to);

#endif
