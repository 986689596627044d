/* From bytes to answers, timed in parts. */
#include "fit/stages.h"

#include <string.h>

sedge_status sg_stages_open(sg_stages *w, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                            const char *data, sg_err *err)
{
    memset(w, 0, sizeof *w);
    SG_TRY(sedge_task_open(&w->task, model, path, opts, err));
    sedge_task_get_info(w->task, &w->about);
    if (w->about.source == SEDGE_SOURCE_TENSORS)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "the card takes tensors, no files: leave --data out");
    return sedge_data_open(&w->data, data, NULL, err);
}

void sg_stages_close(sg_stages *w)
{
    sg_lane_free(&w->lane);
    sedge_data_close(&w->data);
    sedge_task_close(&w->task);
    for (int k = 0; k < SG_STAGES; k++)
        sg_times_free(&w->stage[k]);
    sg_times_free(&w->share);
}

const char *sg_stage_name(int stage)
{
    static const char *const name[SG_STAGES] = {"decode", "pre", "inference", "post"};
    return name[stage];
}

/* What a window of the card takes, no more. */
static void first_window(const sedge_task_info *about, sedge_item *item)
{
    uint64_t window = about->window;
    if (!window)
        return;
    if (about->source == SEDGE_SOURCE_AUDIO && about->rate) {
        uint64_t frames = (window * item->audio.rate + about->rate - 1) / about->rate;
        item->audio.frames = item->audio.frames < frames ? item->audio.frames : (size_t)frames;
    } else if (about->source == SEDGE_SOURCE_SERIES) {
        item->rows = item->rows < window ? item->rows : (size_t)window;
    }
}

static sedge_status answer(sg_stages *w, const sedge_item *item, sedge_answers *out, sg_err *err)
{
    switch (w->about.source) {
    case SEDGE_SOURCE_IMAGE: return sedge_task_run_frame(w->task, &item->frame, out, err);
    case SEDGE_SOURCE_AUDIO: return sedge_task_run_audio(w->task, &item->audio, out, err);
    case SEDGE_SOURCE_SERIES: return sedge_task_run_rows(w->task, item->row, item->rows, item->columns, out, err);
    default: return sedge_task_run_text(w->task, item->text, item->text_size, out, err);
    }
}

static sedge_status run_next(sg_stages *w, size_t i, sg_err *err)
{
    sedge_item item;
    sedge_answers a;
    memset(&item, 0, sizeof item);
    double start = sg_now();
    SG_TRY(sg_data_read(w->data, &w->lane, &w->about, i, &item, err));
    double decoded = sg_now();
    first_window(&w->about, &item);
    SG_TRY(answer(w, &item, &a, err));
    double end = sg_now();
    if (!w->keep)
        return SEDGE_OK;
    double parts = 0;
    const double ms[SG_STAGES] = {1e3 * (decoded - start), a.pre_ms, a.run_ms, a.post_ms};
    for (int k = 0; k < SG_STAGES; k++) {
        SG_TRY(sg_times_add(&w->stage[k], ms[k], err));
        parts += ms[k];
    }
    return sg_times_add(&w->share, parts / (1e3 * (end - start)), err);
}

sedge_status sg_stages_once(void *ctx, sg_err *err)
{
    sg_stages *w = ctx;
    char text[64];
    size_t i = w->at++ % sedge_data_count(w->data);
    if (w->about.source == SEDGE_SOURCE_AUDIO || w->about.source == SEDGE_SOURCE_SERIES)
        SG_TRY(sedge_task_reset(w->task, err));
    sedge_status st = run_next(w, i, err);
    if (st != SEDGE_OK)
        sg_err_where(err, "%s", sg_data_name(w->data, i, text));
    return st;
}
