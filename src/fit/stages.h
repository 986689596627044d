/* The whole way from bytes to an answer by the card, in parts: reading and decoding, before the model, in it, after it. */
#ifndef SG_FIT_STAGES_H
#define SG_FIT_STAGES_H

#include "fit/data.h"
#include "fit/measure.h"
#include "sedge/task.h"

typedef enum sg_stage { SG_STAGE_DECODE, SG_STAGE_PRE, SG_STAGE_RUN, SG_STAGE_POST, SG_STAGES } sg_stage;

typedef struct sg_stages {
    sedge_task *task;
    sedge_task_info about;
    sedge_data *data;
    sg_lane lane;
    size_t at;
    bool keep; /* times are kept */
    sg_times stage[SG_STAGES];
    sg_times share; /* of each run: its parts in terms of the whole */
} sg_stages;

/* `data` as sedge_data_open takes it. Close in any case. */
sedge_status sg_stages_open(sg_stages *w, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                            const char *data, sg_err *err);
void sg_stages_close(sg_stages *w);
/* An sg_once_fn; ctx: sg_stages. The next sample, from its file to its answer; of a clip that is longer than the card's window, the first window. */
sedge_status sg_stages_once(void *ctx, sg_err *err);
const char *sg_stage_name(int stage);

#endif
