/* Points: of one body, hand or face, and of each thing that was found. */
#include <math.h>

#include "task/run.h"

#include "tensor/dtype.h"

/* The last three axes as maps; those before are 1. */
sedge_status sg_load_maps(sedge_task *t, const json_t *ref, const char *axes, sg_keep *keep, sg_maps *m, sg_err *err)
{
    sg_reals out;
    SG_TRY(sg_output(t, ref, &out, err));
    const sedge_tensor y = out.t;
    int64_t d[3] = {1, 1, 1}, before = 1;
    for (int i = 0; i < y.rank; i++) {
        int k = i - y.rank + 3;
        if (k < 0)
            before *= y.dim[i];
        else
            d[k] = y.dim[i];
        if (y.dim[i] < 1 || y.dim[i] > 1 << 20)
            return sg_fail(err, SEDGE_E_SHAPE, "card: answer: axis %d of an output of maps has size %lld", i,
                           (long long)y.dim[i]);
    }
    if (before != 1 || y.rank < 2)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer: an output of maps has the axes [1, C, H, W] or [1, H, W, C]");
    bool last = strcmp(axes, "1HWC") == 0 || (strcmp(axes, "auto") == 0 && d[2] < d[0]);
    size_t n = (size_t)d[0] * (size_t)d[1] * (size_t)d[2];
    SG_TRY(sg_keep_room(t, keep, n, sizeof(float), err));
    float *v = keep->p;
    for (size_t i = 0; i < n; i++)
        v[i] = (float)sg_real(&out, i);
    if (last)
        *m = (sg_maps){v, (int)d[2], (int)d[0], (int)d[1], 1, (size_t)d[2]};
    else
        *m = (sg_maps){v, (int)d[0], (int)d[1], (int)d[2], (size_t)d[1] * (size_t)d[2], 1};
    return SEDGE_OK;
}

sedge_point sg_point_of(const sedge_task *t, double x, double y, double score)
{
    const sg_place *p = &t->place;
    return (sedge_point){(float)(x * p->sx + p->tx), (float)(y * p->sy + p->ty), (float)score};
}

/* The middle of the best cell of each map. */
static void from_maps(sedge_task *t, const sg_maps *m, sedge_point *out)
{
    for (int c = 0; c < m->n; c++) {
        const float *v = m->v + (size_t)c * m->map_step;
        size_t best = 0;
        for (size_t i = 1; i < (size_t)m->h * (size_t)m->w; i++)
            best = v[i * m->pixel_step] > v[best * m->pixel_step] ? i : best;
        double x = (double)(best % (size_t)m->w) + 0.5, y = (double)(best / (size_t)m->w) + 0.5;
        out[c] = sg_point_of(t, x * t->place.w / m->w, y * t->place.h / m->h, (double)v[best * m->pixel_step]);
    }
}

/* [points, 2 or 3]; where the axes do not say so, the labels say how many points there are. */
static sedge_status from_numbers(sedge_task *t, int *n, sg_err *err)
{
    sg_reals y;
    SG_TRY(sg_output(t, sg_get(t->answer, "out"), &y, err));
    size_t all = y.n, dims = y.t.rank ? (size_t)y.t.dim[y.t.rank - 1] : 0;
    if (dims != 2 && dims != 3)
        dims = t->n_label && all % (size_t)t->n_label == 0 ? all / (size_t)t->n_label : 0;
    if ((dims != 2 && dims != 3) || all == 0 || all / dims > SEDGE_POINTS_MAX)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.out: 1 to %d points of 2 or 3 numbers are taken, or as many as labels",
                       SEDGE_POINTS_MAX);
    *n = (int)(all / dims);
    SG_TRY(sg_keep_room(t, &t->points, (size_t)*n, sizeof(sedge_point), err));
    int swap = sg_is(t->answer, "form", "yx");
    bool frac = sg_is(t->answer, "unit", "frac");
    for (size_t i = 0; i < (size_t)*n; i++) {
        double x = sg_real(&y, i * dims + (swap ? 1 : 0)), v = sg_real(&y, i * dims + (swap ? 0 : 1));
        double score = dims == 3 ? sg_real(&y, i * dims + 2) : 1;
        ((sedge_point *)t->points.p)[i] = sg_point_of(t, frac ? x * t->place.w : x, frac ? v * t->place.h : v, score);
    }
    return SEDGE_OK;
}

/* One answer: its score is the mean, its box holds the points that are sure enough. */
sedge_status sg_head_keypoints(sedge_task *t, sedge_answers *out, sg_err *err)
{
    int n = 0;
    if (sg_is(t->answer, "form", "heatmap")) {
        sg_maps m;
        SG_TRY(sg_load_maps(t, sg_get(t->answer, "out"), sg_text(t->answer, "axes"), &t->scores, &m, err));
        n = m.n;
        if (n > SEDGE_POINTS_MAX)
            return sg_fail(err, SEDGE_E_SHAPE, "card: answer.out: %d points, at most %d", n, SEDGE_POINTS_MAX);
        SG_TRY(sg_keep_room(t, &t->points, (size_t)n, sizeof(sedge_point), err));
        from_maps(t, &m, t->points.p);
    } else {
        SG_TRY(from_numbers(t, &n, err));
    }
    if (t->label && t->n_label != n)
        return sg_fail(err, SEDGE_E_SHAPE, "card: labels: %d labels, the output has %d points", t->n_label, n);
    SG_TRY(sg_keep_room(t, &t->answers, 1, sizeof(sedge_answer), err));
    sedge_answer *a = t->answers.p;
    const sedge_point *p = t->points.p;
    *a = (sedge_answer){.label = -1, .n_point = n, .point = p};
    double sum = 0;
    bool any = false;
    for (int i = 0; i < n; i++) {
        sum += (double)p[i].score;
        if (!((double)p[i].score >= sg_num(t->answer, "min_score")))
            continue;
        a->box[0] = any ? fminf(a->box[0], p[i].x) : p[i].x;
        a->box[1] = any ? fminf(a->box[1], p[i].y) : p[i].y;
        a->box[2] = any ? fmaxf(a->box[2], p[i].x) : p[i].x;
        a->box[3] = any ? fmaxf(a->box[3], p[i].y) : p[i].y;
        any = true;
    }
    a->score = (float)(sum / n);
    out->answer = a;
    out->n = 1;
    return SEDGE_OK;
}

/* Channels of the points of a row: how many there are. */
sedge_status sg_points_span(const sedge_task *t, size_t channels, size_t *at, int *n, sg_err *err)
{
    const json_t *f = sg_get(t->answer, "points"), *span = sg_get(f, "at");
    size_t end = (size_t)sg_num_at(span, 1), dims = (size_t)sg_int(f, "dims");
    *at = (size_t)sg_num_at(span, 0);
    if (*at >= end || end > channels || (end - *at) % dims || (end - *at) / dims > SEDGE_POINTS_MAX)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.points.at: [%zu, %zu] of %zu channels are no points of %zu numbers", *at,
                       end, channels, dims);
    *n = (int)((end - *at) / dims);
    return SEDGE_OK;
}

/* Of boxes that are merged later, the best one's stay. */
sedge_status sg_row_points(sedge_task *t, int first, int n, sg_point_fn *read, const void *ctx, sg_err *err)
{
    t->n_point = n;
    if (first == t->n_found)
        return SEDGE_OK;
    SG_TRY(sg_keep_room(t, &t->points, (size_t)t->n_found * (size_t)n, sizeof(sedge_point), err));
    sedge_point *p = (sedge_point *)t->points.p + (size_t)first * (size_t)n;
    for (int i = first; i < t->n_found; i++)
        for (int k = 0; k < n; k++) {
            double v[3] = {0, 0, 1};
            read(ctx, ((const sg_found *)t->found.p)[i].row, k, v);
            *p++ = sg_point_of(t, v[0], v[1], v[2]);
        }
    return SEDGE_OK;
}
