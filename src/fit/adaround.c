/* Learned rounding of one layer. Every weight gets a number between 0 and 1 to add to what was rounded down; a term that sharpens
 * drives it to an end. The error of a layer's results is a quadratic form of the error of its weights, with the covariance of what they meet,
 * so no sample is needed once that is known. Training is that of src/fit/train.h. */
#include "fit/adaround.h"

#include <math.h>
#include <string.h>

#include "fit/train.h"
#include "import/build.h"
#include "op/elementwise.h"
#include "op/reduce.h"
#include "run/api.h"

/* The paper's: the soft step is stretched so that its ends are reached; the term sharpens from 20 to 2 once a fifth of the steps has gone. */
static const double stretch_low = -0.1, stretch_high = 1.1, sharp_first = 20, sharp_last = 2, warm = 0.2;
static const double learning_rate = 0.01, pull = 5; /* the term's weight beside an error of 1 a row */

typedef struct work {
    const sg_covariance *m;
    const sg_rounding *r;
    int64_t n; /* weights */
    float *down, *open, *weight; /* [n] rounded down; where learning begins; 1 / what the nearest gives, of the row */
    float *lin, *cov; /* what the error of x itself asks for; covariance */
} work;

/* Row i of q as errors of weights, against group g's covariance: the variance of the result's error, less what no rounding changes. */
static double row_error(const work *w, const double *d, int64_t row)
{
    const int64_t k = w->m->k;
    const double *cov = w->m->cov + row / w->m->rows * k * k;
    double sum = 0;
    for (int64_t i = 0; i < k; i++) {
        double s = 0;
        for (int64_t j = 0; j < k; j++)
            s += cov[i * k + j] * d[j];
        sum += d[i] * (s + 2 * (double)w->lin[row * k + i]);
    }
    return sum;
}

static double bounded(const sg_rounding *r, double v)
{
    return v < r->lo ? r->lo : v > r->hi ? r->hi : v;
}

/* Errors of the weights of a row for q. */
static void row_delta(const work *w, const int8_t *q, int64_t row, double *d)
{
    for (int64_t i = row * w->m->k, k = 0; k < w->m->k; i++, k++)
        d[k] = (double)q[i] * (double)w->r->step[i] - (double)w->r->w[i];
}

static int8_t nearest(const sg_rounding *r, int64_t i)
{
    return (int8_t)bounded(r, nearbyint((double)r->w[i] / (double)r->step[i]));
}

/* w lag': which way a change of the weights makes good what earlier layers did. */
static void linear_part(work *w)
{
    const int64_t k = w->m->k;
    for (int64_t row = 0; row < w->m->groups * w->m->rows; row++) {
        const double *lag = w->m->lag + row / w->m->rows * k * k;
        for (int64_t i = 0; i < k; i++) {
            double s = 0;
            for (int64_t j = 0; j < k; j++)
                s += (double)w->r->w[row * k + j] * lag[i * k + j];
            w->lin[row * k + i] = (float)s;
        }
    }
}

static sedge_status prepare(work *w, int8_t *q, double *d, sg_arena *arena, sg_err *err)
{
    const int64_t k = w->m->k, rows = w->m->groups * w->m->rows, n_cov = w->m->groups * k * k;
    w->n = rows * k;
    w->down = sg_arena_array(arena, (size_t)w->n * 4, sizeof(float));
    w->cov = sg_arena_array(arena, (size_t)n_cov, sizeof(float));
    if (!w->down || !w->cov)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    w->open = w->down + w->n;
    w->weight = w->open + w->n;
    w->lin = w->weight + w->n;
    linear_part(w);
    for (int64_t i = 0; i < n_cov; i++)
        w->cov[i] = (float)w->m->cov[i];
    for (int64_t i = 0; i < w->n; i++) {
        double v = (double)w->r->w[i] / (double)w->r->step[i], part = fmin(fmax(v - floor(v), 0.01), 0.99);
        q[i] = nearest(w->r, i);
        /* what stands at an end, or beyond, stays there */
        w->down[i] = (float)(v >= w->r->hi - 1e-4 ? w->r->hi : v <= w->r->lo + 1e-4 ? w->r->lo - 1 : floor(v));
        w->open[i] = (float)-log((stretch_high - stretch_low) / (part - stretch_low) - 1);
    }
    for (int64_t row = 0; row < rows; row++) {
        row_delta(w, q, row, d);
        double e = row_error(w, d, row), own = 0;
        for (int64_t i = 0; i < k; i++) /* of one row alone, errors may cancel: what they would be without */
            own += d[i] * d[i] * w->m->cov[row / w->m->rows * k * k + i * (k + 1)];
        e = fmax(fabs(e), own);
        for (int64_t i = 0; i < k; i++)
            w->weight[row * k + i] = e > 0 ? (float)(1 / e) : 0;
    }
    return SEDGE_OK;
}

/* ---- the graph that learns ---- */

static sg_vid constant(sg_ib *b, int64_t groups, int64_t rows, int64_t k, const float *v)
{
    const int64_t dim[3] = {groups, rows, k};
    sg_vid c = sg_const_new(b->g, SG_F32, 3, dim, v, NULL);
    if (!c)
        sg_fail(b->err, SEDGE_E_NOMEM, "out of memory");
    return c;
}

static sg_vid binary(sg_ib *b, int kind, sg_vid x, sg_vid y)
{
    return sg_ib_binary(b, kind, x, y);
}

static sg_vid number(sg_ib *b, int kind, sg_vid x, double v)
{
    return sg_ib_binary_scalar(b, kind, x, v);
}

static sg_vid sum(sg_ib *b, sg_vid v)
{
    return sg_ib_node(b, SG_OP_REDUCE, SG_INS(v), SG_SET({SG_A_kind, .i = SG_REDUCE_SUM}, {SG_A_keepdims, .i = 0}));
}

/* 0 .. 1: the sigmoid, stretched and cut. */
static sg_vid soft_step(sg_ib *b, sg_vid v)
{
    sg_vid s = sg_ib_unary(b, SG_UNARY_SIGMOID, v, 1, 1);
    s = number(b, SG_BINARY_ADD, number(b, SG_BINARY_MUL, s, stretch_high - stretch_low), stretch_low);
    return sg_ib_emit1(b, SG_OP_CLIP, SG_INS(s, sg_ib_scalar(b, SG_F32, 0), sg_ib_scalar(b, SG_F32, 1)));
}

/* The error of each row beside what the nearest gives, and the term: weight * sum(1 - |2 h - 1| ^ sharp) / k. Inputs: sharp, weight. */
static sg_vid loss_of(sg_ib *b, const work *w, sg_vid *param)
{
    const sg_covariance *m = w->m;
    const sg_type scalar = {.kind = SG_TENSOR, .dtype = SG_F32};
    sg_vid sharp = sg_input_new(b->g, &scalar, "sharp"), weight = sg_input_new(b->g, &scalar, "weight");
    *param = constant(b, m->groups, m->rows, m->k, w->open);
    sg_vid h = soft_step(b, *param), q = binary(b, SG_BINARY_ADD, constant(b, m->groups, m->rows, m->k, w->down), h);
    q = sg_ib_emit1(b, SG_OP_CLIP, SG_INS(q, sg_ib_scalar(b, SG_F32, w->r->lo), sg_ib_scalar(b, SG_F32, w->r->hi)));
    sg_vid d = binary(b, SG_BINARY_SUB, binary(b, SG_BINARY_MUL, q, constant(b, m->groups, m->rows, m->k, w->r->step)),
                      constant(b, m->groups, m->rows, m->k, w->r->w));
    sg_vid pulled = sg_ib_matmul(b, d, constant(b, m->groups, m->k, m->k, w->cov));
    pulled = binary(b, SG_BINARY_ADD, pulled, number(b, SG_BINARY_MUL, constant(b, m->groups, m->rows, m->k, w->lin), 2));
    sg_vid e = sum(
        b, binary(b, SG_BINARY_MUL, binary(b, SG_BINARY_MUL, d, pulled), constant(b, m->groups, m->rows, m->k, w->weight)));
    sg_vid end = sg_ib_unary(b, SG_UNARY_ABS, number(b, SG_BINARY_SUB, number(b, SG_BINARY_MUL, h, 2), 1), 1, 1);
    end = number(b, SG_BINARY_SUB, binary(b, SG_BINARY_POW, end, sharp), 1);
    sg_vid term = number(b, SG_BINARY_MUL, sum(b, end), -1 / (double)m->k);
    return binary(b, SG_BINARY_ADD, e, binary(b, SG_BINARY_MUL, term, weight));
}

static sedge_status steps(sg_trainer *t, int n, sg_err *err)
{
    for (int i = 0; i < n; i++) {
        double part = (double)i / n, loss, after = fmax(part - warm, 0) / (1 - warm);
        float sharp = (float)(sharp_last + 0.5 * (sharp_first - sharp_last) * (1 + cos(after * 3.14159265358979))),
              weight = part < warm ? 0 : (float)pull;
        const sedge_tensor in[2] = {{.dtype = SEDGE_F32, .data = &sharp}, {.dtype = SEDGE_F32, .data = &weight}};
        SG_TRY(sg_trainer_step(t, in, learning_rate, &loss, err));
        if (!isfinite(loss))
            return sg_fail(err, SEDGE_E_VALUE, "learning of roundings diverges: weights or activations are not finite");
    }
    return SEDGE_OK;
}

static sedge_status learn(const work *w, int8_t *q, sg_arena *arena, sg_err *err)
{
    static const sedge_model none; /* the graph comes from no file */
    const sg_train_how how = {.adam = true, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    sg_ib b = {.g = sg_graph_new(arena), .err = err, .arena = arena};
    sg_trainer t = {0};
    sedge_tensor v;
    sg_vid param, loss = b.g ? loss_of(&b, w, &param) : 0;
    sedge_status st = loss ? sg_trainer_open(&t, b.g, &none, loss, &param, 1, &how, err)
                           : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (st == SEDGE_OK)
        st = steps(&t, w->r->steps, err);
    if (st == SEDGE_OK)
        st = sg_trainer_param(&t, 0, &v, err);
    for (int64_t i = 0; st == SEDGE_OK && i < w->n; i++)
        q[i] = (int8_t)bounded(w->r,
                               (double)w->down[i] + (((const float *)v.data)[i] > 0)); /* the soft step passes a half at 0 */
    sg_trainer_close(&t);
    sg_graph_free(b.g);
    return st;
}

/* ---- what learning leaves ---- */

/* Single weights of a row whose other rounding still helps, until there is none: the cheapest way to the bottom of the valley. */
static void settle(const work *w, int8_t *q, int64_t row, double *d, double *slope)
{
    const int64_t k = w->m->k;
    const double *cov = w->m->cov + row / w->m->rows * k * k;
    row_delta(w, q, row, d);
    for (int64_t i = 0; i < k; i++) {
        slope[i] = (double)w->lin[row * k + i];
        for (int64_t j = 0; j < k; j++)
            slope[i] += cov[i * k + j] * d[j];
    }
    for (int round = 0; round < 50; round++) {
        bool any = false;
        for (int64_t i = 0; i < k; i++) {
            const int64_t at = row * k + i;
            double other = 2 * (double)w->down[at] + 1 - q[at], change = (bounded(w->r, other) - q[at]) * (double)w->r->step[at];
            if (change == 0 || !(2 * change * slope[i] + change * change * cov[i * k + i] < 0))
                continue;
            q[at] = (int8_t)bounded(w->r, other);
            for (int64_t j = 0; j < k; j++)
                slope[j] += cov[i * k + j] * change;
            any = true;
        }
        if (!any)
            return;
    }
}

static double results_vary(const work *w, int64_t row)
{
    const int64_t k = w->m->k;
    const double *cov = w->m->cov + row / w->m->rows * k * k;
    double sum = 0;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++)
            sum += (double)w->r->w[row * k + i] * cov[i * k + j] * (double)w->r->w[row * k + j];
    return sum;
}

/* How much less the error of a row is than with the nearest; where a valley was found that lies higher, the way starts from there. */
static double error_saved(const work *w, const int8_t *near, int8_t *q, int64_t row, double *d)
{
    const int64_t k = w->m->k;
    row_delta(w, near, row, d);
    const double was = row_error(w, d, row);
    row_delta(w, q, row, d);
    double is = row_error(w, d, row);
    if (is > was) {
        memcpy(q + row * k, near + row * k, (size_t)k);
        settle(w, q, row, d, d + k);
        row_delta(w, q, row, d);
        is = row_error(w, d, row);
    }
    return was - is;
}

sedge_status sg_round_learn(const sg_covariance *m, const sg_rounding *r, int8_t *q, sg_rounded *out, sg_arena *arena,
                            sg_err *err)
{
    work w = {.m = m, .r = r};
    double *d = sg_arena_array(arena, 2 * (size_t)m->k, sizeof *d), all = 0, saved = 0, flipped = 0;
    if (!d)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(prepare(&w, q, d, arena, err));
    int8_t *near = sg_arena_dup(arena, q, (size_t)w.n);
    if (!near)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (r->steps > 0)
        SG_TRY(learn(&w, q, arena, err));
    for (int64_t row = 0; row < m->groups * m->rows; row++) {
        if (r->steps >= 0)
            settle(&w, q, row, d, d + m->k);
        saved += error_saved(&w, near, q, row, d);
        all += results_vary(&w, row);
    }
    for (int64_t i = 0; i < w.n; i++)
        flipped += q[i] != near[i];
    *out = (sg_rounded){all > 0 ? saved / all : 0, w.n ? flipped / (double)w.n : 0};
    return SEDGE_OK;
}
