/* The detective: what is often wrong in a card is tried on labelled samples. First each field alone, then the best few together, on
 * some of the samples; the best cards on all. What is said of two cards is said by tests of pairs. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "fit/try.h"

#define EVALS_MAX    512
#define FINALISTS    6
#define SCREEN_LEAST 24
#define SCREEN_MOST  128
#define HOPELESS     0.002
#define ROUNDS       3
#define BEAM         2
#define CHANCE       0.05
/* A loss that is lower by less than this part of it is of no account, however surely it is lower. */
#define NO_ACCOUNT 0.05

/* A card: an evaluation and a label offset. */
typedef struct card_row {
    int eval, offset;
    double loss; /* over the samples last ranked */
    int temperature;
    size_t right;
} card_row;

struct sedge_try {
    sg_mem mem;
    sg_arena arena;
    sg_try_set set;
    sg_trial trial;
    sedge_task_opts opts;
    sedge_try_opts how;
    double begun;
    uint64_t ticks, expected;
    sg_eval eval[EVALS_MAX];
    int n_eval;
    card_row row[EVALS_MAX * SG_OFFSETS];
    int n_row;
    int leader; /* evaluation with most right */
    size_t screen;
    bool cut;
    sedge_try_result result;
    char *card_text;
};

void sedge_try_opts_init(sedge_try_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

static sedge_status no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "try: out of memory");
}

static sedge_status tick(sg_trial *trial, sg_err *err)
{
    sedge_try *t = (sedge_try *)(void *)((char *)trial - offsetof(sedge_try, trial));
    t->ticks++;
    double part = t->ticks < t->expected ? (double)t->ticks / (double)t->expected : 1;
    if (t->how.progress && t->how.progress(t->how.ctx, part) != 0)
        return sg_fail(err, SEDGE_E_CANCELLED, "try: stopped");
    return SEDGE_OK;
}

static double left(const sedge_try *t)
{
    return t->how.seconds - (sg_now() - t->begun);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool runs(const sedge_try *t, const card_row *r)
{
    return !t->eval[r->eval].why && !t->eval[r->eval].misfit[r->offset];
}

static bool alive(const sedge_try *t, const card_row *r)
{
    return runs(t, r) && !t->eval[r->eval].hopeless;
}

static sg_vector vector_of(const sedge_try *t, const card_row *r)
{
    sg_vector v = t->eval[r->eval].v;
    v.at[SG_TRY_FIRST] = (int8_t)r->offset;
    return v;
}

static const float *loss_of(const sedge_try *t, const card_row *r)
{
    const sg_eval *e = &t->eval[r->eval];
    size_t at = (size_t)r->offset * SG_TEMPERATURES + (size_t)r->temperature;
    return e->loss ? e->loss + at * t->trial.n : NULL;
}

static const uint8_t *right_of(const sedge_try *t, const card_row *r)
{
    return t->eval[r->eval].right + (size_t)r->offset * t->trial.n;
}

/* What is right of the first m samples; the loss at the temperature that is best for it (Guo et al. 2017), so that a card is not
 * preferred for a confidence that the scale of its numbers lends it. */
static void measure(const sedge_try *t, card_row *r, size_t m)
{
    r->right = 0;
    r->loss = NAN;
    r->temperature = 0;
    if (!runs(t, r))
        return;
    m = smaller(m, t->eval[r->eval].done);
    for (size_t i = 0; i < m; i++)
        r->right += right_of(t, r)[i];
    if (!t->eval[r->eval].loss)
        return;
    double best = INFINITY;
    int at = 0;
    for (r->temperature = 0; r->temperature < SG_TEMPERATURES; r->temperature++) {
        const float *loss = loss_of(t, r);
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += (double)loss[i];
        if (sum < best) {
            best = sum;
            at = r->temperature;
        }
    }
    r->temperature = at;
    r->loss = best / (double)m;
}

static bool before(const sedge_try *t, const card_row *a, const card_row *b)
{
    if (runs(t, a) != runs(t, b))
        return runs(t, a);
    if (t->eval[a->eval].hopeless != t->eval[b->eval].hopeless)
        return t->eval[b->eval].hopeless;
    if (a->right != b->right)
        return a->right > b->right;
    if (a->loss < b->loss || a->loss > b->loss)
        return a->loss < b->loss;
    sg_vector va = vector_of(t, a), vb = vector_of(t, b);
    return sg_try_count(&va) < sg_try_count(&vb);
}

static void rank(const sedge_try *t, card_row *row, int n, size_t m)
{
    for (int i = 0; i < n; i++)
        measure(t, &row[i], m);
    for (int i = 1; i < n; i++) {
        card_row r = row[i];
        int k = i;
        for (; k > 0 && before(t, &r, &row[k - 1]); k--)
            row[k] = row[k - 1];
        row[k] = r;
    }
}

static size_t right_first(const sedge_try *t, int eval, size_t m)
{
    size_t most = 0;
    for (int o = 0; o < t->trial.n_offset; o++) {
        card_row r = {.eval = eval, .offset = o};
        size_t right = 0;
        for (size_t i = 0; runs(t, &r) && i < m; i++)
            right += right_of(t, &r)[i];
        most = right > most ? right : most;
    }
    return most;
}

/* Beyond doubt worse than the best so far, on the first m samples. */
static bool lost(sedge_try *t, const sg_eval *e, size_t m)
{
    int k = (int)(e - t->eval);
    size_t most = t->eval[t->leader].why ? 0 : right_first(t, t->leader, m), mine = e->why ? 0 : right_first(t, k, m);
    if (e->why)
        return false;
    if (mine > most)
        t->leader = k;
    /* As if no sample were right by both: the least that can be said against it. */
    return mine < most && sg_mcnemar(mine, most) < HOPELESS;
}

/* Evaluates a vector on the screened samples unless it was already; its rows are added. */
static sedge_status try_vector(sedge_try *t, const sg_vector *v, sg_err *err)
{
    sg_vector own = *v;
    own.at[SG_TRY_FIRST] = 0;
    for (int k = 0; k < t->n_eval; k++)
        if (memcmp(&t->eval[k].v, &own, sizeof own) == 0)
            return SEDGE_OK;
    if (t->n_eval == EVALS_MAX || left(t) < 0.4 * t->how.seconds) {
        t->cut = true;
        return SEDGE_OK;
    }
    t->eval[t->n_eval].v = own;
    sg_eval *e = &t->eval[t->n_eval];
    SG_TRY(sg_eval_run(&t->trial, e, smaller(t->screen, SCREEN_LEAST), err));
    e->hopeless = lost(t, e, smaller(t->screen, SCREEN_LEAST));
    if (!e->hopeless)
        SG_TRY(sg_eval_run(&t->trial, e, t->screen, err));
    for (int o = 0; o < t->trial.n_offset; o++)
        t->row[t->n_row++] = (card_row){.eval = t->n_eval, .offset = o};
    t->n_eval++;
    return SEDGE_OK;
}

/* ---- the search ----------------------------------------------------------------------------- */

static sedge_status alone(sedge_try *t, sg_err *err)
{
    for (int f = 0; f < SG_TRY_FIRST; f++)
        for (int k = 1; k <= t->set.n[f]; k++) {
            sg_vector v = {{0}};
            v.at[f] = (int8_t)k;
            SG_TRY(try_vector(t, &v, err));
        }
    /* Order and arithmetic of the channels hide each other's mistakes. */
    for (int c = 1; c <= t->set.n[SG_TRY_COLOR]; c++)
        for (int k = 1; k <= t->set.n[SG_TRY_SCALE]; k++) {
            sg_vector v = {{0}};
            v.at[SG_TRY_COLOR] = (int8_t)c;
            v.at[SG_TRY_SCALE] = (int8_t)k;
            SG_TRY(try_vector(t, &v, err));
        }
    return SEDGE_OK;
}

/* The same answers to the digit: nothing was changed that counts. */
static bool twins(const sedge_try *t, const card_row *a, const card_row *b)
{
    const sg_eval *x = &t->eval[a->eval], *y = &t->eval[b->eval];
    size_t n = smaller(x->done, y->done);
    if (!runs(t, a) || !runs(t, b))
        return false;
    if (memcmp(right_of(t, a), right_of(t, b), n) != 0 || !x->loss != !y->loss)
        return false;
    return !x->loss || (a->temperature == b->temperature && memcmp(loss_of(t, a), loss_of(t, b), n * sizeof *x->loss) == 0);
}

/* The three best values of each field, by the cards that change it alone. */
static void shortlist(const sedge_try *t, int best[SG_TRY_FIELDS][3])
{
    card_row present = {0, 0, 0, 0, 0};
    measure(t, &present, t->screen);
    for (int f = 0; f < SG_TRY_FIELDS; f++) {
        int n = 0;
        for (int i = 0; i < t->n_row && n < 3; i++) {
            sg_vector v = vector_of(t, &t->row[i]);
            if (v.at[f] > 0 && sg_try_count(&v) == 1 && alive(t, &t->row[i]) && !twins(t, &t->row[i], &present))
                best[f][n++] = v.at[f];
        }
        while (n < 3)
            best[f][n++] = 0;
    }
}

static sedge_status together(sedge_try *t, sg_err *err)
{
    int best[SG_TRY_FIELDS][3];
    rank(t, t->row, t->n_row, t->screen);
    shortlist(t, best);
    for (int round = 0; round < ROUNDS; round++) {
        card_row beam[BEAM], was = t->row[0];
        int n = t->n_row < BEAM ? t->n_row : BEAM;
        memcpy(beam, t->row, (size_t)n * sizeof *beam);
        for (int b = 0; b < n; b++)
            for (int f = 0; f < SG_TRY_FIRST; f++)
                for (int k = 0; k < 3; k++) {
                    sg_vector v = vector_of(t, &beam[b]);
                    if (v.at[f] > 0)
                        continue;
                    v.at[f] = (int8_t)best[f][k];
                    SG_TRY(try_vector(t, &v, err));
                }
        rank(t, t->row, t->n_row, t->screen);
        if (t->row[0].eval == was.eval && t->row[0].offset == was.offset)
            break;
    }
    return SEDGE_OK;
}

/* The card as it is comes first: it shows what a run costs, and what pictures there are. */
static sedge_status begin(sedge_try *t, sg_err *err)
{
    size_t few = smaller(t->trial.n, 8), cards = 2;
    double start = sg_now();
    SG_TRY(sg_eval_run(&t->trial, &t->eval[0], few, err));
    double each = (sg_now() - start) / (double)few;
    const json_t *f;
    bool geometric = false;
    const json_t *steps = sg_try_steps(&t->set, t->set.shell.card.root);
    for (size_t i = 0; i < json_array_size(steps); i++) {
        sg_step_id s = sg_step_at(steps, i, &f);
        geometric = geometric || (s != SG_STEP_MUL && s != SG_STEP_NORM);
    }
    if (!t->trial.turned)
        sg_try_drop(&t->set, SG_TRY_EXIF);
    if (t->set.source == SEDGE_SOURCE_IMAGE && t->trial.sized && !geometric) {
        sg_try_drop(&t->set, SG_TRY_GEOMETRY);
        sg_try_drop(&t->set, SG_TRY_KERNEL);
    }
    for (int k = 0; k < SG_TRY_FIRST; k++)
        cards += (size_t)t->set.n[k];
    cards += (size_t)t->set.n[SG_TRY_COLOR] * (size_t)t->set.n[SG_TRY_SCALE];
    cards += cards / 2;
    double fit = 0.5 * t->how.seconds / (each * (double)cards + 1e-9);
    t->screen = fit > SCREEN_MOST ? SCREEN_MOST : fit < SCREEN_LEAST ? SCREEN_LEAST : (size_t)fit;
    t->screen = smaller(t->screen, t->trial.n);
    t->expected = cards * t->screen + FINALISTS * smaller(t->trial.n, 4 * t->screen);
    SG_TRY(sg_eval_run(&t->trial, &t->eval[0], t->screen, err));
    for (int o = 0; o < t->trial.n_offset; o++)
        t->row[t->n_row++] = (card_row){.eval = 0, .offset = o};
    t->n_eval = 1;
    return SEDGE_OK;
}

/* ---- comparisons ---------------------------------------------------------------------------- */

static double many(const sedge_try *t, double p)
{
    p *= t->n_eval + t->trial.n_offset - 1;
    return p < 1 ? p : 1;
}

static double test_right(const sedge_try *t, const card_row *a, const card_row *b, size_t m)
{
    size_t only_a = 0, only_b = 0;
    if (!runs(t, a) || !runs(t, b))
        return runs(t, a) == runs(t, b) ? 1 : 0;
    for (size_t i = 0; i < m; i++) {
        only_a += right_of(t, a)[i] && !right_of(t, b)[i];
        only_b += right_of(t, b)[i] && !right_of(t, a)[i];
    }
    return sg_mcnemar(only_a, only_b);
}

static double test_loss(sedge_try *t, const card_row *a, const card_row *b, size_t m, float *d)
{
    (void)t;
    if (!runs(t, a) || !runs(t, b) || !loss_of(t, a) || !loss_of(t, b))
        return 1;
    for (size_t i = 0; i < m; i++)
        d[i] = loss_of(t, a)[i] - loss_of(t, b)[i];
    return sg_sign_flips(d, m);
}

/* a is better than b, and chance does not explain it. */
static bool beats(sedge_try *t, const card_row *a, const card_row *b, size_t m, float *d)
{
    if (!runs(t, b) || !runs(t, a))
        return runs(t, a) && !runs(t, b);
    bool told = many(t, test_right(t, a, b, m)) < CHANCE;
    if (told)
        return a->right > b->right;
    return a->loss < (1 - NO_ACCOUNT) * b->loss && a->right + m / 100 >= b->right && many(t, test_loss(t, a, b, m, d)) < CHANCE;
}

/* ---- words ---------------------------------------------------------------------------------- */

static const char *say(sedge_try *t, const char *fmt, ...) SG_PRINTF(2, 3);
static const char *say(sedge_try *t, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return sg_arena_str(&t->arena, text, strlen(text));
}

/* "color: bgr; scale: nothing" */
static const char *changes(sedge_try *t, const sg_vector *v, sg_err *err)
{
    char text[2048] = "", then[SG_WORDS_MAX];
    sg_card c = {.arena.mem = &t->mem};
    if (sg_try_count(v) == 0)
        return "";
    if (sg_try_filled(&t->set, v, &c, err) != SEDGE_OK) {
        sg_card_free(&c);
        return NULL;
    }
    for (int f = 0; f < SG_TRY_FIELDS; f++) {
        size_t at = strlen(text);
        if (v->at[f] > 0)
            snprintf(text + at, sizeof text - at, "%s%s: %s", at ? "; " : "", sg_try_name[f],
                     sg_try_words(&t->set, c.root, (sg_try_id)f, then));
    }
    sg_card_free(&c);
    const char *s = say(t, "%s", text);
    if (!s)
        no_memory(err);
    return s;
}

/* "mul", "norm.mean": the part of the scale that is to blame. */
static const char *part_of_scale(sedge_try *t, const sg_vector *v, sg_arena *arena)
{
    sg_card c = {.arena.mem = &t->mem};
    sg_affine now, then;
    sg_err ignored = {.status = SEDGE_OK};
    bool image = t->set.source == SEDGE_SOURCE_IMAGE;
    const json_t *steps = sg_try_steps(&t->set, t->set.shell.card.root);
    const char *part = "norm";
    if (sg_try_filled(&t->set, v, &c, &ignored) == SEDGE_OK && sg_affine_of(steps, image, &now, arena) &&
        sg_affine_of(sg_try_steps(&t->set, c.root), image, &then, arena))
        part = sg_affine_blame(&now, &then, 0);
    sg_card_free(&c);
    /* Without means a deviation is a factor: it is called what stands in the card. */
    if (part && strcmp(part, "factor") == 0)
        part = sg_try_has(&t->set, "norm") && !sg_try_has(&t->set, "mul") ? "norm.std" : "mul";
    return part ? part : "norm";
}

/* Fields that are other, of the scale mean and deviation each. */
static int cost_of(sedge_try *t, const sg_vector *v)
{
    int n = sg_try_count(v);
    return n + (v->at[SG_TRY_SCALE] && strcmp(part_of_scale(t, v, &t->arena), "norm") == 0);
}

static sedge_status fill_row(sedge_try *t, const card_row *r, const card_row *present, size_t m, float *d, sedge_try_row *out,
                             sg_err *err)
{
    sg_vector v = vector_of(t, r);
    const sedge_task *shell = &t->set.shell;
    *out = (sedge_try_row){.n_change = cost_of(t, &v), .right = r->right, .n = m, .loss = r->loss};
    if (!(out->changes = changes(t, &v, err)))
        return err->status;
    sg_interval share = sg_wilson((double)r->right, (double)m, 0.95);
    out->low = share.low;
    out->high = share.high;
    out->p_right = many(t, test_right(t, r, present, m));
    out->p_loss = many(t, test_loss(t, r, present, m, d));
    out->why = t->eval[r->eval].why;
    if (!out->why && t->eval[r->eval].misfit[r->offset])
        out->why = say(t, "labels: %d labels from class %d on do not fit the output", shell->n_label,
                       shell->first + t->trial.offset[r->offset]);
    return SEDGE_OK;
}

static sedge_status blame(sedge_try *t, const sg_vector *v, sg_err *err)
{
    sedge_try_result *o = &t->result;
    const char **name = sg_arena_array(&t->arena, SG_TRY_FIELDS, sizeof *name);
    const char **path = sg_arena_array(&t->arena, SG_TRY_FIELDS, sizeof *path);
    if (!name || !path)
        return no_memory(err);
    for (int f = 0; f < SG_TRY_FIELDS; f++) {
        char text[SG_WORDS_MAX];
        if (v->at[f] == 0)
            continue;
        const char *part = f == SG_TRY_SCALE ? part_of_scale(t, v, &t->arena) : NULL;
        sg_try_path(&t->set, t->set.shell.card.root, (sg_try_id)f, part, text);
        name[o->n_blame] = sg_try_name[f];
        if (!(path[o->n_blame++] = say(t, "%s", text)))
            return no_memory(err);
    }
    o->blame = name;
    o->path = path;
    return SEDGE_OK;
}

static sedge_status verdict(sedge_try *t, const sedge_try_row *present, const sedge_try_row *chosen, sg_err *err)
{
    sedge_try_result *o = &t->result;
    double n = (double)chosen->n, now = 100 * (double)present->right / n, then = 100 * (double)chosen->right / n;
    char names[256] = "";
    for (int k = 0; k < o->n_blame; k++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k ? ", " : "", o->path[k]);
    if (chosen->why)
        o->verdict = say(t, "no card runs: %s", chosen->why);
    else if (!o->n_blame)
        o->verdict = say(t,
                         "the card is not to be told from the best of %d: %.1f %% of %zu are right (95 %% interval %.1f to %.1f)",
                         o->tried, now, present->n, 100 * present->low, 100 * present->high);
    else if (present->why)
        o->verdict = say(t, "to blame: %s (better is %s); the card does not run: %s", names, chosen->changes, present->why);
    else if (chosen->p_right < CHANCE)
        o->verdict = say(t, "to blame: %s (better is %s): %.1f %% are right, %.1f %% with the card as it is (p = %.2g)", names,
                         chosen->changes, then, now, chosen->p_right);
    else
        o->verdict = say(
            t,
            "to blame: %s (better is %s): that %.1f %% are right, and %.1f %% with the card as it is, may be chance (p = %.2g); "
            "that the true classes are more probable is not (p = %.2g)",
            names, chosen->changes, then, now, chosen->p_right, chosen->p_loss);
    return o->verdict ? SEDGE_OK : no_memory(err);
}

/* Each field alone beside the card as it is, on the screened samples. */
static sedge_status fill_fields(sedge_try *t, float *d, sg_err *err)
{
    sedge_try_field *out = sg_arena_array(&t->arena, SG_TRY_FIELDS, sizeof *out);
    card_row present = {0, 0, 0, 0, 0};
    char text[SG_WORDS_MAX];
    if (!out)
        return no_memory(err);
    for (int f = 0; f < SG_TRY_FIELDS; f++) {
        int best = -1;
        for (int i = 0; i < t->n_row && best < 0; i++) {
            sg_vector v = vector_of(t, &t->row[i]);
            best = v.at[f] > 0 && sg_try_count(&v) == 1 && runs(t, &t->row[i]) ? i : -1;
        }
        if (best < 0)
            continue;
        const card_row *r = &t->row[best];
        sg_card c = {.arena.mem = &t->mem};
        sg_vector v = vector_of(t, r);
        sedge_status st = sg_try_filled(&t->set, &v, &c, err);
        size_t m = smaller(t->screen, t->eval[r->eval].done);
        measure(t, &present, m);
        double p = fmin(test_right(t, r, &present, m), test_loss(t, r, &present, m, d)) * t->set.n[f];
        sedge_try_field *o = &out[t->result.n_field++];
        *o = (sedge_try_field){.name = sg_try_name[f], .right = present.right, .right_other = r->right, .n = m};
        o->p = p < 1 ? p : 1;
        if (st == SEDGE_OK)
            o->other = say(t, "%s", sg_try_words(&t->set, c.root, (sg_try_id)f, text));
        o->now = say(t, "%s", sg_try_words(&t->set, t->set.shell.card.root, (sg_try_id)f, text));
        sg_card_free(&c);
        if (st != SEDGE_OK || !o->now || !o->other)
            return st != SEDGE_OK ? st : no_memory(err);
    }
    t->result.field = out;
    return SEDGE_OK;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Whether a changes nothing but what `top` changes, to the same values; or one such field alone, to any value: the simplest card that no other
 * beats may be no part of the best. */
static bool simpler(const sg_vector *a, const sg_vector *top)
{
    bool same = true, where = true;
    for (int f = 0; f < SG_TRY_FIELDS; f++) {
        same = same && (a->at[f] == 0 || a->at[f] == top->at[f]);
        where = where && (a->at[f] == 0 || top->at[f] != 0);
    }
    return same || (where && sg_try_count(a) == 1);
}

/* The best by the screening, the card as it is, and what is simpler than the best; of twins the one that changes least. */
static int finalists(const sedge_try *t, card_row *out)
{
    int n = 0, best = 0;
    sg_vector top = vector_of(t, &t->row[0]);
    for (int i = 0; i < t->n_row && n < 4 * FINALISTS; i++) {
        const card_row *r = &t->row[i];
        sg_vector v = vector_of(t, r);
        bool present = r->eval == 0 && r->offset == 0;
        bool taken = present || (alive(t, r) && (best < FINALISTS || simpler(&v, &top)));
        for (int k = 0; k < i && taken && !present; k++)
            taken = !twins(t, r, &t->row[k]);
        best += taken;
        if (taken)
            out[n++] = *r;
    }
    return n;
}

static sedge_status run_finals(sedge_try *t, card_row *row, int n, size_t *m, sg_err *err)
{
    double start = sg_now();
    size_t more = t->trial.n;
    *m = t->screen;
    while (*m < t->trial.n) { /* in doubling steps, while there is time */
        size_t to = smaller(2 * *m, more), was = *m;
        double cost = (sg_now() - start) / (double)(was - t->screen ? was - t->screen : 1) * (double)(to - was);
        if (was > t->screen && cost > left(t)) {
            t->cut = true;
            break;
        }
        for (int i = 0; i < n; i++)
            SG_TRY(sg_eval_run(&t->trial, &t->eval[row[i].eval], to, err));
        *m = to;
    }
    rank(t, row, n, *m);
    return SEDGE_OK;
}

/* Of those that no other beats, the one that changes least. */
static int choose(sedge_try *t, const card_row *row, int n, size_t m, float *d, sedge_try_row *out)
{
    int best = 0, fewest = 1000;
    for (int i = 0; i < n; i++) {
        out[i].equal = 1;
        for (int k = 0; k < n && out[i].equal; k++)
            out[i].equal = k == i || !beats(t, &row[k], &row[i], m, d);
        if (out[i].equal && out[i].n_change < fewest) {
            fewest = out[i].n_change;
            best = i;
        }
    }
    return best;
}

static sedge_status winner(sedge_try *t, const sg_vector *v, sg_err *err)
{
    sg_card c = {.arena.mem = &t->mem};
    sedge_status st = sg_try_filled(&t->set, v, &c, err);
    if (st == SEDGE_OK)
        t->card_text = json_dumps(c.root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    sg_card_free(&c);
    t->result.card = t->card_text;
    return st == SEDGE_OK && !t->card_text ? no_memory(err) : st;
}

static sedge_status conclude(sedge_try *t, sg_err *err)
{
    card_row row[4 * FINALISTS];
    sedge_try_result *o = &t->result;
    size_t m;
    rank(t, t->row, t->n_row, t->screen);
    int n = finalists(t, row);
    float *d = sg_arena_array(&t->arena, t->trial.n, sizeof *d);
    sedge_try_row *out = sg_arena_array(&t->arena, 4 * FINALISTS, sizeof *out);
    if (!d || !out)
        return no_memory(err);
    SG_TRY(run_finals(t, row, n, &m, err));
    for (int i = 0; i < n; i++)
        if (row[i].eval == 0 && row[i].offset == 0)
            o->present = i;
    card_row present = row[o->present];
    for (int i = 0; i < n; i++)
        SG_TRY(fill_row(t, &row[i], &present, m, d, &out[i], err));
    o->chosen = choose(t, row, n, m, d, out);
    o->row = out;
    o->n_row = n;
    o->screened = t->screen;
    o->samples = m;
    o->tried = t->n_eval + t->trial.n_offset - 1;
    o->cut = t->cut;
    o->from = t->set.shell.card.from;
    sg_vector v = vector_of(t, &row[o->chosen]);
    SG_TRY(fill_fields(t, d, err));
    SG_TRY(blame(t, &v, err));
    SG_TRY(winner(t, &v, err));
    return verdict(t, &out[o->present], &out[o->chosen], err);
}

/* ---- opening -------------------------------------------------------------------------------- */

static sedge_status check_head(const sedge_try *t, sg_err *err)
{
    static const char *const can[] = {"classes", "rows", "boxes", "priors", "graph", "ctc"};
    const char *head = sg_text(t->set.shell.answer, "head");
    for (size_t k = 0; k < sizeof can / sizeof *can; k++)
        if (strcmp(head, can[k]) == 0)
            return SEDGE_OK;
    return sg_fail(
        err, SEDGE_E_UNSUPPORTED,
        "try: a label says nothing of the head %s; it does of classes, of rows, boxes, priors and graph (the best box's class), and "
        "of ctc (the text)",
        head);
}

/* A fixed shuffle: the screened samples are of all classes, and every run is the same. */
static void shuffle(size_t *order, size_t n)
{
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i-- > 1;) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        size_t k = (size_t)(x % (i + 1)), was = order[i];
        order[i] = order[k];
        order[k] = was;
    }
}

static sedge_status open_trial(sedge_try *t, size_t n, const char *const *label, sedge_item_fn *fn, void *ctx, sg_err *err)
{
    sg_trial *r = &t->trial;
    *r = (sg_trial){.mem = &t->mem, .arena = &t->arena, .set = &t->set, .model = t->set.shell.model, .opts = &t->opts};
    r->n = smaller(n, SG_SAMPLES_MAX);
    r->label = label;
    r->fn = fn;
    r->ctx = ctx;
    r->tick = tick;
    r->sized = true;
    r->n_offset = 1;
    for (int k = 0; k < t->set.n[SG_TRY_FIRST]; k++)
        r->offset[r->n_offset++] = (int)json_integer_value(t->set.choice[SG_TRY_FIRST][k].value);
    r->order = sg_arena_array(&t->arena, n, sizeof *r->order);
    r->truth = sg_arena_array(&t->arena, r->n, sizeof *r->truth);
    if (!r->order || !r->truth)
        return no_memory(err);
    shuffle(r->order, n);
    if (sg_is(t->set.shell.answer, "head", "ctc")) {
        r->n_offset = 1;
        return SEDGE_OK;
    }
    return sg_trial_labels(r, n, err);
}

sedge_status sedge_try_open(sedge_try **out, const sedge_model *model, const char *path, const sedge_task_opts *opts, size_t n,
                            const char *const *label, sedge_item_fn *fn, void *ctx, const sedge_try_opts *how, sedge_error *err)
{
    sedge_task_opts defaults;
    sedge_task_opts_init(&defaults);
    opts = opts ? opts : &defaults;
    *out = NULL;
    sg_err own = {.status = SEDGE_OK};
    err = err ? err : &own;
    sg_mem mem = {.fn = opts->session.alloc, .ctx = opts->session.alloc_ctx};
    sedge_try *t = sg_calloc(&mem, 1, sizeof *t);
    if (!t)
        return no_memory(err);
    t->mem = mem;
    t->arena.mem = &t->mem;
    t->opts = *opts;
    if (how)
        t->how = *how;
    t->how.seconds = t->how.seconds > 0 ? t->how.seconds : 120;
    t->begun = sg_now();
    sedge_status st = n ? sg_try_set_open(&t->set, &mem, model, path, opts, err) : sg_fail(err, SEDGE_E_ARG, "try: no samples");
    if (st == SEDGE_OK)
        st = check_head(t, err);
    if (st == SEDGE_OK)
        st = open_trial(t, n, label, fn, ctx, err);
    if (st == SEDGE_OK)
        st = begin(t, err);
    if (st == SEDGE_OK)
        st = alone(t, err);
    if (st == SEDGE_OK)
        st = together(t, err);
    if (st == SEDGE_OK)
        st = conclude(t, err);
    if (st != SEDGE_OK)
        sedge_try_close(&t);
    *out = t;
    return st;
}

void sedge_try_get(const sedge_try *t, sedge_try_result *out)
{
    *out = t->result;
}

void sedge_try_close(sedge_try **try_)
{
    sedge_try *t = try_ ? *try_ : NULL;
    if (!t)
        return;
    sedge_plan_close(&t->trial.plan);
    sg_try_set_close(&t->set);
    free(t->card_text);
    sg_arena_free(&t->arena);
    sg_mem mem = t->mem;
    sg_free(&mem, t, sizeof *t);
    *try_ = NULL;
}
