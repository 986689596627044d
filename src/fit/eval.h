/* Evaluation: what its parts share. A judge looks at the answers of a head and leaves a row of numbers a sample; measures are functions
 * of these rows and of weights, so that intervals, slices and pairs of models need no code of their own. */
#ifndef SG_FIT_EVAL_H
#define SG_FIT_EVAL_H

#include "fit/data.h"
#include "fit/labels.h"
#include "fit/stat.h"
#include "task/run.h"

enum { SG_COLUMNS = 8 };

/* What is true of a sample: from the data's labels, or what the reference answered. */
typedef struct sg_known {
    int label; /* of the card; -1: none */
    const char *text; /* as it stands in the data */
    bool has_value;
    double value;
    const sg_thing *thing; /* labels are those of the card */
    size_t n_thing;
    const sedge_frame *mask; /* of the data */
    const sedge_answers *answers; /* of the reference; NULL: truth is from the data */
} sg_known;

typedef enum sg_measure_kind {
    SG_RATIO, /* sum of column `over` by that of `under` */
    SG_ROOT, /* its root */
    SG_FUNCTION /* of(e, weights) */
} sg_measure_kind;

enum { SG_ONES = -1 }; /* `under`: each row counts one */

typedef struct sg_measure {
    const char *name, *about, *unit;
    sg_measure_kind kind;
    int over, under;
    bool less; /* is better */
    bool shares; /* `over` is 0 or 1: Wilson's interval where rows are independent */
    bool counts; /* `over` counts rare things: Poisson's interval */
    double (*of)(const sedge_eval *e, const double *w);
} sg_measure;

typedef struct sg_judge {
    const char *name;
    const sg_measure *accuracy, *fidelity; /* up to a NULL name */
    /* One sample; *bad: the sample says why it cannot be judged. */
    sedge_status (*take)(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err);
    /* When all are taken; NULL: nothing to do. */
    sedge_status (*end)(sedge_eval *e, sg_err *err);
    /* Whether the answers look like those of a wrong card: says why. NULL: no such look. */
    const char *(*doubt)(sedge_eval *e);
    void (*free)(sedge_eval *e);
    bool (*windows)(const sedge_eval *e); /* samples are streams: take gets each window, then NULL */
} sg_judge;

typedef struct sg_row {
    double v[SG_COLUMNS];
} sg_row;

struct sedge_eval {
    sg_mem mem;
    sg_arena arena;
    sedge_data *data;
    sedge_task *task, *reference;
    const sedge_model *model;
    const char *path;
    sedge_task_opts opts;
    sedge_eval_opts how;
    const sg_judge *judge;
    sg_labels labels;
    int32_t *class_of; /* of each word of the data: label of the card, -1: none, -2: not looked up */
    sg_thing *things; /* of one sample */
    size_t cap_things;
    sedge_image *mask;
    sg_map mask_file;
    sedge_frame mask_frame;
    char bad_text[256];

    bool probing; /* the first look */
    size_t current; /* sample */
    sedge_outcome *outcome;
    sg_row *row;
    size_t n, cap, cap_row;
    int n_class; /* classes: scores of an answer; boxes: greatest label and one */
    void *state; /* of the judge */
    double *weight; /* scratch */

    uint32_t *group; /* of each sample of the data; what shares one is drawn together */
    size_t n_group;
    bool grouped; /* some share one */

    sedge_metric *metric;
    int n_metric;
    sedge_class *cls;
    uint64_t *confusion;
    int n_cls;
    sedge_risk *risk;
    int n_risk;
    double temperature, ece_before, ece_after;
    sedge_bad_sample *bad;
    size_t n_bad, samples;
    size_t n_cut; /* samples longer than what the model takes */
    double stream_seconds; /* of the sample, when its stream ends */
    double seconds, pre_ms, run_ms, post_ms;
};

sedge_status sg_eval_no_memory(sg_err *err);
/* A new row, and its outcome; NULL: out of memory. */
sg_row *sg_eval_add(sedge_eval *e, sedge_outcome **outcome);
/* Says that the sample is bad; the text lives until the next call. */
const char *sg_eval_bad(sedge_eval *e, const char *fmt, ...) SG_PRINTF(2, 3);

extern const sg_judge sg_judge_classes, sg_judge_boxes, sg_judge_mask, sg_judge_points, sg_judge_text, sg_judge_vector,
    sg_judge_value, sg_judge_anomaly, sg_judge_alarms;

/* eval_known.c: the truth of a sample. */
sedge_status sg_known_of(sedge_eval *e, size_t i, sg_known *k, const char **bad, sg_err *err);
/* Label of the card of a word of the data; -1: none. */
int sg_known_label(sedge_eval *e, int32_t word);

/* eval_measure.c: values, intervals, slices. w: of each row, NULL: ones. */
double sg_measure_of(const sedge_eval *e, const sg_measure *m, const double *w);
sedge_status sg_measure_all(sedge_eval *e, sg_err *err);
/* Rows' weights when groups are drawn again: count of each group. */
void sg_measure_weights(const sedge_eval *e, const double *count, double *w);
const sg_measure *sg_measures(const sedge_eval *e);
static inline double sg_weight(const double *w, size_t i)
{
    return w ? w[i] : 1;
}

/* eval_curve.c: rows with a score and a truth of two kinds, in columns. */
typedef struct sg_curve {
    size_t *order; /* rows, greatest score first */
    int score, positive; /* columns */
} sg_curve;
sedge_status sg_curve_sort(sedge_eval *e, sg_curve *c, sg_err *err);
double sg_curve_auc(const sedge_eval *e, const sg_curve *c, const double *w, double max_rate);
double sg_curve_precision(const sedge_eval *e, const sg_curve *c, const double *w);
double sg_curve_recall_at(const sedge_eval *e, const sg_curve *c, const double *w, double max_rate);
double sg_curve_best_f1(const sedge_eval *e, const sg_curve *c, const double *w);

/* eval_confidence.c: classes: temperature, what is answered and how right that is. */
sedge_status sg_confidence(sedge_eval *e, const float *logit, const size_t *row, size_t n, int classes, sg_err *err);
sedge_status sg_risk_curve(sedge_eval *e, sg_err *err);

/* eval_sanity.c: the error that says the doubt, and what the detective finds. */
sedge_status sg_sanity_fail(sedge_eval *e, const char *doubt, sg_err *err);
/* Classes that rows have, and the confusion of them where they are few. */
sedge_status sg_eval_classes(sedge_eval *e, sg_err *err);
/* No judge of one row a sample is of streams. */
bool sg_eval_no_windows(const sedge_eval *e);

/* One sample through a task; an alarms judge gets each window. */
sedge_status sg_eval_answer(sedge_task *t, const sedge_item *s, sedge_answers *out, sg_err *err);

#endif
