/* Measures of how right answers are. */
#ifndef SG_FIT_METRIC_H
#define SG_FIT_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* ---- classes (metric_class.c) ---- */

/* count[truth * classes + guess]. */
typedef struct sg_confusion {
    int classes;
    uint64_t *count;
} sg_confusion;

typedef struct sg_class_score {
    uint64_t right, truth, guess; /* both; of that truth; guessed so */
    double precision, recall, f1, iou; /* NaN: none of that truth, or none guessed (iou, f1: neither) */
} sg_class_score;

sg_class_score sg_class_of(const sg_confusion *c, int k);
/* Means over the classes that the truth has: of recall, of F1 and of intersection over union. */
double sg_macro_recall(const sg_confusion *c);
double sg_macro_f1(const sg_confusion *c);
double sg_mean_iou(const sg_confusion *c);

/* A guess: how sure it was (0 to 1), and whether it was right. */
typedef struct sg_guess {
    float confidence;
    bool right;
} sg_guess;

/* Expected calibration error in `bins` bins of equal width (Guo et al. 2017). */
double sg_calibration_error(const sg_guess *g, size_t n, int bins);
/* The temperature that makes `n` rows of `classes` logits most likely, given the true classes (Guo et al. 2017): between 0.05 and 20. */
double sg_temperature(const float *logit, const int32_t *truth, size_t n, int classes);

/* ---- two classes by score (metric_curve.c) ---- */

/* A score (greater: more likely positive) and the truth. */
typedef struct sg_scored {
    double score;
    bool positive;
} sg_scored;

/* Sorts s, best first. */
void sg_scored_sort(sg_scored *s, size_t n);
/* Area under the receiver's curve of sorted scores; ties count half. max_rate < 1: the part up to that rate of false positives, standardized to
 * [0.5, 1] for chance and perfect (McClish 1989). NaN: one class only. */
double sg_auc(const sg_scored *s, size_t n, double max_rate);
/* Mean of precision at each positive of sorted scores, ties at once (no interpolation). NaN: no positives. */
double sg_average_precision(const sg_scored *s, size_t n);
/* The greatest share of positives found while at most max_rate of the negatives are taken for positive; its score in *threshold. */
double sg_recall_at(const sg_scored *s, size_t n, double max_rate, double *threshold);

/* ---- boxes (metric_box.c) ---- */

/* One box of one image: found (score) or true (crowd: its finds are neither right nor wrong). x0 y0 x1 y1. */
typedef struct sg_find {
    uint32_t image;
    int32_t label;
    float score, box[4];
} sg_find;

typedef struct sg_true_box {
    uint32_t image;
    int32_t label;
    bool crowd;
    float box[4];
} sg_true_box;

typedef struct sg_box_score {
    double ap, ap50,
        ap75; /* mean over classes of average precision: over overlaps 0.5 to 0.95, at 0.5, at 0.75; NaN: no true box */
    double recall; /* mean of the greatest recall, over the same overlaps, of at most 100 finds an image */
} sg_box_score;

/* As the COCO evaluation computes them (101 points of recall, at most 100 finds an image and class). */
sedge_status sg_box_scores(sg_mem *m, const sg_find *found, size_t n_found, const sg_true_box *truths, size_t n_truth,
                           sg_box_score *out);

/* ---- text (metric_text.c) ---- */

/* Substitutions, insertions and deletions that turn `said` into `truth`, by words (runs between spaces) or by code points of UTF-8;
 * *length: that of `truth` in those. -1: out of memory. */
int64_t sg_edits(sg_mem *m, const char *truth, const char *said, bool words, size_t *length);

#endif
