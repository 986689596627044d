/* The portable 8-bit kernels, and how a table is filled. */
#include "kernel/q8/q8.h"

#include <string.h>

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

/* Row x against one panel. */
static void row_sums(const sg_q8_tile *t, const uint8_t *x, const int8_t *w, uint32_t acc[SG_Q8_N])
{
    const uint8_t flip = (uint8_t)t->flip;
    for (int layer = 0; layer < t->layers; layer++)
        for (int64_t k = 0; k < t->k; k += SG_Q8_K, w += SG_Q8_N * SG_Q8_K)
            for (int64_t i = 0; i < SG_Q8_K && k + i < t->k; i++) {
                int32_t v = x[k + i] ^ flip;
                for (int n = 0; n < SG_Q8_N; n++)
                    acc[n] += (uint32_t)(v * w[n * SG_Q8_K + i]);
            }
}

static void tile(const sg_q8_tile *t)
{
    for (int r = 0; r < t->rows; r++)
        for (int n = 0; n < t->columns; n += SG_Q8_N) {
            int count = t->columns - n < SG_Q8_N ? t->columns - n : SG_Q8_N;
            uint8_t *y = t->y + r * t->y_pitch + (t->scale ? n : n * 4);
            uint32_t acc[SG_Q8_N];
            memcpy(acc, t->bias + n, sizeof acc);
            row_sums(t, t->x + r * t->x_pitch, t->w + n / SG_Q8_N * t->w_pitch, acc);
            if (!t->scale)
                memcpy(y, acc, (size_t)count * sizeof *acc);
            else
                for (int i = 0; i < count; i++)
                    y[i] = requant(acc[i], t->scale[n + i], &t->out);
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
        const uint8_t *x = d->tap[t] + at * d->step[t] + from;
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
    *t = (sg_q8_table){.portable = true, .rows = 4, .panels = 1, .lanes = 1, .macs_us = 2000, .tile = tile, .dw = dw};
#if defined(__x86_64__)
    sg_q8_init_x86(t, cpu);
#else
    (void)cpu;
#endif
}
