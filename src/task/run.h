/* What the files of a task share. */
#ifndef SG_TASK_RUN_H
#define SG_TASK_RUN_H

#include "media/audio.h"
#include "media/image.h"
#include "media/text.h"
#include "sedge/task.h"
#include "task/card.h"

#define SG_STEPS_MAX 64
#define SG_CONST_MAX 64

/* A tensor of numbers: n of them, what they are if they are quantized. */
typedef struct sg_reals {
    sedge_tensor t;
    size_t n;
    double scale, zero; /* scale 0: not quantized */
} sg_reals;

/* Memory that grows to its high-water mark and stays. */
typedef struct sg_keep {
    void *p;
    size_t cap;
} sg_keep;

/* Where a pixel of the input lies in the source: x * scale + shift. */
typedef struct sg_place {
    double sx, sy, tx, ty;
    int w, h;         /* of the input */
    int src_w, src_h; /* of the source */
} sg_place;

/* n maps of h x w floats. */
typedef struct sg_maps {
    const float *v;
    int n, h, w;
    size_t map_step, pixel_step;
} sg_maps;

typedef void sg_point_fn(const void *ctx, int row, int k, double v[3]);

typedef struct sg_found {
    float box[4]; /* source pixels */
    float score, weight;
    int label, row, id; /* row of the output; id: how many were found before */
    int run, maps;      /* head rows with masks: the tile, which of the prototypes that were kept */
} sg_found;

/* Another model that a step or the head names. */
typedef struct sg_graph {
    sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
    const json_t *state;
    int in, out; /* of a step: where the flow goes in and comes out */
    sg_keep data;
    sedge_tensor x;
    struct sg_more *more; /* further inputs */
    int n_more;
} sg_graph;

/* The frame that is answered, in tiles of one size: one without the step. */
typedef struct sg_tiles {
    const json_t *fields; /* of the step; NULL: there is none */
    sedge_frame frame;    /* turned as EXIF and flips say */
    bool flip[2];
    int w, h, nx, ny;
    int src_w, src_h;
    sg_keep place; /* sg_place of each that was run */
} sg_tiles;

/* Tables of a step of sound or series. */
typedef struct sg_front {
    sg_mel *mel;
    sg_psd *psd;
    double *table; /* [2, n] */
    size_t n, columns;
    sg_graph *graph;
    sg_keep ring; /* of stack */
    size_t stacked;
} sg_front;

/* A column of rows as they came: its last value, and how many have been missing since. */
typedef struct sg_gap {
    float last;
    size_t n;
} sg_gap;

typedef struct sg_decide {
    sg_keep mean; /* [mean_of, n] */
    int seen;       /* answers so far */
    unsigned asked; /* and those that were on or off */
    uint8_t on[1024];
    bool state;
    double since;
} sg_decide;

struct sedge_task {
    sg_mem mem;
    sg_card card;
    const sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
    sedge_task_opts opts;
    bool shares; /* the plan is another's */
    bool dry;    /* inputs are made, as f32, and not run */
    int source, in; /* sedge_source; the model's input that the source goes to */
    const json_t *input, *steps, *answer, *decide_fields;
    sg_head_id head;
    char *card_text;
    size_t card_text_size;
    const char **label;
    int n_label, first;
    int *id_label; /* class number to label, or NULL */
    int n_id;
    sedge_task_info info;

    sg_keep data;
    sedge_tensor bound; /* what the model took */
    sg_keep fixed[SG_CONST_MAX];
    sg_image_work *work;
    sg_front front[SG_STEPS_MAX];
    const json_t *bind;
    sg_tokenizer *tokenizer;
    sg_place place; /* of the tile that was run last */
    sg_tiles tiles;
    sg_graph *post; /* of the head */
    sg_maps maps;   /* of the heads mask, image and rows: of one run */
    int n_maps;     /* of rows: runs whose prototypes are kept */
    sedge_frame picture;  /* of the head image */
    sg_image_work *tint;  /* that brings the source's colours to it; NULL: it has its own */

    sg_keep signal, other, stream, norm, gaps;
    size_t held, skip; /* skip: samples or rows that no window wants, still to come */
    uint64_t start;    /* of held[0] in the stream, samples or rows */
    int columns;
    size_t window, hop, lead;
    bool begun;
    sedge_resampler *resampler;
    uint32_t resampler_from, from; /* from: rate of this stream; 0: nothing came yet */

    sg_keep found, answers, points, scores, text, mask, vector, priors, coefficients;
    size_t n_prior;
    int n_found, n_point; /* points of each that is found */
    size_t n_score;       /* head classes: scores of the last run */
    sg_decide decide;
};

/* As sedge_task_open, but on *plan, which other tasks on the same model use too; NULL: it is made, and the caller's to close. */
sedge_status sg_task_open_on(sedge_task **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                             sedge_plan **plan, sg_err *err);
sedge_status sg_keep_room(sedge_task *t, sg_keep *k, size_t n, size_t size, sg_err *err);
/* Input or output of the model by name or number; -1: none. */
int sg_find_io(const sedge_model *m, const json_t *ref, bool output);
/* Unlike a reference of a card, a number is no name. */
int sg_output_named(const sedge_model *m, const char *name);
sedge_status sg_output(sedge_task *t, const json_t *ref, sg_reals *out, sg_err *err);
/* Output i of a session, which has to be a tensor of numbers. */
sedge_status sg_numbers_of(const sedge_model *m, sedge_session *s, int i, const char *what, sg_reals *out, sg_err *err);
/* Element i; quantized ones by their scale. */
double sg_real(const sg_reals *x, size_t i);
/* A plan and a session with the links of `state` (NULL: none), then those of po (NULL: none). */
sedge_status sg_plan_make(sedge_task *t, const sedge_model *m, const json_t *state, const sedge_plan_opts *po, sedge_plan **plan,
                          sedge_session **session, sg_err *err);
/* Every state as its link says, axes of no known size at 1. */
sedge_status sg_links_zero(sedge_task *t, const sedge_model *m, sedge_session *s, const json_t *state, sg_err *err);
/* Shape of an input that takes rows x cols elements. */
sedge_status sg_shape_of(const sedge_io *io, int64_t rows, int64_t cols, sedge_tensor *x, sg_err *err);
/* [rows, cols], turned to [cols, rows] where rows > 1 is asked for, as elements of x, which get their memory from `keep`; quantized
 * as io says. */
sedge_status sg_store_numbers(sedge_task *t, const sedge_io *io, sedge_tensor *x, sg_keep *keep, const float *v, size_t rows,
                              size_t cols, sg_err *err);

sedge_status sg_graph_open(sedge_task *t, sg_graph **out, const json_t *f, size_t steps, bool behind, sg_err *err);
void sg_graph_close(sedge_task *t, sg_graph **graph);
sedge_status sg_graph_reset(sedge_task *t, sg_graph *g, sg_err *err);
/* x: what flows in; out: the step's output; either may be NULL. */
sedge_status sg_graph_run(sg_graph *g, const sedge_tensor *x, sg_reals *out, sg_err *err);
sedge_status sg_graph_signal(sedge_task *t, sg_graph *g, size_t *rows, size_t *cols, sg_err *err);
/* The graph that pictures go through as their last step; NULL: none. */
const sg_graph *sg_graph_of_picture(const sedge_task *t);

sedge_status sg_image_open(sedge_task *t, sg_err *err);
/* A new frame: *n is how many tiles it has. */
sedge_status sg_image_begin(sedge_task *t, const sedge_frame *f, int *n, sg_err *err);
/* Tile i into the model's input. */
sedge_status sg_image_input(sedge_task *t, int i, sg_err *err);
/* The source's colours as they came to the model, RGB, at another size. */
sedge_status sg_image_colors(sedge_task *t, int32_t w, int32_t h, uint8_t *rgb, sg_err *err);
sedge_status sg_tiles_open(sedge_task *t, sg_err *err);
sedge_status sg_tiles_begin(sedge_task *t, int *n, sg_err *err);
/* Tile i as a frame, and where it lies in the upright source. */
sedge_status sg_tiles_frame(const sedge_task *t, int i, sedge_frame *f, int *x, int *y, sg_err *err);
/* Where tile i of n of `size` pixels begins. */
int sg_tile_place(int i, int n, int all, int size);
sedge_status sg_signal_open(sedge_task *t, sg_err *err);
/* Rows of a window through the steps into the input; *ready false: not yet (stack). */
sedge_status sg_signal_input(sedge_task *t, const float *x, size_t rows, bool *ready, sg_err *err);

sedge_status sg_front_open(sedge_task *t, size_t i, sg_step_id s, const json_t *f, sg_err *err);
void sg_front_close(sedge_task *t);
sedge_status sg_front_run(sedge_task *t, size_t i, sg_step_id s, const json_t *f, size_t *rows, size_t *cols, sg_err *err);
sedge_status sg_text_open(sedge_task *t, sg_err *err);
/* Input that "mask" or "types" is bound to; -1: none. */
int sg_text_bound(const sedge_task *t, const char *what);
sedge_status sg_text_input(sedge_task *t, const char *text, size_t n, bool *truncated, sg_err *err);

/* A window of a signal to answers. */
sedge_status sg_signal_answer(sedge_task *t, const float *x, size_t rows, double t0, double t1, sedge_answers *out, bool *ready,
                              sg_err *err);

sedge_status sg_head_open(sedge_task *t, sg_err *err);
/* Heads that find things collect them from each run (`take`), then give answers (`give`); the others only give. */
sedge_status sg_head_take(sedge_task *t, int run, sg_err *err);
sedge_status sg_head_give(sedge_task *t, sedge_answers *out, sg_err *err);
sedge_status sg_rows_take(sedge_task *t, int run, sg_err *err);
sedge_status sg_rows_give(sedge_task *t, sedge_answers *out, sg_err *err);
sedge_status sg_boxes_take(sedge_task *t, int run, sg_err *err);
sedge_status sg_graph_take(sedge_task *t, int run, sg_err *err);
sedge_status sg_priors_take(sedge_task *t, int run, sg_err *err);
sedge_status sg_mask_take(sedge_task *t, int run, sg_err *err);
sedge_status sg_mask_give(sedge_task *t, sedge_answers *out, sg_err *err);
/* Each connected region of the mask; `score` gives a pixel's. */
typedef float sg_pixel_fn(const void *ctx, int x, int y);
sedge_status sg_mask_regions(sedge_task *t, sg_pixel_fn *score, const void *ctx, sedge_answers *out, sg_err *err);
sedge_status sg_picture_open(sedge_task *t, sg_err *err);
sedge_status sg_picture_take(sedge_task *t, int run, sg_err *err);
sedge_status sg_picture_give(sedge_task *t, sedge_answers *out, sg_err *err);
sedge_status sg_head_keypoints(sedge_task *t, sedge_answers *out, sg_err *err);
sedge_status sg_priors_open(sedge_task *t, sg_err *err);
/* Masks of rows: n coefficients of each that was found since `first`, then the mask of every answer. */
sedge_status sg_row_masks_take(sedge_task *t, int first, int run, const float *coefficient, size_t row_step, size_t channel_step,
                               size_t n, sg_err *err);
sedge_status sg_row_masks_give(sedge_task *t, sedge_answers *out, sg_err *err);
sedge_status sg_load_maps(sedge_task *t, const json_t *ref, const char *axes, sg_keep *keep, sg_maps *m, sg_err *err);
sedge_status sg_points_span(const sedge_task *t, size_t channels, size_t *at, int *n, sg_err *err);
/* Points of all that was found since `first`, n each; read gives point k of a row in pixels of the input. */
sedge_status sg_row_points(sedge_task *t, int first, int n, sg_point_fn *read, const void *ctx, sg_err *err);
/* A pixel of the input as one of the source. */
sedge_point sg_point_of(const sedge_task *t, double x, double y, double score);
double sg_raise(double v, double power);
void sg_activate(float *s, size_t n, const char *act, size_t row);
/* The found boxes, after `nms` (NULL: none), best first, as answers. */
sedge_status sg_found_answers(sedge_task *t, const json_t *nms, sedge_answers *out, sg_err *err);
sedge_status sg_found_add(sedge_task *t, const float box[4], const char *form, bool frac, float score, int label, int row,
                          sg_err *err);
/* Outputs one behind the other, as floats. */
sedge_status sg_join(sedge_task *t, const json_t *refs, sg_keep *keep, size_t *n, sg_err *err);
/* Scores as floats, after their function, in t->scores. */
sedge_status sg_load_scores(sedge_task *t, const sg_reals *x, const char *act, size_t row, sg_err *err);
/* The card's labels into the task. */
sedge_status sg_labels_read(sedge_task *t, sg_err *err);
int sg_label_of(const sedge_task *t, int64_t cls);

sedge_status sg_decide_open(sedge_task *t, sg_err *err);
/* Replaces n scores by the mean of the last answers. */
sedge_status sg_decide_mean(sedge_task *t, float *score, size_t n, sg_err *err);
void sg_decide_run(sedge_task *t, sedge_answers *out);
void sg_decide_reset(sedge_task *t);

#endif
