/* Times of many runs, their quantiles and how sure these are. */
#include "fit/measure.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "fit/report.h"

sedge_status sg_times_add(sg_times *t, double ms, sg_err *err)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 1024;
        double *p = realloc(t->ms, cap * sizeof *p);
        if (!p)
            return sg_fail(err, SEDGE_E_NOMEM, "no memory for the times");
        t->ms = p;
        t->cap = cap;
    }
    t->ms[t->n++] = ms;
    return SEDGE_OK;
}

void sg_times_free(sg_times *t)
{
    free(t->ms);
    *t = (sg_times){0};
}

void sg_times_sort(sg_times *t)
{
    if (t->n)
        qsort(t->ms, t->n, sizeof *t->ms, sg_by_double);
}

double sg_times_mean(const sg_times *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->n; i++)
        sum += t->ms[i];
    return t->n ? sum / (double)t->n : NAN;
}

double sg_times_quantile(const sg_times *t, double q)
{
    if (!t->n)
        return NAN;
    double at = q * (double)(t->n - 1);
    size_t i = (size_t)at;
    double next = t->ms[i + 1 < t->n ? i + 1 : i];
    return t->ms[i] + (at - (double)i) * (next - t->ms[i]);
}

sg_interval sg_times_range(const sg_times *t, double q)
{
    double n = (double)t->n, half = sg_normal_quantile(0.975) * sqrt(n * q * (1 - q)) + 0.5;
    if (!t->n)
        return (sg_interval){NAN, NAN};
    double low = floor(n * q - half), high = ceil(n * q + half);
    return (sg_interval){t->ms[low < 0 ? 0 : (size_t)low], t->ms[high > n - 1 ? t->n - 1 : (size_t)high]};
}

json_t *sg_times_json(const sg_times *t)
{
    static const struct {
        const char *key;
        double q;
    } quantile[] = {{"min", 0}, {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
    json_t *rows = json_array();
    for (size_t i = 0; i < sizeof quantile / sizeof *quantile; i++) {
        double q = quantile[i].q;
        sg_interval r = q > 0 && q < 1 ? sg_times_range(t, q) : (sg_interval){NAN, NAN};
        json_t *row = json_pack("{s:s, s:o}", "quantile", quantile[i].key, "value_ms", sg_json_number(sg_times_quantile(t, q)));
        if (isfinite(r.low))
            json_object_update_new(row, json_pack("{s:o, s:o}", "low_ms", json_real(r.low), "high_ms", json_real(r.high)));
        json_array_append_new(rows, row);
    }
    return rows;
}

static sedge_status timed(sg_once once, double *ms, sg_err *err)
{
    double start = sg_now();
    sedge_status st = once.run(once.ctx, err);
    *ms = 1e3 * (sg_now() - start);
    return st;
}

sedge_status sg_measure_row(sg_once once, double seconds, sg_times *out, sg_progress_fn *progress, void *ctx, sg_err *err)
{
    double start = sg_now(), ms;
    do {
        SG_TRY(timed(once, &ms, err));
        SG_TRY(sg_times_add(out, ms, err));
        if (progress)
            progress(ctx, (sg_now() - start) / seconds);
    } while (sg_now() - start < seconds || out->n < 3);
    return SEDGE_OK;
}

/* ---- two by turns --------------------------------------------------------------------------- */

#define BLOCK_MS 10.0

/* Median of a block of n counted runs, which go to `all` too. */
static sedge_status block(sg_once once, size_t n, sg_times *all, double *median, sg_err *err)
{
    sg_times t = {0};
    double ms;
    sedge_status st = timed(once, &ms, err);
    for (size_t i = 0; st == SEDGE_OK && i < n; i++)
        if ((st = timed(once, &ms, err)) == SEDGE_OK && (st = sg_times_add(&t, ms, err)) == SEDGE_OK)
            st = sg_times_add(all, ms, err);
    sg_times_sort(&t);
    *median = sg_times_quantile(&t, 0.5);
    sg_times_free(&t);
    return st;
}

static sedge_status runs_of_block(sg_once once, size_t *n, sg_err *err)
{
    double first, ms;
    SG_TRY(timed(once, &first, err));
    SG_TRY(timed(once, &ms, err));
    double runs = BLOCK_MS / (ms > 1e-4 ? ms : 1e-4);
    *n = runs < 1 ? 1 : runs > 10000 ? 10000 : (size_t)runs;
    return SEDGE_OK;
}

sedge_status sg_measure_against(sg_once a, sg_once b, double seconds, sg_against *out, sg_progress_fn *progress, void *ctx,
                                sg_err *err)
{
    size_t na, nb;
    sg_times ratio = {0};
    SG_TRY(runs_of_block(a, &na, err));
    SG_TRY(runs_of_block(b, &nb, err));
    double start = sg_now(), ma = 0, mb = 0;
    sedge_status st = SEDGE_OK;
    for (size_t k = 0; st == SEDGE_OK && (sg_now() - start < seconds || k < 6); k++) {
        bool a_first = k % 2 == 0;
        st = a_first ? block(a, na, &out->a, &ma, err) : block(b, nb, &out->b, &mb, err);
        if (st == SEDGE_OK)
            st = a_first ? block(b, nb, &out->b, &mb, err) : block(a, na, &out->a, &ma, err);
        if (st == SEDGE_OK)
            st = sg_times_add(&ratio, ma / mb, err);
        if (progress)
            progress(ctx, (sg_now() - start) / seconds);
    }
    sg_times_sort(&ratio);
    sg_times_sort(&out->a);
    sg_times_sort(&out->b);
    out->ratio = sg_times_quantile(&ratio, 0.5);
    out->range = sg_times_range(&ratio, 0.5);
    out->pairs = ratio.n;
    sg_times_free(&ratio);
    return st;
}
