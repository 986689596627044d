/* Times of many runs: kept one by one, so that every quantile and its interval can be told. */
#ifndef SG_FIT_MEASURE_H
#define SG_FIT_MEASURE_H

#include <jansson.h>

#include "fit/stat.h"

typedef struct sg_times {
    double *ms; /* in the order of the runs until sg_times_sort */
    size_t n, cap;
} sg_times;

sedge_status sg_times_add(sg_times *t, double ms, sg_err *err);
void sg_times_free(sg_times *t);
void sg_times_sort(sg_times *t);
double sg_times_mean(const sg_times *t);

/* Of sorted times: between two of them by a line. n 0: NAN. */
double sg_times_quantile(const sg_times *t, double q);
/* 95 % interval of a quantile by the order of the runs, whatever their distribution (binomial, by its normal approximation with correction for
 * continuity). An end that no run can bound is the least or greatest run. Runs count as independent. */
sg_interval sg_times_range(const sg_times *t, double q);
/* Runs, mean and quantiles with intervals, for the evidence of a report. */
json_t *sg_times_json(const sg_times *t);

#endif
