/* How like the answers of two models are, on the same samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "fit/quantize.h"
#include "fit/stat.h"
#include "tensor/tensor.h"

static sedge_status take(sg_outputs *o, const sedge_model *m, const sedge_session *session, sg_err *err)
{
    size_t width = 0;
    for (int k = 0; k < sedge_model_outputs(m); k++) {
        sedge_tensor y;
        sg_tensor t;
        SG_TRY(sedge_session_get_output((sedge_session *)session, k, &y, err));
        memcpy(&t, &y, sizeof t);
        if (t.kind != SG_TENSOR || !sg_is_float((sg_dtype)t.dtype))
            continue;
        const size_t n = (size_t)sg_numel(&t);
        SG_TRY(sg_grow(o->mem, &o->v, &o->cap, o->n * o->width + width + n + 1, sizeof *o->v));
        for (size_t i = 0; i < n; i++)
            o->v[o->n * o->width + width + i] = (float)sg_load_f64((sg_dtype)t.dtype, t.data, i);
        if (width == 0)
            o->first = n;
        width += n;
    }
    if (o->n && width != o->width)
        return sg_fail(err, SEDGE_E_SHAPE, "the outputs change their size from sample to sample");
    o->width = width;
    o->n++;
    return SEDGE_OK;
}

static sedge_status run_all(sg_outputs *o, const sedge_model *m, sedge_session *session, const sg_samples *s, size_t from,
                            size_t to, double *time, sg_part_fn *part, void *ctx, sg_err *err)
{
    sedge_tensor in[SG_INPUTS_MAX];
    if (s->n_in > SG_INPUTS_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "more than 64 inputs");
    for (size_t i = from; i < to; i++) {
        SG_TRY(s->get(s->ctx, i, in, err));
        for (int k = 0; k < s->n_in; k++)
            SG_TRY(sedge_session_set_input(session, k, &in[k], err));
        const double t0 = sg_now();
        SG_TRY(sedge_session_run(session, NULL, err));
        time[i - from] = sg_now() - t0;
        SG_TRY(take(o, m, session, err));
        if (part)
            part(ctx, (double)(i + 1 - from) / (double)(to - from));
    }
    return SEDGE_OK;
}

sedge_status sg_outputs_run(sg_outputs *o, const sedge_model *m, const sg_samples *s, size_t from, size_t to, double *seconds,
                            sg_part_fn *part, void *ctx, sg_err *err)
{
    sedge_plan *plan = NULL;
    sedge_session *session = NULL;
    double *time = sg_calloc(o->mem, to - from + 1, sizeof *time);
    sedge_status st = time ? sedge_plan_make(&plan, m, NULL, err) : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (st == SEDGE_OK)
        st = sedge_session_open(&session, plan, NULL, err);
    if (st == SEDGE_OK)
        st = run_all(o, m, session, s, from, to, time, part, ctx, err);
    if (st == SEDGE_OK && seconds) {
        qsort(time, to - from, sizeof *time, sg_by_double);
        *seconds = to > from ? time[(to - from) / 2] : 0;
    }
    sedge_session_close(&session);
    sedge_plan_close(&plan);
    sg_free(o->mem, time, (to - from + 1) * sizeof *time);
    return st;
}

void sg_outputs_free(sg_outputs *o)
{
    sg_free(o->mem, o->v, o->cap * sizeof *o->v);
    *o = (sg_outputs){.mem = o->mem};
}

static size_t greatest(const float *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

sg_likeness sg_outputs_compare(const sg_outputs *want, const sg_outputs *got)
{
    double signal = 0, noise = 0;
    size_t same = 0;
    if (want->n != got->n || want->width != got->width || want->n == 0)
        return (sg_likeness){.snr_db = -HUGE_VAL};
    for (size_t i = 0; i < want->n * want->width; i++) {
        const double d = (double)got->v[i] - want->v[i];
        signal += (double)want->v[i] * want->v[i];
        noise += d * d;
    }
    for (size_t i = 0; i < want->n; i++)
        same += greatest(want->v + i * want->width, want->first) == greatest(got->v + i * got->width, got->first);
    return (sg_likeness){.snr_db = noise > 0 ? 10 * log10(signal / noise) : HUGE_VAL, .top1 = (double)same / (double)want->n};
}
