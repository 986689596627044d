/* Packing the right side of 8-bit products, and products made of tiles. */
#include "kernel/q8/q8_gemm.h"

#include <string.h>

/* Depth and columns beyond these would let offsets, or a layer's share of a sum, wrap. */
#define SIDE_MAX ((int64_t)1 << 31)
#define ALL_MAX  ((int64_t)1 << 40)

/* A run of weights: element i is (p[i * step] ^ flip) - less. */
typedef struct run {
    const uint8_t *p;
    int64_t step;
    int32_t flip, less;
} run;

static run run_of(const sg_q8_source *s, int64_t n, int64_t t)
{
    int32_t flip = s->is_signed ? 0x80 : 0;
    return (run){(const uint8_t *)s->w + n * s->step_n + t * s->step_t, s->step_i, flip, flip + s->zero[s->zero_each ? n : 0]};
}

int sg_q8_layers(const sg_q8_source *s)
{
    int32_t lo = 0, hi = 0;
    for (int64_t n = 0; n < s->n; n++)
        for (int64_t t = 0; t < s->outer; t++) {
            run r = run_of(s, n, t);
            for (int64_t i = 0; i < s->inner; i++, r.p += r.step) {
                int32_t v = (*r.p ^ r.flip) - r.less;
                lo = v < lo ? v : lo;
                hi = v > hi ? v : hi;
            }
        }
    int layers = 1;
    while (lo < INT8_MIN * layers || hi > INT8_MAX * layers)
        layers++;
    return layers;
}

/* Bytes of a column in one layer. */
static int64_t depth(const sg_q8_source *s)
{
    return s->outer / s->per * sg_q8_up(s->per * s->inner, SG_Q8_K);
}

bool sg_q8_packed(const sg_q8_source *s, int layers, int64_t *pitch, size_t *bytes)
{
    if (s->n < 1 || s->outer < 1 || s->inner < 1 || s->n > SIDE_MAX || s->outer > SIDE_MAX || s->inner > SIDE_MAX / s->outer)
        return false;
    *pitch = depth(s) * SG_Q8_N * layers;
    int64_t panels = sg_q8_up(s->n, SG_Q8_N) / SG_Q8_N;
    if (panels > ALL_MAX / *pitch)
        return false;
    *bytes = (size_t)(panels * *pitch);
    return true;
}

/* Column n of its panel: every layer takes what 8 bits can of what the ones before left. */
static int32_t pack_column(const sg_q8_source *s, int layers, int64_t n, int8_t *to)
{
    int64_t layer = depth(s) * SG_Q8_N, each = sg_q8_up(s->per * s->inner, SG_Q8_K);
    uint32_t sum = 0;
    to += n % SG_Q8_N * SG_Q8_K;
    for (int64_t t = 0; t < s->outer; t++) {
        run r = run_of(s, n, t);
        int64_t k = t / s->per * each + t % s->per * s->inner;
        for (int64_t i = 0; i < s->inner; i++, k++, r.p += r.step) {
            int32_t v = (*r.p ^ r.flip) - r.less;
            sum += (uint32_t)v;
            int8_t *at = to + (k - k % SG_Q8_K) * SG_Q8_N + k % SG_Q8_K;
            for (int l = 0; l < layers; l++) {
                int32_t part = v < INT8_MIN ? INT8_MIN : v > INT8_MAX ? INT8_MAX : v;
                at[l * layer] = (int8_t)part;
                v -= part;
            }
        }
    }
    return (int32_t)sum;
}

void sg_q8_pack(const sg_q8_source *s, int layers, int8_t *to, int32_t *sum)
{
    int64_t pitch;
    size_t bytes;
    if (!sg_q8_packed(s, layers, &pitch, &bytes))
        return;
    memset(to, 0, bytes);
    memset(sum, 0, (size_t)sg_q8_up(s->n, SG_Q8_N) * sizeof *sum);
    for (int64_t n = 0; n < s->n; n++)
        sum[n] = pack_column(s, layers, n, to + n / SG_Q8_N * pitch);
}

static void product_of_row(const sg_q8_table *q, const sg_q8_tile *whole, int64_t from, int64_t to)
{
    sg_q8_tile t = *whole;
    t.columns = (int)(to - from);
    t.w += from / SG_Q8_N * t.w_pitch;
    t.bias += from;
    t.scale = t.scale ? t.scale + from : NULL;
    t.y += whole->scale ? from : from * 4;
    t.rows = 1;
    q->row(&t);
}

/* Rows and panels are cut evenly: the last tile of each is about as large as the others. */
void sg_q8_product(const sg_q8_table *q, const sg_q8_tile *whole, const sg_q8_field *f, int64_t from, int64_t to)
{
    if (q->row && f->lines == 1 && f->rows == 1) {
        product_of_row(q, whole, from, to);
        return;
    }
    const int64_t panels = sg_q8_up(to - from, SG_Q8_N) / SG_Q8_N, across = (panels + q->panels - 1) / q->panels;
    const int64_t down = (f->rows + q->rows - 1) / q->rows, small = f->rows / down, larger = f->rows % down;
    sg_q8_tile t = *whole;
    for (int64_t j = 0; j < across; j++) {
        int64_t n = from + j * panels / across * SG_Q8_N, end = from + (j + 1) * panels / across * SG_Q8_N;
        t.columns = (int)((end < to ? end : to) - n);
        t.w = whole->w + n / SG_Q8_N * t.w_pitch;
        t.bias = whole->bias + n;
        t.scale = whole->scale ? whole->scale + n : NULL;
        for (int64_t line = 0; line < f->lines; line++) {
            t.x = whole->x + line * f->x_line;
            t.y = whole->y + line * f->y_line + (whole->scale ? n : n * 4);
            for (int64_t i = 0; i < down; i++) {
                t.rows = (int)(small + (i < larger));
                q->tile(&t);
                t.x += t.rows * t.x_pitch;
                t.y += t.rows * t.y_pitch;
            }
        }
    }
}
