/* From answers to a decision: mean of the last scores, hysteresis, k of n, hold, abstaining. */
#include "task/run.h"

sedge_status sg_decide_open(sedge_task *t, sg_err *err)
{
    const json_t *of = sg_get(t->decide_fields, "of");
    if (of && sg_num_at(of, 0) > sg_num_at(of, 1))
        return sg_fail(err, SEDGE_E_VALUE, "card: answer.decide.of: k is above n");
    return SEDGE_OK;
}

void sg_decide_reset(sedge_task *t)
{
    sg_keep mean = t->decide.mean;
    t->decide = (sg_decide){.mean = mean};
}

sedge_status sg_decide_mean(sedge_task *t, float *score, size_t n, sg_err *err)
{
    sg_decide *d = &t->decide;
    size_t m = t->decide_fields ? (size_t)sg_int(t->decide_fields, "mean_of") : 1;
    d->seen++;
    if (m <= 1)
        return SEDGE_OK;
    SG_TRY(sg_keep_room(t, &d->mean, m * n, sizeof(float), err));
    float *ring = d->mean.p;
    memcpy(ring + (size_t)(d->seen - 1) % m * n, score, n * sizeof *score);
    size_t have = (size_t)d->seen < m ? (size_t)d->seen : m;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < have; k++)
            sum += (double)ring[k * n + i];
        score[i] = (float)(sum / (double)have);
    }
    return SEDGE_OK;
}

static bool ignored(const json_t *words, const char *text)
{
    for (size_t i = 0; text && i < json_array_size(words); i++)
        if (strcmp(json_string_value(json_array_get(words, i)), text) == 0)
            return true;
    return false;
}

void sg_decide_run(sedge_task *t, sedge_answers *out)
{
    const json_t *f = t->decide_fields;
    sg_decide *d = &t->decide;
    if (!f || out->n < 1)
        return;
    const sedge_answer *a = out->answer;
    if (sg_get(f, "floor") && (double)a->score < sg_num(f, "floor"))
        out->abstained = 1;
    if (!sg_get(f, "on") || (sg_int(f, "mean_of") > 1 && d->seen < sg_int(f, "mean_of")))
        return;
    double off = sg_get(f, "off") ? sg_num(f, "off") : sg_num(f, "on");
    bool now = !out->abstained && !ignored(sg_get(f, "ignore"), a->text) &&
               (double)a->score >= (d->state ? off : sg_num(f, "on"));
    int k = (int)sg_num_at(sg_get(f, "of"), 0), n = (int)sg_num_at(sg_get(f, "of"), 1), sum = 0;
    d->on[d->asked++ % (unsigned)n] = now;
    for (int i = 0; i < n; i++)
        sum += d->on[i];
    bool on = sum >= k;
    if (on && !d->state)
        d->since = out->t1;
    if (!on && d->state && (out->t1 - d->since) * 1000 < sg_num(f, "hold_ms"))
        on = true;
    d->state = on;
    out->decided = on;
}
