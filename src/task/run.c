/* One run: a frame, samples or rows to answers. */
#include "task/run.h"

#include "base/map.h"

static sedge_status wrong_source(const sedge_task *t, int source, sg_err *err)
{
    static const char *const names[] = {"pictures", "audio", "series", "text", "tensors"};
    if (t->source == source)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_ARG, "task: the card takes %s, not %s", names[t->source], names[source]);
}

/* The model once, and what the head collects from it; `last` is when its input was begun, and becomes when that was over. */
static sedge_status infer(sedge_task *t, int run, double *last, sedge_answers *out, sg_err *err)
{
    if (t->dry)
        return SEDGE_OK;
    double a = sg_now();
    SG_TRY(sedge_session_run(t->session, NULL, err));
    double b = sg_now(), begun = *last;
    SG_TRY(sg_head_take(t, run, err));
    *last = sg_now();
    out->pre_ms += (a - begun) * 1e3;
    out->run_ms += (b - a) * 1e3;
    out->post_ms += (*last - b) * 1e3;
    return SEDGE_OK;
}

static sedge_status give(sedge_task *t, double last, sedge_answers *out, sg_err *err)
{
    if (t->dry)
        return SEDGE_OK;
    SG_TRY(sg_head_give(t, out, err));
    for (int i = 0; i < out->n; i++) {
        sedge_answer *x = (sedge_answer *)t->answers.p + i;
        x->t0 = out->t0;
        x->t1 = out->t1;
    }
    out->post_ms += (sg_now() - last) * 1e3;
    return SEDGE_OK;
}

sedge_status sedge_task_run_frame(sedge_task *t, const sedge_frame *frame, sedge_answers *out, sedge_error *err)
{
    double last = sg_now();
    int n;
    *out = (sedge_answers){.decided = -1};
    SG_TRY(wrong_source(t, SEDGE_SOURCE_IMAGE, err));
    SG_TRY(sg_image_begin(t, frame, &n, err));
    for (int i = 0; i < n; i++) {
        SG_TRY(sg_image_input(t, i, err));
        SG_TRY(infer(t, i, &last, out, err));
    }
    return give(t, last, out, err);
}

/* Runs of audio and rows share the stream: signal.c calls this for each window. */
sedge_status sg_signal_answer(sedge_task *t, const float *x, size_t rows, double t0, double t1, sedge_answers *out, bool *ready,
                              sg_err *err)
{
    double last = sg_now();
    *out = (sedge_answers){.decided = -1, .task = t->info.task, .t0 = t0, .t1 = t1};
    SG_TRY(sg_signal_input(t, x, rows, ready, err));
    if (!*ready)
        return SEDGE_OK;
    SG_TRY(infer(t, 0, &last, out, err));
    return give(t, last, out, err);
}

sedge_status sedge_task_run_text(sedge_task *t, const char *text, size_t n, sedge_answers *out, sedge_error *err)
{
    double last = sg_now();
    bool truncated = false;
    *out = (sedge_answers){.decided = -1};
    SG_TRY(wrong_source(t, SEDGE_SOURCE_TEXT, err));
    SG_TRY(sg_text_input(t, text, n, &truncated, err));
    out->truncated = truncated;
    SG_TRY(infer(t, 0, &last, out, err));
    return give(t, last, out, err);
}
