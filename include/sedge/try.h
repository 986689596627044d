/* The preprocessing detective: which field of a card is wrong, by labelled data (sedge_try) or by the tensors that the training code
 * made (sedge_trace). Linked as libsedge-fit (pkg-config sedge-task). */
#ifndef SEDGE_TRY_H
#define SEDGE_TRY_H

#include "fit.h"

#ifdef __cplusplus
extern "C" {
#endif

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
    const char *const *blame; /* "color", "geometry", "scale", ... (src/fit/try.def) */
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
                            const char *const *label, sedge_item_fn *fn, void *ctx, const sedge_try_opts *how, sedge_error *err);
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
                              size_t n, const sedge_tensor *want, sedge_item_fn *fn, void *ctx, sedge_error *err);
void sedge_trace_get(const sedge_trace *t, sedge_trace_result *out);
void sedge_trace_close(sedge_trace **t);

#ifdef __cplusplus
}
#endif

#endif
