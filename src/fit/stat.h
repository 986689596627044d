/* Statistics of proportions, means and pairs: intervals, tests, and the verdict on a drop. */
#ifndef SG_FIT_STAT_H
#define SG_FIT_STAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

typedef struct sg_interval {
    double low, high;
} sg_interval;

/* Standard normal: P(Z <= z), and its inverse for 0 < p < 1 (Wichura, AS 241, 1988). */
double sg_normal_cdf(double z);
double sg_normal_quantile(double p);

/* The share of n that is right: Wilson's score interval (1927). n 0: [0, 1]. */
sg_interval sg_wilson(double right, double n, double confidence);

/* Two-sided exact test of McNemar (1947): of b + c pairs in which two differ, b go one way. */
double sg_mcnemar(uint64_t b, uint64_t c);

/* Two-sided test that the mean of n differences is 0, by flipping their signs (Fisher 1935) 10,000 times. */
double sg_sign_flips(const float *d, size_t n);

/* The difference (b - c) / n of two shares on the same n samples, where b are right only for the first and c only for the second:
 * Tango's score interval (1998). */
sg_interval sg_paired_difference(uint64_t b, uint64_t c, uint64_t n, double confidence);

/* Whether a drop is within a margin, on the same n samples. `lost` were right before and wrong after, `gained` the other way round. */
typedef enum sg_verdict { SG_PASS, SG_FAIL, SG_NOT_SHOWN } sg_verdict;
typedef struct sg_non_inferiority {
    sg_verdict verdict;
    double drop; /* (lost - gained) / n */
    sg_interval
        bound; /* one-sided 95 % bounds of the drop: PASS when the upper one is within the margin, FAIL when the lower one is beyond */
    double needed; /* NOT_SHOWN: about how many samples would decide at these rates; HUGE_VAL: none, the drop is the margin */
} sg_non_inferiority;
sg_non_inferiority sg_non_inferior(uint64_t lost, uint64_t gained, uint64_t n, double margin);

/* For qsort of doubles, none of them NaN. */
int sg_by_double(const void *a, const void *b);
/* The q-th quantile, q in [0, 1], of n > 0 sorted values, between neighbours by a line. */
double sg_quantile(const double *sorted, size_t n, double q);

/* Percentile interval of the ratio sum(value) / sum(weight) when whole groups are drawn again with replacement (Efron 1979; for clusters: Davison
 * and Hinkley 1997, 3.8). group[i] < groups is that of row i; NULL: each row is its own. The same seed gives the same interval. */
sedge_status sg_bootstrap_ratio(sg_mem *m, const double *value, const double *weight, const uint32_t *group, size_t n,
                                size_t groups, double confidence, int rounds, uint64_t seed, sg_interval *out);

/* A small generator, the same on every machine (Vigna's splitmix64). */
uint64_t sg_random_next(uint64_t *state);
/* A whole number in [0, n), n > 0, all alike (Lemire 2019). */
uint64_t sg_random_below(uint64_t *state, uint64_t n);

#endif
