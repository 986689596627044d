/* The detective's parts: what can be changed in a card, the cards that come of it, answers of each. */
#ifndef SG_FIT_TRY_H
#define SG_FIT_TRY_H

#include "fit/stat.h"
#include "sedge/try.h"
#include "task/run.h"

typedef enum sg_try_id {
#define TRY_FIELD(id, ...) SG_TRY_##id,
#define TRY(...)
#include "fit/try.def"
#undef TRY_FIELD
#undef TRY
    SG_TRY_FIELDS
} sg_try_id;

extern const char *const sg_try_name[SG_TRY_FIELDS];

#define SG_CHOICES_MAX 32

typedef struct sg_choice {
    const char *text;
    json_t *value; /* owned */
    bool table;    /* of try.def: lists are red, green, blue */
} sg_choice;

/* One card: of each field the choice, 0: as it stands, k: choice k - 1. */
typedef struct sg_vector {
    int8_t at[SG_TRY_FIELDS];
} sg_vector;

/* A card and what may be changed in it. */
typedef struct sg_try_set {
    sedge_task shell;  /* holds the card and its labels; never run */
    const char *input; /* key of the input that the source goes to */
    int source;        /* sedge_source */
    int32_t w, h;      /* of the picture that the model takes; 0: any */
    int64_t elements;  /* of the input; 0: any */
    int n[SG_TRY_FIELDS];
    sg_choice choice[SG_TRY_FIELDS][SG_CHOICES_MAX];
} sg_try_set;

/* Finds the card and its labels, and lists the choices. */
sedge_status sg_try_set_open(sg_try_set *s, const sg_mem *mem, const sedge_model *model, const char *path,
                             const sedge_task_opts *opts, sg_err *err);
void sg_try_set_close(sg_try_set *s);
/* Nothing is tried of the field. */
void sg_try_drop(sg_try_set *s, sg_try_id f);
/* The card of a vector: a new tree, checked by nobody yet. NULL: out of memory. */
json_t *sg_try_card(const sg_try_set *s, const sg_vector *v);
/* Takes the arithmetic out of it: values as they are before mul and norm. */
bool sg_try_strip(const sg_try_set *s, json_t *root);
/* The same, checked, defaults filled in. */
sedge_status sg_try_filled(const sg_try_set *s, const sg_vector *v, sg_card *out, sg_err *err);
/* What a filled card says at a field, in words. */
#define SG_WORDS_MAX 256
const char *sg_try_words(const sg_try_set *s, const json_t *root, sg_try_id f, char text[SG_WORDS_MAX]);
/* Where the field stands in a filled card: "inputs.image.steps.2.norm.mean"; part: "norm.mean" of the scale, else NULL. */
const char *sg_try_path(const sg_try_set *s, const json_t *root, sg_try_id f, const char *part, char text[SG_WORDS_MAX]);
/* Whether the card as found has a step of this name. */
bool sg_try_has(const sg_try_set *s, const char *step);
/* The steps of the source's input. */
json_t *sg_try_steps(const sg_try_set *s, const json_t *root);
int sg_try_count(const sg_vector *v);

/* What the arithmetic of steps comes to: y = x * a + b, by channel or column. */
typedef struct sg_affine {
    size_t n; /* 1: the same for all */
    double *a, *b;
} sg_affine;
/* Of all mul and norm among the steps of a picture, of the last that stand together among others. False: there is a table from a file,
 * or no memory. */
bool sg_affine_of(const json_t *steps, bool image, sg_affine *f, sg_arena *arena);
/* What must change so that the first becomes the second, means but for `slack`: "mul" (before the means), "factor" (there are no means), "norm.mean",
 * "norm.std", "norm"; NULL: nothing. */
const char *sg_affine_blame(const sg_affine *now, const sg_affine *then, double slack);
bool sg_affine_same(const sg_affine *x, const sg_affine *y);

/* ---- answers of one card, sample by sample: try_eval.c -------------------------------------- */

#define SG_TEMPERATURES 13
#define SG_OFFSETS      3
#define SG_SAMPLES_MAX  5000

typedef struct sg_eval {
    sg_vector v; /* FIRST is 0: label offsets need no run of their own */
    size_t done;
    const char *why; /* it cannot run */
    bool hopeless; /* so much worse than another after a few samples that it saw no more */
    bool misfit[SG_OFFSETS]; /* the labels do not fit the output */
    uint8_t *right; /* [offsets, n] */
    float *loss; /* [offsets, temperatures, n]; NULL: the head has none */
} sg_eval;

/* What all evaluations share. */
typedef struct sg_trial {
    sg_mem *mem;
    sg_arena *arena;
    sg_try_set *set;
    const sedge_model *model;
    const sedge_task_opts *opts;
    sedge_plan *plan;
    sedge_item_fn *fn;
    void *ctx;
    size_t n; /* samples, of them the first in a shuffled order */
    size_t *order;
    const char *const *label;
    int *truth; /* class of each sample in that order, by the card as it is */
    int n_offset, offset[SG_OFFSETS];
    bool turned, sized; /* some picture is not upright; all have the size of the input */
    sedge_status (*tick)(struct sg_trial *t, sg_err *err);
} sg_trial;

sedge_status sg_trial_labels(sg_trial *t, size_t n, sg_err *err);
/* The task of a vector, without labels and decisions; strip: without arithmetic. */
sedge_status sg_trial_task(sg_trial *t, const sg_vector *v, bool strip, sedge_task **out, sg_err *err);
/* One sample through a task; its own failure is told from that of the data. */
sedge_status sg_trial_run(sg_trial *t, sedge_task *task, size_t i, sedge_answers *out, bool *data, sg_err *err);
/* Answers for samples [done, to). */
sedge_status sg_eval_run(sg_trial *t, sg_eval *e, size_t to, sg_err *err);

#endif
