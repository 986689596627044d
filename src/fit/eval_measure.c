/* Measures of the rows that judges leave: values, intervals, the worst slice. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "fit/eval.h"

#define CONFIDENCE   0.95
#define ROUNDS       1000
#define ROUNDS_LEAST 100
#define SECONDS      3.0 /* of resampling for one measure, about */
#define SLICE_LEAST  10  /* samples; smaller slices are not called worst */

const sg_measure *sg_measures(const sedge_eval *e)
{
    return e->reference ? e->judge->fidelity : e->judge->accuracy;
}

/* ---- values ---- */

static double sum(const sedge_eval *e, int column, const double *w)
{
    double s = 0;
    for (size_t i = 0; i < e->n; i++)
        s += sg_weight(w, i) * (column == SG_ONES ? 1 : e->row[i].v[column]);
    return s;
}

double sg_measure_of(const sedge_eval *e, const sg_measure *m, const double *w)
{
    if (m->kind == SG_FUNCTION)
        return m->of(e, w);
    double under = sum(e, m->under, w), v = under > 0 ? sum(e, m->over, w) / under : NAN;
    return m->kind == SG_ROOT ? sqrt(v) : v;
}

/* ---- intervals ---- */

void sg_measure_weights(const sedge_eval *e, const double *count, double *w)
{
    for (size_t i = 0; i < e->n; i++)
        w[i] = count[e->group[e->outcome[i].sample]];
}

/* Percentiles when whole groups are drawn again (Efron 1979; Davison and Hinkley 1997, 3.8). */
static sedge_status bootstrap(sedge_eval *e, const sg_measure *m, sedge_metric *out, sg_err *err)
{
    double *count = sg_calloc(&e->mem, e->n_group, sizeof *count), *got = sg_calloc(&e->mem, ROUNDS, sizeof *got);
    uint32_t *have = sg_calloc(&e->mem, e->n_group, sizeof *have);
    uint64_t seed = e->how.seed;
    size_t n_have = 0, n = 0;
    sedge_status st = count && got && have ? SEDGE_OK : sg_eval_no_memory(err);
    for (size_t i = 0; st == SEDGE_OK && i < e->n; i++) /* groups that have rows */
        count[e->group[e->outcome[i].sample]] = 1;
    for (size_t g = 0; st == SEDGE_OK && g < e->n_group; g++)
        if (count[g] > 0)
            have[n_have++] = (uint32_t)g;
    double start = sg_now();
    for (int r = 0; st == SEDGE_OK && n_have > 1 && r < ROUNDS; r++) {
        memset(count, 0, e->n_group * sizeof *count);
        for (size_t k = 0; k < n_have; k++)
            count[have[sg_random_below(&seed, n_have)]]++;
        sg_measure_weights(e, count, e->weight);
        double v = sg_measure_of(e, m, e->weight);
        if (isfinite(v))
            got[n++] = v;
        if (r >= ROUNDS_LEAST && sg_now() - start > SECONDS)
            break;
    }
    if (n >= ROUNDS_LEAST / 2) {
        qsort(got, n, sizeof *got, sg_by_double);
        out->low = sg_quantile(got, n, (1 - CONFIDENCE) / 2);
        out->high = sg_quantile(got, n, (1 + CONFIDENCE) / 2);
    }
    out->method = e->grouped ? "bootstrap by group" : "bootstrap";
    sg_free(&e->mem, count, e->n_group * sizeof *count);
    sg_free(&e->mem, got, ROUNDS * sizeof *got);
    sg_free(&e->mem, have, e->n_group * sizeof *have);
    return st;
}

/* P(X <= k) of Poisson's distribution with mean m. */
static double poisson(double k, double m)
{
    double p = 0;
    for (double i = 0; i <= k; i++)
        p += exp(i * log(m) - m - lgamma(i + 1));
    return p;
}

/* The mean at which P(X <= k) is p: it falls as the mean rises. */
static double mean_at(double k, double p)
{
    double low = 0, high = 10 + 4 * k;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (middle > 0 && poisson(k, middle) < p)
            high = middle;
        else
            low = middle;
    }
    return (low + high) / 2;
}

/* The exact interval of a count (Garwood 1936), by how much was looked at. */
static void counted(const sedge_eval *e, const sg_measure *m, sedge_metric *out)
{
    double k = sum(e, m->over, NULL), under = sum(e, m->under, NULL), tail = (1 - CONFIDENCE) / 2;
    if (k < 1e4) {
        out->low = k > 0 ? mean_at(k - 1, 1 - tail) / under : 0;
        out->high = mean_at(k, tail) / under;
    } else {
        double z = sg_normal_quantile(1 - tail);
        out->low = (k - z * sqrt(k)) / under;
        out->high = (k + z * sqrt(k)) / under;
    }
    out->method = "poisson";
}

static sedge_status interval(sedge_eval *e, const sg_measure *m, sedge_metric *out, sg_err *err)
{
    out->low = out->high = NAN;
    out->method = "none";
    if (isnan(out->value))
        return SEDGE_OK;
    if (m->counts && !e->grouped) {
        counted(e, m, out);
        return SEDGE_OK;
    }
    if (m->shares && !e->grouped) {
        sg_interval i = sg_wilson(sum(e, m->over, NULL), sum(e, m->under, NULL), CONFIDENCE);
        out->low = i.low;
        out->high = i.high;
        out->method = "wilson";
        return SEDGE_OK;
    }
    return bootstrap(e, m, out, err);
}

/* ---- slices ---- */

static void worst_slice(sedge_eval *e, const sg_measure *m, sedge_metric *out)
{
    const sedge_data *d = e->data;
    out->worst_value = NAN;
    for (size_t s = 0; s < d->words.n; s++) {
        size_t n = 0;
        for (size_t i = 0; i < e->n; i++) {
            bool in = d->entry[e->outcome[i].sample].slice == (int32_t)s;
            e->weight[i] = in;
            n += in;
        }
        if (n < SLICE_LEAST)
            continue;
        double v = sg_measure_of(e, m, e->weight);
        if (isfinite(v) && (isnan(out->worst_value) || (m->less ? v > out->worst_value : v < out->worst_value))) {
            out->worst = d->words.word[s];
            out->worst_value = v;
            out->worst_n = n;
        }
    }
}

static bool has_slices(const sedge_eval *e)
{
    for (size_t i = 0; i < e->n; i++)
        if (e->data->entry[e->outcome[i].sample].slice >= 0)
            return true;
    return false;
}

sedge_status sg_measure_all(sedge_eval *e, sg_err *err)
{
    const sg_measure *m = sg_measures(e);
    int n = 0;
    bool slices = has_slices(e);
    while (m[n].name)
        n++;
    e->metric = sg_arena_array(&e->arena, (size_t)n + 1, sizeof *e->metric);
    e->weight = sg_arena_array(&e->arena, e->n + 1, sizeof *e->weight);
    if (!e->metric || !e->weight)
        return sg_eval_no_memory(err);
    for (int k = 0; k < n; k++) {
        sedge_metric *out = &e->metric[e->n_metric];
        *out = (sedge_metric){.name = m[k].name, .about = m[k].about, .unit = m[k].unit, .less = m[k].less, .n = e->n};
        out->value = sg_measure_of(e, &m[k], NULL);
        if (isnan(out->value))
            continue;
        SG_TRY(interval(e, &m[k], out, err));
        if (slices)
            worst_slice(e, &m[k], out);
        e->n_metric++;
    }
    return SEDGE_OK;
}
