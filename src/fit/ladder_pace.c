/* How long an answer takes, end to end. */
#include <math.h>
#include <string.h>

#include "base/map.h"
#include "fit/ladder.h"
#include "fit/measure.h"

#define SECONDS 0.8
enum { WARM = 5, LEAST = 120, DIFFERENT = 16 };

static sedge_status finish(sg_pace *p, sg_times *t, sedge_status st)
{
    if (st == SEDGE_OK) {
        sg_times_sort(t);
        *p = (sg_pace){
            .ms = sg_times_quantile(t, 0.99), .mean = sg_times_mean(t), .range = sg_times_range(t, 0.99), .runs = t->n};
    }
    sg_times_free(t);
    return st;
}

/* Samples are read outside the time; what a caller has in memory is where an answer begins. */
static sedge_status task_times(sg_times *t, sedge_task *task, sedge_data *d, const size_t *order, size_t n, sg_err *err)
{
    sedge_task_info info;
    sedge_answers a;
    sedge_task_get_info(task, &info);
    const double begin = sg_now();
    for (size_t i = 0; i < LEAST + WARM || sg_now() - begin < SECONDS; i++) {
        sedge_item item;
        memset(&item, 0, sizeof item);
        SG_TRY(sedge_data_item(d, &info, order[i % (n < DIFFERENT ? n : DIFFERENT)], &item, err));
        SG_TRY(sedge_task_reset(task, err));
        const double t0 = sg_now();
        SG_TRY(sg_task_feed(task, &item, &a, err));
        if (i >= WARM)
            SG_TRY(sg_times_add(t, (sg_now() - t0) * 1e3, err));
    }
    return SEDGE_OK;
}

sedge_status sg_pace_of_task(sg_pace *p, const sedge_model *m, const char *path, const sedge_task_opts *opts, sedge_data *d,
                             const size_t *order, size_t n, sg_err *err)
{
    sedge_task *task = NULL;
    sg_times t = {0};
    sedge_status st = sedge_task_open(&task, m, path, opts, err);
    if (st == SEDGE_OK)
        st = task_times(&t, task, d, order, n, err);
    sedge_task_close(&task);
    return finish(p, &t, st);
}

static sedge_status model_times(sg_times *t, sedge_session *session, const sg_samples *s, size_t from, size_t to, sg_err *err)
{
    sedge_tensor in[SG_INPUTS_MAX];
    const size_t n = to - from < DIFFERENT ? to - from : DIFFERENT;
    const double begin = sg_now();
    for (size_t i = 0; i < LEAST + WARM || sg_now() - begin < SECONDS; i++) {
        SG_TRY(s->get(s->ctx, from + i % n, in, err));
        const double t0 = sg_now();
        for (int k = 0; k < s->n_in; k++)
            SG_TRY(sedge_session_set_input(session, k, &in[k], err));
        SG_TRY(sedge_session_run(session, NULL, err));
        if (i >= WARM)
            SG_TRY(sg_times_add(t, (sg_now() - t0) * 1e3, err));
    }
    return SEDGE_OK;
}

sedge_status sg_pace_of_model(sg_pace *p, const sedge_model *m, const sg_samples *s, size_t from, size_t to, sg_err *err)
{
    sedge_plan *plan = NULL;
    sedge_session *session = NULL;
    sg_times t = {0};
    sedge_status st = sedge_plan_make(&plan, m, NULL, err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&session, plan, NULL, err);
    if (st == SEDGE_OK)
        st = model_times(&t, session, s, from, to, err);
    sedge_session_close(&session);
    sedge_plan_close(&plan);
    return finish(p, &t, st);
}
