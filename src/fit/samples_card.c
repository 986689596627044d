/* Samples of a data set as a card makes tensors of them. The model does not run. */
#include "fit/data.h"
#include "fit/samples.h"
#include "run/bound.h"
#include "task/run.h"

struct sg_carded {
    sg_samples samples;
    sg_mem mem;
    const sedge_data *data;
    sedge_task *task;
    sg_lane lane;
};

static sedge_status feed(sedge_task *t, const sedge_item *s, sg_err *err)
{
    sedge_answers a;
    switch (t->source) {
    case SEDGE_SOURCE_IMAGE: return sedge_task_run_frame(t, &s->frame, &a, err);
    case SEDGE_SOURCE_AUDIO: return sedge_task_run_audio(t, &s->audio, &a, err);
    case SEDGE_SOURCE_SERIES: return sedge_task_run_rows(t, s->row, s->rows, s->columns, &a, err);
    default: return sedge_task_run_text(t, s->text, s->text_size, &a, err);
    }
}

static sedge_status get(void *ctx, size_t i, sedge_tensor *in, sg_err *err)
{
    sg_carded *c = ctx;
    sedge_item s;
    SG_TRY(sg_data_read(c->data, &c->lane, &c->task->info, i, &s, err));
    SG_TRY(sedge_task_reset(c->task, err));
    SG_TRY(feed(c->task, &s, err));
    for (int k = 0; k < c->samples.n_in; k++) {
        if (k == c->task->in && c->task->bound.data) {
            in[k] = c->task->bound;
        } else if (!sg_session_bound(c->task->session, k, &in[k])) {
            sedge_io io;
            sedge_model_input(c->task->model, k, &io);
            return sg_fail(err, SEDGE_E_ARG, "input %s does not come from the card: give arrays", io.name);
        }
    }
    return SEDGE_OK;
}

sedge_status sg_carded_open(sg_carded **out, const sedge_model *m, const char *path, const char *card, const sedge_data *data,
                            sg_err *err)
{
    sedge_task_opts o;
    sg_mem mem = {0};
    sg_carded *c = *out = sg_calloc(&mem, 1, sizeof *c);
    if (!c)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sedge_task_opts_init(&o);
    o.card = card;
    c->data = data;
    c->samples = (sg_samples){.n = sedge_data_count(data), .n_in = sedge_model_inputs(m), .get = get, .ctx = c};
    sedge_status st = sedge_task_open(&c->task, m, path, &o, err);
    if (st == SEDGE_OK && c->samples.n_in > SG_INPUTS_MAX)
        st = sg_fail(err, SEDGE_E_LIMIT, "more than %d inputs", SG_INPUTS_MAX);
    if (st != SEDGE_OK)
        sg_carded_close(out);
    else
        c->task->dry = true;
    return st;
}

void sg_carded_close(sg_carded **carded)
{
    sg_carded *c = *carded;
    sg_mem mem = {0};
    if (!c)
        return;
    sg_lane_free(&c->lane);
    sedge_task_close(&c->task);
    sg_free(&mem, c, sizeof *c);
    *carded = NULL;
}

const sg_samples *sg_carded_samples(const sg_carded *c)
{
    return &c->samples;
}

const char *sg_carded_text(const sg_carded *c)
{
    return sedge_task_card(c->task);
}
