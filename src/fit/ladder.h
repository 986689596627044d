/* What the ladder is made of besides quantization: three parts of a data set, and how long an answer takes. */
#ifndef SG_FIT_LADDER_H
#define SG_FIT_LADDER_H

#include "fit/samples.h"
#include "fit/stat.h"

/* Disjoint parts of a data set, one behind the other in `order`. */
typedef struct sg_parts {
    size_t *order, n;
    size_t calibrate, choose, prove; /* how many each has, in this order */
    size_t left_out; /* samples that the manifest does not know */
} sg_parts;

/* The parts of sedge_split_open, whose manifest is at `path` (NULL: kept nowhere). */
sedge_status sg_parts_make(sg_parts *p, sg_mem *mem, const sedge_data *d, const char *path, uint64_t seed, sg_err *err);
void sg_parts_free(sg_parts *p, sg_mem *mem);

typedef struct sg_pace {
    double ms, mean; /* 99th percentile and mean of an answer end to end */
    sg_interval range; /* 95 % of the percentile */
    size_t runs;
} sg_pace;

/* Answers of the model at `path` (m: opened from there), which has a card, to samples of d, again and again for some seconds. */
sedge_status sg_pace_of_task(sg_pace *p, const sedge_model *m, const char *path, const sedge_task_opts *opts, sedge_data *d,
                             const size_t *order, size_t n, sg_err *err);
/* Runs of a model without a card. */
sedge_status sg_pace_of_model(sg_pace *p, const sedge_model *m, const sg_samples *s, size_t from, size_t to, sg_err *err);

#endif
