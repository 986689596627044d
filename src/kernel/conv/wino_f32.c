/* Winograd's convolution: how it is cut, packing, and one task. */
#include "kernel/conv/wino_f32.h"

#include <math.h>
#include <string.h>

#include "kernel/simd/level.h"

/* What the transformed patches of a block and their sums may take of the second-level cache ... */
#define BLOCK_BYTES (384 * 1024)
/* ... unless that is fewer patches than it takes for weights to come from the next level as fast as they are used. */
#define LEAST_PATCHES 24
/* Enough tasks for the workers of a large machine. Chunks transform their block anew, which costs as much as 4 columns. */
#define TASKS         16
#define CHUNK_COLUMNS 96

/* ---- which transforms ---- */

void sg_wino_init_table(sg_wino_table *t, uint32_t cpu)
{
    *t = *SG_LEVEL_OF(cpu, sg_wino);
}

/* ---- sizes ---- */

static int64_t at_least_1(int64_t n)
{
    return n < 1 ? 1 : n;
}

static int64_t ceil_div(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static int64_t round_up(int64_t n)
{
    return (n + 15) & ~(int64_t)15;
}

/* Points stand an odd number of cache lines apart, so that those of a patch do not share the ways of a few sets. */
static int64_t apart(int64_t n)
{
    return round_up(n) | 16;
}

static int64_t width_of(const sg_wino *v, int64_t panel)
{
    return sg_panel_at(&v->panels, panel + 1) - sg_panel_at(&v->panels, panel);
}

static void cut(sg_wino *v)
{
    int64_t patch_bytes = SG_WINO_POINTS * (v->v_row + width_of(v, 0)) * (int64_t)sizeof(float);
    int64_t most = at_least_1(v->patches / LEAST_PATCHES), blocks = ceil_div(v->patches, at_least_1(BLOCK_BYTES / patch_bytes));
    blocks = blocks < TASKS ? TASKS : blocks;
    v->tiles = ceil_div(v->patches, v->rows);
    v->block = at_least_1(ceil_div(v->tiles, blocks < most ? blocks : most));
    v->blocks = ceil_div(v->tiles, v->block);
    int64_t chunks = v->blocks ? TASKS / v->blocks : 1, columns = v->a.oc / CHUNK_COLUMNS;
    v->chunks = at_least_1(chunks < columns ? chunks : columns);
    v->chunk = ceil_div(v->panels.count, v->chunks);
    v->chunks = ceil_div(v->panels.count, v->chunk);
}

bool sg_wino_takes(const sg_conv_shape *a)
{
    return a->kh == 3 && a->kw == 3 && a->group == 1 && a->stride_h == 1 && a->stride_w == 1 && a->dilation_h == 1 &&
           a->dilation_w == 1;
}

#define SIDE_MAX ((int64_t)1 << 24)

bool sg_wino_init(sg_wino *v, const sg_conv_shape *a, const sg_tile_f32_table *tile, const sg_wino_table *table)
{
    *v = (sg_wino){.a = *a, .tile = tile, .table = table};
    if (!sg_wino_takes(a) || a->c < 1 || a->oc < 1 || a->c > SIDE_MAX || a->oc > SIDE_MAX || a->c > SIDE_MAX * 16 / a->oc)
        return false;
    v->panels = sg_panels_of(a->oc, tile->lanes, tile->vectors);
    v->rows = tile->rows[sg_panel_vectors(&v->panels, 0)];
    v->high = ceil_div(a->oh, SG_WINO_OUT);
    v->wide = ceil_div(a->ow, SG_WINO_OUT);
    v->patches = a->n * v->high * v->wide;
    v->v_row = round_up(a->c);
    v->bias_at = round_up(a->c);
    v->panels_at = v->bias_at + round_up(a->oc);
    v->floats = v->panels_at + sg_panel_at(&v->panels, v->panels.count) * SG_WINO_POINTS * a->c;
    cut(v);
    int64_t patches = v->block * v->rows;
    v->v_step = apart(patches * v->v_row);
    v->m_step = apart(patches * width_of(v, 0));
    v->scratch = (size_t)(SG_WINO_POINTS * (v->v_step + v->m_step)) * sizeof(float);
    v->scratch += ((size_t)patches * sizeof(float *) + 63) & ~(size_t)63;
    return v->scratch < (size_t)1 << 30;
}

/* ---- packing: a row of zeros for pixels in the padding, the bias, and for every panel its columns point by point ---- */

static float float_at(const void *p, int64_t i)
{
    float x;
    memcpy(&x, (const char *)p + (size_t)i * sizeof x, sizeof x);
    return x;
}

enum { COLUMNS = SG_TILE_VECTORS * 16 };

/* G g of n columns: three rows of numbers become four. */
static void expand(double (*g)[COLUMNS], int g_step, double (*t)[COLUMNS], int t_step, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        double a = g[0][j], b = g[g_step][j], c = g[2 * g_step][j];
        t[0][j] = a;
        t[t_step][j] = (a + c + b) / 2;
        t[2 * t_step][j] = (a + c - b) / 2;
        t[3 * t_step][j] = c;
    }
}

/* G g G' for one input channel and the columns of a panel; in double, rounded once. */
static void pack_channel(const sg_wino *v, const sg_conv_last_weights *w, int64_t from, int64_t width, int64_t ic, float *to)
{
    double g[9][COLUMNS], t[4 * 3][COLUMNS], u[SG_WINO_POINTS][COLUMNS];
    for (int64_t j = 0; j < width; j++)
        for (int tap = 0; tap < 9; tap++)
            g[tap][j] = from + j < v->a.oc ? (double)float_at(w->data, (from + j) * w->by_oc + ic * w->by_ic + tap * w->by_tap)
                                           : 0;
    for (int j = 0; j < 3; j++)
        expand(g + j, 3, t + j, 3, width);
    for (int i = 0; i < 4; i++)
        expand(t + 3 * i, 1, u + 4 * i, 1, width);
    for (int i = 0; i < SG_WINO_POINTS; i++, to += v->a.c * width)
        for (int64_t j = 0; j < width; j++)
            to[j] = (float)((double)w->scale * u[i][j]);
}

int64_t sg_wino_pack_parts(const sg_wino *v)
{
    return 1 + v->panels.count;
}

void sg_wino_pack_part(const sg_wino *v, const sg_conv_last_weights *w, float *packed, int64_t part)
{
    if (part) {
        int64_t from = sg_panel_at(&v->panels, part - 1), width = width_of(v, part - 1);
        float *to = packed + v->panels_at + from * SG_WINO_POINTS * v->a.c;
        for (int64_t ic = 0; ic < v->a.c; ic++)
            pack_channel(v, w, from, width, ic, to + ic * width);
        return;
    }
    memset(packed, 0, (size_t)v->panels_at * sizeof *packed);
    for (int64_t i = 0; w->bias && i < v->a.oc; i++)
        packed[v->bias_at + i] = w->bias_scale * float_at(w->bias, i * w->bias_step);
}

void sg_wino_pack(const sg_wino *v, const sg_conv_last_weights *w, float *packed)
{
    for (int64_t i = 0; i < sg_wino_pack_parts(v); i++)
        sg_wino_pack_part(v, w, packed, i);
}

/* ---- a task ---- */

/* The first patch of tile i: heights differ by one at most. */
static int64_t tile_at(const sg_wino *v, int64_t i)
{
    int64_t base = v->patches / v->tiles, more = v->patches % v->tiles;
    return i * base + (i < more ? i : more);
}

typedef struct place {
    int64_t image, y, x; /* of an output patch, in patches */
} place;

static place place_of(const sg_wino *v, int64_t patch)
{
    return (place){.image = patch / v->wide / v->high, .y = patch / v->wide % v->high, .x = patch % v->wide};
}

static void next(const sg_wino *v, place *p)
{
    if (++p->x < v->wide)
        return;
    p->x = 0;
    if (++p->y < v->high)
        return;
    p->y = 0;
    p->image++;
}

/* Where the pixels of a patch stand. */
static void point(const sg_wino *v, const place *at, const float *p[SG_WINO_POINTS])
{
    const sg_conv_shape *a = &v->a;
    int64_t iy = at->y * SG_WINO_OUT - a->pad_top, ix = at->x * SG_WINO_OUT - a->pad_left, line = a->w * a->c;
    const float *image = v->x + at->image * a->h * line;
    if (iy >= 0 && ix >= 0 && iy + SG_WINO_IN <= a->h && ix + SG_WINO_IN <= a->w) {
        for (int i = 0; i < SG_WINO_POINTS; i++)
            p[i] = image + (iy + i / SG_WINO_IN) * line + (ix + i % SG_WINO_IN) * a->c;
        return;
    }
    for (int i = 0; i < SG_WINO_POINTS; i++) {
        int64_t y = iy + i / SG_WINO_IN, x = ix + i % SG_WINO_IN;
        p[i] = y >= 0 && y < a->h && x >= 0 && x < a->w ? image + y * line + x * a->c : v->packed;
    }
}

/* The sums of all points for one panel. `rows`: where the first point of each patch stands. */
static void multiply(const sg_wino *v, int64_t panel, int64_t from, int64_t to, const float *const *rows, float *m)
{
    int64_t width = width_of(v, panel), first = tile_at(v, from);
    int vectors = sg_panel_vectors(&v->panels, panel);
    sg_tile_f32 t = {.taps = 1, .k = v->a.c, .c_row = width, .n = width, .lo = -HUGE_VALF, .hi = HUGE_VALF};
    t.b = v->packed + v->panels_at + sg_panel_at(&v->panels, panel) * SG_WINO_POINTS * v->a.c;
    for (int64_t i = 0; i < SG_WINO_POINTS; i++, t.b += v->a.c * width, t.a_off += v->v_step, m += v->m_step)
        for (int64_t k = from; k < to; k++) {
            int64_t at = tile_at(v, k) - first, end = tile_at(v, k + 1) - first;
            t.a = rows + at;
            t.c = m + at * width;
            v->tile->fn[vectors][end - at - 1](&t);
        }
}

static void finish(const sg_wino *v, int64_t panel, int64_t first, int64_t last, const float *m)
{
    const sg_conv_shape *a = &v->a;
    int64_t col = sg_panel_at(&v->panels, panel), width = width_of(v, panel);
    sg_wino_out o = {.m = m, .m_step = v->m_step, .bias = v->packed + v->bias_at + col, .y_row = a->ow * a->oc, .y_col = a->oc};
    o.n = a->oc - col < width ? a->oc - col : width;
    o.lo = v->lo;
    o.hi = v->hi;
    place p = place_of(v, first);
    for (int64_t i = first; i < last; i++, o.m += width, next(v, &p)) {
        int64_t y = p.y * SG_WINO_OUT, x = p.x * SG_WINO_OUT, at = ((p.image * a->oh + y) * a->ow + x) * a->oc + col;
        o.rows = a->oh - y < SG_WINO_OUT ? a->oh - y : SG_WINO_OUT;
        o.cols = a->ow - x < SG_WINO_OUT ? a->ow - x : SG_WINO_OUT;
        o.y = v->y + at;
        o.add = v->add ? v->add + at : NULL;
        v->table->out(&o);
        for (int64_t row = 0; row < o.rows; row++)
            sg_act_f32_tile(&v->act, o.y + row * o.y_row, o.y_col, o.cols, o.n);
    }
}

void sg_wino_run(const sg_wino *v, int64_t task, void *scratch)
{
    int64_t from = task / v->chunks * v->block, to = from + v->block < v->tiles ? from + v->block : v->tiles;
    int64_t panel = task % v->chunks * v->chunk, end = panel + v->chunk < v->panels.count ? panel + v->chunk : v->panels.count;
    if (from >= to)
        return;
    int64_t first = tile_at(v, from), last = tile_at(v, to);
    float *spread = scratch, *m = spread + SG_WINO_POINTS * v->v_step;
    const float **rows = (const float **)(void *)(m + SG_WINO_POINTS * v->m_step);
    place p = place_of(v, first);
    for (int64_t i = first; i < last; i++, next(v, &p)) {
        const float *pixel[SG_WINO_POINTS];
        point(v, &p, pixel);
        rows[i - first] = spread + (i - first) * v->v_row;
        v->table->in(pixel, v->a.c, spread + (i - first) * v->v_row, v->v_step);
    }
    for (; panel < end; panel++) {
        multiply(v, panel, from, to, rows, m);
        finish(v, panel, first, last, m);
    }
}
