/* Masks: a class of each pixel, and of each row that was found its own; as large as the source, through the inverse geometry. */
#include <math.h>

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

/* Taps of every column of the source, then of every row, in t->norm. */
static sedge_status taps(sedge_task *t, int map_w, int map_h, bool nearest, const tap **x, const tap **y, sg_err *err)
{
    const sg_place *p = &t->place;
    size_t n = (size_t)p->src_w + (size_t)p->src_h;
    SG_TRY(sg_keep_room(t, &t->norm, n, sizeof(tap), err));
    SG_TRY(sg_keep_room(t, &t->mask, (size_t)p->src_w * (size_t)p->src_h, 1, err));
    tap *all = t->norm.p;
    make_taps(all, p->src_w, p->sx, p->tx, p->w, map_w, nearest);
    make_taps(all + p->src_w, p->src_h, p->sy, p->ty, p->h, map_h, nearest);
    *x = all;
    *y = all + p->src_w;
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

typedef struct rule {
    bool labels, threshold, logits;
    double least;
} rule;

static int class_of(const sg_maps *m, const rule *r, const tap *x, const tap *y)
{
    if (r->labels) {
        float v = m->v[((size_t)y->i * (size_t)m->w + (size_t)x->i) * m->pixel_step];
        return v >= 0 && v < UNSEEN ? (int)v : UNSEEN;
    }
    if (r->threshold) {
        double v = (double)sample(m, m->n - 1, x, y);
        if (r->logits) /* the softmax of two is a sigmoid of their difference */
            v = 1 / (1 + exp((m->n == 2 ? (double)sample(m, 0, x, y) : 0) - v));
        return v >= r->least;
    }
    int best = 0;
    float most = sample(m, 0, x, y);
    for (int c = 1; c < m->n; c++) {
        float v = sample(m, c, x, y);
        if (v > most) {
            most = v;
            best = c;
        }
    }
    return best;
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

sedge_status sg_head_mask(sedge_task *t, sedge_answers *out, sg_err *err)
{
    sg_maps m;
    SG_TRY(sg_load_maps(t, sg_get(t->answer, "out"), sg_text(t->answer, "axes"), &t->scores, &m, err));
    rule r = {.labels = sg_is(t->answer, "form", "labels"),
              .threshold = sg_is(t->answer, "then", "threshold"),
              .logits = sg_is(t->answer, "form", "logits"),
              .least = sg_num(t->answer, "threshold")};
    if (m.n >= UNSEEN || (r.labels && m.n != 1))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.out: a mask of %d classes", m.n);
    if (r.threshold && m.n > 2)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.then: a threshold needs 1 or 2 classes, the output has %d", m.n);
    if (!r.labels && !r.threshold && m.n < 2)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.then: one class needs a threshold");
    if (t->label && !t->id_label && !r.labels && t->n_label + t->first != m.n && !(r.threshold && t->n_label == 1))
        return sg_fail(err, SEDGE_E_SHAPE, "card: labels: %d labels from class %d on, the output has %d classes", t->n_label,
                       t->first, m.n);
    const tap *x, *y;
    const sg_place *p = &t->place;
    SG_TRY(taps(t, m.w, m.h, r.labels || sg_is(t->answer, "upsample", "nearest"), &x, &y, err));
    uint8_t *d = t->mask.p;
    for (int row = 0; row < p->src_h; row++)
        for (int col = 0; col < p->src_w; col++)
            *d++ = (uint8_t)(x[col].i < 0 || y[row].i < 0 ? UNSEEN : class_of(&m, &r, &x[col], &y[row]));
    give_mask(t, out);
    return count_classes(t, r.threshold, out, err);
}

/* ---- masks of rows ------------------------------------------------------------------------ */

/* The prototypes mixed by the coefficients of one row (Bolya et al. 2019). */
static void mix(const sg_maps *m, const float *coefficient, size_t step, float *out)
{
    size_t n = (size_t)m->h * (size_t)m->w;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int c = 0; c < m->n; c++)
            sum += (double)coefficient[(size_t)c * step] * (double)m->v[(size_t)c * m->map_step + i * m->pixel_step];
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

sedge_status sg_row_masks(sedge_task *t, const float *first, size_t row_step, size_t channel_step, int coefficients,
                          sedge_answers *out, sg_err *err)
{
    const json_t *f = sg_get(t->answer, "masks");
    const tap *x, *y;
    sg_maps m;
    SG_TRY(sg_load_maps(t, sg_get(f, "proto"), "auto", &t->other, &m, err));
    if (m.n != coefficients)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.masks.at: %d coefficients, the output proto has %d masks", coefficients,
                       m.n);
    if (out->n > 255)
        return sg_fail(err, SEDGE_E_LIMIT, "card: answer.nms.max: a mask holds 255 things, %d were found", out->n);
    SG_TRY(taps(t, m.w, m.h, false, &x, &y, err));
    SG_TRY(sg_keep_room(t, &t->vector, (size_t)m.h * (size_t)m.w, sizeof(float), err));
    memset(t->mask.p, 0, (size_t)t->place.src_w * (size_t)t->place.src_h);
    sg_maps one = {t->vector.p, 1, m.h, m.w, 0, 1};
    for (int i = 0; i < out->n; i++) {
        mix(&m, first + (size_t)((const sg_found *)t->found.p)[i].row * row_step, channel_step, t->vector.p);
        draw(t, &one, i, out->answer[i].box, sg_num(f, "threshold"), x, y);
    }
    give_mask(t, out);
    return SEDGE_OK;
}
