/* Times of many runs, their quantiles and how sure these are. */
#include "fit/measure.h"

#include <math.h>
#include <stdlib.h>

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

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sg_times_sort(sg_times *t)
{
    if (t->n)
        qsort(t->ms, t->n, sizeof *t->ms, by_value);
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
