/* Convolution of 8-bit images whose channels stand last, by the kernels of a table. */
#ifndef SG_KERNEL_Q8_Q8_CONV_H
#define SG_KERNEL_Q8_Q8_CONV_H

#include "kernel/conv/shape.h"
#include "kernel/q8/q8_gemm.h"

typedef struct sg_q8_conv {
    sg_conv_shape s;
    uint8_t x_zero; /* as x has it */
    uint32_t flip;
    sg_q8_out out;
    /* Weights of sg_q8_conv_pack, and the bias that they come to. */
    const int8_t *weight;
    const int32_t *bias;
    const float *scale; /* NULL: y is int32, the sums themselves; not for a depthwise one */
    bool product; /* weights stand as [c, oc] until they are packed */
    int64_t group_pitch, w_pitch; /* bytes of a group, of a panel; a group has panel_n columns of bias and scale */
    int64_t panel_n;
    int layers;
    int fold; /* depthwise: so many neighbours in a row are computed as if they were channels */
} sg_q8_conv;

/* One filter for each channel, and of few enough taps. */
bool sg_q8_conv_is_depthwise(const sg_q8_conv *a);

/* Sets group_pitch, w_pitch, panel_n, layers and fold from the sizes and weights [oc, c / group, kh, kw]; *bytes: the packed ones; *n:
 * the elements of bias and scale. False: too large. */
bool sg_q8_conv_packed(sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero, size_t *bytes,
                       size_t *n);
/* Points a at what was packed, from scale [oc]. */
void sg_q8_conv_use(sg_q8_conv *a, const float *scale, const int8_t *weight, const int32_t *to_bias, const float *to_scale);
/* Packs, and points a at what it packed and at `to_bias` and `to_scale`, which are filled from bias and scale [oc]; x's zero point is in
 * the table's form. */
void sg_q8_conv_pack(sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero,
                     const int32_t *bias, const float *scale, int32_t x_zero, int8_t *to, int32_t *to_bias, float *to_scale);

/* A convolution cut into jobs by its shape: bands of rows of outputs, or parts of a row, times columns of a group. A band's windows stand
 * inside x, or inside a copy that has the padding. */
typedef struct sg_q8_cut {
    sg_conv_shape s; /* a 1x1 window that skips nothing sees one row of pixels */
    int64_t rows, bands, width, parts, columns, chunks, jobs;
    bool copies;
    int64_t pixel, line, lines; /* bytes from a pixel to the next, from a line to the next; lines of a copy */
    int64_t runs, fours; /* of the data of an output */
    size_t scratch; /* bytes that whoever does jobs needs: a copy */
    double macs;
} sg_q8_cut;

bool sg_q8_conv_cut(const sg_q8_conv *a, const sg_q8_table *q, sg_q8_cut *cut);
/* Where the data of an output stand from its first: so many numbers, for a cut. */
int64_t sg_q8_conv_places(const sg_q8_conv *a);
void sg_q8_conv_place(const sg_q8_conv *a, const sg_q8_cut *cut, int64_t *at);
void sg_q8_conv_job(const sg_q8_conv *a, const sg_q8_table *q, const sg_q8_cut *cut, const int64_t *at, int64_t job,
                    const uint8_t *x, uint8_t *y, uint8_t *scratch);

#endif
