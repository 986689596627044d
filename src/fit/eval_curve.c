/* Measures of scores against a truth of two kinds, with weights: as metric_curve.c, for rows that are drawn again. */
#include <math.h>
#include <stdlib.h>

#include "fit/eval.h"

typedef struct ranked {
    double score;
    size_t row;
} ranked;

static int best_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    int o = (x->score < y->score) - (x->score > y->score);
    return o ? o : (x->row > y->row) - (x->row < y->row);
}

sedge_status sg_curve_sort(sedge_eval *e, sg_curve *c, sg_err *err)
{
    ranked *r = sg_calloc(&e->mem, e->n + 1, sizeof *r);
    c->order = sg_arena_array(&e->arena, e->n + 1, sizeof *c->order);
    if (!r || !c->order) {
        sg_free(&e->mem, r, (e->n + 1) * sizeof *r);
        return sg_eval_no_memory(err);
    }
    for (size_t i = 0; i < e->n; i++)
        r[i] = (ranked){e->row[i].v[c->score], i};
    qsort(r, e->n, sizeof *r, best_first);
    for (size_t i = 0; i < e->n; i++)
        c->order[i] = r[i].row;
    sg_free(&e->mem, r, (e->n + 1) * sizeof *r);
    return SEDGE_OK;
}

/* The points of a curve: after all of one score. */
typedef struct walk {
    const sedge_eval *e;
    const sg_curve *c;
    const double *w;
    size_t i;
    double yes, no, all_yes, all_no;
} walk;

static walk begin(const sedge_eval *e, const sg_curve *c, const double *w)
{
    walk k = {.e = e, .c = c, .w = w};
    for (size_t i = 0; i < e->n; i++) {
        bool yes = e->row[i].v[c->positive] > 0;
        k.all_yes += yes ? sg_weight(w, i) : 0;
        k.all_no += yes ? 0 : sg_weight(w, i);
    }
    return k;
}

static bool next(walk *k)
{
    const sedge_eval *e = k->e;
    if (!k->c->order || k->i == e->n)
        return false;
    double score = e->row[k->c->order[k->i]].v[k->c->score];
    for (; k->i < e->n && e->row[k->c->order[k->i]].v[k->c->score] == score; k->i++) {
        size_t row = k->c->order[k->i];
        if (e->row[row].v[k->c->positive] > 0)
            k->yes += sg_weight(k->w, row);
        else
            k->no += sg_weight(k->w, row);
    }
    return true;
}

double sg_curve_auc(const sedge_eval *e, const sg_curve *c, const double *w, double max_rate)
{
    walk k = begin(e, c, w);
    double area = 0, x = 0, y = 0;
    if (!(k.all_yes > 0 && k.all_no > 0) || !c->order)
        return NAN;
    while (x < max_rate && next(&k)) {
        double to_x = k.no / k.all_no, to_y = k.yes / k.all_yes;
        if (to_x > max_rate) { /* cut the last piece */
            to_y = y + (max_rate - x) / (to_x - x) * (to_y - y);
            to_x = max_rate;
        }
        area += (to_x - x) * (y + to_y) / 2;
        x = to_x;
        y = to_y;
    }
    if (max_rate >= 1)
        return area;
    double chance = max_rate * max_rate / 2; /* McClish 1989 */
    return 0.5 * (1 + (area - chance) / (max_rate - chance));
}

double sg_curve_precision(const sedge_eval *e, const sg_curve *c, const double *w)
{
    walk k = begin(e, c, w);
    double sum = 0, before = 0;
    for (; next(&k); before = k.yes)
        if (k.yes + k.no > 0)
            sum += (k.yes - before) * k.yes / (k.yes + k.no);
    return k.all_yes > 0 && c->order ? sum / k.all_yes : NAN;
}

double sg_curve_recall_at(const sedge_eval *e, const sg_curve *c, const double *w, double max_rate)
{
    walk k = begin(e, c, w);
    double best = 0;
    while (next(&k))
        if (k.no <= max_rate * k.all_no && k.yes / k.all_yes > best)
            best = k.yes / k.all_yes;
    return k.all_yes > 0 && k.all_no > 0 && c->order ? best : NAN;
}

double sg_curve_best_f1(const sedge_eval *e, const sg_curve *c, const double *w)
{
    walk k = begin(e, c, w);
    double best = 0;
    while (next(&k)) {
        double f1 = 2 * k.yes / (k.yes + k.no + k.all_yes);
        best = f1 > best ? f1 : best;
    }
    return k.all_yes > 0 && c->order ? best : NAN;
}
