/* The implicit GEMM: how it is cut, packing, and one task. */
#include "kernel/conv/conv_last_f32.h"

#include <string.h>

/* What a block may take of the second-level cache: its input and output rows. */
#define BLOCK_BYTES (256 * 1024)
/* Packed weights up to this are read again for every block; larger ones by as few blocks as can be. */
#define SMALL_WEIGHTS (128 * 1024)
/* Pointers of a block. */
#define BLOCK_POINTERS 4096
/* Enough tasks for the workers of a large machine, none below what waking one costs. */
#define TASKS     16
#define TASK_MACS 400000.0
/* Fewer input channels than this: the taps of a row are one run of floats. */
#define FEW_CHANNELS 16

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t at_least_1(int64_t n)
{
    return n < 1 ? 1 : n;
}

static int64_t round_up(int64_t n)
{
    return (n + 15) & ~(int64_t)15;
}

static void cut(sg_conv_last *v)
{
    const sg_conv_shape *a = &v->a;
    int64_t panels = v->panels.count * a->group, depth = v->taps * v->k;
    double macs = (double)v->pixels * (double)a->oc * (double)depth;
    int64_t most = macs / TASK_MACS > TASKS ? TASKS : at_least_1((int64_t)(macs / TASK_MACS));
    v->tiles = (v->pixels + v->rows - 1) / v->rows;
    v->block = v->block_most;
    if (v->group_floats * a->group * (int64_t)sizeof(float) <= SMALL_WEIGHTS && v->block > (v->tiles + most - 1) / most)
        v->block = (v->tiles + most - 1) / most;
    v->block = at_least_1(v->block < v->tiles ? v->block : v->tiles);
    v->blocks = (v->tiles + v->block - 1) / v->block;
    v->chunks = v->blocks ? most / v->blocks : 1;
    v->chunks = v->chunks < 1 ? 1 : v->chunks > panels ? panels : v->chunks;
    v->chunk = (panels + v->chunks - 1) / v->chunks;
    v->chunks = (panels + v->chunk - 1) / v->chunk;
}

#define SIDE_MAX ((int64_t)1 << 40)

bool sg_conv_last_init(sg_conv_last *v, const sg_conv_shape *a, const sg_tile_f32_table *tile)
{
    sg_conv_last own = {.a = *a, .tile = tile}, *f = &own;
    if (a->c < 1 || a->oc < 1 || a->group < 1 || a->kh < 1 || a->kw < 1 || a->c > SIDE_MAX / a->kh / a->kw ||
        a->oc > SIDE_MAX / (a->c * a->kh * a->kw))
        return false;
    f->rows_of_taps = a->group == 1 && a->kw > 1 && a->dilation_w == 1 && a->c < FEW_CHANNELS;
    f->taps = f->rows_of_taps ? a->kh : a->kh * a->kw;
    f->k = f->rows_of_taps ? a->kw * a->c : a->c / a->group;
    f->panels = sg_panels_of(a->oc / a->group, tile->lanes, tile->vectors);
    f->rows = tile->rows[sg_panel_vectors(&f->panels, 0)];
    f->bias_at = round_up(f->rows_of_taps ? f->k : a->c);
    f->panels_at = f->bias_at + round_up(a->oc);
    f->group_floats = round_up(sg_panel_at(&f->panels, f->panels.count) * f->taps * f->k);
    f->floats = f->panels_at + f->group_floats * a->group;
    int64_t pointers = f->rows * f->taps, tile_bytes = f->rows * (f->taps * f->k + a->oc) * (int64_t)sizeof(float);
    f->block_most = at_least_1(smaller(BLOCK_BYTES / tile_bytes, BLOCK_POINTERS / pointers));
    return sg_conv_last_resize(v, a, f);
}

bool sg_conv_last_resize(sg_conv_last *v, const sg_conv_shape *a, const sg_conv_last *fixed)
{
    *v = *fixed;
    v->a = *a;
    v->pixels = a->n * a->oh * a->ow;
    int64_t last = a->w - 1 - (a->kw - 1) * a->dilation_w + a->pad_left; /* stride_w * column of the last such window */
    v->inner_from = (a->pad_left + a->stride_w - 1) / a->stride_w;
    v->inner_to = last < 0 ? 0 : smaller(a->ow, last / a->stride_w + 1);
    cut(v);
    int64_t pointers = v->block * v->rows * v->taps;
    v->scratch = (size_t)pointers * sizeof(float *);
    if (v->rows_of_taps)
        v->scratch += (size_t)(pointers * v->k) * sizeof(float);
    v->scratch = (v->scratch + 63) & ~(size_t)63;
    return v->scratch < (size_t)1 << 30;
}

/* ---- packing: a row of zeros for taps in the padding, the bias, the panels group by group ---- */

static float float_at(const void *p, int64_t i)
{
    float x;
    memcpy(&x, (const char *)p + (size_t)i * sizeof x, sizeof x);
    return x;
}

/* A line of the cache has RUN weights of an output channel, or of an input channel: they are read one after the other. */
enum { RUN = 16 };

/* n input channels of `real` output channels. */
static void pack_run(const sg_conv_last_weights *w, int64_t at, int64_t n, int64_t real, int64_t width, float *to)
{
    if (w->by_oc == 1) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < real; j++)
                to[i * width + j] = w->scale * float_at(w->data, at + i * w->by_ic + j);
        return;
    }
    for (int64_t j = 0; j < real; j++)
        for (int64_t i = 0; i < n; i++)
            to[i * width + j] = w->scale * float_at(w->data, at + i * w->by_ic + j * w->by_oc);
}

static void pack_panel(const sg_conv_last *v, const sg_conv_last_weights *w, int64_t group, int64_t panel, float *to)
{
    int64_t ocg = v->a.oc / v->a.group, icg = v->a.c / v->a.group, from = sg_panel_at(&v->panels, panel);
    int64_t width = sg_panel_at(&v->panels, panel + 1) - from, real = ocg - from < width ? ocg - from : width;
    if (real < width)
        memset(to, 0, (size_t)(icg * v->a.kh * v->a.kw * width) * sizeof *to);
    for (int64_t tap = 0; tap < v->a.kh * v->a.kw; tap++)
        for (int64_t ic = 0; ic < icg; ic += RUN) {
            int64_t n = icg - ic < RUN ? icg - ic : RUN;
            pack_run(w, (group * ocg + from) * w->by_oc + ic * w->by_ic + tap * w->by_tap, n, real, width, to);
            to += n * width;
        }
}

int64_t sg_conv_last_pack_parts(const sg_conv_last *v)
{
    return 1 + v->a.group * v->panels.count;
}

void sg_conv_last_pack_part(const sg_conv_last *v, const sg_conv_last_weights *w, float *packed, int64_t part)
{
    int64_t depth = v->a.c / v->a.group * v->a.kh * v->a.kw, g = (part - 1) / v->panels.count, i = (part - 1) % v->panels.count;
    if (part) {
        pack_panel(v, w, g, i, packed + v->panels_at + g * v->group_floats + sg_panel_at(&v->panels, i) * depth);
        return;
    }
    memset(packed, 0, (size_t)v->panels_at * sizeof *packed);
    for (i = 0; w->bias && i < v->a.oc; i++)
        packed[v->bias_at + i] = w->bias_scale * float_at(w->bias, i * w->bias_step);
}

void sg_conv_last_pack(const sg_conv_last *v, const sg_conv_last_weights *w, float *packed)
{
    for (int64_t i = 0; i < sg_conv_last_pack_parts(v); i++)
        sg_conv_last_pack_part(v, w, packed, i);
}

/* ---- where the rows of a tile stand ---- */

/* Taps of one window, at a step of `rows` pointers. */
static void point_taps(const sg_conv_last *v, const float *image, int64_t iy, int64_t ix, const float **to, int64_t rows)
{
    const sg_conv_shape *a = &v->a;
    for (int64_t ky = 0; ky < a->kh; ky++) {
        int64_t y = iy + ky * a->dilation_h;
        bool inside = y >= 0 && y < a->h;
        const float *row = image + (inside ? y : 0) * a->w * a->c;
        for (int64_t kx = 0; kx < a->kw; kx++, to += rows) {
            int64_t x = ix + kx * a->dilation_w;
            *to = inside && x >= 0 && x < a->w ? row + x * a->c : v->packed;
        }
    }
}

/* Rows of taps of one window; those that hang over an end are copied, with zeros where nothing stands. */
static void point_rows(const sg_conv_last *v, const float *image, int64_t iy, int64_t ix, const float **to, int64_t rows,
                       float *patch)
{
    const sg_conv_shape *a = &v->a;
    int64_t lo = ix < 0 ? -ix : 0, hi = a->w - ix < a->kw ? a->w - ix : a->kw;
    bool whole = lo == 0 && hi == a->kw;
    for (int64_t ky = 0; ky < a->kh; ky++, to += rows, patch += v->k) {
        int64_t y = iy + ky * a->dilation_h;
        if (y < 0 || y >= a->h || lo >= hi) {
            *to = v->packed;
            continue;
        }
        const float *row = image + y * a->w * a->c;
        *to = patch;
        if (whole) {
            *to = row + ix * a->c;
            continue;
        }
        memset(patch, 0, (size_t)v->k * sizeof *patch);
        memcpy(patch + lo * a->c, row + (ix + lo) * a->c, (size_t)((hi - lo) * a->c) * sizeof *patch);
    }
}

/* Taps of n neighbours whose windows lie inside the image, the first at p. */
static void point_run(const sg_conv_last *v, const float *p, int64_t n, const float **to, int64_t rows)
{
    const sg_conv_shape *a = &v->a;
    int64_t step = a->stride_w * a->c, cols = v->rows_of_taps ? 1 : a->kw;
    for (int64_t ky = 0; ky < a->kh; ky++, p += a->dilation_h * a->w * a->c)
        for (int64_t kx = 0; kx < cols; kx++, to += rows)
            for (int64_t i = 0; i < n; i++)
                to[i] = p + kx * a->dilation_w * a->c + i * step;
}

static void point(const sg_conv_last *v, int64_t pixel, int64_t rows, const float **to, float *patch)
{
    const sg_conv_shape *a = &v->a;
    if (a->kh * a->kw == 1 && a->stride_h == 1 && a->stride_w == 1 && a->h == a->oh && a->w == a->ow) {
        for (int64_t i = 0; i < rows; i++)
            to[i] = v->x + (pixel + i) * a->c;
        return;
    }
    int64_t ox = pixel % a->ow, oy = pixel / a->ow % a->oh, image = pixel / a->ow / a->oh;
    for (int64_t i = 0, run; i < rows; i += run, to += run) {
        const float *from = v->x + image * a->h * a->w * a->c;
        int64_t iy = oy * a->stride_h - a->pad_top, ix = ox * a->stride_w - a->pad_left;
        bool inside = iy >= 0 && iy + (a->kh - 1) * a->dilation_h < a->h && ox >= v->inner_from && ox < v->inner_to;
        run = inside ? smaller(rows - i, v->inner_to - ox) : 1;
        if (inside)
            point_run(v, from + (iy * a->w + ix) * a->c, run, to, rows);
        else if (v->rows_of_taps)
            point_rows(v, from, iy, ix, to, rows, patch + i * v->taps * v->k);
        else
            point_taps(v, from, iy, ix, to, rows);
        ox += run;
        if (ox == a->ow) {
            ox = 0;
            if (++oy == a->oh) {
                oy = 0;
                image++;
            }
        }
    }
}

/* ---- a task ---- */

/* The first pixel of tile i: heights differ by one at most. */
static int64_t tile_at(const sg_conv_last *v, int64_t i)
{
    int64_t base = v->pixels / v->tiles, more = v->pixels % v->tiles;
    return i * base + (i < more ? i : more);
}

static void run_panel(const sg_conv_last *v, int64_t panel, int64_t from, int64_t to, const float *const *pointers)
{
    const sg_conv_shape *a = &v->a;
    int64_t g = panel / v->panels.count, at = sg_panel_at(&v->panels, panel % v->panels.count), ocg = a->oc / a->group;
    int64_t col = g * ocg + at, end = sg_panel_at(&v->panels, panel % v->panels.count + 1);
    int vectors = sg_panel_vectors(&v->panels, panel % v->panels.count);
    sg_tile_f32 t = {.a_off = g * (a->c / a->group),
                     .taps = v->taps,
                     .k = v->k,
                     .b = v->packed + v->panels_at + g * v->group_floats + at * v->taps * v->k,
                     .bias = v->packed + v->bias_at + col,
                     .add_row = a->oc,
                     .c_row = a->oc,
                     .n = (end < ocg ? end : ocg) - at,
                     .lo = v->lo,
                     .hi = v->hi};
    for (int64_t i = from; i < to; i++) {
        int64_t pixel = tile_at(v, i), rows = tile_at(v, i + 1) - pixel;
        t.a = pointers + (i - from) * v->rows * v->taps;
        t.c = v->y + pixel * a->oc + col;
        t.add = v->add ? v->add + pixel * a->oc + col : NULL;
        v->tile->fn[vectors][rows - 1](&t);
        sg_act_f32_tile(&v->act, t.c, a->oc, rows, t.n);
    }
}

void sg_conv_last_run(const sg_conv_last *v, int64_t task, void *scratch)
{
    int64_t panels = v->panels.count * v->a.group;
    int64_t from = task / v->chunks * v->block, to = from + v->block < v->tiles ? from + v->block : v->tiles;
    int64_t first = task % v->chunks * v->chunk, last = first + v->chunk < panels ? first + v->chunk : panels;
    int64_t pointers = v->rows * v->taps;
    const float **at = scratch;
    float *patches = (float *)(void *)(at + v->block * pointers);
    for (int64_t i = from; i < to; i++)
        point(v, tile_at(v, i), tile_at(v, i + 1) - tile_at(v, i), at + (i - from) * pointers,
              v->rows_of_taps ? patches + (i - from) * pointers * v->k : NULL);
    for (int64_t p = first; p < last; p++)
        run_panel(v, p, from, to, at);
}
