/* What the arithmetic of a card comes to, and what part of it is wrong. In terms of the values before it, every chain of mul and norm
 * is (x - mean) / std. */
#include <math.h>

#include "fit/try.h"

static bool arithmetic(const json_t *list, size_t i, sg_step_id *s, const json_t **f)
{
    *s = sg_step_at(list, i, f);
    return *s == SG_STEP_MUL || *s == SG_STEP_NORM;
}

static void widest(const json_t *v, size_t *n)
{
    *n = json_array_size(v) > *n ? json_array_size(v) : *n;
}

static void apply(sg_affine *y, sg_step_id s, const json_t *f)
{
    for (size_t c = 0; c < y->n; c++) {
        if (s == SG_STEP_MUL) {
            y->a[c] *= sg_num_at(sg_get(f, "by"), c);
            y->b[c] *= sg_num_at(sg_get(f, "by"), c);
        } else {
            double std = sg_num_at(sg_get(f, "std"), c);
            y->a[c] /= std;
            y->b[c] = (y->b[c] - sg_num_at(sg_get(f, "mean"), c)) / std;
        }
    }
}

/* Steps [*from, *to): all of a picture's, else the last arithmetic ones that stand together. */
static void span(const json_t *list, bool image, size_t *from, size_t *to)
{
    sg_step_id s;
    const json_t *f;
    *to = json_array_size(list);
    while (!image && *to > 0 && !arithmetic(list, *to - 1, &s, &f))
        --*to;
    *from = *to;
    while (*from > 0 && (image || arithmetic(list, *from - 1, &s, &f)))
        --*from;
}

bool sg_affine_of(const json_t *list, bool image, sg_affine *y, sg_arena *arena)
{
    size_t n = 1, from, to;
    sg_step_id s;
    const json_t *f;
    span(list, image, &from, &to);
    for (size_t i = from; i < to; i++) {
        if (!arithmetic(list, i, &s, &f))
            continue;
        if (sg_get(f, "file"))
            return false;
        widest(sg_get(f, "by"), &n);
        widest(sg_get(f, "mean"), &n);
        widest(sg_get(f, "std"), &n);
    }
    *y = (sg_affine){n, sg_arena_array(arena, n, sizeof(double)), sg_arena_array(arena, n, sizeof(double))};
    if (!y->a || !y->b)
        return false;
    for (size_t c = 0; c < n; c++)
        y->a[c] = 1;
    for (size_t i = from; i < to; i++)
        if (arithmetic(list, i, &s, &f))
            apply(y, s, f);
    return true;
}

static double at(const double *v, size_t n, size_t c)
{
    return v[n == 1 ? 0 : c];
}

/* A hundredth of a deviation makes no difference that data would show. */
#define SAME 0.01

const char *sg_affine_blame(const sg_affine *now, const sg_affine *then, double slack)
{
    size_t n = now->n > then->n ? now->n : then->n;
    bool mean = false, std = false, zero = true, scaled = true, even = true;
    if ((now->n != 1 && now->n < n) || (then->n != 1 && then->n < n))
        return "norm";
    double k0 = at(now->a, now->n, 0) / at(then->a, then->n, 0);
    for (size_t c = 0; c < n; c++) {
        double a0 = at(now->a, now->n, c), b0 = at(now->b, now->n, c), a1 = at(then->a, then->n, c), b1 = at(then->b, then->n, c);
        double m0 = -b0 / a0, m1 = -b1 / a1, k = a0 / a1;
        mean = mean || !(fabs(m0 - m1) <= SAME * fabs(1 / a1) + slack);
        std = std || !(fabs(k - 1) <= SAME);
        zero = zero && fabs(m0) <= slack && fabs(m1) <= slack;
        even = even && fabs(k / k0 - 1) <= SAME;
        scaled = scaled && fabs(m1 - m0 * k) <= SAME * fabs(1 / a1) + slack;
    }
    if (!mean && !std)
        return NULL;
    if (std && even && zero)
        return "factor";
    if (std && even && scaled)
        return "mul";
    return mean && std ? "norm" : mean ? "norm.mean" : "norm.std";
}

bool sg_affine_same(const sg_affine *x, const sg_affine *y)
{
    size_t n = x->n > y->n ? x->n : y->n;
    bool same = (x->n == 1 || x->n == n) && (y->n == 1 || y->n == n);
    for (size_t c = 0; c < n && same; c++) {
        double a = at(x->a, x->n, c), b = at(y->a, y->n, c);
        same = fabs(a - b) <= 1e-6 * fabs(a) &&
               fabs(at(x->b, x->n, c) - at(y->b, y->n, c)) <= 1e-6 * (1 + fabs(at(x->b, x->n, c)));
    }
    return same;
}
