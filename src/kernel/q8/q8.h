/* 8-bit products: one table of kernels for a level of the processor. The answers are those of docs/integers.md, to the bit.
 *
 * Every sum is made of x * w with w of 8 signed bits and x in the table's form, signed or unsigned: an x of the other type
 * is flipped (its top bit) as it is read. Zero points are no part of the sums: x's share stands in the bias, and weights are packed
 * less theirs, in as many layers as it takes to keep 8 bits. Sums wrap around modulo 2^32. */
#ifndef SG_KERNEL_Q8_Q8_H
#define SG_KERNEL_Q8_Q8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns of a panel of packed weights, and elements of a column that stand together. */
enum { SG_Q8_N = 16, SG_Q8_K = 4, SG_Q8_LAYERS = 3 };

/* How sums become 8 bits: scaled, clamped in float, rounded half to even, zero point added. [lo, hi] is the type's range. */
typedef struct sg_q8_out {
    int32_t zero, lo, hi;
    bool small; /* every scale is below 1, so that no scaled sum passes int32 */
} sg_q8_out;

/* One tile of a product: rows of x times columns of w. A row is `runs` runs of 4 * fours bytes; what stands past the end of the data
 * has weight 0. */
typedef struct sg_q8_tile {
    const uint8_t *x; /* the first row */
    int64_t x_pitch; /* bytes between rows */
    const int64_t *run; /* [runs]: where it starts in a row; layers of weights go over the same data again */
    int64_t runs, fours;
    const int8_t *w; /* panels of [runs][fours][16][4] bytes, w_pitch apart */
    int64_t w_pitch;
    const int32_t *bias; /* [columns, rounded up to panels] */
    const float *scale; /* the same; NULL: y is int32, the sum itself */
    uint8_t *y;
    int64_t y_pitch; /* bytes between rows */
    int rows, columns;
    uint32_t flip; /* 0x80808080: x is of the other type than the table's form */
    sg_q8_out out;
} sg_q8_tile;

/* One or two rows of outputs of a depthwise convolution, all their channels. */
typedef struct sg_q8_dw {
    const uint8_t *x; /* the first tap of the first output, at channel 0 */
    const int64_t *tap; /* [taps]: where the others stand from there */
    int taps; /* a multiple of 4 */
    /* 1 or 2: 12 taps, which are three columns of three and one without weight, and the columns of the next output are this one's
     * moved by so many. 0: nothing of that. */
    int slides;
    int rows; /* 2, where slides is 1: the second reads one line on, at tap 3 of each column */
    int64_t n, step, channels; /* outputs of a row; bytes from one to the next */
    bool wide; /* the block is one of the widest, however few channels there are */
    const int8_t *w; /* blocks of channels: [taps / 4][channels][4] bytes, channels in the block's order */
    const int32_t *bias; /* in the order of the blocks */
    const float *scale;
    uint8_t *y;
    int64_t y_pitch, y_line; /* bytes to the next output, to the second row */
    uint32_t flip;
    sg_q8_out out;
} sg_q8_dw;

typedef struct sg_q8_table {
    bool portable; /* plain C */
    bool x_signed; /* the form */
    int rows, panels; /* of the largest tile */
    int lanes; /* of 16 channels, in the widest block of a depthwise convolution */
    bool pairs; /* the kernel of depthwise convolutions takes two rows */
    double macs_us; /* about how many products a microsecond does, for cutting work */
    void (*tile)(const sg_q8_tile *t);
    void (*row)(const sg_q8_tile *t); /* one row, any number of columns; NULL: by tiles */
    void (*dw)(const sg_q8_dw *d);
} sg_q8_table;

/* The kernels that these levels (base/cpu.h) allow. */
void sg_q8_init(sg_q8_table *t, uint32_t cpu);
void sg_q8_init_x86(sg_q8_table *t, uint32_t cpu);
void sg_q8_init_arm(sg_q8_table *t, uint32_t cpu);

static inline int64_t sg_q8_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by * by;
}

/* Lanes of the block at the head of `left` channels, where the widest has `lanes`. Position p of a block of L lanes is channel
 * p / 4 % L * 16 + p / (4 * L) * 4 + p % 4 of it: the order that interleaving bytes inside lanes of 16 gives. */
static inline int sg_q8_dw_lanes(int64_t left, int lanes)
{
    while (lanes > 1 && left < 16 * lanes)
        lanes /= 2;
    return lanes;
}

#endif
