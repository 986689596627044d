/* Depthwise convolution: rows are cut into the pixels whose taps all lie inside, and the ones at the ends. */
#include "kernel/dwconv/dwconv_f32.h"

#include <string.h>

#include "kernel/simd/level.h"

void sg_dw_init(sg_dw_table *t, uint32_t cpu)
{
    *t = *SG_LEVEL_OF(cpu, sg_dw);
}

/* Enough tasks for the workers of a large machine, none below what waking one costs. */
#define TASKS     16
#define TASK_MACS 150000.0
#define SIDE_MAX  ((int64_t)1 << 40)

bool sg_dwconv_init(sg_dwconv *v, const sg_conv_shape *a, const sg_dw_table *table)
{
    *v = (sg_dwconv){.a = *a, .table = table};
    if (a->c < 1 || a->kh < 1 || a->kw < 1 || a->c > SIDE_MAX / a->kh / a->kw)
        return false;
    v->vectors = (a->c + table->lanes - 1) / table->lanes;
    v->vector_floats = (a->kh * a->kw + 1) * table->lanes;
    v->floats = v->vectors * v->vector_floats + a->c; /* zeros for pixels in the padding stand last */
    v->blocks = a->kh == 3 && a->kw == 3 && a->stride_h == 1 && a->stride_w == 1 && a->dilation_h == 1 && a->dilation_w == 1 &&
                a->c >= table->lanes;
    int64_t rows = a->n * a->oh;
    double most = (double)rows * (double)(a->ow * a->c) * (double)(a->kh * a->kw) / TASK_MACS;
    int64_t tasks = most > TASKS ? TASKS : most < 1 ? 1 : (int64_t)most;
    v->step = rows > tasks ? (rows + tasks - 1) / tasks : 1;
    if (v->blocks && table->block_rows > 1)
        v->step += v->step & 1;
    v->tasks = (rows + v->step - 1) / v->step;
    return true;
}

/* The first channel of vector i: the last vector ends with the channels, so it shares some with the one before. */
static int64_t vector_at(const sg_dwconv *v, int64_t i)
{
    int64_t last = v->a.c - v->table->lanes, at = i * v->table->lanes;
    return last < 0 || at < last ? at : last;
}

static float float_at(const void *p, int64_t i)
{
    float x;
    memcpy(&x, (const char *)p + (size_t)i * sizeof x, sizeof x);
    return x;
}

void sg_dwconv_pack(const sg_dwconv *v, const sg_conv_last_weights *w, float *packed)
{
    int64_t lanes = v->table->lanes, taps = v->a.kh * v->a.kw;
    for (int64_t i = 0; i < v->vectors; i++)
        for (int64_t row = 0; row <= taps; row++)
            for (int64_t j = 0; j < lanes; j++, packed++) {
                int64_t c = vector_at(v, i) + j;
                *packed = 0;
                if (c < v->a.c && row > 0)
                    *packed = w->scale * float_at(w->data, c * w->by_oc + (row - 1) * w->by_tap);
                else if (c < v->a.c && w->bias)
                    *packed = w->bias_scale * float_at(w->bias, c * w->bias_step);
            }
    memset(packed, 0, (size_t)v->a.c * sizeof *packed);
}

/* Taps [*from, *to) of a window at `at` that lie inside [0, size); none: both 0. */
static void taps_inside(int64_t at, int64_t dilation, int64_t taps, int64_t size, int64_t *from, int64_t *to)
{
    *from = at < 0 ? (-at + dilation - 1) / dilation : 0;
    *to = at < size ? (size - at + dilation - 1) / dilation : 0;
    *to = *to < taps ? *to : taps;
    if (*from >= *to)
        *from = *to = 0;
}

/* Where an output row reads: its rows of taps, and the pixels [inner, outer) whose columns all lie inside. */
typedef struct dw_row {
    const float *x; /* column 0 of the row of the first tap */
    int64_t at, ky, rows, inner, outer;
} dw_row;

static dw_row row_of(const sg_dwconv *v, int64_t row)
{
    const sg_conv_shape *a = &v->a;
    int64_t y = row % a->oh * a->stride_h - a->pad_top, end, reach = (a->kw - 1) * a->dilation_w;
    dw_row r = {.at = row * a->ow * a->c};
    taps_inside(y, a->dilation_h, a->kh, a->h, &r.ky, &end);
    r.rows = end - r.ky;
    r.x = v->x + (row / a->oh * a->h + (r.rows ? y + r.ky * a->dilation_h : 0)) * a->w * a->c;
    r.inner = (a->pad_left + a->stride_w - 1) / a->stride_w;
    r.inner = r.inner < a->ow ? r.inner : a->ow;
    r.outer = a->w + a->pad_left - reach <= 0 ? 0 : (a->w + a->pad_left - reach - 1) / a->stride_w + 1;
    r.outer = r.outer < r.inner ? r.inner : r.outer > a->ow ? a->ow : r.outer;
    return r;
}

static void run_span(const sg_dwconv *v, const dw_row *r, sg_dw_span *s, int64_t c, const float *w, int64_t from, int64_t pixels)
{
    const sg_conv_shape *a = &v->a;
    int64_t x = from * a->stride_w - a->pad_left, kx, end, at = r->at + from * a->c + c;
    taps_inside(x, a->dilation_w, a->kw, a->w, &kx, &end);
    s->pixels = pixels;
    s->cols = end - kx;
    s->x = r->x + (s->cols ? x + kx * a->dilation_w : 0) * a->c + c;
    s->w = w + (r->ky * a->kw + kx) * v->table->lanes;
    s->y = v->y + at;
    s->add = v->add ? v->add + at : NULL;
    if (s->lanes < v->table->lanes)
        v->table->few(s);
    else
        (s->rows == 3 && s->cols == 3 ? v->table->three : v->table->any)(s);
}

static void run_row(const sg_dwconv *v, int64_t row)
{
    const sg_conv_shape *a = &v->a;
    const int64_t lanes = v->table->lanes;
    dw_row r = row_of(v, row);
    sg_dw_span s = {.x_step = a->stride_w * a->c,
                    .y_step = a->c,
                    .rows = r.rows,
                    .by_row = a->dilation_h * a->w * a->c,
                    .by_col = a->dilation_w * a->c,
                    .w_row = a->kw * lanes,
                    .lanes = a->c < lanes ? a->c : lanes,
                    .lo = v->lo,
                    .hi = v->hi};
    for (int64_t i = 0; i < v->vectors; i++) {
        const float *w = v->packed + i * v->vector_floats;
        int64_t c = vector_at(v, i);
        s.bias = w;
        for (int64_t x = 0; x < r.inner; x++)
            run_span(v, &r, &s, c, w + lanes, x, 1);
        if (r.inner < r.outer)
            run_span(v, &r, &s, c, w + lanes, r.inner, r.outer - r.inner);
        for (int64_t x = r.outer; x < a->ow; x++)
            run_span(v, &r, &s, c, w + lanes, x, 1);
        sg_act_f32_tile(&v->act, v->y + r.at + c, a->c, a->ow, s.lanes);
    }
}

/* Where the pixels stand that a block reads, the first at row iy and column ix. */
static void point_block(const sg_dwconv *v, const float *image, int64_t iy, int64_t ix, sg_dw_block *b)
{
    const sg_conv_shape *a = &v->a;
    const float *zeros = v->packed + v->vectors * v->vector_floats;
    for (int64_t i = 0; i < SG_DW_ROWS + 2; i++) {
        int64_t y = iy + i;
        bool inside = y >= 0 && y < a->h && i < b->rows + 2;
        const float *line = image + (inside ? y : 0) * a->w * a->c;
        for (int64_t j = 0; j < SG_DW_COLS + 2; j++) {
            int64_t x = ix + j;
            b->x[i][j] = inside && x >= 0 && x < a->w ? line + x * a->c : zeros;
        }
    }
}

/* `rows` rows of one image from `row` on. */
static void run_blocks(const sg_dwconv *v, int64_t row, int64_t rows)
{
    const sg_conv_shape *a = &v->a;
    const float *image = v->x + row / a->oh * a->h * a->w * a->c;
    sg_dw_block b = {.w = v->packed, .c = a->c, .y_row = a->ow * a->c, .rows = rows, .lo = v->lo, .hi = v->hi};
    for (int64_t x = 0; x < a->ow; x += SG_DW_COLS) {
        int64_t at = row * b.y_row + x * a->c;
        b.cols = a->ow - x < SG_DW_COLS ? a->ow - x : SG_DW_COLS;
        b.y = v->y + at;
        b.add = v->add ? v->add + at : NULL;
        point_block(v, image, row % a->oh - a->pad_top, x - a->pad_left, &b);
        v->table->block(&b);
        for (int64_t r = 0; r < rows; r++)
            sg_act_f32_tile(&v->act, b.y + r * b.y_row, a->c, b.cols, a->c);
    }
}

void sg_dwconv_run(const sg_dwconv *v, int64_t task)
{
    int64_t rows = v->a.n * v->a.oh, end = (task + 1) * v->step, high = v->table->block_rows, n;
    end = end < rows ? end : rows;
    for (int64_t row = task * v->step; row < end; row += n) {
        int64_t left = v->a.oh - row % v->a.oh; /* of the image */
        n = !v->blocks ? 1 : end - row < high ? end - row : high;
        n = n < left ? n : left;
        if (v->blocks)
            run_blocks(v, row, n);
        else
            run_row(v, row);
    }
}
