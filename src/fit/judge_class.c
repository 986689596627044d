/* The judge of classes: which are right, how sure, what is confused with what. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fit/eval.h"

/* Scores are kept, up to so many bytes, for the temperature. */
#define KEEP_BYTES ((size_t)32 << 20)
#define BINS       15
#define TOP        5
#define CONFUSED   200 /* classes; of more the table helps nobody */

enum { RIGHT, TOP5, SURE, MARGIN, KL, FLIPPED, DECIDES, SECOND };

typedef struct classes {
    float *logit; /* [n, n_class] */
    size_t *row, n, cap, cap_row;
    float *work;
    size_t cap_work;
    sg_curve curve;
    double *tally; /* [3, n_class] */
} classes;

/* ---- measures ---- */

/* Sums of weights by class: right, of that truth, guessed so. */
static void tally(const sedge_eval *e, const double *w, double *right, double *truth, double *guess)
{
    memset(right, 0, (size_t)e->n_class * sizeof *right);
    memset(truth, 0, (size_t)e->n_class * sizeof *truth);
    memset(guess, 0, (size_t)e->n_class * sizeof *guess);
    for (size_t i = 0; i < e->n; i++) {
        int t = e->outcome[i].truth, g = e->outcome[i].guess;
        truth[t] += sg_weight(w, i);
        if (g >= 0)
            guess[g] += sg_weight(w, i);
        if (t == g)
            right[t] += sg_weight(w, i);
    }
}

static double macro(const sedge_eval *e, const double *w, bool f1)
{
    const classes *c = e->state;
    size_t n = (size_t)e->n_class;
    double *right = c->tally, *truth = right + n, *guess = truth + n, sum = 0, have = 0;
    tally(e, w, right, truth, guess);
    for (size_t k = 0; k < n; k++)
        if (truth[k] > 0) {
            sum += f1 ? 2 * right[k] / (truth[k] + guess[k]) : right[k] / truth[k];
            have++;
        }
    return have > 0 ? sum / have : NAN;
}

static double macro_f1(const sedge_eval *e, const double *w)
{
    return macro(e, w, true);
}

static double macro_recall(const sedge_eval *e, const double *w)
{
    return macro(e, w, false);
}

/* Bins of equal width (Guo et al. 2017). */
static double calibration(const sedge_eval *e, const double *w)
{
    double sure[BINS] = {0}, right[BINS] = {0}, error = 0, all = 0;
    for (size_t i = 0; i < e->n; i++) {
        double s = e->row[i].v[SURE];
        int b = (int)ceil(s * BINS) - 1;
        b = b < 0 ? 0 : b >= BINS ? BINS - 1 : b;
        sure[b] += sg_weight(w, i) * s;
        right[b] += sg_weight(w, i) * e->row[i].v[RIGHT];
        all += sg_weight(w, i);
    }
    for (int b = 0; b < BINS; b++)
        error += fabs(right[b] - sure[b]);
    return all > 0 ? error / all : NAN;
}

static double auc(const sedge_eval *e, const double *w)
{
    return e->n_class == 2 ? sg_curve_auc(e, &((const classes *)e->state)->curve, w, 1) : NAN;
}

static double top5(const sedge_eval *e, const double *w)
{
    static const sg_measure m = {.kind = SG_RATIO, .over = TOP5, .under = SG_ONES};
    return e->n_class > TOP ? sg_measure_of(e, &m, w) : NAN;
}

static double flips(const sedge_eval *e, const double *w)
{
    static const sg_measure m = {.kind = SG_RATIO, .over = FLIPPED, .under = DECIDES};
    return sg_measure_of(e, &m, w);
}

static const sg_measure accuracy[] = {
    {"top1", "share whose best class is right", "", SG_RATIO, RIGHT, SG_ONES, false, true, false, NULL},
    {"top5", "share whose right class is among the best five", "", SG_FUNCTION, TOP5, SG_ONES, false, true, false, top5},
    {"macro_f1", "mean over classes of F1", "", SG_FUNCTION, 0, 0, false, false, false, macro_f1},
    {"macro_recall", "mean over classes of recall (balanced accuracy)", "", SG_FUNCTION, 0, 0, false, false, false, macro_recall},
    {"auc", "area under the receiver's curve of class 1", "", SG_FUNCTION, 0, 0, false, false, false, auc},
    {"ece", "expected calibration error, 15 bins", "", SG_FUNCTION, 0, 0, true, false, false, calibration},
    {.name = NULL}};

static const sg_measure fidelity[] = {
    {"agreement", "share whose best class is the reference's", "", SG_RATIO, RIGHT, SG_ONES, false, true, false, NULL},
    {"top5_agreement", "share whose best five hold the reference's best class", "", SG_FUNCTION, TOP5, SG_ONES, false, true,
     false, top5},
    {"kl", "mean divergence of scores from the reference's, nats", "", SG_RATIO, KL, SG_ONES, true, false, false, NULL},
    {"flipped", "share of decisions that are other", "", SG_FUNCTION, FLIPPED, DECIDES, true, true, false, flips},
    {.name = NULL}};

/* ---- one sample ---- */

static classes *state_of(sedge_eval *e)
{
    if (!e->state)
        e->state = sg_calloc(&e->mem, 1, sizeof(classes));
    return e->state;
}

/* Probabilities become their logarithms; a softmax of either kind gives probabilities. */
static void to_logits(const float *s, float *z, size_t n)
{
    bool shares = true;
    for (size_t i = 0; i < n; i++)
        shares = shares && s[i] >= -1e-6f && s[i] <= 1 + 1e-6f;
    for (size_t i = 0; i < n; i++)
        z[i] = shares ? logf(s[i] > 1e-7f ? s[i] : 1e-7f) : s[i];
}

static double log_sum(const float *z, size_t n)
{
    double most = -HUGE_VAL, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = (double)z[i] > most ? (double)z[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)z[i] - most);
    return most + log(sum);
}

/* Scores of a task's last answer as logits in z, one more than they may be; one probability is that of the second class. */
static size_t logits_of(const sedge_task *t, float *z)
{
    size_t n = t->n_score;
    const float *s = t->scores.p;
    const json_t *bg = sg_get(sg_get(t->answer, "scores"), "background");
    if (n == 1) {
        float two[2] = {1 - s[0], s[0]};
        to_logits(two, z, 2);
        return 2;
    }
    to_logits(s, z, n);
    if (bg && json_integer_value(bg) < (json_int_t)n)
        z[json_integer_value(bg)] = -1e4f;
    return n;
}

static size_t best_of(const float *z, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        best = z[k] > z[best] ? k : best;
    return best;
}

static sedge_status keep(sedge_eval *e, classes *c, const float *z, size_t n, sg_err *err)
{
    if ((c->n + 1) * n * sizeof *z > KEEP_BYTES)
        return SEDGE_OK;
    if (sg_grow(&e->mem, &c->logit, &c->cap, (c->n + 1) * n, sizeof *z) != SEDGE_OK ||
        sg_grow(&e->mem, &c->row, &c->cap_row, c->n + 1, sizeof *c->row) != SEDGE_OK)
        return sg_eval_no_memory(err);
    memcpy(c->logit + c->n * n, z, n * sizeof *z);
    c->row[c->n++] = e->n - 1;
    return SEDGE_OK;
}

/* Divergence of q from p, both given as logits (Kullback and Leibler 1951). */
static double divergence(const float *p, const float *q, size_t n)
{
    double lp = log_sum(p, n), lq = log_sum(q, n), sum = 0;
    for (size_t i = 0; i < n; i++) {
        double a = (double)p[i] - lp, b = (double)q[i] - lq;
        sum += exp(a) * (a - b);
    }
    return sum > 0 ? sum : 0;
}

static sedge_status take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    classes *c = state_of(e);
    size_t room = e->task->n_score + 2 + (k->answers ? e->reference->n_score + 2 : 0);
    if (!c || sg_grow(&e->mem, &c->work, &c->cap_work, room, sizeof *c->work) != SEDGE_OK)
        return sg_eval_no_memory(err);
    float *z = c->work, *zr = z + e->task->n_score + 2;
    size_t n = logits_of(e->task, z);
    int truth = k->label < 0 ? -1 : sg_labels_class(e->task, k->label);
    if (k->answers && logits_of(e->reference, zr) == n)
        truth = (int)best_of(zr, n);
    if (truth < 0 || (size_t)truth >= n) {
        *bad = k->answers      ? sg_eval_bad(e, "the reference gives other classes")
               : k->label >= 0 ? sg_eval_bad(e, "label \"%.60s\" is class %d, the output has %zu classes", k->text, truth, n)
                               : sg_eval_bad(e, "label \"%.60s\" is none of the card's %d", k->text, e->task->n_label);
        return SEDGE_OK;
    }
    if (e->n && e->n_class != (int)n) {
        *bad = sg_eval_bad(e, "the output has %zu classes, before it had %d", n, e->n_class);
        return SEDGE_OK;
    }
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!r)
        return sg_eval_no_memory(err);
    size_t best = best_of(z, n), before = 0;
    for (size_t i = 0; i < n; i++)
        before += z[i] > z[truth] || (z[i] == z[truth] && i < (size_t)truth);
    bool number = !isnan(z[best]) && !isnan(z[truth]);
    e->n_class = (int)n;
    o->truth = truth;
    o->guess = number ? (int)best : -1;
    o->right = number && (int)best == truth;
    r->v[RIGHT] = (double)o->right;
    r->v[TOP5] = number && before < TOP;
    r->v[SURE] = number ? exp((double)z[best] - log_sum(z, n)) : 0;
    o->score = (float)r->v[SURE];
    r->v[MARGIN] = n == 2 ? (double)z[1] - (double)z[0] : 0;
    r->v[SECOND] = truth == 1;
    if (k->answers) {
        r->v[KL] = divergence(zr, z, n);
        r->v[DECIDES] = a->decided >= 0 && k->answers->decided >= 0;
        r->v[FLIPPED] = r->v[DECIDES] > 0 && a->decided != k->answers->decided;
    }
    return number && !k->answers ? keep(e, c, z, n, err) : SEDGE_OK;
}

/* ---- the end ---- */

static int by_number(const void *a, const void *b)
{
    int x = ((const sedge_class *)a)->number, y = ((const sedge_class *)b)->number;
    return (x > y) - (x < y);
}

sedge_status sg_eval_classes(sedge_eval *e, sg_err *err)
{
    int most = -1;
    for (size_t i = 0; i < e->n; i++) {
        most = e->outcome[i].truth > most ? e->outcome[i].truth : most;
        most = e->outcome[i].guess > most ? e->outcome[i].guess : most;
    }
    int *at = sg_arena_array(&e->arena, (size_t)most + 2, sizeof *at);
    e->cls = sg_arena_array(&e->arena, (size_t)most + 2, sizeof *e->cls);
    if (!at || !e->cls)
        return sg_eval_no_memory(err);
    for (size_t i = 0; i < e->n; i++)
        for (int side = 0; side < 2; side++) {
            int c = side ? e->outcome[i].guess : e->outcome[i].truth;
            if (c < 0)
                continue;
            if (!at[c]) {
                at[c] = ++e->n_cls;
                e->cls[at[c] - 1] = (sedge_class){
                    .number = c, .name = sedge_task_label(e->task, sg_label_of(e->task, c)), .ap50 = NAN};
            }
            sedge_class *k = &e->cls[at[c] - 1];
            k->guess += side == 1;
            k->truth += side == 0;
            k->right += !side && e->outcome[i].guess == c;
        }
    qsort(e->cls, (size_t)e->n_cls, sizeof *e->cls, by_number);
    for (int k = 0; k < e->n_cls; k++) {
        sedge_class *c = &e->cls[k];
        at[c->number] = k + 1;
        c->recall = c->truth ? (double)c->right / (double)c->truth : NAN;
        c->precision = c->guess ? (double)c->right / (double)c->guess : NAN;
        c->f1 = 2 * (double)c->right / ((double)c->truth + (double)c->guess);
    }
    if (e->n_cls > CONFUSED)
        return SEDGE_OK;
    if (!(e->confusion = sg_arena_array(&e->arena, (size_t)e->n_cls * (size_t)e->n_cls + 1, sizeof *e->confusion)))
        return sg_eval_no_memory(err);
    for (size_t i = 0; i < e->n; i++)
        if (e->outcome[i].truth >= 0 && e->outcome[i].guess >= 0)
            e->confusion[(at[e->outcome[i].truth] - 1) * e->n_cls + at[e->outcome[i].guess] - 1]++;
    return SEDGE_OK;
}

static sedge_status end(sedge_eval *e, sg_err *err)
{
    classes *c = e->state;
    if (!c || !(c->tally = sg_arena_array(&e->arena, (size_t)e->n_class, 3 * sizeof *c->tally)))
        return sg_eval_no_memory(err);
    if (e->n_class == 2) {
        c->curve = (sg_curve){.score = MARGIN, .positive = SECOND};
        SG_TRY(sg_curve_sort(e, &c->curve, err));
    }
    SG_TRY(sg_eval_classes(e, err));
    if (e->reference)
        return SEDGE_OK;
    SG_TRY(sg_risk_curve(e, err));
    return sg_confidence(e, c->logit, c->row, c->n, e->n_class, err);
}

/* ---- the look of a wrong card ---- */

static const char *doubt(sedge_eval *e)
{
    int *truth = sg_calloc(&e->mem, (size_t)e->n_class, 2 * sizeof *truth), *guess = truth ? truth + e->n_class : NULL;
    int most_truth = 0, most_guess = 0, kinds = 0;
    double right = 0, n = (double)e->n;
    for (size_t i = 0; truth && i < e->n; i++) {
        truth[e->outcome[i].truth]++;
        if (e->outcome[i].guess >= 0)
            guess[e->outcome[i].guess]++;
        right += (double)e->outcome[i].right;
    }
    for (int k = 0; truth && k < e->n_class; k++) {
        kinds += truth[k] > 0;
        most_truth = truth[k] > truth[most_truth] ? k : most_truth;
        most_guess = guess[k] > guess[most_guess] ? k : most_guess;
    }
    const char *why = NULL;
    double chance = truth ? truth[most_truth] / n : 0;
    if (truth && kinds > 1 && guess[most_guess] > 0.95 * n && chance < 0.75)
        why = sg_eval_bad(e, "the answer is class %d for %d of %.0f samples, whatever they show", most_guess, guess[most_guess],
                          n);
    else if (truth && kinds > 1 && sg_wilson(right, n, 0.95).low <= (chance > 1.0 / e->n_class ? chance : 1.0 / e->n_class))
        why = sg_eval_bad(e, "%.0f of %.0f are right, which is near chance (the commonest class: %d)", right, n,
                          truth[most_truth]);
    sg_free(&e->mem, truth, (size_t)e->n_class * 2 * sizeof *truth);
    return why;
}

static void free_state(sedge_eval *e)
{
    classes *c = e->state;
    if (!c)
        return;
    sg_free(&e->mem, c->logit, c->cap * sizeof *c->logit);
    sg_free(&e->mem, c->row, c->cap_row * sizeof *c->row);
    sg_free(&e->mem, c->work, c->cap_work * sizeof *c->work);
    sg_free(&e->mem, c, sizeof *c);
}

bool sg_eval_no_windows(const sedge_eval *e)
{
    (void)e;
    return false;
}

const sg_judge sg_judge_classes = {"classes", accuracy, fidelity, take, end, doubt, free_state, sg_eval_no_windows};
