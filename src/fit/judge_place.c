/* The judges of masks (intersection over union) and of points. */
#include <math.h>
#include <stdlib.h>

#include "fit/eval.h"

/* ---- masks ---------------------------------------------------------------------------------- */

enum { CLASSES = 256, UNSEEN = 255 };
enum { SAME, SEEN };

/* Of one row, the pixels of a class: of both, of the truth, of the answer. */
typedef struct cell {
    uint32_t row;
    uint8_t cls;
    uint32_t both, truth, guess;
} cell;

typedef struct masks {
    cell *cell;
    size_t n, cap;
} masks;

static double mean_iou(const sedge_eval *e, const double *w)
{
    const masks *m = e->state;
    double both[CLASSES] = {0}, all[CLASSES] = {0}, truth[CLASSES] = {0}, sum = 0, n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const cell *c = &m->cell[i];
        double k = sg_weight(w, c->row);
        both[c->cls] += k * c->both;
        truth[c->cls] += k * c->truth;
        all[c->cls] += k * ((double)c->truth + c->guess - c->both);
    }
    for (int c = 0; c < CLASSES; c++)
        if (truth[c] > 0) {
            sum += both[c] / all[c];
            n++;
        }
    return n > 0 ? sum / n : NAN;
}

static const sg_measure mask_accuracy[] = {
    {"miou", "mean over classes of intersection over union", "", SG_FUNCTION, 0, 0, false, false, false, mean_iou},
    {"pixel_accuracy", "share of pixels whose class is right", "", SG_RATIO, SAME, SEEN, false, false, false, NULL},
    {.name = NULL}};
static const sg_measure mask_fidelity[] = {
    {"mask_iou", "mean over classes of intersection over union with the reference's mask", "", SG_FUNCTION, 0, 0, false, false,
     false, mean_iou},
    {"pixel_agreement", "share of pixels whose class is the reference's", "", SG_RATIO, SAME, SEEN, false, false, false, NULL},
    {.name = NULL}};

static sedge_status add_cells(sedge_eval *e, masks *m, const uint32_t both[], const uint32_t truth[], const uint32_t guess[],
                              sg_err *err)
{
    for (int c = 0; c < CLASSES; c++) {
        if (!truth[c] && !guess[c])
            continue;
        if (sg_grow(&e->mem, &m->cell, &m->cap, m->n + 1, sizeof *m->cell) != SEDGE_OK)
            return sg_eval_no_memory(err);
        m->cell[m->n++] = (cell){(uint32_t)e->n - 1, (uint8_t)c, both[c], truth[c], guess[c]};
    }
    return SEDGE_OK;
}

static sedge_status mask_take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    if (!e->state && !(e->state = sg_calloc(&e->mem, 1, sizeof(masks))))
        return sg_eval_no_memory(err);
    const uint8_t *want = k->answers ? k->answers->mask : k->mask ? k->mask->plane[0] : NULL;
    int w = k->answers ? k->answers->mask_w : k->mask ? k->mask->width : 0;
    int h = k->answers ? k->answers->mask_h : k->mask ? k->mask->height : 0;
    int64_t stride = k->answers || !k->mask ? w : k->mask->stride[0];
    if (!want || !a->mask || (k->mask && k->mask->pixel != SEDGE_PIXEL_GRAY8) || w != a->mask_w || h != a->mask_h) {
        *bad = !a->mask || !want ? sg_eval_bad(e, "the card answers no mask")
               : k->mask && k->mask->pixel != SEDGE_PIXEL_GRAY8
                   ? sg_eval_bad(e, "its mask is no gray picture of 8 bits (a pixel is the number of its class)")
                   : sg_eval_bad(e, "its mask is %dx%d, the answer %dx%d", w, h, a->mask_w, a->mask_h);
        return SEDGE_OK;
    }
    uint32_t both[CLASSES] = {0}, truth[CLASSES] = {0}, guess[CLASSES] = {0}, same = 0, seen = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            uint8_t t = want[y * stride + x], g = a->mask[(size_t)y * (size_t)w + (size_t)x];
            if (t == UNSEEN)
                continue;
            seen++;
            same += t == g;
            both[t] += t == g;
            truth[t]++;
            guess[g] += g != UNSEEN;
        }
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!r)
        return sg_eval_no_memory(err);
    r->v[SAME] = same;
    r->v[SEEN] = seen;
    double sum = 0, n = 0;
    for (int c = 0; c < CLASSES; c++)
        if (truth[c]) {
            sum += (double)both[c] / ((double)truth[c] + guess[c] - both[c]);
            n++;
        }
    o->right = (float)(n > 0 ? sum / n : 1);
    return add_cells(e, e->state, both, truth, guess, err);
}

static const char *mask_doubt(sedge_eval *e)
{
    double v = mean_iou(e, NULL);
    return v < 0.02
               ? sg_eval_bad(e, "the mean overlap of the masks is %.3f: the classes' numbers or the card's geometry are wrong", v)
               : NULL;
}

static void mask_free(sedge_eval *e)
{
    masks *m = e->state;
    if (!m)
        return;
    sg_free(&e->mem, m->cell, m->cap * sizeof *m->cell);
    sg_free(&e->mem, m, sizeof *m);
}

const sg_judge sg_judge_mask = {"mask", mask_accuracy, mask_fidelity, mask_take, NULL, mask_doubt, mask_free, sg_eval_no_windows};

/* ---- points --------------------------------------------------------------------------------- */

#define NEAR 0.1 /* of the longer side of the true box */

enum { NEAR_N, POINTS, DISTANCE };

static const sg_measure point_accuracy[] = {
    {"pck", "share of points within a tenth of the box's longer side", "", SG_RATIO, NEAR_N, POINTS, false, false, false, NULL},
    {"point_error", "mean distance in parts of the box's longer side", "", SG_RATIO, DISTANCE, POINTS, true, false, false, NULL},
    {.name = NULL}};
static const sg_measure point_fidelity[] = {
    {"pck", "share of points within a tenth of the span of the reference's", "", SG_RATIO, NEAR_N, POINTS, false, false, false,
     NULL},
    {"point_difference", "mean distance in parts of that span", "", SG_RATIO, DISTANCE, POINTS, true, false, false, NULL},
    {.name = NULL}};

/* True points as x, y, seen; size: of what they are parts of. */
typedef struct points {
    sedge_point ref[SEDGE_POINTS_MAX];
    int n;
    double size;
} points;

static bool true_points(sedge_eval *e, const sg_known *k, points *p)
{
    if (k->answers) {
        if (!k->answers->n || !k->answers->answer[0].n_point)
            return false;
        const sedge_answer *a = &k->answers->answer[0];
        float low[2] = {a->point[0].x, a->point[0].y}, high[2] = {low[0], low[1]};
        p->n = a->n_point;
        for (int i = 0; i < p->n; i++) {
            p->ref[i] = a->point[i];
            low[0] = fminf(low[0], a->point[i].x), high[0] = fmaxf(high[0], a->point[i].x);
            low[1] = fminf(low[1], a->point[i].y), high[1] = fmaxf(high[1], a->point[i].y);
        }
        p->size = fmax((double)high[0] - (double)low[0], (double)high[1] - (double)low[1]);
        return p->size > 0;
    }
    const sg_thing *best = NULL; /* the largest with points */
    for (size_t i = 0; i < k->n_thing; i++) {
        const sg_thing *t = &k->thing[i];
        double size = fmax((double)t->box[2] - (double)t->box[0], (double)t->box[3] - (double)t->box[1]);
        if (t->n_point && !t->crowd && (!best || size > p->size)) {
            best = t;
            p->size = size;
        }
    }
    if (!best || !(p->size > 0))
        return false;
    p->n = (int)best->n_point;
    for (int i = 0; i < p->n; i++) {
        const float *v = e->data->point + best->first_point + 3 * i;
        p->ref[i] = (sedge_point){v[0], v[1], v[2]};
    }
    return true;
}

static sedge_status point_take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    points p = {.n = 0};
    if (!true_points(e, k, &p)) {
        *bad = sg_eval_bad(e, "it has no true points");
        return SEDGE_OK;
    }
    const sedge_answer *got = a->n ? &a->answer[0] : NULL;
    if (got && got->n_point != p.n) {
        *bad = sg_eval_bad(e, "%d true points, the answer has %d", p.n, got->n_point);
        return SEDGE_OK;
    }
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!r)
        return sg_eval_no_memory(err);
    for (int i = 0; i < p.n; i++) {
        if (!(p.ref[i].score > 0) && !k->answers)
            continue; /* not labelled */
        double d =
            got ? hypot((double)got->point[i].x - (double)p.ref[i].x, (double)got->point[i].y - (double)p.ref[i].y) / p.size : 1;
        r->v[POINTS]++;
        r->v[NEAR_N] += d <= NEAR;
        r->v[DISTANCE] += isfinite(d) ? fmin(d, 1) : 1;
    }
    o->right = r->v[POINTS] > 0 ? (float)(r->v[NEAR_N] / r->v[POINTS]) : 1;
    o->score = got ? got->score : 0;
    return SEDGE_OK;
}

const sg_judge sg_judge_points = {"points", point_accuracy, point_fidelity, point_take, NULL, NULL, NULL, sg_eval_no_windows};
