/* Samples as tensors for a model's inputs: rows of arrays, or a data set as a card reads it. */
#ifndef SG_FIT_SAMPLES_H
#define SG_FIT_SAMPLES_H

#include "base/map.h"
#include "base/mem.h"
#include "sedge/fit.h"

/* What a model is tried on: sample i gives a tensor for every input of the model. Memory does not depend on how many there are. */
typedef struct sg_samples {
    size_t n;
    int n_in;
    sedge_status (*get)(void *ctx, size_t i, sedge_tensor *in, sg_err *err); /* tensors live until the next call */
    void *ctx;
} sg_samples;

enum { SG_INPUTS_MAX = 64 };

/* Row i of an array for each input of the model, turned into its type. */
typedef struct sg_rows {
    sg_samples samples;
    sg_mem *mem;
    sg_arena arena;
    sg_map map[SG_INPUTS_MAX];
    int n_map;
    const sedge_model *model;
    sedge_tensor x[SG_INPUTS_MAX]; /* all rows */
    sedge_tensor row[SG_INPUTS_MAX];
    size_t elements[SG_INPUTS_MAX]; /* of a row */
} sg_rows;

/* path: "X.npy", "NAME=X.npy", or an .npz whose arrays bear the names of the inputs; n of them. Close in any case. */
sedge_status sg_rows_open(sg_rows *r, sg_mem *mem, const sedge_model *m, const char *const *path, int n, sg_err *err);
/* The rows of one array that is there already, for the only input of a model. */
sedge_status sg_rows_of(sg_rows *r, sg_mem *mem, const sedge_model *m, const sedge_tensor *x, sg_err *err);
void sg_rows_close(sg_rows *r);

/* Samples of a data set as the card of a model makes tensors of them (samples_card.c). */
typedef struct sg_carded sg_carded;
/* One thing of a data set through a task. */
sedge_status sg_task_feed(sedge_task *t, const sedge_item *s, sedge_answers *out, sg_err *err);
sedge_status sg_carded_open(sg_carded **out, const sedge_model *m, const char *path, const char *card, const sedge_data *data,
                            sg_err *err);
void sg_carded_close(sg_carded **c);
const sg_samples *sg_carded_samples(const sg_carded *c);
/* The card as it is used, as JSON, its labels in it and not in a file; lives as long as c. NULL: out of memory. */
const char *sg_carded_text(sg_carded *c);
/* Where the files are that the card names. */
const char *sg_carded_folder(const sg_carded *c);

#endif
