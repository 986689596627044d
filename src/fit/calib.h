/* Calibration: what values the tensors of a graph take on real samples, and the ranges that follow. */
#ifndef SG_FIT_CALIB_H
#define SG_FIT_CALIB_H

#include "fit/samples.h"
#include "ir/graph.h"

/* ---- histograms (hist.c) ---- */

#define SG_HIST_BINS 4096

/* Bins of one width over [-reach, reach), a power of two that doubles when a value lies outside, so that any two can be merged exactly. */
typedef struct sg_hist {
    double reach; /* 0: nothing but zeros so far */
    float min, max; /* of all finite values; min > max: none */
    uint64_t n, bad; /* counted in bins; not finite */
    uint64_t bin[SG_HIST_BINS];
} sg_hist;

void sg_hist_init(sg_hist *h);
/* min, max of n values, then every step-th of them into the bins. */
void sg_hist_add(sg_hist *h, const float *x, size_t n, size_t step);
void sg_hist_merge(sg_hist *h, const sg_hist *by);

/* How a range follows: all that was seen; all but a share of 1e-4 (Wu et al. 2020, "Integer quantization for deep learning inference");
 * least relative entropy between what was seen and what is left (Migacz 2017); least mean squared error. */
typedef enum sg_range_method {
    SG_RANGE_MINMAX,
    SG_RANGE_PERCENTILE,
    SG_RANGE_ENTROPY,
    SG_RANGE_MSE,
    SG_RANGE_METHODS
} sg_range_method;
extern const char *const sg_range_names[SG_RANGE_METHODS];

typedef struct sg_range {
    double lo, hi; /* lo <= 0 <= hi */
} sg_range;
sg_range sg_hist_range(const sg_hist *h, sg_range_method method);
/* Mean squared error of values rounded to 256 levels over a range, clipped to it. */
double sg_hist_error(const sg_hist *h, sg_range r);

/* ---- the pass over the samples (calib.c) ---- */

enum { SG_CALIB_FOLDS = 3 };

/* What was seen of one value. */
typedef struct sg_seen {
    sg_hist hist;
    float fold_min[SG_CALIB_FOLDS], fold_max[SG_CALIB_FOLDS]; /* of every third sample */
    double *sum; /* per channel, [channels] */
    int64_t channels;
    uint64_t count; /* of values summed for each channel */
} sg_seen;

typedef struct sg_calib {
    sg_mem *mem;
    sg_seen **seen; /* by value of the graph; NULL: not watched */
    size_t n_value;
    size_t samples;
} sg_calib;

/* Called now and then with the part that is done. */
typedef void sg_part_fn(void *ctx, double part);

/* Runs the graph over samples [from, to) and keeps the values for which watch[v] is set; watch[v] > 1: the means of the channels on
 * axis watch[v] - 2 too. `like`: the model that the graph was made of. One pass, memory independent of the number of samples. */
sedge_status sg_calib_run(sg_calib *c, const sg_graph *g, const sedge_model *like, const uint8_t *watch, const sg_samples *s,
                          size_t from, size_t to, sg_part_fn *part, void *part_ctx, sg_err *err);
void sg_calib_free(sg_calib *c);
/* Ratio of the widest range of the folds to the narrowest; 1: equal. */
double sg_seen_spread(const sg_seen *s);

#endif
