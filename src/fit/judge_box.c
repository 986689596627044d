/* The judge of boxes: average precision as COCO computes it, recall at fixed false finds, F1 at one overlap. */
#include <math.h>
#include <stdlib.h>

#include "fit/eval.h"
#include "fit/metric.h"

#define OVERLAP   0.5
#define SCORE     0.3 /* finds of at least this score count for F1 */
#define CLASS_APS 128 /* classes that get an average precision of their own */

enum { TWICE, ALL, RIGHT, WRONG, MISSED };

/* Of each row, where its finds and its true boxes begin; one more at the end. */
typedef struct span {
    size_t find, truth;
} span;

typedef struct ranked {
    float score;
    size_t at;
} ranked;

typedef struct boxes {
    sg_find *find;
    sg_true_box *truth;
    span *span;
    size_t n_find, n_truth, cap_find, cap_truth, cap_span;
    uint8_t *hit;  /* of each find: 1 right, 2 neither (a crowd) */
    ranked *order; /* finds, best first */
    sg_find *find2; /* of rows that were drawn again */
    sg_true_box *truth2;
    size_t cap_find2, cap_truth2;
} boxes;

/* ---- one picture ---- */

static double area(const float *b)
{
    return ((double)b[2] - (double)b[0]) * ((double)b[3] - (double)b[1]);
}

static double overlap(const float *a, const float *b, bool crowd)
{
    double w = fmin((double)a[2], (double)b[2]) - fmax((double)a[0], (double)b[0]);
    double h = fmin((double)a[3], (double)b[3]) - fmax((double)a[1], (double)b[1]);
    if (!(w > 0 && h > 0))
        return 0;
    return w * h / (crowd ? area(a) : area(a) + area(b) - w * h);
}

static int best_first(const void *a, const void *b)
{
    float x = ((const sg_find *)a)->score, y = ((const sg_find *)b)->score;
    return (x < y) - (x > y);
}

/* Each find, best first, takes the free true box of its label that it overlaps most; with `any`, of any label. taken: of each truth.
 * Returns how many are right; hit[] as in boxes. */
static size_t match(const sg_find *f, size_t n, const sg_true_box *t, size_t m, double least_score, bool any, uint8_t *taken,
                    uint8_t *hit)
{
    size_t right = 0;
    memset(taken, 0, m);
    for (size_t i = 0; i < n; i++) {
        double best = OVERLAP;
        size_t at = m;
        bool crowd = false;
        hit[i] = 0;
        if ((double)f[i].score < least_score)
            continue;
        for (size_t k = 0; k < m; k++) {
            double v = !any && t[k].label != f[i].label ? 0 : overlap(f[i].box, t[k].box, t[k].crowd);
            crowd = crowd || (t[k].crowd && v >= OVERLAP);
            if (!t[k].crowd && !taken[k] && v >= best) {
                best = v;
                at = k;
            }
        }
        hit[i] = at < m ? 1 : crowd ? 2 : 0;
        right += at < m;
        if (at < m)
            taken[at] = 1;
    }
    return right;
}

static boxes *state_of(sedge_eval *e)
{
    if (!e->state)
        e->state = sg_calloc(&e->mem, 1, sizeof(boxes));
    return e->state;
}

static sedge_status add_find(sedge_eval *e, boxes *b, const sedge_answer *a, uint32_t image, sg_err *err)
{
    if (sg_grow(&e->mem, &b->find, &b->cap_find, b->n_find + 1, sizeof *b->find) != SEDGE_OK)
        return sg_eval_no_memory(err);
    b->find[b->n_find++] = (sg_find){image, a->label, a->score, {a->box[0], a->box[1], a->box[2], a->box[3]}};
    return SEDGE_OK;
}

static sedge_status add_truth(sedge_eval *e, boxes *b, const float *box, int label, bool crowd, uint32_t image, sg_err *err)
{
    if (sg_grow(&e->mem, &b->truth, &b->cap_truth, b->n_truth + 1, sizeof *b->truth) != SEDGE_OK)
        return sg_eval_no_memory(err);
    b->truth[b->n_truth++] = (sg_true_box){image, label, crowd, {box[0], box[1], box[2], box[3]}};
    return SEDGE_OK;
}

static sedge_status take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    boxes *b = state_of(e);
    (void)bad;
    if (!b || sg_grow(&e->mem, &b->span, &b->cap_span, e->n + 2, sizeof *b->span) != SEDGE_OK)
        return sg_eval_no_memory(err);
    uint32_t image = (uint32_t)e->n;
    span from = {b->n_find, b->n_truth};
    b->span[e->n] = from;
    for (int i = 0; i < a->n; i++)
        SG_TRY(add_find(e, b, &a->answer[i], image, err));
    if (k->answers)
        for (int i = 0; i < k->answers->n; i++)
            SG_TRY(add_truth(e, b, k->answers->answer[i].box, k->answers->answer[i].label, false, image, err));
    for (size_t i = 0; i < k->n_thing; i++)
        SG_TRY(add_truth(e, b, k->thing[i].box, k->thing[i].label, k->thing[i].crowd, image, err));
    size_t n = b->n_find - from.find, m = b->n_truth - from.truth, wrong = 0, true_n = 0;
    uint8_t *scratch = sg_calloc(&e->mem, n + m + 1, 1);
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!scratch || !r) {
        sg_free(&e->mem, scratch, n + m + 1);
        return sg_eval_no_memory(err);
    }
    if (n)
        qsort(b->find + from.find, n, sizeof *b->find, best_first);
    double least = k->answers ? 0 : SCORE;
    size_t right = match(b->find + from.find, n, b->truth + from.truth, m, least, false, scratch, scratch + m);
    for (size_t i = 0; i < n; i++)
        wrong += (double)b->find[from.find + i].score >= least && scratch[m + i] == 0;
    for (size_t i = 0; i < m; i++)
        true_n += !b->truth[from.truth + i].crowd;
    sg_free(&e->mem, scratch, n + m + 1);
    b->span[e->n] = (span){b->n_find, b->n_truth};
    r->v[RIGHT] = (double)right;
    r->v[WRONG] = (double)wrong;
    r->v[MISSED] = (double)(true_n - right);
    r->v[TWICE] = 2 * (double)right;
    r->v[ALL] = 2 * (double)right + r->v[WRONG] + r->v[MISSED];
    o->right = r->v[ALL] > 0 ? (float)(r->v[TWICE] / r->v[ALL]) : 1;
    o->score = n ? b->find[from.find].score : 0;
    o->guess = n ? b->find[from.find].label : -1;
    return SEDGE_OK;
}

/* ---- measures ---- */

/* The boxes of rows as often as they are drawn; a row drawn twice is two pictures. */
static bool redraw(const sedge_eval *e, boxes *b, const double *w, size_t *n, size_t *m)
{
    uint32_t image = 0;
    sg_mem *mem = &((sedge_eval *)(uintptr_t)e)->mem;
    *n = *m = 0;
    for (size_t i = 0; i < e->n; i++)
        for (double k = 0; k < w[i]; k++, image++) {
            span s = b->span[i], t = b->span[i + 1];
            if (sg_grow(mem, &b->find2, &b->cap_find2, *n + t.find - s.find, sizeof *b->find2) != SEDGE_OK ||
                sg_grow(mem, &b->truth2, &b->cap_truth2, *m + t.truth - s.truth, sizeof *b->truth2) != SEDGE_OK)
                return false;
            for (size_t f = s.find; f < t.find; f++, (*n)++) {
                b->find2[*n] = b->find[f];
                b->find2[*n].image = image;
            }
            for (size_t f = s.truth; f < t.truth; f++, (*m)++) {
                b->truth2[*m] = b->truth[f];
                b->truth2[*m].image = image;
            }
        }
    return true;
}

static sg_box_score scores(const sedge_eval *e, const double *w)
{
    boxes *b = e->state;
    sg_box_score s = {NAN, NAN, NAN, NAN};
    size_t n = b->n_find, m = b->n_truth;
    sg_mem *mem = &((sedge_eval *)(uintptr_t)e)->mem;
    if (w && !redraw(e, b, w, &n, &m))
        return s;
    if (sg_box_scores(mem, w ? b->find2 : b->find, n, w ? b->truth2 : b->truth, m, &s) != SEDGE_OK)
        s = (sg_box_score){NAN, NAN, NAN, NAN};
    return s;
}

static double ap(const sedge_eval *e, const double *w)
{
    return scores(e, w).ap;
}

static double ap50(const sedge_eval *e, const double *w)
{
    return scores(e, w).ap50;
}

static double recall(const sedge_eval *e, const double *w)
{
    return scores(e, w).recall;
}

/* The greatest share of true boxes that is found with at most one false find a picture. */
static double recall_at_one(const sedge_eval *e, const double *w)
{
    const boxes *b = e->state;
    double pictures = 0, truth = 0, right = 0, wrong = 0, best = 0;
    for (size_t i = 0; i < e->n; i++) {
        pictures += sg_weight(w, i);
        truth += sg_weight(w, i) * (e->row[i].v[RIGHT] + e->row[i].v[MISSED]);
    }
    for (size_t i = 0; b->order && i < b->n_find; i++) {
        const sg_find *f = &b->find[b->order[i].at];
        right += b->hit[b->order[i].at] == 1 ? sg_weight(w, f->image) : 0;
        wrong += b->hit[b->order[i].at] == 0 ? sg_weight(w, f->image) : 0;
        if (wrong <= pictures)
            best = right;
    }
    return truth > 0 ? best / truth : NAN;
}

static const sg_measure accuracy[] = {
    {"map50", "mean over classes of average precision at overlap 0.5", "", SG_FUNCTION, 0, 0, false, false, false, ap50},
    {"map", "mean over overlaps 0.5 to 0.95 too (COCO)", "", SG_FUNCTION, 0, 0, false, false, false, ap},
    {"recall", "mean of the greatest recall, 100 finds a picture (COCO)", "", SG_FUNCTION, 0, 0, false, false, false, recall},
    {"recall_fp1", "share of true boxes found with one false find a picture", "", SG_FUNCTION, 0, 0, false, false, false,
     recall_at_one},
    {"f1", "at overlap 0.5, finds of score 0.3 and more", "", SG_RATIO, TWICE, ALL, false, false, false, NULL},
    {.name = NULL}};

static const sg_measure fidelity[] = {
    {"box_f1", "F1 with the reference's boxes as truth, overlap 0.5", "", SG_RATIO, TWICE, ALL, false, false, false, NULL},
    {.name = NULL}};

/* ---- the end ---- */

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : (x->at > y->at) - (x->at < y->at);
}

static sedge_status class_aps(sedge_eval *e, boxes *b, sg_err *err)
{
    sg_find *f = sg_calloc(&e->mem, b->n_find + 1, sizeof *f);
    sg_true_box *t = sg_calloc(&e->mem, b->n_truth + 1, sizeof *t);
    sedge_status st = f && t ? SEDGE_OK : sg_eval_no_memory(err);
    for (int k = 0; st == SEDGE_OK && k < e->n_cls; k++) {
        size_t n = 0, m = 0;
        sg_box_score s;
        for (size_t i = 0; i < b->n_find; i++)
            if (b->find[i].label == e->cls[k].number)
                f[n++] = b->find[i];
        for (size_t i = 0; i < b->n_truth; i++)
            if (b->truth[i].label == e->cls[k].number)
                t[m++] = b->truth[i];
        if (sg_box_scores(&e->mem, f, n, t, m, &s) != SEDGE_OK)
            st = sg_eval_no_memory(err);
        else
            e->cls[k].ap50 = s.ap50;
    }
    sg_free(&e->mem, f, (b->n_find + 1) * sizeof *f);
    sg_free(&e->mem, t, (b->n_truth + 1) * sizeof *t);
    return st;
}

/* Classes that some picture has. */
static sedge_status class_table(sedge_eval *e, boxes *b, sg_err *err)
{
    e->cls = sg_arena_array(&e->arena, CLASS_APS + 1, sizeof *e->cls);
    if (!e->cls)
        return sg_eval_no_memory(err);
    for (size_t i = 0; i < b->n_truth; i++) {
        int k = 0;
        while (k < e->n_cls && e->cls[k].number != b->truth[i].label)
            k++;
        if (k == CLASS_APS)
            continue;
        if (k == e->n_cls)
            e->cls[e->n_cls++] = (sedge_class){.number = b->truth[i].label,
                                               .name = sedge_task_label(e->task, b->truth[i].label),
                                               .precision = NAN,
                                               .recall = NAN,
                                               .f1 = NAN,
                                               .ap50 = NAN};
        e->cls[k].truth += !b->truth[i].crowd;
    }
    return class_aps(e, b, err);
}

static sedge_status end(sedge_eval *e, sg_err *err)
{
    boxes *b = e->state;
    if (e->reference)
        return SEDGE_OK;
    b->hit = sg_arena_array(&e->arena, b->n_find + 1, 1);
    b->order = sg_arena_array(&e->arena, b->n_find + 1, sizeof *b->order);
    size_t most = 1;
    for (size_t i = 0; i < e->n; i++)
        most = b->span[i + 1].truth - b->span[i].truth > most ? b->span[i + 1].truth - b->span[i].truth : most;
    uint8_t *taken = sg_arena_array(&e->arena, most, 1);
    if (!b->hit || !b->order || !taken)
        return sg_eval_no_memory(err);
    for (size_t i = 0; i < e->n; i++) {
        span s = b->span[i], t = b->span[i + 1];
        match(b->find + s.find, t.find - s.find, b->truth + s.truth, t.truth - s.truth, 0, false, taken, b->hit + s.find);
    }
    for (size_t i = 0; i < b->n_find; i++)
        b->order[i] = (ranked){b->find[i].score, i};
    qsort(b->order, b->n_find, sizeof *b->order, by_score);
    return class_table(e, b, err);
}

static const char *doubt(sedge_eval *e)
{
    boxes *b = e->state;
    size_t any = 0, most = b->n_truth + b->n_find + 1;
    double right = 0, truth = 0;
    uint8_t *scratch = sg_calloc(&e->mem, most, 1);
    for (size_t i = 0; scratch && i < e->n; i++) {
        span s = b->span[i], t = b->span[i + 1];
        right += e->row[i].v[RIGHT];
        truth += e->row[i].v[RIGHT] + e->row[i].v[MISSED];
        any += match(b->find + s.find, t.find - s.find, b->truth + s.truth, t.truth - s.truth, SCORE, true, scratch,
                     scratch + b->n_truth);
    }
    sg_free(&e->mem, scratch, most);
    if (!(truth >= 20) || right >= 0.02 * truth)
        return NULL;
    if ((double)any >= 0.1 * truth)
        return sg_eval_bad(e,
                           "%zu of %.0f boxes are found, but %.0f have the right label: labels or their first number are wrong",
                           any, truth, right);
    return sg_eval_bad(e, "%.0f of %.0f true boxes are found: resize or letterbox, the boxes' form or the colors are wrong",
                       right, truth);
}

static void free_state(sedge_eval *e)
{
    boxes *b = e->state;
    if (!b)
        return;
    sg_free(&e->mem, b->find, b->cap_find * sizeof *b->find);
    sg_free(&e->mem, b->truth, b->cap_truth * sizeof *b->truth);
    sg_free(&e->mem, b->span, b->cap_span * sizeof *b->span);
    sg_free(&e->mem, b->find2, b->cap_find2 * sizeof *b->find2);
    sg_free(&e->mem, b->truth2, b->cap_truth2 * sizeof *b->truth2);
    sg_free(&e->mem, b, sizeof *b);
}

const sg_judge sg_judge_boxes = {"boxes", accuracy, fidelity, take, end, doubt, free_state, sg_eval_no_windows};
