/* Samples of a data set as a card makes tensors of them. The model does not run. */
#include <stdlib.h>

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
    char *text;
};

sedge_status sg_task_feed(sedge_task *t, const sedge_item *s, sedge_answers *out, sg_err *err)
{
    switch (t->source) {
    case SEDGE_SOURCE_IMAGE: return sedge_task_run_frame(t, &s->frame, out, err);
    case SEDGE_SOURCE_AUDIO: return sedge_task_run_audio(t, &s->audio, out, err);
    case SEDGE_SOURCE_SERIES: return sedge_task_run_rows(t, s->row, s->rows, s->columns, out, err);
    default: return sedge_task_run_text(t, s->text, s->text_size, out, err);
    }
}

static sedge_status get(void *ctx, size_t i, sedge_tensor *in, sg_err *err)
{
    sg_carded *c = ctx;
    sedge_item s = {0};
    sedge_answers a;
    SG_TRY(sg_data_read(c->data, &c->lane, &c->task->info, i, &s, err));
    SG_TRY(sedge_task_reset(c->task, err));
    SG_TRY(sg_task_feed(c->task, &s, &a, err));
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
    free(c->text);
    sg_lane_free(&c->lane);
    sedge_task_close(&c->task);
    sg_free(&mem, c, sizeof *c);
    *carded = NULL;
}

const sg_samples *sg_carded_samples(const sg_carded *c)
{
    return &c->samples;
}

/* A file of labels does not go with the model. */
static bool put_labels(const sedge_task *t, json_t *card)
{
    json_t *labels = json_object_get(card, "labels"), *names;
    if (!t->n_label || !json_is_object(labels) || !json_is_string(json_object_get(labels, "file")))
        return true;
    if (!(names = json_array()))
        return false;
    for (int i = 0; i < t->n_label; i++)
        if (json_array_append_new(names, json_string(t->label[i] ? t->label[i] : "")) != 0) {
            json_decref(names);
            return false;
        }
    return json_object_set_new(labels, "names", names) == 0 && json_object_set_new(labels, "file", json_null()) == 0;
}

const char *sg_carded_text(sg_carded *c)
{
    json_t *card = c->text ? NULL : json_loads(sedge_task_card(c->task), 0, NULL);
    if (card && put_labels(c->task, card))
        c->text = json_dumps(card, JSON_COMPACT);
    json_decref(card);
    return c->text;
}

const char *sg_carded_folder(const sg_carded *c)
{
    const char *folder = c->task->card.folder;
    return folder && *folder ? folder : ".";
}
