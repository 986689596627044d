/* Tasks: a model with its card, from bytes to answers. Linked as libsedge-task (pkg-config sedge-task).
 *
 * The card (docs/cards.md) says how a frame, samples, rows or text become the model's inputs and how its outputs become answers.
 * It is found, in this order: opts.card; MODEL.card.json (whole name, then without the model's suffix); the model's metadata key
 * `sedge.card`; the file's native metadata (ONNX Image.* properties, Ultralytics); Hugging Face files in the model's folder. */
#ifndef SEDGE_TASK_H
#define SEDGE_TASK_H

#include "media.h"
#include "sedge.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sedge_task sedge_task;

typedef struct sedge_task_opts {
    const char *card;      /* path of a card; NULL: found as said above */
    const char *card_text; /* the card itself, JSON; wins over `card`; files it names are looked for in `folder` */
    const char *folder;    /* NULL: that of the card or model; nothing outside it is read */
    sedge_plan_opts plan;
    sedge_session_opts session;
    uint8_t reserved[32];
} sedge_task_opts;
void sedge_task_opts_init(sedge_task_opts *opts);

/* path: that of the model, for finding the card beside it (NULL: none). Borrows the model. One thread at a time, as a session. */
sedge_status sedge_task_open(sedge_task **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                             sedge_error *err);
void sedge_task_close(sedge_task **task);

/* What the card takes: exactly one. */
typedef enum sedge_source {
    SEDGE_SOURCE_IMAGE,
    SEDGE_SOURCE_AUDIO,
    SEDGE_SOURCE_SERIES,
    SEDGE_SOURCE_TEXT,
    SEDGE_SOURCE_TENSORS
} sedge_source;

typedef struct sedge_task_info {
    int source; /* sedge_source */
    const char *task; /* "classify", "detect", ... */
    const char *from; /* where the card came from: a path, "metadata sedge.card", "ultralytics", "hf" ... */
    int n_assumed;
    const char *const *assumed; /* fields that had to be guessed */
    uint32_t rate; /* audio: samples a second; series: rows a second, rounded */
    size_t window, hop; /* audio, series: samples or rows of one answer, and between two; 0: the whole */
    int columns; /* series: values of a row */
    const char *const *column;
    int n_label;
} sedge_task_info;
void sedge_task_get_info(const sedge_task *task, sedge_task_info *out);
/* Text of label i, or NULL. */
const char *sedge_task_label(const sedge_task *task, int i);
/* The card as it is used, every default filled in, as JSON text that lives as long as the task. */
const char *sedge_task_card(const sedge_task *task);
/* Where field `path` ("answer.nms.iou") came from: "card", "default", "ultralytics names", ... */
const char *sedge_task_field_source(const sedge_task *task, const char *path);

/* ---- answers ------------------------------------------------------------------------------ */

#define SEDGE_POINTS_MAX 133

typedef struct sedge_point {
    float x, y, score; /* source pixels */
} sedge_point;

/* One thing found: which fields are set follows from the task. */
typedef struct sedge_answer {
    int label; /* index into the labels; -1: none */
    const char *text; /* its text (lives as long as the task), or recognised text (until the next run); NULL: none */
    float score;
    float box[4]; /* x0 y0 x1 y1 in source pixels */
    int n_point;
    const sedge_point *point; /* until the next run */
    double t0, t1; /* seconds of the source, for audio and series */
    double value; /* residual, value, anomaly score */
} sedge_answer;

typedef struct sedge_answers {
    const char *task;
    int n;
    const sedge_answer *answer; /* best first */
    /* A mask over the source, [mask_h, mask_w]; NULL: none. Head mask: class of each pixel, 255 where the model did not see it. Rows:
     * 1 + number of the best answer that covers the pixel, 0: none. */
    const uint8_t *mask;
    int mask_w, mask_h;
    const float *vector; /* an embedding */
    int n_vector;
    int decided; /* 1: `decide` says on, 0: off, -1: no decision in the card or too early */
    int abstained; /* confidence below the calibrated floor */
    int truncated; /* the source was longer than what the model takes */
    double t0, t1; /* seconds of the source that this answers */
    double pre_ms, run_ms, post_ms;
} sedge_answers;

/* One frame, piece of audio, block of rows or text: answers live until the next run. */
sedge_status sedge_task_run_frame(sedge_task *task, const sedge_frame *frame, sedge_answers *out, sedge_error *err);
sedge_status sedge_task_run_audio(sedge_task *task, const sedge_audio *audio, sedge_answers *out, sedge_error *err);
sedge_status sedge_task_run_rows(sedge_task *task, const float *row, size_t rows, int columns, sedge_answers *out,
                                 sedge_error *err);
sedge_status sedge_task_run_text(sedge_task *task, const char *text, size_t n, sedge_answers *out, sedge_error *err);

/* Streams: samples or rows of any length; each full window gives answers by calling back (non-zero return stops). State, window
 * and hop come from the card; the same samples in other pieces give the same answers. audio NULL / rows 0: the end (a rest shorter
 * than a window is padded with zeros when the card says "tail": "pad", else dropped). */
typedef int sedge_answer_fn(void *ctx, const sedge_answers *answers);
sedge_status sedge_task_push_audio(sedge_task *task, const sedge_audio *audio, sedge_answer_fn *fn, void *ctx, sedge_error *err);
sedge_status sedge_task_push_rows(sedge_task *task, const float *row, size_t rows, int columns, sedge_answer_fn *fn, void *ctx,
                                  sedge_error *err);
/* Forgets state, the stream and what `decide` remembers. */
sedge_status sedge_task_reset(sedge_task *task, sedge_error *err);

/* The inputs that the last run gave the model: tensor i as the model took it. */
sedge_status sedge_task_input(const sedge_task *task, int i, sedge_tensor *out, sedge_error *err);

/* Answers as one line of JSON (no newline at the end), by the task's schema (docs/cards.md). */
sedge_status sedge_answers_json(const sedge_task *task, const sedge_answers *a,
                                int (*write)(void *ctx, const char *text, size_t n), void *ctx);

/* ---- the detective ------------------------------------------------------------------------ */

/* One thing of labelled data: by the card's source, one of these is set. */
typedef struct sedge_try_sample {
    sedge_frame frame;
    sedge_audio audio;
    const float *row; /* [rows, columns] */
    size_t rows;
    int columns;
    const char *text;
    size_t text_size;
} sedge_try_sample;
/* Fills sample i (zeros before) as the card takes it; what it points to is read before the next call. */
typedef sedge_status sedge_try_sample_fn(void *ctx, const sedge_task_info *about, size_t i, sedge_try_sample *out,
                                         sedge_error *err);

typedef struct sedge_try_opts {
    double seconds; /* at most, about; 0: 120 */
    int (*progress)(void *ctx, double part); /* NULL, or called now and then; non-zero stops: SEDGE_E_CANCELLED */
    void *ctx;
    uint8_t reserved[32];
} sedge_try_opts;
void sedge_try_opts_init(sedge_try_opts *opts);

/* A card that was tried. */
typedef struct sedge_try_row {
    const char *changes; /* in words, what is other: "color: bgr"; "": the card as it is */
    int n_change; /* fields that are other; of the scale mean and deviation each */
    size_t right, n; /* of samples */
    double low, high; /* 95 % interval of the share that is right (Wilson) */
    double loss; /* mean of -log of the true class's probability at the best temperature; NaN: the head has none */
    /* Against the card as it is, on the same samples: McNemar's exact test of what is right, flipped signs of the losses. Both are
     * multiplied by the number of cards tried. */
    double p_right, p_loss;
    int equal; /* not to be told from the best */
    const char *why; /* it cannot run; NULL: it does */
} sedge_try_row;

/* One field: what the card says beside the best other value, all else as in the card. */
typedef struct sedge_try_field {
    const char *name, *now, *other;
    size_t right, right_other, n;
    double p; /* the smaller of both tests, times the number of values tried; near 1: nothing tells them apart */
} sedge_try_field;

typedef struct sedge_try_result {
    const char *verdict; /* a sentence */
    int n_blame; /* fields of the card that are wrong; 0: the card is not to be told from the best */
    const char *const *blame; /* "color", "geometry", "scale", ... (src/task/try.def) */
    const char *const *path; /* and where they stand: "inputs.image.image.color" */
    int n_row, present,
        chosen; /* rows: the best cards and the one as it is, best first; indices of the latter and of the winner */
    const sedge_try_row *row;
    int n_field;
    const sedge_try_field *field;
    size_t screened, samples; /* samples that each card was tried on, and the best ones */
    int tried; /* cards */
    int cut; /* time was up before all were tried */
    const char *card; /* the winner, as JSON */
    const char *from; /* where the card as it is came from */
} sedge_try_result;

/* Tries what is often wrong in a card (color, scale, resize, crop, label offset ...) on n labelled samples. label[i]: a label of the
 * card, the number of one, or for text the text itself; of a card without labels, a number or any names, numbered in alphabetic order.
 * Path and opts as in sedge_task_open. */
typedef struct sedge_try sedge_try;
sedge_status sedge_try_open(sedge_try **out, const sedge_model *model, const char *path, const sedge_task_opts *opts, size_t n,
                            const char *const *label, sedge_try_sample_fn *fn, void *ctx, const sedge_try_opts *how,
                            sedge_error *err);
void sedge_try_get(const sedge_try *t, sedge_try_result *out);
void sedge_try_close(sedge_try **t);

/* ---- beside the training code ------------------------------------------------------------- */

/* One step from the source to the tensor, in the order in which they are done. */
typedef struct sedge_trace_step {
    const char *name; /* "color", "geometry", "kernel", "mul", "norm.mean", ... */
    const char *path; /* where it stands in the card */
    int same;
    const char *how; /* what is other, in words; NULL: nothing */
} sedge_trace_step;

typedef struct sedge_trace_result {
    const char *verdict;
    int n_step, first; /* first: that differs; -1: none does */
    const sedge_trace_step *step;
    double left; /* largest difference that remains unexplained: of pictures in grey levels, else as part of a deviation */
    int tried;
} sedge_trace_result;

/* Which step of the card is the first that differs from what the training code did to the same n sources (4 at most): its tensors are
 * `want`. Tells by running the card's steps in many ways and fitting what remains by a factor and an offset of each channel. */
typedef struct sedge_trace sedge_trace;
sedge_status sedge_trace_open(sedge_trace **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                              size_t n, const sedge_tensor *want, sedge_try_sample_fn *fn, void *ctx, sedge_error *err);
void sedge_trace_get(const sedge_trace *t, sedge_trace_result *out);
void sedge_trace_close(sedge_trace **t);

#ifdef __cplusplus
}
#endif

#endif
