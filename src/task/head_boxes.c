/* Heads that find things: rows of channels, and boxes with scores. */
#include <math.h>

#include "task/run.h"

#include "tensor/dtype.h"

/* Rows of channels as floats, wherever the channels stand. */
typedef struct table {
    const float *v;
    size_t rows, channels, row_step, channel_step;
    int64_t grid_w, grid_h;
} table;

static float at(const table *x, size_t row, size_t channel)
{
    return x->v[row * x->row_step + channel * x->channel_step];
}

static double act(double v, const char *name)
{
    if (strcmp(name, "sigmoid") == 0)
        return 1 / (1 + exp(-v));
    if (strcmp(name, "tanh") == 0)
        return tanh(v);
    return strcmp(name, "exp") == 0 ? exp(v) : v;
}

double sg_raise(double v, double power)
{
    return power == 1 ? v : v > 0 ? pow(v, power) : 0;
}

/* [1, C, N], [1, C, H, W], [1, N, C] or without the 1. */
static sedge_status open_table(sedge_task *t, table *x, sg_err *err)
{
    sg_reals out;
    SG_TRY(sg_output(t, sg_get(t->answer, "out"), &out, err));
    const sedge_tensor y = out.t;
    int first = y.rank > 2 && y.dim[0] == 1 ? 1 : 0, axes = y.rank - first;
    bool cn = sg_is(t->answer, "axes", "1CN");
    if (axes < 2 || axes > 3 || (axes == 3 && !cn))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.out: a table of rows needs two axes besides the batch");
    size_t c = (size_t)y.dim[cn ? first : y.rank - 1], n = 1;
    for (int i = first; i < y.rank; i++)
        n *= (size_t)y.dim[i];
    SG_TRY(sg_load_scores(t, &out, "none", 0, err));
    *x = (table){t->scores.p, c ? n / c : 0, c, cn ? 1 : c, cn && c ? n / c : 1, 0, 0};
    if (axes == 3) {
        x->grid_h = y.dim[y.rank - 2];
        x->grid_w = y.dim[y.rank - 1];
    }
    return SEDGE_OK;
}

static sedge_status span(const table *x, const json_t *o, const char *what, size_t *from, size_t *to, sg_err *err)
{
    *from = (size_t)sg_num_at(o, 0);
    *to = (size_t)sg_num_at(o, 1);
    if (*from < *to && *to <= x->channels)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_SHAPE, "card: answer.%s.at: [%zu, %zu], the output has %zu channels", what, *from, *to,
                   x->channels);
}

static void cell_box(const table *x, const json_t *cell, size_t row, float b[4])
{
    double col = (double)(row % (size_t)x->grid_w), line = (double)(row / (size_t)x->grid_w);
    b[0] = (float)((col + act((double)b[0], sg_text(cell, "xy"))) / (double)x->grid_w);
    b[1] = (float)((line + act((double)b[1], sg_text(cell, "xy"))) / (double)x->grid_h);
    b[2] = (float)act((double)b[2], sg_text(cell, "wh"));
    b[3] = (float)act((double)b[3], sg_text(cell, "wh"));
}

typedef struct rows_card {
    const json_t *box, *cell, *objectness, *scores, *label;
    const char *form, *score_act;
    bool frac;
    size_t box_at, score_at, score_end;
    double least, power;
} rows_card;

/* Softmax over the classes of one row needs their sum: score = exp(x - most) / sum. */
static void best_of(const table *x, const rows_card *r, size_t row, size_t *best, double *score)
{
    *best = r->score_at;
    for (size_t c = r->score_at + 1; c < r->score_end; c++)
        *best = at(x, row, c) > at(x, row, *best) ? c : *best;
    double v = (double)at(x, row, *best), sum = 0;
    if (strcmp(r->score_act, "softmax") == 0) {
        for (size_t c = r->score_at; c < r->score_end; c++)
            sum += exp((double)at(x, row, c) - v);
        *score = 1 / sum;
    } else {
        *score = act(v, r->score_act);
    }
}

static sedge_status one_row(sedge_task *t, const table *x, const rows_card *r, size_t row, sg_err *err)
{
    double object = 1, score;
    if (r->objectness) {
        object = act((double)at(x, row, (size_t)sg_int(r->objectness, "at")), sg_text(r->objectness, "act"));
        object = sg_raise(object, sg_num(r->objectness, "power"));
    }
    size_t best;
    best_of(x, r, row, &best, &score);
    score = sg_raise(score, r->power) * object;
    if (!(score >= r->least))
        return SEDGE_OK;
    int64_t cls = (int64_t)(best - r->score_at);
    if (r->label) {
        double v = (double)at(x, row, (size_t)json_integer_value(r->label));
        cls = v >= 0 && v < 1e6 ? (int64_t)v : -1;
    }
    float b[4];
    for (size_t i = 0; i < 4; i++)
        b[i] = at(x, row, r->box_at + i);
    if (r->cell)
        cell_box(x, r->cell, row, b);
    return sg_found_add(t, b, r->form, r->frac, (float)score, sg_label_of(t, cls), (int)row, err);
}

typedef struct row_points {
    const table *x;
    size_t at, dims;
    double kx, ky;
} row_points;

static void row_point(const void *ctx, int row, int k, double v[3])
{
    const row_points *r = ctx;
    size_t c = r->at + (size_t)k * r->dims;
    v[0] = (double)at(r->x, (size_t)row, c) * r->kx;
    v[1] = (double)at(r->x, (size_t)row, c + 1) * r->ky;
    if (r->dims == 3)
        v[2] = (double)at(r->x, (size_t)row, c + 2);
}

static sedge_status find_points(sedge_task *t, const table *x, int first, bool frac, sg_err *err)
{
    const json_t *points = sg_get(t->answer, "points");
    int n;
    if (!points)
        return SEDGE_OK;
    row_points r = {x, 0, (size_t)sg_int(points, "dims"), frac ? t->place.w : 1, frac ? t->place.h : 1};
    SG_TRY(sg_points_span(t, x->channels, &r.at, &n, err));
    return sg_row_points(t, first, n, row_point, &r, err);
}

static sedge_status check_rows(const sedge_task *t, const table *x, const rows_card *r, size_t box_end, sg_err *err)
{
    if (box_end - r->box_at != 4 || (r->cell && x->grid_w < 1))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.box: four channels are needed, and for cells an output [1, C, H, W]");
    if ((r->objectness && (size_t)sg_int(r->objectness, "at") >= x->channels) ||
        (r->label && (size_t)json_integer_value(r->label) >= x->channels))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer: objectness or label lie outside the %zu channels", x->channels);
    if (t->label && !r->label && !t->id_label && (size_t)t->n_label != r->score_end - r->score_at)
        return sg_fail(err, SEDGE_E_SHAPE, "card: labels: %d labels, answer.scores.at has %zu classes", t->n_label,
                       r->score_end - r->score_at);
    return SEDGE_OK;
}

sedge_status sg_rows_take(sedge_task *t, int run, sg_err *err)
{
    table x;
    SG_TRY(open_table(t, &x, err));
    rows_card r = {.box = sg_get(t->answer, "box"),
                   .objectness = sg_get(t->answer, "objectness"),
                   .scores = sg_get(t->answer, "scores"),
                   .label = sg_get(t->answer, "label")};
    size_t box_end;
    SG_TRY(span(&x, sg_get(r.box, "at"), "box", &r.box_at, &box_end, err));
    SG_TRY(span(&x, sg_get(r.scores, "at"), "scores", &r.score_at, &r.score_end, err));
    r.cell = sg_get(r.box, "cell");
    SG_TRY(check_rows(t, &x, &r, box_end, err));
    r.form = sg_text(r.box, "form");
    r.frac = r.cell || sg_is(r.box, "unit", "frac");
    r.score_act = sg_text(r.scores, "act");
    r.power = sg_num(r.scores, "power");
    r.least = sg_num(sg_get(t->answer, "nms"), "score");
    int first = t->n_found;
    for (size_t i = 0; i < x.rows; i++)
        SG_TRY(one_row(t, &x, &r, i, err));
    SG_TRY(find_points(t, &x, first, r.frac, err));
    const json_t *masks = sg_get(t->answer, "masks");
    size_t from, to;
    if (!masks)
        return SEDGE_OK;
    SG_TRY(span(&x, sg_get(masks, "at"), "masks", &from, &to, err));
    return sg_row_masks_take(t, first, run, x.v + from * x.channel_step, x.row_step, x.channel_step, to - from, err);
}

sedge_status sg_rows_give(sedge_task *t, sedge_answers *out, sg_err *err)
{
    SG_TRY(sg_found_answers(t, sg_get(t->answer, "nms"), out, err));
    return sg_get(t->answer, "masks") ? sg_row_masks_give(t, out, err) : SEDGE_OK;
}

/* Boxes [1, N, 4] with scores [1, N] or [1, N, C]; classes and count: NULL where there are none. */
typedef struct parts {
    const sg_reals *boxes, *classes, *count;
    const char *form;
    bool frac;
    int64_t background; /* -1: none */
    double least;
    size_t n, per; /* boxes; scores of each */
} parts;

static sedge_status check_parts(parts *p, size_t scores, sg_err *err)
{
    size_t n = p->boxes->n / 4;
    p->n = n;
    p->per = n ? scores / n : 1;
    if (p->boxes->n != n * 4 || scores != n * p->per || (p->classes && (p->classes->n < n || (n && p->per != 1))) ||
        (p->count && p->count->n < 1))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer: %zu boxes, %zu scores, %zu classes do not go together", n, scores,
                       p->classes ? p->classes->n : 0);
    double count = p->count ? sg_real(p->count, 0) : (double)n;
    if (count < (double)n)
        p->n = count > 0 ? (size_t)count : 0;
    return SEDGE_OK;
}

static sedge_status take_parts(sedge_task *t, const parts *p, const float *score, sg_err *err)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->per; j++) {
            float s = score[i * p->per + j], v[4];
            if (!((double)s >= p->least) || (p->background == (int64_t)j && !p->classes))
                continue;
            double cls = p->classes ? sg_real(p->classes, i) : (double)j;
            for (size_t d = 0; d < 4; d++)
                v[d] = (float)sg_real(p->boxes, i * 4 + d);
            int label = cls >= 0 && cls < 1e6 ? sg_label_of(t, (int64_t)cls) : -1;
            SG_TRY(sg_found_add(t, v, p->form, p->frac, s, label, (int)i, err));
        }
    return SEDGE_OK;
}

static double least_score(const sedge_task *t)
{
    const json_t *nms = sg_get(t->answer, "nms");
    return fmax(sg_num(t->answer, "min_score"), nms ? sg_num(nms, "score") : -INFINITY);
}

sedge_status sg_boxes_take(sedge_task *t, int run, sg_err *err)
{
    const json_t *fb = sg_get(t->answer, "boxes"), *fs = sg_get(t->answer, "scores"), *bg = sg_get(fs, "background");
    const json_t *fc = sg_get(t->answer, "classes"), *fn = sg_get(t->answer, "count");
    sg_reals b, c, k;
    size_t n;
    (void)run;
    SG_TRY(sg_output(t, sg_get(fb, "out"), &b, err));
    if (fc)
        SG_TRY(sg_output(t, sg_get(fc, "out"), &c, err));
    if (fn)
        SG_TRY(sg_output(t, sg_get(fn, "out"), &k, err));
    SG_TRY(sg_join(t, sg_get(fs, "out"), &t->scores, &n, err));
    parts p = {&b,
               fc ? &c : NULL,
               fn ? &k : NULL,
               sg_text(fb, "form"),
               sg_is(fb, "unit", "frac"),
               bg ? json_integer_value(bg) : -1,
               least_score(t),
               0,
               0};
    SG_TRY(check_parts(&p, n, err));
    sg_activate(t->scores.p, n, sg_text(fs, "act"), p.per);
    return take_parts(t, &p, t->scores.p, err);
}

/* The head that is a graph: its outputs boxes, scores and, where there is one score a box, classes. */
sedge_status sg_graph_take(sedge_task *t, int run, sg_err *err)
{
    static const char *const names[] = {"boxes", "scores", "classes"};
    sg_reals y[3];
    (void)run;
    SG_TRY(sg_graph_run(t->post, NULL, NULL, err));
    int at[3];
    for (int i = 0; i < 3; i++) {
        at[i] = sg_output_named(t->post->model, names[i]);
        if (at[i] < 0 && i < 2)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "card: answer.file: the graph has no output %s", names[i]);
        if (at[i] >= 0)
            SG_TRY(sg_numbers_of(t->post->model, t->post->session, at[i], "answer.file", &y[i], err));
    }
    parts p = {&y[0],
               at[2] >= 0 ? &y[2] : NULL,
               NULL,
               sg_text(t->answer, "form"),
               sg_is(t->answer, "unit", "frac"),
               -1,
               least_score(t),
               0,
               0};
    SG_TRY(check_parts(&p, y[1].n, err));
    SG_TRY(sg_load_scores(t, &y[1], "none", 0, err));
    return take_parts(t, &p, t->scores.p, err);
}
