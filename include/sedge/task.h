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
    const char *time; /* series: column of times, for sedge_series_csv; NULL: rows are equally spaced */
    double row_rate; /* series: rows a second; 0: unknown */
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
    const sedge_frame *picture; /* that the model drew, RGB or gray; until the next run; NULL: none */
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

#ifdef __cplusplus
}
#endif

#endif
