/* Two classes by score: curves and the areas under them. */
#include <math.h>
#include <stdlib.h>

#include "fit/metric.h"

static int best_first(const void *a, const void *b)
{
    double x = ((const sg_scored *)a)->score, y = ((const sg_scored *)b)->score;
    return (x < y) - (x > y);
}

void sg_scored_sort(sg_scored *s, size_t n)
{
    qsort(s, n, sizeof *s, best_first);
}

static double count(const sg_scored *s, size_t n, bool positive)
{
    double k = 0;
    for (size_t i = 0; i < n; i++)
        k += s[i].positive == positive;
    return k;
}

/* The points of a curve: after all of one score. */
typedef struct walk {
    const sg_scored *s;
    size_t n, i;
    double yes, no; /* positives and negatives taken so far */
} walk;

static bool next(walk *w)
{
    if (w->i == w->n)
        return false;
    double score = w->s[w->i].score;
    for (; w->i < w->n && w->s[w->i].score == score; w->i++) {
        w->yes += w->s[w->i].positive;
        w->no += !w->s[w->i].positive;
    }
    return true;
}

double sg_auc(const sg_scored *s, size_t n, double max_rate)
{
    double yes = count(s, n, true), no = count(s, n, false), area = 0, x = 0, y = 0;
    if (yes == 0 || no == 0)
        return NAN;
    for (walk w = {.s = s, .n = n}; next(&w);) {
        double to_x = w.no / no, to_y = w.yes / yes;
        if (to_x > max_rate) { /* cut the last piece */
            double part = (max_rate - x) / (to_x - x);
            to_y = y + part * (to_y - y);
            to_x = max_rate;
        }
        area += (to_x - x) * (y + to_y) / 2;
        x = to_x;
        y = to_y;
        if (x >= max_rate)
            break;
    }
    if (max_rate >= 1)
        return area;
    double chance = max_rate * max_rate / 2;
    return 0.5 * (1 + (area - chance) / (max_rate - chance));
}

double sg_average_precision(const sg_scored *s, size_t n)
{
    double yes = count(s, n, true), sum = 0, before = 0;
    for (walk w = {.s = s, .n = n}; next(&w); before = w.yes)
        sum += (w.yes - before) * w.yes / (w.yes + w.no);
    return yes > 0 ? sum / yes : NAN;
}

double sg_recall_at(const sg_scored *s, size_t n, double max_rate, double *threshold)
{
    double yes = count(s, n, true), no = count(s, n, false), best = 0;
    *threshold = HUGE_VAL;
    for (walk w = {.s = s, .n = n}; next(&w);)
        if (w.no <= max_rate * no && w.yes / yes > best) {
            best = w.yes / yes;
            *threshold = s[w.i - 1].score;
        }
    return yes > 0 ? best : NAN;
}
