/* Two evaluations on the same data: how much worse each measure became, whether that is within a margin, and which samples flipped. */
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "fit/eval.h"

#define ROUNDS       1000
#define ROUNDS_LEAST 100
#define SECONDS      4.0
#define RIGHT        0.5f /* an outcome that is a share is right from here on */

struct sedge_compare {
    sg_mem mem;
    sg_arena arena;
    const sedge_eval *before, *after;
    bool *both; /* samples that both judged, of the data */
    size_t n;
    sedge_pair *pair;
    int n_pair;
    sedge_flip *flip;
    size_t n_flip, lost, gained;
};

static sedge_status no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "compare: out of memory");
}

/* ---- samples ---- */

static sedge_status find_both(sedge_compare *c, sg_err *err)
{
    size_t n = c->before->data->n;
    uint8_t *seen = sg_arena_array(&c->arena, n + 1, 1);
    if (!(c->both = sg_arena_array(&c->arena, n + 1, sizeof *c->both)) || !seen)
        return no_memory(err);
    for (size_t i = 0; i < c->before->n; i++)
        seen[c->before->outcome[i].sample] = 1;
    for (size_t i = 0; i < c->after->n; i++)
        c->both[c->after->outcome[i].sample] = seen[c->after->outcome[i].sample];
    for (size_t i = 0; i < n; i++)
        c->n += c->both[i];
    return c->n ? SEDGE_OK : sg_fail(err, SEDGE_E_VALUE, "compare: no sample was judged by both models");
}

/* Samples of one row each, right or wrong. */
static bool is_paired(const sedge_compare *c)
{
    if (c->before->n != c->after->n || c->before->grouped)
        return false;
    for (size_t i = 0; i < c->before->n; i++) {
        const sedge_outcome *a = &c->before->outcome[i], *b = &c->after->outcome[i];
        if (a->sample != b->sample || (i && a->sample == a[-1].sample))
            return false;
    }
    return true;
}

static int lost_first(const void *a, const void *b)
{
    const sedge_flip *x = a, *y = b;
    return x->lost != y->lost ? y->lost - x->lost : (x->sample > y->sample) - (x->sample < y->sample);
}

/* Rows stand in the order of samples, in both. */
static sedge_status find_flips(sedge_compare *c, sg_err *err)
{
    const sedge_eval *a = c->before, *b = c->after;
    if (!(c->flip = sg_arena_array(&c->arena, (a->n < b->n ? a->n : b->n) + 1, sizeof *c->flip)))
        return no_memory(err);
    if (a->judge == &sg_judge_value) /* numbers are neither right nor wrong */
        return SEDGE_OK;
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        const sedge_outcome *x = &a->outcome[i], *y = &b->outcome[k];
        if (x->sample != y->sample) {
            i += x->sample < y->sample;
            k += x->sample > y->sample;
            continue;
        }
        bool was = x->right >= RIGHT, is = y->right >= RIGHT;
        if (was != is)
            c->flip[c->n_flip++] = (sedge_flip){x->sample, was, x->truth, x->guess, y->guess};
        c->lost += was && !is;
        c->gained += !was && is;
        i++, k++;
    }
    qsort(c->flip, c->n_flip, sizeof *c->flip, lost_first);
    return SEDGE_OK;
}

/* ---- measures ---- */

static double drop_of(const sg_measure *m, double before, double after)
{
    return m->less ? after - before : before - after;
}

static void judge_bounds(sedge_pair *p, double n)
{
    if (p->high <= p->margin)
        p->verdict = SEDGE_PASS;
    else if (p->low > p->margin)
        p->verdict = SEDGE_FAIL;
    else {
        double away = fabs(p->margin - p->drop), half = p->drop <= p->margin ? p->high - p->drop : p->drop - p->low;
        p->needed = away > 0 ? ceil(n * (half / away) * (half / away)) : HUGE_VAL;
    }
}

/* Right and wrong on the same samples: Tango's interval. */
static void by_pairs(const sedge_compare *c, const sg_measure *m, sedge_pair *p)
{
    uint64_t lost = 0, gained = 0;
    int column = m->over;
    for (size_t i = 0; i < c->before->n; i++) {
        bool was = c->before->row[i].v[column] > 0, is = c->after->row[i].v[column] > 0;
        lost += m->less ? !was && is : was && !is;
        gained += m->less ? was && !is : !was && is;
    }
    sg_non_inferiority v = sg_non_inferior(lost, gained, c->before->n, p->margin);
    p->low = v.bound.low;
    p->high = v.bound.high;
    p->verdict = (int)v.verdict;
    p->needed = v.needed;
    p->method = "tango";
}

typedef struct draws {
    double *count, *wa, *wb, *drop;
    uint32_t *have;
    size_t n_have, n;
} draws;

static void weigh(const sedge_compare *c, const sedge_eval *e, const double *count, double *w)
{
    for (size_t i = 0; i < e->n; i++) {
        size_t s = e->outcome[i].sample;
        w[i] = c->both[s] ? count[e->group[s]] : 0;
    }
}

/* Both measures on the same groups, drawn again. */
static void draw(sedge_compare *c, const sg_measure *m, draws *d)
{
    const sedge_eval *a = c->before, *b = c->after;
    uint64_t seed = a->how.seed;
    double start = sg_now();
    d->n = 0;
    for (int r = 0; d->n_have > 1 && r < ROUNDS; r++) {
        memset(d->count, 0, a->n_group * sizeof *d->count);
        for (size_t k = 0; k < d->n_have; k++)
            d->count[d->have[sg_random_below(&seed, d->n_have)]]++;
        weigh(c, a, d->count, d->wa);
        weigh(c, b, d->count, d->wb);
        double v = drop_of(m, sg_measure_of(a, m, d->wa), sg_measure_of(b, m, d->wb));
        if (isfinite(v))
            d->drop[d->n++] = v;
        if (r >= ROUNDS_LEAST && sg_now() - start > SECONDS)
            break;
    }
    qsort(d->drop, d->n, sizeof *d->drop, sg_by_double);
}

static bool open_draws(sedge_compare *c, draws *d)
{
    const sedge_eval *a = c->before;
    d->count = sg_arena_array(&c->arena, a->n_group + 1, sizeof *d->count);
    d->wa = sg_arena_array(&c->arena, a->n + 1, sizeof *d->wa);
    d->wb = sg_arena_array(&c->arena, c->after->n + 1, sizeof *d->wb);
    d->drop = sg_arena_array(&c->arena, ROUNDS, sizeof *d->drop);
    d->have = sg_arena_array(&c->arena, a->n_group + 1, sizeof *d->have);
    if (c->arena.lost)
        return false;
    for (size_t i = 0; i < a->data->n; i++)
        if (c->both[i])
            d->count[a->group[i]] = 1;
    for (size_t g = 0; g < a->n_group; g++)
        if (d->count[g] > 0)
            d->have[d->n_have++] = (uint32_t)g;
    return true;
}

static sedge_status compare_measures(sedge_compare *c, double margin, sg_err *err)
{
    const sg_measure *m = sg_measures(c->before);
    bool paired = is_paired(c);
    draws d = {.count = NULL};
    int n = 0;
    while (m[n].name)
        n++;
    if (!(c->pair = sg_arena_array(&c->arena, (size_t)n + 1, sizeof *c->pair)) || !open_draws(c, &d))
        return no_memory(err);
    for (size_t g = 0; g < d.n_have; g++)
        d.count[d.have[g]] = 1;
    for (int k = 0; k < n; k++) {
        weigh(c, c->before, d.count, d.wa);
        weigh(c, c->after, d.count, d.wb);
        double before = sg_measure_of(c->before, &m[k], d.wa), after = sg_measure_of(c->after, &m[k], d.wb);
        if (isnan(before) || isnan(after))
            continue;
        bool share = m[k].shares || (!*m[k].unit && before >= 0 && before <= 1 && m[k].kind != SG_ROOT);
        sedge_pair *p = &c->pair[c->n_pair++];
        *p = (sedge_pair){.name = m[k].name, .about = m[k].about, .less = m[k].less, .before = before, .after = after};
        p->drop = drop_of(&m[k], before, after);
        p->margin = share ? margin : margin * fabs(before);
        p->verdict = SEDGE_NOT_SHOWN;
        p->low = p->high = NAN;
        p->needed = HUGE_VAL;
        if (paired && m[k].shares && m[k].under == SG_ONES) {
            by_pairs(c, &m[k], p);
        } else {
            p->method = c->before->grouped ? "bootstrap by group" : "bootstrap";
            draw(c, &m[k], &d);
            if (d.n >= ROUNDS_LEAST / 2) {
                p->low = sg_quantile(d.drop, d.n, 0.05);
                p->high = sg_quantile(d.drop, d.n, 0.95);
                judge_bounds(p, (double)c->n);
            }
            memset(d.count, 0, c->before->n_group * sizeof *d.count);
            for (size_t g = 0; g < d.n_have; g++)
                d.count[d.have[g]] = 1;
        }
    }
    return SEDGE_OK;
}

/* Fidelity has no before: what it measures stands against the reference itself. */
static sedge_status take_fidelity(sedge_compare *c, sg_err *err)
{
    const sedge_eval *e = c->after;
    if (!(c->pair = sg_arena_array(&c->arena, (size_t)e->n_metric + 1, sizeof *c->pair)))
        return no_memory(err);
    for (int k = 0; k < e->n_metric; k++) {
        const sedge_metric *m = &e->metric[k];
        c->pair[c->n_pair++] = (sedge_pair){.name = m->name,
                                            .about = m->about,
                                            .less = m->less,
                                            .before = NAN,
                                            .after = m->value,
                                            .drop = NAN,
                                            .low = m->low,
                                            .high = m->high,
                                            .margin = NAN,
                                            .verdict = SEDGE_NOT_SHOWN,
                                            .needed = HUGE_VAL,
                                            .method = m->method};
    }
    c->n = e->n;
    if (!(c->flip = sg_arena_array(&c->arena, e->n + 1, sizeof *c->flip)))
        return no_memory(err);
    for (size_t i = 0; e->judge != &sg_judge_value && i < e->n; i++)
        if (e->outcome[i].right < RIGHT) {
            const sedge_outcome *o = &e->outcome[i];
            c->flip[c->n_flip++] = (sedge_flip){o->sample, 1, o->truth, o->truth, o->guess};
        }
    c->lost = c->n_flip;
    return SEDGE_OK;
}

sedge_status sedge_compare_open(sedge_compare **out, const sedge_eval *before, const sedge_eval *after, double margin,
                                sedge_error *err)
{
    *out = NULL;
    if (before && (before->data != after->data || before->judge != after->judge))
        return sg_fail(err, SEDGE_E_ARG, "compare: the two do not answer the same question of the same data");
    if (!(margin >= 0 && margin < 1))
        return sg_fail(err, SEDGE_E_ARG, "compare: a margin is a share, as 0.01");
    sedge_compare *c = calloc(1, sizeof *c);
    if (!c)
        return no_memory(err);
    c->arena.mem = &c->mem;
    c->before = before ? before : after;
    c->after = after;
    sedge_status st = before ? find_both(c, err) : take_fidelity(c, err);
    if (st == SEDGE_OK && before)
        st = find_flips(c, err);
    if (st == SEDGE_OK && before)
        st = compare_measures(c, margin, err);
    if (st == SEDGE_OK)
        *out = c;
    else
        sedge_compare_close(&c);
    return st;
}

void sedge_compare_get(const sedge_compare *c, sedge_pairs *out)
{
    *out = (sedge_pairs){.kind = c->after->reference ? "fidelity" : "accuracy",
                         .n_pair = c->n_pair,
                         .pair = c->pair,
                         .n_flip = c->n_flip,
                         .lost = c->lost,
                         .gained = c->gained,
                         .flip = c->flip,
                         .n = c->n};
}

void sedge_compare_close(sedge_compare **compare)
{
    sedge_compare *c = *compare;
    if (!c)
        return;
    sg_arena_free(&c->arena);
    free(c);
    *compare = NULL;
}
