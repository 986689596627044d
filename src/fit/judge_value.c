/* The judges of numbers: predictions against numbers, scores against what is normal. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "fit/eval.h"

/* ---- predictions ---------------------------------------------------------------------------- */

enum { SQUARE, ABSOLUTE, SPAN, FLIPPED, DECIDES, TRUTH };

/* Share of the variance that is explained. */
static double explained(const sedge_eval *e, const double *w)
{
    double n = 0, sum = 0, squares = 0, left = 0;
    for (size_t i = 0; i < e->n; i++) {
        double k = sg_weight(w, i), t = e->row[i].v[TRUTH];
        n += k;
        sum += k * t;
        squares += k * t * t;
        left += k * e->row[i].v[SQUARE];
    }
    double variance = squares - sum * sum / n;
    return n > 0 && variance > 1e-12 * squares ? 1 - left / variance : NAN;
}

static double flips(const sedge_eval *e, const double *w)
{
    static const sg_measure m = {.kind = SG_RATIO, .over = FLIPPED, .under = DECIDES};
    return sg_measure_of(e, &m, w);
}

static const sg_measure value_accuracy[] = {
    {"rmse", "root of the mean squared error", "", SG_ROOT, SQUARE, SG_ONES, true, false, false, NULL},
    {"mae", "mean absolute error", "", SG_RATIO, ABSOLUTE, SG_ONES, true, false, false, NULL},
    {"r2", "share of the variance that is explained", "", SG_FUNCTION, 0, 0, false, false, false, explained},
    {.name = NULL}};
static const sg_measure value_fidelity[] = {
    {"relative_difference", "root of the squared differences by the squares of the reference's", "", SG_ROOT, SQUARE, SPAN, true,
     false, false, NULL},
    {"mean_difference", "mean absolute difference", "", SG_RATIO, ABSOLUTE, SG_ONES, true, false, false, NULL},
    {"flipped", "share of decisions that are other", "", SG_FUNCTION, FLIPPED, DECIDES, true, true, false, flips},
    {.name = NULL}};

static sedge_status value_take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    if (!a->n || (k->answers ? !k->answers->n : !k->has_value)) {
        *bad = a->n && !k->answers ? sg_eval_bad(e, "label \"%.60s\" is no number", k->text)
                                   : sg_eval_bad(e, "there is no answer");
        return SEDGE_OK;
    }
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!r)
        return sg_eval_no_memory(err);
    double want = k->answers ? k->answers->answer[0].value : k->value, d = a->answer[0].value - want;
    r->v[SQUARE] = d * d;
    r->v[ABSOLUTE] = fabs(d);
    r->v[SPAN] = want * want;
    r->v[TRUTH] = want;
    r->v[DECIDES] = k->answers && a->decided >= 0 && k->answers->decided >= 0;
    r->v[FLIPPED] = r->v[DECIDES] > 0 && a->decided != k->answers->decided;
    o->right = (float)-fabs(d);
    o->score = (float)a->answer[0].value;
    return SEDGE_OK;
}

static const char *value_doubt(sedge_eval *e)
{
    bool same = true, other = false;
    for (size_t i = 1; i < e->n; i++) {
        same = same && e->outcome[i].score == e->outcome[0].score;
        other = other || e->row[i].v[TRUTH] != e->row[0].v[TRUTH];
    }
    return same && other ? sg_eval_bad(e, "the answer is %g for each sample, whatever it is", (double)e->outcome[0].score) : NULL;
}

const sg_judge sg_judge_value = {"value", value_accuracy, value_fidelity, value_take,
                                 NULL,    value_doubt,    NULL,           sg_eval_no_windows};

/* ---- anomalies ------------------------------------------------------------------------------ */

#define PART 0.1  /* of the false positives, for the partial area */
#define RATE 0.01 /* of the normal ones that may be called odd */

enum { SCORE, ODD, CALLED, SAME, BOTH_TWICE, CALLED_AND_ODD };

typedef struct anomaly {
    sg_curve curve;
    bool decides;
} anomaly;

static const sg_curve *curve_of(const sedge_eval *e)
{
    return &((const anomaly *)e->state)->curve;
}

static double auc(const sedge_eval *e, const double *w)
{
    return sg_curve_auc(e, curve_of(e), w, 1);
}

static double part(const sedge_eval *e, const double *w)
{
    return sg_curve_auc(e, curve_of(e), w, PART);
}

static double precision(const sedge_eval *e, const double *w)
{
    return sg_curve_precision(e, curve_of(e), w);
}

static double recall(const sedge_eval *e, const double *w)
{
    return sg_curve_recall_at(e, curve_of(e), w, RATE);
}

static double best_f1(const sedge_eval *e, const double *w)
{
    return sg_curve_best_f1(e, curve_of(e), w);
}

static double decided_f1(const sedge_eval *e, const double *w)
{
    static const sg_measure m = {.kind = SG_RATIO, .over = BOTH_TWICE, .under = CALLED_AND_ODD};
    return ((const anomaly *)e->state)->decides ? sg_measure_of(e, &m, w) : NAN;
}

static const sg_measure anomaly_accuracy[] = {
    {"auc", "area under the receiver's curve", "", SG_FUNCTION, 0, 0, false, false, false, auc},
    {"pauc", "the part up to 10 % of false positives, 0.5 is chance (McClish)", "", SG_FUNCTION, 0, 0, false, false, false, part},
    {"average_precision", "mean of precision over the odd ones", "", SG_FUNCTION, 0, 0, false, false, false, precision},
    {"recall_fp1", "share of the odd that is found where 1 % of the normal is called odd", "", SG_FUNCTION, 0, 0, false, false,
     false, recall},
    {"f1", "at the card's threshold", "", SG_FUNCTION, 0, 0, false, false, false, decided_f1},
    {"f1_best", "at the best threshold of these very samples: too good", "", SG_FUNCTION, 0, 0, false, false, false, best_f1},
    {.name = NULL}};
static const sg_measure nothing[] = {{.name = NULL}};

static bool same_word(const char *a, const char *b)
{
    for (; *a && tolower((unsigned char)*a) == *b; a++, b++)
        ;
    return !*a && !*b;
}

/* 0 and words for what is normal; everything else is odd. */
static bool is_normal(const char *text)
{
    static const char *const word[] = {"0", "normal", "good", "ok", "no", "negative", "healthy", "false", "none"};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (same_word(text, word[i]))
            return true;
    return false;
}

static bool in_event(const sg_known *k, double t0, double t1)
{
    for (size_t i = 0; i < k->n_thing; i++)
        if (t0 < k->thing[i].t1 && t1 > k->thing[i].t0)
            return true;
    return false;
}

static sedge_status anomaly_take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    if (!a)
        return SEDGE_OK;
    if (!e->state && !(e->state = sg_calloc(&e->mem, 1, sizeof(anomaly))))
        return sg_eval_no_memory(err);
    if (!a->n) {
        *bad = sg_eval_bad(e, "there is no answer");
        return SEDGE_OK;
    }
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!r)
        return sg_eval_no_memory(err);
    bool odd = e->data->truth == SG_TRUTH_EVENTS ? in_event(k, a->t0, a->t1) : !is_normal(k->text), called = a->decided == 1;
    anomaly *s = e->state;
    s->decides = s->decides || a->decided >= 0;
    r->v[SCORE] = a->answer[0].value;
    r->v[ODD] = odd;
    r->v[CALLED] = called;
    r->v[BOTH_TWICE] = odd && called ? 2 : 0;
    r->v[CALLED_AND_ODD] = odd + called;
    o->truth = odd;
    o->guess = a->decided >= 0 ? called : -1;
    o->right = a->decided >= 0 ? odd == called : 0;
    o->score = (float)a->answer[0].value;
    return SEDGE_OK;
}

static sedge_status anomaly_end(sedge_eval *e, sg_err *err)
{
    anomaly *s = e->state;
    s->curve = (sg_curve){.score = SCORE, .positive = ODD};
    SG_TRY(sg_curve_sort(e, &s->curve, err));
    return isnan(auc(e, NULL))
               ? sg_fail(err, SEDGE_E_VALUE, "eval: all samples are %s: normal ones are labelled 0 or normal, others odd",
                         e->outcome[0].truth ? "odd" : "normal")
               : SEDGE_OK;
}

static const char *anomaly_doubt(sedge_eval *e)
{
    for (size_t i = 1; i < e->n; i++)
        if (e->outcome[i].score != e->outcome[0].score)
            return NULL;
    return sg_eval_bad(e, "the score is %g for each sample, whatever it is", (double)e->outcome[0].score);
}

static void anomaly_free(sedge_eval *e)
{
    sg_free(&e->mem, e->state, sizeof(anomaly));
}

static bool anomaly_windows(const sedge_eval *e)
{
    return e->how.stream || e->data->truth == SG_TRUTH_EVENTS;
}

const sg_judge sg_judge_anomaly = {"anomaly",   anomaly_accuracy, nothing,      anomaly_take,
                                   anomaly_end, anomaly_doubt,    anomaly_free, anomaly_windows};
