/* Rows of pictures: reading them from a frame, the taps of a resize along one axis. A row is planar: channel after channel,
 * `pitch` elements apart, of bytes or of f32. */
#ifndef SG_MEDIA_ROWS_H
#define SG_MEDIA_ROWS_H

#include "media/image.h"

/* What reads rows of an upright frame in a color order. at[i] is the stored column (or, of frames that lie on their side, the
 * stored row) of the row's pixel i. */
typedef struct sg_reader {
    sedge_frame f;
    int32_t *at;
    int32_t n;
    uint8_t color, channels;
    bool real; /* rows are f32: 16 bits and floats */
    bool lies;
} sg_reader;

/* Channels of rows in `color`; 0: the frame has no such colors. */
int sg_reader_channels(const sedge_frame *f, sg_color color);
bool sg_frame_real(const sedge_frame *f);
/* The stored place of upright column x. */
int32_t sg_reader_place(const sedge_frame *f, int32_t x);
void sg_read_row(const sg_reader *r, int32_t y, void *to, size_t pitch);

/* Coefficients of 13 bits: of Y, of Cr in R, of Cb and Cr in G, of Cb in B; what is taken from Y. */
typedef struct sg_yuv {
    int y, rv, gu, gv, bu, black;
} sg_yuv;
const sg_yuv *sg_yuv_of(int matrix);
/* A row of a plane: upright row y, of chroma that two rows share when `half`. */
const uint8_t *sg_reader_row(const sg_reader *r, int plane, int32_t y, bool half);

/* How the sums of an axis are done. */
typedef enum sg_sum {
    SG_SUM_COPY,  /* one tap of weight 1 */
    SG_SUM_BYTES, /* 22-bit weights, a byte after each axis (Pillow) */
    SG_SUM_FIXED, /* 11-bit weights, a byte after both (OpenCV) */
    SG_SUM_REAL   /* f32 */
} sg_sum;

/* Output i of n is the sum over k < count[i] of weight[i * taps + k] times input start[i] + k. */
typedef struct sg_axis {
    int32_t n, taps;
    int32_t *start, *count;
    float *real;
    int32_t *fixed;
    uint8_t sum;
} sg_axis;

/* Is there such a kernel in that library? */
bool sg_axis_known(int kernel, int like);
sedge_status sg_axis_make(sg_axis *a, sg_arena *arena, const sg_geometry *g, bool vertical, bool real, sg_err *err);

#endif
