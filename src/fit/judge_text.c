/* The judges of texts (error rates) and of vectors (whether neighbours are of one label). */
#include <math.h>
#include <stdlib.h>

#include "fit/eval.h"
#include "fit/metric.h"

/* ---- texts ---------------------------------------------------------------------------------- */

enum { WORD_EDITS, WORDS, LETTER_EDITS, LETTERS, EXACT };

static const sg_measure text_accuracy[] = {
    {"cer", "edits by the characters of the truth", "", SG_RATIO, LETTER_EDITS, LETTERS, true, false, false, NULL},
    {"wer", "edits by the words of the truth", "", SG_RATIO, WORD_EDITS, WORDS, true, false, false, NULL},
    {"exact", "share of texts that are right as a whole", "", SG_RATIO, EXACT, SG_ONES, false, true, false, NULL},
    {.name = NULL}};
static const sg_measure text_fidelity[] = {
    {"same_text", "share of texts that are the reference's", "", SG_RATIO, EXACT, SG_ONES, false, true, false, NULL},
    {"character_difference", "edits by the characters of the reference's text", "", SG_RATIO, LETTER_EDITS, LETTERS, true, false,
     false, NULL},
    {.name = NULL}};

static sedge_status text_take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    const char *want = k->answers ? (k->answers->n ? k->answers->answer[0].text : "") : k->text;
    const char *said = a->n && a->answer[0].text ? a->answer[0].text : "";
    (void)bad;
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    size_t words, letters;
    if (!r)
        return sg_eval_no_memory(err);
    want = want ? want : "";
    int64_t w = sg_edits(&e->mem, want, said, true, &words), c = sg_edits(&e->mem, want, said, false, &letters);
    if (w < 0 || c < 0)
        return sg_eval_no_memory(err);
    r->v[WORD_EDITS] = (double)w;
    r->v[WORDS] = (double)words;
    r->v[LETTER_EDITS] = (double)c;
    r->v[LETTERS] = (double)letters;
    r->v[EXACT] = strcmp(want, said) == 0;
    o->right = (float)r->v[EXACT];
    o->score = a->n ? a->answer[0].score : 0;
    return SEDGE_OK;
}

static const char *text_doubt(sedge_eval *e)
{
    double v = sg_measure_of(e, &text_accuracy[0], NULL);
    return v > 0.95 ? sg_eval_bad(e, "%.0f %% of the characters are wrong", 100 * v) : NULL;
}

const sg_judge sg_judge_text = {"text", text_accuracy, text_fidelity, text_take, NULL, text_doubt, NULL, sg_eval_no_windows};

/* ---- vectors -------------------------------------------------------------------------------- */

#define VECTORS_BYTES ((size_t)1 << 30)
#define NEAREST       5

enum { FIRST, ANY, COSINE };

typedef struct vectors {
    float *v; /* [n, size], of length 1 */
    size_t size, cap;
} vectors;

static const sg_measure vector_accuracy[] = {
    {"recall@1", "share whose nearest other sample has its label (cosine)", "", SG_RATIO, FIRST, SG_ONES, false, true, false,
     NULL},
    {"recall@5", "share with one of its label among the nearest five", "", SG_RATIO, ANY, SG_ONES, false, true, false, NULL},
    {.name = NULL}};
static const sg_measure vector_fidelity[] = {
    {"cosine", "mean cosine with the reference's vector", "", SG_RATIO, COSINE, SG_ONES, false, false, false, NULL},
    {.name = NULL}};

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static sedge_status vector_take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    if (!e->state && !(e->state = sg_calloc(&e->mem, 1, sizeof(vectors))))
        return sg_eval_no_memory(err);
    vectors *s = e->state;
    size_t n = (size_t)a->n_vector;
    if (e->n == 0)
        s->size = n;
    if (n == 0 || n != s->size || (k->answers && (size_t)k->answers->n_vector != n)) {
        *bad = sg_eval_bad(e, "a vector of %zu numbers, expected %zu", n, k->answers ? (size_t)k->answers->n_vector : s->size);
        return SEDGE_OK;
    }
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!r)
        return sg_eval_no_memory(err);
    o->truth = k->label;
    if (k->answers) {
        r->v[COSINE] = cosine(a->vector, k->answers->vector, n);
        o->right = (float)r->v[COSINE];
        return SEDGE_OK;
    }
    if (e->n * n * sizeof *s->v > VECTORS_BYTES)
        return sg_fail(err, SEDGE_E_LIMIT, "eval: more than %zu MB of vectors: take fewer samples", VECTORS_BYTES >> 20);
    if (sg_grow(&e->mem, &s->v, &s->cap, e->n * n, sizeof *s->v) != SEDGE_OK)
        return sg_eval_no_memory(err);
    double length = 0;
    for (size_t i = 0; i < n; i++)
        length += (double)a->vector[i] * (double)a->vector[i];
    for (size_t i = 0; i < n; i++)
        s->v[(e->n - 1) * n + i] = length > 0 ? (float)((double)a->vector[i] / sqrt(length)) : 0;
    return SEDGE_OK;
}

/* The nearest samples of row i, but itself and those of its group. */
static void nearest(const sedge_eval *e, const vectors *s, size_t i, size_t *at, float *best)
{
    for (int k = 0; k < NEAREST; k++)
        best[k] = -2, at[k] = i;
    for (size_t j = 0; j < e->n; j++) {
        if (e->group[e->outcome[j].sample] == e->group[e->outcome[i].sample])
            continue;
        float dot = 0;
        for (size_t c = 0; c < s->size; c++)
            dot += s->v[i * s->size + c] * s->v[j * s->size + c];
        int k = NEAREST;
        for (; k > 0 && best[k - 1] < dot; k--)
            if (k < NEAREST)
                best[k] = best[k - 1], at[k] = at[k - 1];
        if (k < NEAREST)
            best[k] = dot, at[k] = j;
    }
}

static sedge_status vector_end(sedge_eval *e, sg_err *err)
{
    (void)err;
    const vectors *s = e->state;
    for (size_t i = 0; !e->reference && i < e->n; i++) {
        size_t at[NEAREST];
        float best[NEAREST];
        nearest(e, s, i, at, best);
        for (int k = 0; k < NEAREST; k++) {
            bool same = at[k] != i && e->outcome[at[k]].truth == e->outcome[i].truth;
            e->row[i].v[FIRST] += k == 0 && same;
            e->row[i].v[ANY] = e->row[i].v[ANY] > 0 || same;
        }
        e->outcome[i].right = (float)e->row[i].v[FIRST];
        e->outcome[i].guess = at[0] != i ? e->outcome[at[0]].truth : -1;
        e->outcome[i].score = best[0];
    }
    return SEDGE_OK;
}

static void vector_free(sedge_eval *e)
{
    vectors *s = e->state;
    if (!s)
        return;
    sg_free(&e->mem, s->v, s->cap * sizeof *s->v);
    sg_free(&e->mem, s, sizeof *s);
}

const sg_judge sg_judge_vector = {"vector", vector_accuracy, vector_fidelity,   vector_take, vector_end,
                                  NULL,     vector_free,     sg_eval_no_windows};
