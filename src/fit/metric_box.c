/* Boxes: average precision as the evaluation of COCO computes it (Lin et al. 2014; the rules of its published code: each find, best first,
 * takes the free true box that it overlaps most; finds that only a crowd explains do not count). */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/metric.h"

enum { OVERLAPS = 10, POINTS = 101, FINDS = 100 };

/* A find among its like: of a label, best first, then by image and as they came. */
typedef struct ranked {
    sg_find f;
    size_t at;
    uint16_t right, neither; /* bit t: at overlap t */
} ranked;

typedef struct truth {
    sg_true_box b;
    size_t at;
    uint16_t taken;
} truth;

static int order(double a, double b)
{
    return (a > b) - (a < b);
}

static int by_rank(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    int o = order(x->f.label, y->f.label);
    o = o ? o : order((double)y->f.score, (double)x->f.score);
    o = o ? o : order(x->f.image, y->f.image);
    return o ? o : order((double)x->at, (double)y->at);
}

static int by_place(const void *a, const void *b)
{
    const truth *x = a, *y = b;
    int o = order(x->b.label, y->b.label);
    o = o ? o : order(x->b.image, y->b.image);
    o = o ? o : x->b.crowd - y->b.crowd;
    return o ? o : order((double)x->at, (double)y->at);
}

static double area(const float *b)
{
    return ((double)b[2] - (double)b[0]) * ((double)b[3] - (double)b[1]);
}

/* Intersection over union; over the find's own area where the true box is a crowd. */
static double overlap(const ranked *r, const truth *t)
{
    const float *a = r->f.box, *b = t->b.box;
    double w = fmin((double)a[2], (double)b[2]) - fmax((double)a[0], (double)b[0]);
    double h = fmin((double)a[3], (double)b[3]) - fmax((double)a[1], (double)b[1]);
    if (!(w > 0 && h > 0))
        return 0;
    return w * h / (t->b.crowd ? area(a) : area(a) + area(b) - w * h);
}

/* To the bit what the published code compares with: overlaps of whole pixels often equal it. */
static double overlap_at(int t)
{
    return t == OVERLAPS - 1 ? 0.95 : t * ((0.95 - 0.5) / 9) + 0.5;
}

/* The true box of n (crowds last) that a find takes at overlap t; n: none. */
static size_t match(const ranked *r, const truth *g, size_t n, int t)
{
    double best = fmin(overlap_at(t), 1 - 1e-10);
    size_t found = n;
    for (size_t i = 0; i < n; i++) {
        if ((g[i].taken >> t & 1) && !g[i].b.crowd)
            continue;
        if (found < n && !g[found].b.crowd && g[i].b.crowd)
            break;
        double o = overlap(r, &g[i]);
        if (o < best)
            continue;
        best = o;
        found = i;
    }
    return found;
}

static void judge(ranked *r, truth *g, size_t n)
{
    for (int t = 0; t < OVERLAPS; t++) {
        size_t i = match(r, g, n, t);
        if (i == n)
            continue;
        uint16_t bit = (uint16_t)(1u << t);
        g[i].taken |= bit;
        r->right |= g[i].b.crowd ? 0 : bit;
        r->neither |= g[i].b.crowd ? bit : 0;
    }
}

/* Average precision of n finds, best first, of `all` true boxes at overlap t; *recall: that of all finds. */
static double average(const ranked *r, size_t n, double all, int t, double *precision, double *recall, double *last)
{
    double right = 0, wrong = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        right += r[i].right >> t & 1;
        wrong += !((r[i].right | r[i].neither) >> t & 1);
        precision[i] = right / (right + wrong + DBL_EPSILON);
        recall[i] = right / all;
    }
    *last = n ? recall[n - 1] : 0;
    for (size_t i = n; i-- > 1;)
        precision[i - 1] = precision[i] > precision[i - 1] ? precision[i] : precision[i - 1];
    for (size_t p = 0, i = 0; p < POINTS; p++) {
        double want = p == POINTS - 1 ? 1 : (double)p * 0.01;
        while (i < n && recall[i] < want)
            i++;
        sum += i < n ? precision[i] : 0;
    }
    return sum / (double)POINTS;
}

typedef struct work {
    ranked *r;
    truth *g;
    uint32_t *seen; /* finds of an image so far */
    double *precision, *recall;
    size_t n_r, n_g, images;
} work;

/* The first true box of [from, to), sorted by image, that is of an image or a later one. */
static size_t first_of(const truth *g, size_t from, size_t to, uint32_t image)
{
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (g[middle].b.image < image)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* One label: finds [r0, r1), true boxes [g0, g1). Adds to the sums. */
static void label_scores(work *w, size_t r0, size_t r1, size_t g0, size_t g1, sg_box_score *sum, double *labels)
{
    size_t n = r0;
    double all = 0;
    for (size_t i = g0; i < g1; i++)
        all += !w->g[i].b.crowd;
    for (size_t i = r0; i < r1; i++)
        w->seen[w->r[i].f.image] = 0;
    for (size_t i = r0; i < r1; i++) {
        uint32_t image = w->r[i].f.image;
        if (w->seen[image]++ >= FINDS)
            continue;
        w->r[n] = w->r[i];
        size_t from = first_of(w->g, g0, g1, image), to = from;
        while (to < g1 && w->g[to].b.image == image)
            to++;
        judge(&w->r[n++], w->g + from, to - from);
    }
    if (all == 0)
        return;
    ++*labels;
    for (int t = 0; t < OVERLAPS; t++) {
        double last, ap = average(w->r + r0, n - r0, all, t, w->precision, w->recall, &last);
        sum->ap += ap / (double)OVERLAPS;
        sum->recall += last / (double)OVERLAPS;
        sum->ap50 += t == 0 ? ap : 0;
        sum->ap75 += t == 5 ? ap : 0;
    }
}

static void all_labels(work *w, sg_box_score *out)
{
    double labels = 0;
    *out = (sg_box_score){0};
    for (size_t r = 0, g = 0; r < w->n_r || g < w->n_g;) {
        int32_t label = r == w->n_r                         ? w->g[g].b.label
                        : g == w->n_g                       ? w->r[r].f.label
                        : w->r[r].f.label < w->g[g].b.label ? w->r[r].f.label
                                                            : w->g[g].b.label;
        size_t r1 = r, g1 = g;
        while (r1 < w->n_r && w->r[r1].f.label == label)
            r1++;
        while (g1 < w->n_g && w->g[g1].b.label == label)
            g1++;
        label_scores(w, r, r1, g, g1, out, &labels);
        r = r1;
        g = g1;
    }
    out->ap /= labels;
    out->ap50 /= labels;
    out->ap75 /= labels;
    out->recall /= labels;
}

static sedge_status fill(work *w, sg_mem *m, const sg_find *found, const sg_true_box *truths)
{
    for (size_t i = 0; i < w->n_r; i++)
        w->images = found[i].image + (size_t)1 > w->images ? found[i].image + (size_t)1 : w->images;
    w->r = sg_calloc(m, w->n_r + 1, sizeof *w->r);
    w->g = sg_calloc(m, w->n_g + 1, sizeof *w->g);
    w->seen = sg_calloc(m, w->images + 1, sizeof *w->seen);
    w->precision = sg_calloc(m, w->n_r + 1, sizeof *w->precision);
    w->recall = sg_calloc(m, w->n_r + 1, sizeof *w->recall);
    if (!w->r || !w->g || !w->seen || !w->precision || !w->recall)
        return SEDGE_E_NOMEM;
    for (size_t i = 0; i < w->n_r; i++)
        w->r[i] = (ranked){.f = found[i], .at = i};
    for (size_t i = 0; i < w->n_g; i++)
        w->g[i] = (truth){.b = truths[i], .at = i};
    qsort(w->r, w->n_r, sizeof *w->r, by_rank);
    qsort(w->g, w->n_g, sizeof *w->g, by_place);
    return SEDGE_OK;
}

sedge_status sg_box_scores(sg_mem *m, const sg_find *found, size_t n_found, const sg_true_box *truths, size_t n_truth,
                           sg_box_score *out)
{
    work w = {.n_r = n_found, .n_g = n_truth};
    sedge_status st = fill(&w, m, found, truths);
    if (st == SEDGE_OK)
        all_labels(&w, out);
    sg_free(m, w.r, (n_found + 1) * sizeof *w.r);
    sg_free(m, w.g, (n_truth + 1) * sizeof *w.g);
    sg_free(m, w.seen, (w.images + 1) * sizeof *w.seen);
    sg_free(m, w.precision, (n_found + 1) * sizeof *w.precision);
    sg_free(m, w.recall, (n_found + 1) * sizeof *w.recall);
    return st;
}
