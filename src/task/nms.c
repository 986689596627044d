/* Boxes that were found: back to source pixels, and of those that overlap the best stays. */
#include <math.h>
#include <stdlib.h>

#include "task/run.h"

#define FOUND_MAX 100000

sedge_status sg_found_add(sedge_task *t, const float b[4], const char *form, bool frac, float score, int label, int row,
                          sg_err *err)
{
    const sg_place *p = &t->place;
    if (t->n_found >= FOUND_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "card: answer: more than %d boxes are above the lowest score", FOUND_MAX);
    SG_TRY(sg_keep_room(t, &t->found, (size_t)t->n_found + 1, sizeof(sg_found), err));
    double x0 = (double)b[0], y0 = (double)b[1], x1 = (double)b[2], y1 = (double)b[3], w = x1, h = y1;
    if (strcmp(form, "cxcywh") == 0)
        x0 -= w / 2, y0 -= h / 2, x1 = x0 + w, y1 = y0 + h;
    else if (strcmp(form, "xywh") == 0)
        x1 = x0 + w, y1 = y0 + h;
    else if (strcmp(form, "yxyx") == 0)
        x0 = (double)b[1], y0 = (double)b[0], x1 = (double)b[3], y1 = (double)b[2];
    double kx = frac ? p->w : 1, ky = frac ? p->h : 1;
    double v[4] = {x0 * kx * p->sx + p->tx, y0 * ky * p->sy + p->ty, x1 * kx * p->sx + p->tx, y1 * ky * p->sy + p->ty};
    if (!isfinite(v[0] + v[1] + v[2] + v[3]))
        return SEDGE_OK;
    sg_found *f = (sg_found *)t->found.p + t->n_found;
    *f = (sg_found){.score = score, .weight = score, .label = label, .row = row, .id = t->n_found++};
    for (int i = 0; i < 4; i++) { /* inside the picture, corners in order whatever was mirrored */
        double lo = fmin(v[i & 1], v[(i & 1) + 2]), hi = fmax(v[i & 1], v[(i & 1) + 2]);
        f->box[i] = (float)fmin(fmax(i < 2 ? lo : hi, 0), i & 1 ? p->src_h : p->src_w);
    }
    return SEDGE_OK;
}

static double area(const float b[4])
{
    return fmax(0, (double)b[2] - (double)b[0]) * fmax(0, (double)b[3] - (double)b[1]);
}

static double overlap(const float a[4], const float b[4])
{
    float c[4] = {fmaxf(a[0], b[0]), fmaxf(a[1], b[1]), fminf(a[2], b[2]), fminf(a[3], b[3])};
    double both = area(c), all = area(a) + area(b) - both;
    return all > 0 ? both / all : 0;
}

/* Best first; equal scores in the order in which they were found, so that answers do not depend on qsort. */
static int by_score(const void *a, const void *b)
{
    const sg_found *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The box becomes the mean of those that it swallows, weighed by their scores (BlazeFace). */
static void merge(sg_found *a, const sg_found *b)
{
    for (int i = 0; i < 4; i++)
        a->box[i] = (a->box[i] * a->weight + b->box[i] * b->score) / (a->weight + b->score);
    a->weight += b->score;
}

static int keep_best(sg_found *f, int n, const json_t *nms)
{
    double iou = sg_num(nms, "iou"), sigma = sg_num(nms, "sigma"), least = sg_num(nms, "score");
    bool per_class = sg_flag(nms, "per_class"), soft = sg_is(nms, "mode", "soft"), weighted = sg_is(nms, "mode", "weighted");
    int most = sg_int(nms, "max"), kept = 0;
    for (int left = n; kept < most && kept < left;) {
        sg_found *a = &f[kept++];
        float first[4];
        memcpy(first, a->box, sizeof first);
        int to = kept;
        for (int i = kept; i < left; i++) {
            double o = per_class && f[i].label != a->label ? 0 : overlap(first, f[i].box);
            if (soft)
                f[i].score = (float)((double)f[i].score * exp(-o * o / sigma));
            else if (o > iou) {
                if (weighted)
                    merge(a, &f[i]);
                continue;
            }
            if ((double)f[i].score >= least)
                f[to++] = f[i];
        }
        left = to;
        if (soft)
            qsort(f + kept, (size_t)(left - kept), sizeof *f, by_score);
    }
    return kept;
}

sedge_status sg_found_answers(sedge_task *t, const json_t *nms, sedge_answers *out, sg_err *err)
{
    sg_found *f = t->found.p;
    int n = t->n_found;
    if (n > 1)
        qsort(f, (size_t)n, sizeof *f, by_score);
    if (nms && !sg_is(nms, "mode", "none"))
        n = keep_best(f, n, nms);
    else if (nms && n > sg_int(nms, "max"))
        n = sg_int(nms, "max");
    SG_TRY(sg_keep_room(t, &t->answers, (size_t)n + 1, sizeof(sedge_answer), err));
    sedge_answer *a = t->answers.p;
    for (int i = 0; i < n; i++) {
        a[i] = (sedge_answer){.label = f[i].label, .text = sedge_task_label(t, f[i].label), .score = f[i].score};
        memcpy(a[i].box, f[i].box, sizeof a[i].box);
        if (t->n_point) {
            a[i].n_point = t->n_point;
            a[i].point = (const sedge_point *)t->points.p + (size_t)f[i].id * (size_t)t->n_point;
        }
    }
    out->answer = a;
    out->n = n;
    return SEDGE_OK;
}
