/* Confidence of classes: the temperature that makes it honest, and what can be answered at which risk. */
#include <math.h>
#include <stdlib.h>

#include "fit/eval.h"
#include "fit/metric.h"

#define FIT_LEAST 50 /* samples on each side */
#define BINS      15
#define RISKS     21 /* points of the curve: 0, 5, ... 100 % */

static double error_at(const sedge_eval *e, const float *logit, const size_t *row, size_t n, int classes, double t, sg_guess *g)
{
    size_t m = 0;
    for (size_t i = 1; i < n; i += 2) {
        const float *z = logit + i * (size_t)classes;
        double most = -HUGE_VAL, sum = 0;
        for (int k = 0; k < classes; k++)
            most = (double)z[k] > most ? (double)z[k] : most;
        for (int k = 0; k < classes; k++)
            sum += exp(((double)z[k] - most) / t);
        g[m++] = (sg_guess){(float)(1 / sum), e->outcome[row[i]].right > 0};
    }
    return sg_calibration_error(g, m, BINS);
}

/* Even samples fit, odd ones judge (Guo et al. 2017). */
sedge_status sg_confidence(sedge_eval *e, const float *logit, const size_t *row, size_t n, int classes, sg_err *err)
{
    size_t half = n / 2 + 1;
    if (n < 2 * FIT_LEAST || classes < 2)
        return SEDGE_OK;
    float *even = sg_calloc(&e->mem, half * (size_t)classes, sizeof *even);
    int32_t *truth = sg_calloc(&e->mem, half, sizeof *truth);
    sg_guess *g = sg_calloc(&e->mem, half, sizeof *g);
    sedge_status st = even && truth && g ? SEDGE_OK : sg_eval_no_memory(err);
    size_t m = 0;
    for (size_t i = 0; st == SEDGE_OK && i < n; i += 2, m++) {
        memcpy(even + m * (size_t)classes, logit + i * (size_t)classes, (size_t)classes * sizeof *even);
        truth[m] = e->outcome[row[i]].truth;
    }
    if (st == SEDGE_OK) {
        e->temperature = sg_temperature(even, truth, m, classes);
        e->ece_before = error_at(e, logit, row, n, classes, 1, g);
        e->ece_after = error_at(e, logit, row, n, classes, e->temperature, g);
    }
    sg_free(&e->mem, even, half * (size_t)classes * sizeof *even);
    sg_free(&e->mem, truth, half * sizeof *truth);
    sg_free(&e->mem, g, half * sizeof *g);
    return st;
}

static int surest_first(const void *a, const void *b)
{
    float x = ((const sedge_outcome *)a)->score, y = ((const sedge_outcome *)b)->score;
    return (x < y) - (x > y);
}

/* What is right among the surest (El-Yaniv and Wiener 2010). */
sedge_status sg_risk_curve(sedge_eval *e, sg_err *err)
{
    sedge_outcome *o = sg_calloc(&e->mem, e->n + 1, sizeof *o);
    e->risk = sg_arena_array(&e->arena, RISKS, sizeof *e->risk);
    if (!o || !e->risk) {
        sg_free(&e->mem, o, (e->n + 1) * sizeof *o);
        return sg_eval_no_memory(err);
    }
    memcpy(o, e->outcome, e->n * sizeof *o);
    qsort(o, e->n, sizeof *o, surest_first);
    double right = 0;
    size_t done = 0;
    for (int k = 1; k < RISKS; k++) {
        size_t to = (size_t)ceil((double)e->n * k / (RISKS - 1));
        for (; done < to; done++)
            right += o[done].right > 0;
        if (done == 0 || (e->n_risk && (double)done / (double)e->n == e->risk[e->n_risk - 1].coverage))
            continue;
        e->risk[e->n_risk++] = (sedge_risk){(double)done / (double)e->n, right / (double)done, (double)o[done - 1].score};
    }
    sg_free(&e->mem, o, (e->n + 1) * sizeof *o);
    return SEDGE_OK;
}
