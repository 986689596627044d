/* Samples for a model: rows of arrays. */
#ifndef SG_FIT_SAMPLES_H
#define SG_FIT_SAMPLES_H

#include "base/map.h"
#include "fit/calib.h"

enum { SG_ROWS_MAX = 64 };

/* Row i of an array for each input of the model, turned into its type. */
typedef struct sg_rows {
    sg_samples samples;
    sg_mem *mem;
    sg_arena arena;
    sg_map map[SG_ROWS_MAX];
    int n_map;
    const sedge_model *model;
    sedge_tensor x[SG_ROWS_MAX]; /* all rows */
    sedge_tensor row[SG_ROWS_MAX];
    size_t elements[SG_ROWS_MAX]; /* of a row */
} sg_rows;

/* path: "X.npy", "NAME=X.npy", or an .npz whose arrays bear the names of the inputs; n of them. Close in any case. */
sedge_status sg_rows_open(sg_rows *r, sg_mem *mem, const sedge_model *m, const char *const *path, int n, sg_err *err);
void sg_rows_close(sg_rows *r);

#endif
