/* Bilinear resizing of camera frames at once: pixels are gathered in pairs, converted and weighed without a row between. */
#ifndef SG_MEDIA_PAIRS_H
#define SG_MEDIA_PAIRS_H

#include "base/cpu.h"
#include "media/rows.h"

#define SG_PAIRS_WINDOW 16

/* Output i of a row of NV12 is the pixels x and x + 1, weighed. Two outputs are picked from one window of 16 bytes (gathers are slow on
 * many processors): of luma the bytes of x and x + 1, each in 16 bits, of chroma U and V of x, then of x + 1. What is picked of a
 * window is 16 bytes, of which two outputs fill the lower or upper half by turns; the other half is 0. All are padded to a multiple of 8 outputs. */
typedef struct sg_pairs {
    int32_t n;
    int32_t *window; /* where those of outputs 2 i and 2 i + 1 begin */
    uint8_t *luma, *chroma; /* what is picked of them, by outputs 0 1 4 5, then 2 3 6 7, of each eight */
    int32_t *weight; /* of x in the low 16 bits, of x + 1 in the high ones */
} sg_pairs;

#if SG_ARCH_X86
/* One row to n sums of 11-bit weights of each color; up to the next multiple of 8 is written. */
void sg_pairs_nv12_avx2(const sg_pairs *p, const sg_yuv *m, const uint8_t *luma, const uint8_t *chroma, int32_t *red,
                        int32_t *green, int32_t *blue);
/* Bytes of two rows of such sums, as the loop in image.c. */
void sg_pairs_down_avx2(const int32_t *a, const int32_t *b, int32_t w0, int32_t w1, int32_t n, uint8_t *to);
#endif

#endif
