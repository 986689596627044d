/* The portable 8-bit kernels, and how a table is filled. */
#include "kernel/q8/q8.h"

#include <string.h>

#include "base/cpu.h"
#include "kernel/qconv/qdot_s8.h"

/* |t| < 2^22 after the clamp, so that adding 1.5 * 2^23 rounds half to even, and leaves the integer in the low bits. */
static uint8_t narrow(float t, const sg_q8_out *o)
{
    const float min = (float)(o->lo - o->zero), max = (float)(o->hi - o->zero);
    uint32_t bits;
    t = t > min ? t : min;
    t = t < max ? t : max;
    t += 12582912.0f;
    memcpy(&bits, &t, sizeof bits);
    return (uint8_t)(bits + (uint32_t)o->zero);
}

static uint8_t requant(uint32_t acc, float scale, const sg_q8_out *o)
{
    return narrow((float)(int32_t)acc * scale, o);
}

/* ---- products -------------------------------------------------------------------------------------------------- */

/* A stretch of the depth, of which no sum passes 32 bits, is widened to 16: compilers know dot products of those. */
enum { ROWS = 32, DEPTH = 256 };

/* acc += k elements of x, widened, times as many of every column of w. */
static void add_stretch(const sg_q8_tile *t, const int16_t *x, const int8_t *w, int64_t k, uint32_t acc[ROWS][SG_Q8_N])
{
    int16_t wide[SG_Q8_N * DEPTH];
    int32_t sum[ROWS * SG_Q8_N];
    const int64_t up = sg_qdot_up(k, SG_QDOT_K), padded = sg_q8_up(k, SG_Q8_K);
    for (int n = 0; n < SG_Q8_N; n++) {
        for (int64_t i = 0; i < padded; i++)
            wide[n * up + i] = w[(i / SG_Q8_K * SG_Q8_N + n) * SG_Q8_K + i % SG_Q8_K];
        for (int64_t i = padded; i < up; i++)
            wide[n * up + i] = 0;
    }
    sg_qdot(wide, SG_Q8_N, x, t->rows, up, sum, 1, SG_Q8_N);
    for (int i = 0; i < t->rows * SG_Q8_N; i++)
        acc[i / SG_Q8_N][i % SG_Q8_N] += (uint32_t)sum[i];
}

/* Bytes [from, from + k) of every row, its runs one behind the other. */
static void widen(const sg_q8_tile *t, int64_t from, int64_t k, int16_t *to)
{
    const uint8_t flip = (uint8_t)t->flip;
    const int64_t up = sg_qdot_up(k, SG_QDOT_K), each = t->fours * SG_Q8_K;
    memset(to, 0, (size_t)(sg_qdot_up(t->rows, SG_QDOT_X) * up) * sizeof *to);
    for (int64_t i = 0; i < k;) {
        int64_t run = (from + i) / each, at = (from + i) % each, n = each - at < k - i ? each - at : k - i;
        for (int r = 0; r < t->rows; r++) {
            const uint8_t *x = t->x + r * t->x_pitch + t->run[run] + at;
            for (int64_t j = 0; j < n; j++)
                to[r * up + i + j] = (int16_t)(x[j] ^ flip);
        }
        i += n;
    }
}

static void tile(const sg_q8_tile *t)
{
    int16_t x[ROWS * DEPTH];
    uint32_t acc[ROWS][SG_Q8_N];
    const int64_t all = t->runs * t->fours * SG_Q8_K;
    for (int r = 0; r < t->rows; r++)
        memcpy(acc[r], t->bias, sizeof acc[r]);
    for (int64_t at = 0; at < all; at += DEPTH) {
        int64_t k = all - at < DEPTH ? all - at : DEPTH;
        widen(t, at, k, x);
        add_stretch(t, x, t->w + at * SG_Q8_N, k, acc);
    }
    for (int r = 0; r < t->rows; r++) {
        uint8_t *y = t->y + r * t->y_pitch;
        if (!t->scale)
            memcpy(y, acc[r], (size_t)t->columns * sizeof **acc);
        for (int n = 0; t->scale && n < t->columns; n++)
            y[n] = requant(acc[r][n], t->scale[n], &t->out);
    }
}

/* ---- depthwise -------------------------------------------------------------------------------------------------- */

/* Channels [from, from + count) of one output; blocks have one lane, so that their order is the channels' own. */
static void dw_block(const sg_q8_dw *d, int64_t at, int64_t from, int count)
{
    const uint8_t flip = (uint8_t)d->flip;
    const int8_t *w = d->w + from * d->taps;
    uint32_t acc[SG_Q8_N];
    memcpy(acc, d->bias + from, sizeof acc);
    for (int t = 0; t < d->taps; t++) {
        const uint8_t *x = d->x + at * d->step + d->tap[t] + from;
        const int8_t *u = w + t / 4 * SG_Q8_N * 4 + t % 4;
        for (int c = 0; c < count; c++)
            acc[c] += (uint32_t)((x[c] ^ flip) * u[c * 4]);
    }
    for (int c = 0; c < count; c++)
        d->y[at * d->y_pitch + from + c] = requant(acc[c], d->scale[from + c], &d->out);
}

static void dw(const sg_q8_dw *d)
{
    for (int64_t c = 0; c < d->channels; c += SG_Q8_N)
        for (int64_t i = 0; i < d->n; i++)
            dw_block(d, i, c, d->channels - c < SG_Q8_N ? (int)(d->channels - c) : SG_Q8_N);
}

void sg_q8_init(sg_q8_table *t, uint32_t cpu)
{
    *t = (sg_q8_table){.portable = true, .rows = ROWS, .panels = 1, .lanes = 1, .macs_us = 15000, .tile = tile, .dw = dw};
#if SG_ARCH_X86
    sg_q8_init_x86(t, cpu);
#elif SG_ARCH_NEON
    sg_q8_init_arm(t, cpu);
#else
    (void)cpu;
#endif
}
