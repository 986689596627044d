/* 8-bit products for NEON of Armv8.0: products of 16 bits, of which pairs are added to sums of 32 bits exactly.
 *
 * The loop of two rows makes 128 products: 20.1 cycles on a Cortex-A72 by llvm-mca 19, 80 % of the 8 a cycle that one pipe for
 * multiplying allows; the same on a Cortex-A76 (as neoverse-n1), where two pipes share products and sums. */
#include "kernel/q8/q8_neon.h"

enum { ROWS = 2 };

INLINE void tile(const sg_q8_tile *t, const int rows)
{
    const int8x16_t flip = flip_of(t->flip);
    const int8_t *w = t->w;
    int32x4_t acc[ROWS][8]; /* two columns each, in two parts */
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            acc[r][i] = vdupq_n_s32(0);
    for (int64_t run = 0; run < t->runs; run++) {
        const uint8_t *x = t->x + t->run[run];
        for (int64_t n = t->fours; n > 0; n--, x += 4, w += 64) {
            int8x16_t v[ROWS];
#pragma GCC unroll 2
            for (int r = 0; r < rows; r++)
                v[r] = four(x + r * t->x_pitch, flip);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const int8x16_t c = vld1q_s8(w + 16 * i);
#pragma GCC unroll 2
                for (int r = 0; r < rows; r++) {
                    acc[r][2 * i] = vpadalq_s16(acc[r][2 * i], vmull_s8(vget_low_s8(v[r]), vget_low_s8(c)));
                    acc[r][2 * i + 1] = vpadalq_s16(acc[r][2 * i + 1], vmull_high_s8(v[r], c));
                }
            }
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++) {
        int32x4_t s[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            s[i] = vaddq_s32(vld1q_s32(t->bias + 4 * i), vpaddq_s32(acc[r][2 * i], acc[r][2 * i + 1]));
        store_row(t, r, s);
    }
}

void sg_q8_tile_neon(const sg_q8_tile *t)
{
    if (t->rows == 2)
        tile(t, 2);
    else
        tile(t, 1);
}

static void dw_block(const sg_q8_dw *d, int64_t i, int64_t from, int count)
{
    const int8x16_t flip = flip_of(d->flip);
    const int8_t *w = d->w + from * d->taps;
    const uint8_t *x = d->x + i * d->step + from;
    int32x4_t s[4] = {vld1q_s32(d->bias + from), vld1q_s32(d->bias + from + 4), vld1q_s32(d->bias + from + 8),
                      vld1q_s32(d->bias + from + 12)};
    for (int t = 0; t < d->taps; t += 4, w += 64) {
        const int8x16x4_t u = vld4q_s8(w);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const int8x16_t v = channels(x + d->tap[t + j], count, flip);
            const int16x8_t lo = vmull_s8(vget_low_s8(v), vget_low_s8(u.val[j])), hi = vmull_high_s8(v, u.val[j]);
            s[0] = vaddw_s16(s[0], vget_low_s16(lo));
            s[1] = vaddw_high_s16(s[1], lo);
            s[2] = vaddw_s16(s[2], vget_low_s16(hi));
            s[3] = vaddw_high_s16(s[3], hi);
        }
    }
    store(s, d->scale + from, &d->out, count, d->y + i * d->y_pitch + from);
}

void sg_q8_dw_neon(const sg_q8_dw *d)
{
    for (int64_t c = 0; c < d->channels; c += 16)
        for (int64_t i = 0; i < d->n; i++)
            dw_block(d, i, c, d->channels - c < 16 ? (int)(d->channels - c) : 16);
}
