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
/* One inference, or one sample from bytes to answer. */
typedef sedge_status sg_once_fn(void *ctx, sg_err *err);
/* Something that can be run, and who is told how far it is. */
typedef struct sg_once {
    sg_once_fn *run;
    void *ctx;
} sg_once;
typedef void sg_progress_fn(void *ctx, double part);

/* Runs again and again for so long, at least three times; `progress` NULL: nobody is told. */
sedge_status sg_measure_row(sg_once once, double seconds, sg_times *out, sg_progress_fn *progress, void *ctx, sg_err *err);

/* Two things by turns, in short blocks (about 10 ms, ABBA, the first run of a block is not counted): what a run of A takes in terms of a run of B.
 * A ratio for each pair of blocks; their median, and its interval by their order. */
typedef struct sg_against {
    double ratio;
    sg_interval range;
    size_t pairs;
    sg_times a, b; /* of the counted runs, sorted */
} sg_against;
sedge_status sg_measure_against(sg_once a, sg_once b, double seconds, sg_against *out, sg_progress_fn *progress, void *ctx,
                                sg_err *err);

/* Runs, mean and quantiles with intervals, for the evidence of a report. */
json_t *sg_times_json(const sg_times *t);

#endif
