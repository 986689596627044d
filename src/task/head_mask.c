/* Masks: a class of each pixel, and of each row that was found its own; as large as the source, through the inverse geometry. */
#include <math.h>
#include <stdlib.h>

#include "task/run.h"

#define UNSEEN 255

/* Where a row or column of the source lies in a map: between i and i + 1, k of the way; i < 0: the model did not see it. */
typedef struct tap {
    int i, next;
    float k;
} tap;

static void make_taps(tap *p, int n, double scale, double shift, int input, int map, bool nearest)
{
    for (int x = 0; x < n; x++) {
        double u = (x + 0.5 - shift) / scale;
        bool seen = u >= 0 && u < input;
        double m = u * map / input - (nearest ? 0 : 0.5);
        m = fmin(fmax(m, 0), map - 1);
        int i = (int)m;
        p[x] = (tap){seen ? i : -1, i + 1 < map ? i + 1 : i, nearest ? 0 : (float)(m - i)};
    }
}

/* For every column of tiles the taps of every column of the source, then likewise of rows, in t->norm; and room for the mask. */
static sedge_status taps(sedge_task *t, const sg_maps *m, bool nearest, const tap **x, const tap **y, sg_err *err)
{
    const sg_tiles *s = &t->tiles;
    const sg_place *place = s->place.p;
    size_t nx = (size_t)s->nx, ny = (size_t)s->ny, w = (size_t)s->src_w, h = (size_t)s->src_h;
    SG_TRY(sg_keep_room(t, &t->norm, nx * w + ny * h, sizeof(tap), err));
    SG_TRY(sg_keep_room(t, &t->mask, w * h, 1, err));
    tap *p = t->norm.p;
    *x = p;
    *y = p + nx * w;
    for (size_t i = 0; i < nx; i++, p += w)
        make_taps(p, s->src_w, place[i].sx, place[i].tx, place[i].w, m->w, nearest);
    for (size_t i = 0; i < ny; i++, p += h)
        make_taps(p, s->src_h, place[i * nx].sy, place[i * nx].ty, place[i * nx].h, m->h, nearest);
    return SEDGE_OK;
}

static float sample(const sg_maps *m, int c, const tap *x, const tap *y)
{
    const float *v = m->v + (size_t)c * m->map_step;
    size_t a = (size_t)y->i * (size_t)m->w, b = (size_t)y->next * (size_t)m->w, i = (size_t)x->i, j = (size_t)x->next;
    float top = v[(a + i) * m->pixel_step] * (1 - x->k) + v[(a + j) * m->pixel_step] * x->k;
    float low = v[(b + i) * m->pixel_step] * (1 - x->k) + v[(b + j) * m->pixel_step] * x->k;
    return top * (1 - y->k) + low * y->k;
}

/* ---- a class of each pixel ---------------------------------------------------------------- */

/* Maps of every tile, and where each column and row of the source lies in those of each column and row of tiles. */
typedef struct field {
    sg_maps one;      /* of tile 0; those of the next begin `step` floats behind */
    size_t step;
    int nx, ny, w, h; /* tiles; the source */
    const tap *x, *y; /* [nx, w], [ny, h] */
    bool most, labels, threshold, logits;
    double least;
} field;

/* Of n tiles that one in which column or row `at` of `all` lies farthest inside; -1: none saw it. */
static int inmost(const tap *t, int n, int all, int at, int map)
{
    int best = -1, least = 0;
    for (int i = 0; i < n; i++) {
        int k = t[(size_t)i * (size_t)all + (size_t)at].i, off = abs(2 * k + 1 - map);
        if (k >= 0 && (best < 0 || off < least)) {
            best = i;
            least = off;
        }
    }
    return best;
}

/* Labels have no mean: of the tiles that saw a pixel, the one whose middle is nearest says it. */
static bool label_at(const field *f, int x, int y, float *out)
{
    int i = inmost(f->x, f->nx, f->w, x, f->one.w), j = inmost(f->y, f->ny, f->h, y, f->one.h);
    if (i < 0 || j < 0)
        return false;
    sg_maps m = f->one;
    m.v += (size_t)(j * f->nx + i) * f->step;
    *out = sample(&m, 0, &f->x[(size_t)i * (size_t)f->w + (size_t)x], &f->y[(size_t)j * (size_t)f->h + (size_t)y]);
    return true;
}

/* Of the tiles that saw a pixel: the mean of a score, or the most. False: none saw it. */
static bool score_at(const field *f, int c, int x, int y, float *out)
{
    float sum = 0, most = 0;
    int n = 0;
    if (f->nx * f->ny == 1) {
        if (f->x[x].i < 0 || f->y[y].i < 0)
            return false;
        *out = sample(&f->one, c, &f->x[x], &f->y[y]);
        return true;
    }
    for (int j = 0; j < f->ny; j++) {
        const tap *v = &f->y[(size_t)j * (size_t)f->h + (size_t)y];
        for (int i = 0; i < f->nx && v->i >= 0; i++) {
            const tap *u = &f->x[(size_t)i * (size_t)f->w + (size_t)x];
            if (u->i < 0)
                continue;
            sg_maps m = f->one;
            m.v += (size_t)(j * f->nx + i) * f->step;
            float s = sample(&m, c, u, v);
            most = n == 0 || s > most ? s : most;
            sum += s;
            n++;
        }
    }
    *out = f->most ? most : sum / (float)n;
    return n > 0;
}

static double one_score(const field *f, float last, int x, int y)
{
    float first = 0;
    if (!f->logits) /* the softmax of two is a sigmoid of their difference */
        return (double)last;
    if (f->one.n == 2)
        score_at(f, 0, x, y, &first);
    return 1 / (1 + exp((double)first - (double)last));
}

/* The class of a pixel, and its score. */
static int class_of(const field *f, int x, int y, float *score)
{
    float v;
    if (!(f->labels ? label_at(f, x, y, &v) : score_at(f, f->threshold ? f->one.n - 1 : 0, x, y, &v)))
        return UNSEEN;
    *score = v;
    if (f->labels)
        return v >= 0 && v < UNSEEN ? (int)v : UNSEEN;
    if (f->threshold) {
        *score = (float)one_score(f, v, x, y);
        return (double)*score >= f->least;
    }
    int best = 0;
    for (int c = 1; c < f->one.n; c++)
        if (score_at(f, c, x, y, &v) && v > *score) {
            *score = v;
            best = c;
        }
    return best;
}

static float pixel_score(const void *ctx, int x, int y)
{
    float s = 0;
    class_of(ctx, x, y, &s);
    return ((const field *)ctx)->labels ? 1 : s;
}

/* One answer a class that is there: its score is its share of what the model saw, its box holds all its pixels. */
static sedge_status count_classes(sedge_task *t, bool threshold, sedge_answers *out, sg_err *err)
{
    const sg_place *p = &t->place;
    const json_t *bg = sg_get(t->answer, "background");
    uint64_t count[256] = {0}, seen = 0;
    int box[256][4];
    const uint8_t *m = t->mask.p;
    for (int y = 0; y < p->src_h; y++)
        for (int x = 0; x < p->src_w; x++) {
            int c = *m++, *b = box[c];
            if (c == UNSEEN)
                continue;
            if (!count[c]++)
                b[0] = b[2] = x, b[1] = b[3] = y;
            b[0] = x < b[0] ? x : b[0];
            b[2] = x > b[2] ? x : b[2];
            b[3] = y;
            seen++;
        }
    SG_TRY(sg_keep_room(t, &t->answers, 256, sizeof(sedge_answer), err));
    sedge_answer *a = t->answers.p;
    int n = 0;
    for (int c = threshold ? 1 : 0; c < UNSEEN; c++) {
        if (!count[c] || (bg && json_integer_value(bg) == c))
            continue;
        float share = (float)((double)count[c] / (double)seen);
        int i = n++, label = sg_label_of(t, threshold && t->n_label == 1 ? t->first : c);
        for (; i > 0 && a[i - 1].score < share; i--)
            a[i] = a[i - 1];
        a[i] = (sedge_answer){.label = label, .text = sedge_task_label(t, label), .score = share};
        for (int k = 0; k < 4; k++)
            a[i].box[k] = (float)(box[c][k] + (k > 1));
    }
    out->answer = a;
    out->n = n;
    return SEDGE_OK;
}

static void give_mask(const sedge_task *t, sedge_answers *out)
{
    out->mask = t->mask.p;
    out->mask_w = t->place.src_w;
    out->mask_h = t->place.src_h;
}

static sedge_status check_maps(const sedge_task *t, const sg_maps *m, sg_err *err)
{
    bool labels = sg_is(t->answer, "form", "labels"), threshold = sg_is(t->answer, "then", "threshold");
    if (m->n >= UNSEEN || (labels && m->n != 1))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.out: a mask of %d classes", m->n);
    if (threshold && m->n > 2)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.then: a threshold needs 1 or 2 classes, the output has %d", m->n);
    if (!threshold && !labels && m->n < 2)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.then: one class needs a threshold");
    if (t->label && !t->id_label && !labels && t->n_label + t->first != m->n && !(threshold && t->n_label == 1))
        return sg_fail(err, SEDGE_E_SHAPE, "card: labels: %d labels from class %d on, the output has %d classes", t->n_label,
                       t->first, m->n);
    return SEDGE_OK;
}

/* The maps of a run stand behind those of the runs before it, all of one size. */
sedge_status sg_mask_take(sedge_task *t, int run, sg_err *err)
{
    sg_maps m;
    SG_TRY(sg_load_maps(t, sg_get(t->answer, "out"), sg_text(t->answer, "axes"), &t->scores, &m, err));
    SG_TRY(check_maps(t, &m, err));
    size_t n = (size_t)m.n * (size_t)m.h * (size_t)m.w;
    if (run > 0 && (m.n != t->maps.n || m.h != t->maps.h || m.w != t->maps.w))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.out: the masks of two tiles are not of one size");
    SG_TRY(sg_keep_room(t, &t->vector, n * ((size_t)run + 1), sizeof(float), err));
    memcpy((float *)t->vector.p + n * (size_t)run, m.v, n * sizeof(float));
    t->maps = m;
    return SEDGE_OK;
}

static sedge_status open_field(sedge_task *t, field *f, sg_err *err)
{
    const sg_tiles *s = &t->tiles;
    *f = (field){.one = t->maps,
                 .step = (size_t)t->maps.n * (size_t)t->maps.h * (size_t)t->maps.w,
                 .nx = s->nx,
                 .ny = s->ny,
                 .w = s->src_w,
                 .h = s->src_h,
                 .most = sg_is(s->fields, "merge", "max"),
                 .labels = sg_is(t->answer, "form", "labels"),
                 .threshold = sg_is(t->answer, "then", "threshold"),
                 .logits = sg_is(t->answer, "form", "logits"),
                 .least = sg_num(t->answer, "threshold")};
    f->one.v = t->vector.p;
    return taps(t, &f->one, f->labels || sg_is(t->answer, "upsample", "nearest"), &f->x, &f->y, err);
}

sedge_status sg_mask_give(sedge_task *t, sedge_answers *out, sg_err *err)
{
    field f;
    SG_TRY(open_field(t, &f, err));
    uint8_t *d = t->mask.p;
    for (int y = 0; y < f.h; y++)
        for (int x = 0; x < f.w; x++) {
            float score;
            *d++ = (uint8_t)class_of(&f, x, y, &score);
        }
    give_mask(t, out);
    if (sg_get(t->answer, "regions"))
        return sg_mask_regions(t, pixel_score, &f, out, err);
    return count_classes(t, f.threshold, out, err);
}

/* ---- masks of rows ------------------------------------------------------------------------ */

/* What was found since `first` keeps its coefficients, and the prototypes of this run, behind those of the runs before it. */
sedge_status sg_row_masks_take(sedge_task *t, int first, int run, const float *coefficient, size_t row_step, size_t channel_step,
                               size_t n, sg_err *err)
{
    sg_maps m;
    if (run == 0)
        t->n_maps = 0;
    if (first == t->n_found)
        return SEDGE_OK;
    SG_TRY(sg_load_maps(t, sg_get(sg_get(t->answer, "masks"), "proto"), "auto", &t->other, &m, err));
    if ((size_t)m.n != n)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.masks.at: %zu coefficients, the output proto has %d masks", n, m.n);
    if (t->n_maps > 0 && (m.h != t->maps.h || m.w != t->maps.w))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.masks.proto: the masks of two tiles are not of one size");
    size_t size = n * (size_t)m.h * (size_t)m.w;
    SG_TRY(sg_keep_room(t, &t->vector, size * ((size_t)t->n_maps + 1), sizeof(float), err));
    SG_TRY(sg_keep_room(t, &t->coefficients, (size_t)t->n_found * n, sizeof(float), err));
    memcpy((float *)t->vector.p + size * (size_t)t->n_maps, m.v, size * sizeof(float));
    for (int i = first; i < t->n_found; i++) {
        sg_found *f = (sg_found *)t->found.p + i;
        f->run = run;
        f->maps = t->n_maps;
        for (size_t c = 0; c < n; c++)
            ((float *)t->coefficients.p)[(size_t)i * n + c] = coefficient[(size_t)f->row * row_step + c * channel_step];
    }
    t->maps = m;
    t->n_maps++;
    return SEDGE_OK;
}

/* The prototypes mixed by the coefficients of one row (Bolya et al. 2019). */
static void mix(const sg_maps *m, const float *coefficient, float *out)
{
    size_t n = (size_t)m->h * (size_t)m->w;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int c = 0; c < m->n; c++)
            sum += (double)coefficient[c] * (double)m->v[(size_t)c * m->map_step + i * m->pixel_step];
        out[i] = (float)sum;
    }
}

/* Pixels of answer i become i + 1, where no better answer is. */
static void draw(sedge_task *t, const sg_maps *one, int i, const float box[4], double least, const tap *x, const tap *y)
{
    uint8_t *d = t->mask.p;
    for (int row = (int)box[1]; row < (int)ceilf(box[3]) && row < t->place.src_h; row++)
        for (int col = (int)box[0]; col < (int)ceilf(box[2]) && col < t->place.src_w; col++) {
            uint8_t *pixel = d + (size_t)row * (size_t)t->place.src_w + (size_t)col;
            if (*pixel == 0 && x[col].i >= 0 && y[row].i >= 0 && (double)sample(one, 0, &x[col], &y[row]) > least)
                *pixel = (uint8_t)(i + 1);
        }
}

/* Each answer by the prototypes of the tile that found it. */
sedge_status sg_row_masks_give(sedge_task *t, sedge_answers *out, sg_err *err)
{
    const tap *x, *y;
    const sg_tiles *s = &t->tiles;
    double least = sg_num(sg_get(t->answer, "masks"), "threshold");
    if (out->n > 255)
        return sg_fail(err, SEDGE_E_LIMIT, "card: answer.nms.max: a mask holds 255 things, %d were found", out->n);
    t->maps = t->n_maps ? t->maps : (sg_maps){.n = 1, .h = 1, .w = 1};
    sg_maps m = t->maps, one = {NULL, 1, m.h, m.w, 0, 1};
    size_t n = (size_t)m.n, size = n * (size_t)m.h * (size_t)m.w;
    SG_TRY(taps(t, &m, false, &x, &y, err));
    SG_TRY(sg_keep_room(t, &t->other, (size_t)m.h * (size_t)m.w, sizeof(float), err));
    memset(t->mask.p, 0, (size_t)s->src_w * (size_t)s->src_h);
    one.v = t->other.p;
    for (int i = 0; i < out->n; i++) {
        const sg_found *f = (const sg_found *)t->found.p + i;
        m.v = (const float *)t->vector.p + (size_t)f->maps * size;
        mix(&m, (const float *)t->coefficients.p + (size_t)f->id * n, t->other.p);
        draw(t, &one, i, out->answer[i].box, least, x + (size_t)(f->run % s->nx) * (size_t)s->src_w,
             y + (size_t)(f->run / s->nx) * (size_t)s->src_h);
    }
    give_mask(t, out);
    return SEDGE_OK;
}
