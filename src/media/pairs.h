/* Bilinear resizing of camera frames at once: pixels are gathered in pairs, converted and weighed without a row between. */
#ifndef SG_MEDIA_PAIRS_H
#define SG_MEDIA_PAIRS_H

#include "base/cpu.h"
#include "media/rows.h"

/* Output i of a row of NV12 is the pixels x and x + 1, weighed. Four bytes are read at at[i], which stays four before the end of a
 * row, and for chroma at the even place below; the shifts bring x to the lowest bits. All are padded by zeros to a multiple of 8. */
typedef struct sg_pairs {
    int32_t n;
    int32_t *at, *luma_shift, *shift[2]; /* shift: of the chroma of x, of x + 1 */
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
