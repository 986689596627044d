/* Histograms of tensors that can be merged, and the range that eight bits are spread over. */
#include <math.h>
#include <string.h>

#include "fit/calib.h"

#define HALF (SG_HIST_BINS / 2)

const char *const sg_range_names[SG_RANGE_METHODS] = {"minmax", "percentile", "entropy", "mse"};

void sg_hist_init(sg_hist *h)
{
    memset(h, 0, sizeof *h);
    h->min = HUGE_VALF;
    h->max = -HUGE_VALF;
}

/* Twice the width: pairs of bins, those next to zero first, become one. */
static void widen(sg_hist *h)
{
    for (int i = 0; i < HALF / 2; i++) {
        h->bin[HALF + i] = h->bin[HALF + 2 * i] + h->bin[HALF + 2 * i + 1];
        h->bin[HALF - 1 - i] = h->bin[HALF - 1 - 2 * i] + h->bin[HALF - 2 - 2 * i];
    }
    memset(h->bin + HALF + HALF / 2, 0, HALF / 2 * sizeof *h->bin);
    memset(h->bin, 0, HALF / 2 * sizeof *h->bin);
    h->reach *= 2;
}

static void reach_for(sg_hist *h, double most)
{
    int e;
    if (most <= 0)
        return;
    if (h->reach == 0) {
        frexp(most, &e); /* most < 2^e */
        h->reach = ldexp(1, e);
    }
    while (most >= h->reach)
        widen(h);
}

/* Bounds of the finite values; how many are not. Eight at a time, so that the compiler has something to spread. */
static uint64_t bounds(const float *x, size_t n, float *min, float *max)
{
    float lo[8], hi[8];
    uint64_t bad = 0;
    size_t i = 0;
    for (int k = 0; k < 8; k++)
        lo[k] = HUGE_VALF, hi[k] = -HUGE_VALF;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) {
            lo[k] = x[i + (size_t)k] < lo[k] ? x[i + (size_t)k] : lo[k];
            hi[k] = x[i + (size_t)k] > hi[k] ? x[i + (size_t)k] : hi[k];
        }
    for (; i < n; i++) {
        lo[0] = x[i] < lo[0] ? x[i] : lo[0];
        hi[0] = x[i] > hi[0] ? x[i] : hi[0];
    }
    for (int k = 1; k < 8; k++) {
        lo[0] = lo[k] < lo[0] ? lo[k] : lo[0];
        hi[0] = hi[k] > hi[0] ? hi[k] : hi[0];
    }
    if (lo[0] == -HUGE_VALF || hi[0] == HUGE_VALF) { /* rare: again without the infinite ones */
        lo[0] = HUGE_VALF, hi[0] = -HUGE_VALF;
        for (i = 0; i < n; i++) {
            if (!isfinite(x[i])) {
                bad++;
                continue;
            }
            lo[0] = x[i] < lo[0] ? x[i] : lo[0];
            hi[0] = x[i] > hi[0] ? x[i] : hi[0];
        }
    }
    *min = lo[0];
    *max = hi[0];
    return bad;
}

void sg_hist_add(sg_hist *h, const float *x, size_t n, size_t step)
{
    float lo, hi;
    h->bad += bounds(x, n, &lo, &hi);
    if (lo > hi)
        return;
    h->min = lo < h->min ? lo : h->min;
    h->max = hi > h->max ? hi : h->max;
    reach_for(h, fmax(fabs((double)lo), fabs((double)hi)));
    const float per = h->reach > 0 ? (float)(HALF / h->reach) : 0;
    for (size_t i = 0; i < n; i += step) {
        float at = x[i] * per + HALF;
        if (!(at >= 0 && at < SG_HIST_BINS)) /* not finite, or rounded up past the last */
            at = at >= SG_HIST_BINS && isfinite(x[i]) ? SG_HIST_BINS - 1 : -1;
        if (at >= 0) {
            h->bin[(int)at]++;
            h->n++;
        }
    }
}

void sg_hist_merge(sg_hist *h, const sg_hist *by)
{
    sg_hist other = *by;
    h->min = other.min < h->min ? other.min : h->min;
    h->max = other.max > h->max ? other.max : h->max;
    h->n += other.n;
    h->bad += other.bad;
    while (h->reach > 0 && h->reach < other.reach)
        widen(h);
    while (other.reach > 0 && other.reach < h->reach)
        widen(&other);
    if (other.reach > 0)
        h->reach = other.reach;
    for (int i = 0; i < SG_HIST_BINS; i++)
        h->bin[i] += other.bin[i];
}

/* ---- ranges ---- */

/* Always with 0, which padding, ReLU and sparse tensors need exactly. */
static sg_range whole(const sg_hist *h)
{
    return h->min > h->max ? (sg_range){0, 0} : (sg_range){fmin(h->min, 0), fmax(h->max, 0)};
}

static double edge(const sg_hist *h, int i)
{
    return (i - HALF) * (h->reach / HALF);
}

static sg_range within(const sg_hist *h, double lo, double hi)
{
    sg_range w = whole(h);
    return (sg_range){fmin(fmax(lo, w.lo), 0), fmax(fmin(hi, w.hi), 0)};
}

/* A share of 1e-4, half of it at each end; at an end that is 0 there is nothing to cut. */
static sg_range percentile(const sg_hist *h)
{
    double want = 0.5e-4 * (double)h->n, sum = 0;
    int lo = 0, hi = SG_HIST_BINS;
    while (lo < HALF && sum + (double)h->bin[lo] <= want)
        sum += (double)h->bin[lo++];
    for (sum = 0; hi > HALF && sum + (double)h->bin[hi - 1] <= want;)
        sum += (double)h->bin[--hi];
    return within(h, edge(h, lo), edge(h, hi));
}

double sg_hist_error(const sg_hist *h, sg_range r)
{
    const double width = h->reach / HALF, step = (r.hi - r.lo) / 255;
    double sum = 0;
    if (h->n == 0 || step <= 0)
        return 0;
    const double zero = rint(-r.lo / step), lo = -zero * step, hi = (255 - zero) * step;
    for (int i = 0; i < SG_HIST_BINS; i++) {
        if (!h->bin[i])
            continue;
        const double x = edge(h, i) + width / 2, d = x < lo ? lo - x : x > hi ? x - hi : 0;
        /* inside, rounding is uniform over a step; what is next to zero becomes it, and zeros are exact */
        const double inside = i == HALF || i == HALF - 1 ? fmin(step * step / 12, width * width / 3) : step * step / 12;
        sum += (double)h->bin[i] * (d > 0 ? d * d : inside);
    }
    return sum / (double)h->n;
}

/* What counts in a bin: zeros, which come from ReLU and padding and are exact at any scale, would drown the rest, so that the two bins next
 * to 0 count like their neighbours. */
static double count(const sg_hist *h, int i)
{
    return (double)h->bin[i == HALF ? HALF + 1 : i == HALF - 1 ? HALF - 2 : i];
}

/* Relative entropy between the bins [lo, hi), with what lies outside in their ends, and what 256 levels over them leave of that: each level
 * spread over those of its bins that hold something. */
static double divergence(const sg_hist *h, int lo, int hi)
{
    double below = 0, above = 0, kl = 0, total = 0;
    for (int i = 0; i < SG_HIST_BINS; i++)
        total += count(h, i);
    for (int i = 0; i < lo; i++)
        below += count(h, i);
    for (int i = hi; i < SG_HIST_BINS; i++)
        above += count(h, i);
    const double kept = total - below - above;
    if (kept <= 0)
        return HUGE_VAL;
    for (int level = 0; level < 256; level++) {
        const int a = lo + (int)((int64_t)(hi - lo) * level / 256), b = lo + (int)((int64_t)(hi - lo) * (level + 1) / 256);
        double sum = 0;
        int some = 0;
        for (int i = a; i < b; i++) {
            sum += count(h, i);
            some += count(h, i) > 0 || (i == lo && below > 0) || (i == hi - 1 && above > 0);
        }
        for (int i = a; i < b; i++) {
            const double p = (count(h, i) + (i == lo ? below : 0) + (i == hi - 1 ? above : 0)) / total;
            const double q = some ? sum / some / kept : 0;
            if (p > 0)
                kl += p * log(p / fmax(q, 1e-12));
        }
    }
    return kl;
}

/* The range of the ends [lo, hi] times each of a row of factors that scores best: both ends together, then each end alone. */
typedef double score_fn(const sg_hist *h, sg_range r);

static double by_entropy(const sg_hist *h, sg_range r)
{
    const double per = h->reach > 0 ? HALF / h->reach : 0;
    int lo = HALF + (int)floor(r.lo * per), hi = HALF + (int)ceil(r.hi * per);
    lo = lo < 0 ? 0 : lo;
    hi = hi > SG_HIST_BINS ? SG_HIST_BINS : hi;
    return hi - lo < 256 ? HUGE_VAL : divergence(h, lo, hi);
}

/* Factors that are tried. */
#define STEPS 48

static sg_range search(const sg_hist *h, score_fn *score)
{
    const sg_range w = whole(h);
    sg_range best = w;
    double least = score(h, w);
    for (int k = 1; k < STEPS; k++) {
        const double f = 1 - (double)k / STEPS;
        const sg_range r = {w.lo * f, w.hi * f};
        const double s = score(h, r);
        if (s < least)
            least = s, best = r;
    }
    for (int end = 0; end < 2; end++) {
        const sg_range from = best;
        for (int k = 1; k < STEPS; k++) {
            const double f = 1 - (double)k / STEPS;
            const sg_range r = {end ? from.lo : from.lo * f, end ? from.hi * f : from.hi};
            const double s = score(h, r);
            if (s < least)
                least = s, best = r;
        }
    }
    return best;
}

sg_range sg_hist_range(const sg_hist *h, sg_range_method method)
{
    if (h->n == 0 || h->reach == 0)
        return whole(h);
    switch (method) {
    case SG_RANGE_PERCENTILE: return percentile(h);
    case SG_RANGE_ENTROPY: return search(h, by_entropy);
    case SG_RANGE_MSE: return search(h, sg_hist_error);
    default: return whole(h);
    }
}
