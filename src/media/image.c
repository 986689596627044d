/* One pass from a frame to a tensor. Each step is a stage that makes its rows from rows of the stage before it, or of the frame;
 * the sink asks the last stage for row after row. A stage keeps as many rows, resized across, as its taps down need, and asks
 * for no row and no column that no tap reads. */
#include "media/image.h"

#include <math.h>
#include <string.h>

#include "media/pairs.h"
#include "media/rows.h"
#include "tensor/dtype.h"

#define STEPS_MAX 8
#define SIDE_MAX  (1 << 20)

typedef struct stage {
    sg_geometry g;
    sg_axis h, v;
    bool real_in, real_out; /* rows of f32, else of bytes */
    int32_t seen;           /* columns of the row before that are read: g.src.w, of the frame those with a tap */
    uint8_t *in, *out;      /* a row from the frame; the row made */
    float *wide;            /* a row of bytes as reals */
    uint8_t **slot;         /* the rows kept, resized across; row y in slot[y % slots]; the taps' rows in order behind them */
    int32_t *holds, slots;
    size_t pitch_in, pitch, pitch_out;
    bool linear;    /* bilinear of 11-bit weights */
    bool fast;      /* with the instructions of pairs_avx2.c */
    sg_pairs pairs; /* of NV12 only; n is 0 otherwise */
} stage;

/* What tables depend on. */
typedef struct shape_key {
    uint8_t pixel, turn, bands, color;
    int32_t width, height, n;
    sg_geometry step[STEPS_MAX];
} shape_key;

struct sg_image_work {
    sg_mem *mem;
    sg_arena arena;
    bool ready;
    shape_key key;
    sg_reader reader;
    stage stage[STEPS_MAX];
    uint8_t table[SEDGE_BANDS_MAX][256][4]; /* a byte's number in the tensor */
    bool shifts[SEDGE_BANDS_MAX];           /* the table is a byte plus by */
    uint8_t by[SEDGE_BANDS_MAX];
    uint32_t cpu;
    sg_sink tabled;
};

sg_image_work *sg_image_work_new(sg_mem *mem)
{
    sg_image_work *w = sg_calloc(mem, 1, sizeof *w);
    if (w) {
        w->mem = mem;
        w->arena.mem = mem;
        w->cpu = sg_cpu();
    }
    return w;
}

void sg_image_work_free(sg_image_work *w)
{
    if (!w)
        return;
    sg_arena_free(&w->arena);
    sg_free(w->mem, w, sizeof *w);
}

/* ---- making the tables ---- */

static sedge_status check_step(const sg_geometry *g, int32_t in_w, int32_t in_h, int k, sg_err *err)
{
    const sg_rect *s = &g->src;
    if (s->x < 0 || s->y < 0 || s->w < 1 || s->h < 1 || s->w > in_w - s->x || s->h > in_h - s->y)
        return sg_fail(err, SEDGE_E_SHAPE, "step %d: %d x %d pixels at (%d, %d) pass a picture of %d x %d", k, s->w, s->h, s->x,
                       s->y, in_w, in_h);
    if (g->width < 1 || g->height < 1 || g->out_w < 1 || g->out_h < 1 || g->width > SIDE_MAX || g->height > SIDE_MAX ||
        g->out_w > SIDE_MAX || g->out_h > SIDE_MAX || g->x < -SIDE_MAX || g->x > SIDE_MAX || g->y < -SIDE_MAX || g->y > SIDE_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "step %d: %d x %d pixels in %d x %d", k, g->width, g->height, g->out_w, g->out_h);
    bool same = g->width == s->w && g->height == s->h;
    if (!same && !sg_axis_known(g->kernel, g->like))
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "step %d: that library has no such resize kernel", k);
    return SEDGE_OK;
}

static bool whole_fill(const sg_geometry *g, int channels)
{
    for (int c = 0; c < channels; c++)
        if (!(g->fill[c] >= 0 && g->fill[c] <= 255 && g->fill[c] == floorf(g->fill[c])))
            return false;
    return true;
}

/* The columns that some tap reads, and the taps' places among them. */
static sedge_status choose_columns(sg_image_work *w, stage *s, sg_err *err)
{
    int32_t n = s->g.src.w;
    int32_t *place = sg_arena_array(&w->arena, (size_t)n + 1, sizeof *place);
    w->reader.at = sg_arena_array(&w->arena, (size_t)n + 1, sizeof *w->reader.at);
    if (!place || !w->reader.at)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for the columns of a row");
    for (int32_t i = 0; i < s->h.n; i++)
        for (int32_t k = 0; k < s->h.count[i]; k++)
            place[s->h.start[i] + k] = 1;
    int32_t m = 0;
    for (int32_t x = 0; x < n; x++)
        if (place[x]) {
            place[x] = m;
            w->reader.at[m++] = sg_reader_place(&w->reader.f, s->g.src.x + x);
        }
    for (int32_t i = 0; i < s->h.n; i++)
        s->h.start[i] = place[s->h.start[i]];
    w->reader.n = s->seen = m;
    return SEDGE_OK;
}

/* What of a window is picked for output i: pixel x and its neighbour, which of the last one weighs nothing. */
static void pick_pair(sg_pairs *p, int32_t i, int32_t x, int32_t width)
{
    size_t at = (size_t)(i / 8) * 64 + (size_t)(i / 2 % 2) * 32 + (size_t)(i / 4 % 2) * 16 + (size_t)(i % 4) * 4;
    int32_t from = p->window[i / 2], next = x + 1 < width ? x + 1 : x;
    p->luma[at] = (uint8_t)(x - from);
    p->luma[at + 2] = (uint8_t)(next - from);
    for (size_t k = 0; k < 2; k++) {
        p->chroma[at + k] = (uint8_t)((x & ~1) + (int32_t)k - from);
        p->chroma[at + 2 + k] = (uint8_t)((next & ~1) + (int32_t)k - from);
    }
}

/* Where the pairs of a row of NV12 stand, before the taps are placed among the columns that are read: n stays 0 where two do not fit a
 * window. */
static sedge_status make_pairs(sg_image_work *w, stage *s, sg_err *err)
{
    const sg_reader *r = &w->reader;
    bool three = r->color == SG_COLOR_RGB || r->color == SG_COLOR_BGR, upright = r->f.turn <= 1 || r->f.turn == 4;
    int32_t n = s->h.n, width = r->f.width, last = width - SG_PAIRS_WINDOW;
    size_t eights = ((size_t)n + 7) / 8;
    if (!s->fast || r->f.pixel != SEDGE_PIXEL_NV12 || !three || !upright || last < 0 || width % 2)
        return SEDGE_OK;
    sg_pairs *p = &s->pairs;
    p->window = sg_arena_array(&w->arena, eights * 4 + 1, sizeof *p->window);
    p->weight = sg_arena_array(&w->arena, eights * 8 + 1, sizeof *p->weight);
    p->luma = sg_arena_array(&w->arena, eights + 1, 64);
    p->chroma = sg_arena_array(&w->arena, eights + 1, 64);
    if (!p->window || !p->weight || !p->luma || !p->chroma)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for the pixels of a row");
    memset(p->luma, 0x80, eights * 64); /* nothing */
    memset(p->chroma, 0x80, eights * 64);
    for (int32_t i = 0; i < n; i++) {
        int32_t x = s->g.src.x + s->h.start[i];
        const int32_t *weight = s->h.fixed + (size_t)i * (size_t)s->h.taps;
        if (i % 2 == 0)
            p->window[i / 2] = (x & ~1) < last ? x & ~1 : last;
        if (((x + 1) | 1) - p->window[i / 2] >= SG_PAIRS_WINDOW && p->window[i / 2] < last)
            return SEDGE_OK;
        pick_pair(p, i, x, width);
        p->weight[i] = weight[0] | weight[1] * 65536; /* neither is negative */
    }
    p->n = n;
    return SEDGE_OK;
}

static size_t padded(int32_t n)
{
    return ((size_t)n + 31u) & ~(size_t)31u;
}

/* Bytes of an element of a kept row. */
static size_t kept_size(const stage *s)
{
    return s->h.sum == SG_SUM_FIXED || s->h.sum == SG_SUM_REAL || s->v.sum == SG_SUM_REAL || s->real_in ? 4 : 1;
}

static sedge_status make_stage(sg_image_work *w, int k, bool real, sg_err *err)
{
    stage *s = &w->stage[k];
    size_t channels = w->reader.channels;
    s->real_in = real;
    SG_TRY(sg_axis_make(&s->h, &w->arena, &s->g, false, real, err));
    SG_TRY(sg_axis_make(&s->v, &w->arena, &s->g, true, real, err));
    s->real_out = real || !whole_fill(&s->g, (int)channels) ||
                  ((s->h.sum == SG_SUM_REAL || s->v.sum == SG_SUM_REAL) && s->g.like != SG_OPENCV);
    s->linear = s->h.sum == SG_SUM_FIXED && s->g.kernel != SG_BICUBIC;
    s->fast = s->linear && SG_ARCH_X86 && (w->cpu & SG_CPU_AVX2);
    s->seen = s->g.src.w;
    if (k == 0) {
        SG_TRY(make_pairs(w, s, err));
        SG_TRY(choose_columns(w, s, err));
    }
    for (int32_t i = 0; i < s->v.n; i++)
        s->slots = s->v.count[i] > s->slots ? s->v.count[i] : s->slots;
    s->slots = s->slots ? s->slots : 1;
    s->pitch_in = padded(s->seen);
    s->pitch = padded(s->h.n);
    s->pitch_out = padded(s->g.out_w);
    s->in = sg_arena_array(&w->arena, s->pitch_in * channels + s->pitch, 4);
    s->wide = sg_arena_array(&w->arena, s->pitch_in + s->pitch, 4);
    s->out = sg_arena_array(&w->arena, s->pitch_out * channels + 1, 4);
    s->slot = sg_arena_array(&w->arena, 2 * (size_t)s->slots, sizeof *s->slot);
    s->holds = sg_arena_array(&w->arena, (size_t)s->slots, sizeof *s->holds);
    if (!s->in || !s->wide || !s->out || !s->slot || !s->holds)
        return sg_fail(err, SEDGE_E_NOMEM, "step %d: no memory for rows", k);
    for (int32_t i = 0; i < s->slots; i++)
        if (!(s->slot[i] = sg_arena_array(&w->arena, s->pitch * channels, kept_size(s))))
            return sg_fail(err, SEDGE_E_NOMEM, "step %d: no memory for rows", k);
    return SEDGE_OK;
}

static sedge_status make_stages(sg_image_work *w, const sedge_frame *f, const shape_key *key, sg_err *err)
{
    sg_arena_free(&w->arena);
    w->arena = (sg_arena){.mem = w->mem};
    memset(w->stage, 0, sizeof w->stage);
    w->reader = (sg_reader){.f = *f, .color = key->color};
    w->reader.channels = (uint8_t)sg_reader_channels(f, key->color);
    w->reader.real = sg_frame_real(f);
    w->reader.lies = f->turn >= 5;
    int32_t width, height;
    bool real = w->reader.real;
    sg_frame_upright(f, &width, &height);
    for (int k = 0; k < key->n; k++) {
        w->stage[k].g = key->step[k];
        SG_TRY(check_step(&key->step[k], width, height, k, err));
        SG_TRY(make_stage(w, k, real, err));
        real = w->stage[k].real_out;
        width = key->step[k].out_w;
        height = key->step[k].out_h;
    }
    return SEDGE_OK;
}

/* ---- rows ---- */

static void across_bytes(const sg_axis *a, const uint8_t *s, uint8_t *d)
{
    for (int32_t i = 0; i < a->n; i++) {
        const int32_t *w = a->fixed + (size_t)i * (size_t)a->taps;
        const uint8_t *p = s + a->start[i];
        int32_t sum = 1 << 21;
        for (int32_t k = 0; k < a->count[i]; k++)
            sum += p[k] * w[k];
        sum >>= 22;
        d[i] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

static void across_fixed(const sg_axis *a, const uint8_t *restrict s, int32_t *restrict d, bool two)
{
    size_t taps = (size_t)a->taps;
    /* Of two taps the second may lie behind the row, where its weight is 0 and the memory is ours. */
    for (int32_t i = 0; two && i < a->n; i++) {
        const uint8_t *p = s + a->start[i];
        const int32_t *w = a->fixed + (size_t)i * taps;
        d[i] = p[0] * w[0] + p[1] * w[1];
    }
    if (two)
        return;
    for (int32_t i = 0; i < a->n; i++) {
        const int32_t *w = a->fixed + (size_t)i * (size_t)a->taps;
        const uint8_t *p = s + a->start[i];
        int32_t sum = 0;
        for (int32_t k = 0; k < a->count[i]; k++)
            sum += p[k] * w[k];
        d[i] = sum;
    }
}

static void across_real(const sg_axis *a, const float *s, float *d)
{
    for (int32_t i = 0; i < a->n; i++) {
        const float *w = a->real + (size_t)i * (size_t)a->taps;
        const float *p = s + a->start[i];
        float sum = 0;
        for (int32_t k = 0; k < a->count[i]; k++)
            sum += p[k] * w[k];
        d[i] = sum;
    }
}

static void copy_bytes(const sg_axis *a, const uint8_t *s, uint8_t *d)
{
    for (int32_t i = 0; i < a->n; i++)
        d[i] = s[a->start[i]];
}

static void copy_real(const sg_axis *a, const float *s, float *d)
{
    for (int32_t i = 0; i < a->n; i++)
        d[i] = s[a->start[i]];
}

/* One row of bytes or reals, resized across, into a slot. */
static void across(stage *s, const void *row, size_t pitch, int channels, uint8_t *slot)
{
    for (int c = 0; c < channels; c++) {
        size_t to = (size_t)c * s->pitch;
        const uint8_t *bytes = (const uint8_t *)row + (size_t)c * pitch;
        const float *real = (const float *)row + (size_t)c * pitch;
        if (s->h.sum == SG_SUM_BYTES) {
            across_bytes(&s->h, bytes, slot + to);
        } else if (s->h.sum == SG_SUM_FIXED) {
            across_fixed(&s->h, bytes, (int32_t *)(void *)slot + to, s->linear);
        } else if (kept_size(s) == 1) {
            copy_bytes(&s->h, bytes, slot + to);
        } else {
            if (!s->real_in) {
                for (int32_t i = 0; i < s->seen; i++)
                    s->wide[i] = bytes[i];
                real = s->wide;
            }
            if (s->h.sum == SG_SUM_COPY)
                copy_real(&s->h, real, (float *)(void *)slot + to);
            else
                across_real(&s->h, real, (float *)(void *)slot + to);
        }
    }
}

static void down_bytes(uint8_t *const *row, size_t from, const int32_t *w, int32_t taps, int32_t n, uint8_t *d)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t sum = 1 << 21;
        for (int32_t k = 0; k < taps; k++)
            sum += row[k][from + (size_t)i] * w[k];
        sum >>= 22;
        d[i] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

/* OpenCV drops bits before the sum of a bilinear resize, not of a bicubic one. */
static void down_fixed(uint8_t *const *row, size_t from, const int32_t *w, int32_t taps, int32_t n, bool linear,
                       uint8_t *restrict d)
{
    const int32_t *restrict a = (const int32_t *)(const void *)row[0] + from;
    const int32_t *restrict b = (const int32_t *)(const void *)row[taps > 1 ? 1 : 0] + from;
    int32_t w1 = taps > 1 ? w[1] : 0;
    for (int32_t i = 0; linear && i < n; i++)
        d[i] = (uint8_t)(((((a[i] >> 4) * w[0]) >> 16) + (((b[i] >> 4) * w1) >> 16) + 2) >> 2);
    for (int32_t i = 0; !linear && i < n; i++) {
        int32_t sum = 1 << 21;
        for (int32_t k = 0; k < taps; k++)
            sum += ((const int32_t *)(const void *)row[k])[from + (size_t)i] * w[k];
        sum >>= 22;
        d[i] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

/* The instructions at hand decided that these may be called. */
static void down_fast(uint8_t *const *row, size_t from, const int32_t *w, int32_t taps, int32_t n, uint8_t *d)
{
#if SG_ARCH_X86
    const int32_t *a = (const int32_t *)(const void *)row[0] + from;
    const int32_t *b = (const int32_t *)(const void *)row[taps > 1 ? 1 : 0] + from;
    sg_pairs_down_avx2(a, b, w[0], taps > 1 ? w[1] : 0, n, d);
#else
    down_fixed(row, from, w, taps, n, true, d);
#endif
}

static void read_pairs(const sg_reader *r, const stage *s, int32_t y, uint8_t *slot)
{
#if SG_ARCH_X86
    int32_t *sum = (int32_t *)(void *)slot;
    size_t first = r->color == SG_COLOR_BGR ? 2 * s->pitch : 0;
    sg_pairs_nv12_avx2(&s->pairs, sg_yuv_of(r->f.matrix), sg_reader_row(r, 0, y, false), sg_reader_row(r, 1, y, true),
                       sum + first, sum + s->pitch, sum + 2 * s->pitch - first);
#else
    (void)r;
    (void)s;
    (void)y;
    (void)slot;
#endif
}

static void down_real(uint8_t *const *row, size_t from, const float *w, int32_t taps, int32_t n, float *d)
{
    const float *first = (const float *)(const void *)row[0] + from;
    for (int32_t i = 0; i < n; i++)
        d[i] = first[i] * w[0];
    for (int32_t k = 1; k < taps; k++) {
        const float *p = (const float *)(const void *)row[k] + from;
        for (int32_t i = 0; i < n; i++)
            d[i] += p[i] * w[k];
    }
}

static void to_bytes(const float *s, int32_t n, uint8_t *d)
{
    for (int32_t i = 0; i < n; i++) {
        float v = s[i] < 0 ? 0 : s[i] > 255 ? 255 : s[i];
        d[i] = (uint8_t)nearbyintf(v);
    }
}

/* Row i of the resized picture from the kept rows, into the middle of the stage's row. */
static void down(stage *s, int32_t i, int channels, uint8_t *const *row)
{
    size_t x = (size_t)(s->g.x > 0 ? s->g.x : 0), weights = (size_t)i * (size_t)s->v.taps;
    int32_t n = s->h.n, taps = s->v.count[i];
    bool kept_real = kept_size(s) == 4 && s->h.sum != SG_SUM_FIXED;
    for (int c = 0; c < channels; c++) {
        size_t from = (size_t)c * s->pitch, to = (size_t)c * s->pitch_out + x;
        float *real = s->real_out ? (float *)(void *)s->out + to : s->wide;
        /* Bytes that a real row will hold (a fill with a fraction) are made in the scratch first. */
        uint8_t *bytes = s->real_out ? s->in : s->out + to;
        if (kept_real) {
            if (s->v.sum == SG_SUM_COPY)
                memcpy(real, (const float *)(const void *)row[0] + from, (size_t)n * sizeof *real);
            else
                down_real(row, from, s->v.real + weights, taps, n, real);
            if (!s->real_out)
                to_bytes(real, n, bytes);
            continue;
        }
        if (s->fast)
            down_fast(row, from, s->v.fixed + weights, taps, n, bytes);
        else if (s->h.sum == SG_SUM_FIXED)
            down_fixed(row, from, s->v.fixed + weights, taps, n, s->linear, bytes);
        else if (s->v.sum == SG_SUM_BYTES)
            down_bytes(row, from, s->v.fixed + weights, taps, n, bytes);
        else
            memcpy(bytes, row[0] + from, (size_t)n);
        for (int32_t k = 0; s->real_out && k < n; k++)
            real[k] = bytes[k];
    }
}

static void fill(stage *s, int channels, int32_t x, int32_t n)
{
    for (int c = 0; c < channels; c++) {
        size_t to = (size_t)c * s->pitch_out + (size_t)x;
        if (!s->real_out)
            memset(s->out + to, (int)s->g.fill[c], (size_t)n);
        for (int32_t i = 0; s->real_out && i < n; i++)
            ((float *)(void *)s->out)[to + (size_t)i] = s->g.fill[c];
    }
}

/* Row y of stage k; rows are asked in rising order. */
static const void *stage_row(sg_image_work *w, int k, int32_t y)
{
    stage *s = &w->stage[k];
    int channels = w->reader.channels;
    int32_t left = s->g.x > 0 ? s->g.x : 0, first = s->g.y < 0 ? -s->g.y : 0, i = y - s->g.y - first;
    if (i < 0 || i >= s->v.n || s->h.n == 0) {
        fill(s, channels, 0, s->g.out_w);
        return s->out;
    }
    uint8_t **row = s->slot + s->slots;
    for (int32_t t = 0; t < s->v.count[i]; t++) {
        int32_t from = s->v.start[i] + t, slot = from % s->slots;
        row[t] = s->slot[slot];
        if (s->holds[slot] == from)
            continue;
        s->holds[slot] = from;
        if (k == 0 && s->pairs.n) {
            read_pairs(&w->reader, s, s->g.src.y + from, row[t]);
        } else if (k == 0) {
            sg_read_row(&w->reader, s->g.src.y + from, s->in, s->pitch_in);
            across(s, s->in, s->pitch_in, channels, row[t]);
        } else {
            size_t one = s->real_in ? 4 : 1;
            const uint8_t *before = stage_row(w, k - 1, s->g.src.y + from);
            across(s, before + one * (size_t)s->g.src.x, w->stage[k - 1].pitch_out, channels, row[t]);
        }
    }
    fill(s, channels, 0, left < s->g.out_w ? left : s->g.out_w);
    down(s, i, channels, row);
    fill(s, channels, left + s->h.n, s->g.out_w - left - s->h.n);
    return s->out;
}

/* ---- the sink ---- */

static void put(const sg_sink *o, float v, int c, void *to, size_t i)
{
    float x = v * o->mul[c] + o->add[c];
    if (o->dtype == SG_F32) {
        ((float *)to)[i] = x;
        return;
    }
    if (o->dtype == SG_F16) {
        ((uint16_t *)to)[i] = sg_f32_to_f16(x);
        return;
    }
    double q = o->scale > 0 ? nearbyint((double)x / o->scale) + o->zero : nearbyint((double)x);
    double low = o->dtype == SG_I8 ? -128 : o->dtype == SG_I16 ? -32768 : 0;
    double high = low + (o->dtype == SG_I8 || o->dtype == SG_U8 ? 255 : 65535);
    q = q >= low ? (q <= high ? q : high) : low; /* NaN: low */
    if (o->dtype == SG_U8 || o->dtype == SG_I8)
        ((uint8_t *)to)[i] = (uint8_t)(int)q;
    else
        ((uint16_t *)to)[i] = (uint16_t)(int)q;
}

static size_t sink_size(const sg_sink *o)
{
    return sg_dtypes[o->dtype].bits / 8u;
}

/* Is the table a byte plus a constant? The usual case of quantized images. */
static bool shifts(uint8_t (*table)[4], uint8_t *by)
{
    *by = table[0][0];
    for (int v = 0; v < 256; v++)
        if (table[v][0] != (uint8_t)(v + *by))
            return false;
    return true;
}

static void make_table(sg_image_work *w, const sg_sink *o)
{
    sg_sink key = *o;
    key.data = NULL;
    if (memcmp(&key, &w->tabled, sizeof key) == 0)
        return;
    for (int c = 0; c < o->channels; c++)
        for (int v = 0; v < 256; v++) {
            union {
                float f;
                uint16_t h;
                uint8_t b[4];
            } one = {0};
            put(o, (float)v, c, one.b, 0);
            memcpy(w->table[c][v], one.b, 4);
        }
    for (int c = 0; c < o->channels; c++)
        w->shifts[c] = shifts(w->table[c], &w->by[c]);
    memcpy(&w->tabled, &key, sizeof key);
}

static void put_bytes(sg_image_work *w, const sg_sink *o, int c, const uint8_t *s, size_t at, size_t step, int32_t n)
{
    uint8_t by = w->by[c], *d8 = (uint8_t *)o->data + at;
    uint16_t *d16 = (uint16_t *)o->data + at;
    float *d32 = (float *)o->data + at, mul = o->mul[c], add = o->add[c];
    switch (sink_size(o)) {
    case 1:
        if (w->shifts[c]) {
            for (int32_t i = 0; step == 1 && i < n; i++)
                d8[i] = (uint8_t)(s[i] + by);
            for (int32_t i = 0; step != 1 && i < n; i++)
                d8[(size_t)i * step] = (uint8_t)(s[i] + by);
            return;
        }
        for (int32_t i = 0; i < n; i++)
            d8[(size_t)i * step] = w->table[c][s[i]][0];
        return;
    case 2:
        for (int32_t i = 0; i < n; i++)
            memcpy(&d16[(size_t)i * step], w->table[c][s[i]], 2);
        return;
    default:
        for (int32_t i = 0; step == 1 && i < n; i++)
            d32[i] = (float)s[i] * mul + add;
        for (int32_t i = 0; step != 1 && i < n; i++)
            d32[(size_t)i * step] = (float)s[i] * mul + add;
    }
}

static void sink_row(sg_image_work *w, const sg_sink *o, const void *row, const stage *s, int32_t y)
{
    int32_t width = s->g.out_w;
    for (int c = 0; c < o->channels; c++) {
        size_t channels = o->channels, line = (size_t)y * (size_t)width;
        size_t at = o->channels_last ? line * channels + (size_t)c : (size_t)c * (size_t)s->g.out_h * (size_t)width + line;
        size_t step = o->channels_last ? channels : 1, from = (size_t)c * s->pitch_out;
        if (!s->real_out) {
            put_bytes(w, o, c, (const uint8_t *)row + from, at, step, width);
            continue;
        }
        for (int32_t i = 0; i < width; i++)
            put(o, ((const float *)row)[from + (size_t)i], c, o->data, at + (size_t)i * step);
    }
}

/* ---- the run ---- */

static sedge_status check_run(const sedge_frame *f, sg_color color, int n, const sg_sink *o, sg_err *err)
{
    SG_TRY(sg_frame_check(f, err));
    if (n < 0 || n > STEPS_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "%d geometric steps, at most %d are possible", n, STEPS_MAX);
    int channels = sg_reader_channels(f, color);
    if (!channels)
        return sg_fail(err, SEDGE_E_TYPE, "a frame of bands gives bands, and no other gives them");
    if (o->channels != channels)
        return sg_fail(err, SEDGE_E_SHAPE, "a tensor of %d channels for %d", o->channels, channels);
    if (o->dtype != SG_F32 && o->dtype != SG_F16 && o->dtype != SG_U8 && o->dtype != SG_I8 && o->dtype != SG_U16 &&
        o->dtype != SG_I16)
        return sg_fail(err, SEDGE_E_TYPE, "pixels do not become a tensor of %s",
                       o->dtype < SG_DTYPE_COUNT ? sg_dtypes[o->dtype].name : "unknown type");
    return SEDGE_OK;
}

sedge_status sg_image_run(sg_image_work *w, const sedge_frame *f, sg_color color, const sg_geometry *step, int n,
                          const sg_sink *out, sg_err *err)
{
    SG_TRY(check_run(f, color, n, out, err));
    shape_key key;
    memset(&key, 0, sizeof key);
    key.pixel = f->pixel;
    key.turn = f->turn;
    key.bands = f->bands;
    key.color = (uint8_t)color;
    key.width = f->width;
    key.height = f->height;
    key.n = n ? n : 1;
    int32_t width, height;
    sg_frame_upright(f, &width, &height);
    key.step[0] = (sg_geometry){.src = {0, 0, width, height}, .width = width, .height = height, .out_w = width, .out_h = height};
    if (n)
        memcpy(key.step, step, (size_t)n * sizeof *step);
    if (!w->ready || memcmp(&key, &w->key, sizeof key) != 0) {
        w->ready = false;
        SG_TRY(make_stages(w, f, &key, err));
        memcpy(&w->key, &key, sizeof key);
        w->ready = true;
    }
    w->reader.f = *f;
    make_table(w, out);
    for (int k = 0; k < key.n; k++)
        for (int32_t i = 0; i < w->stage[k].slots; i++)
            w->stage[k].holds[i] = -1;
    const stage *last = &w->stage[key.n - 1];
    for (int32_t y = 0; y < last->g.out_h; y++)
        sink_row(w, out, stage_row(w, key.n - 1, y), last, y);
    return SEDGE_OK;
}
