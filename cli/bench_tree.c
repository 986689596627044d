/* What `sedge bench` has measured, as a tree. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/machine.h"
#include "fit/report.h"

typedef struct op_time {
    const char *op, *kernel;
    int count;
    double s, macs, macs8, bytes; /* of all runs; of one run; macs8: those of 8 bits */
} op_time;

static int slowest_first(const void *a, const void *b)
{
    double x = ((const op_time *)a)->s, y = ((const op_time *)b)->s;
    return (x < y) - (x > y);
}

/* Steps of the same op and kernel together; *n in the end. NULL: no memory. */
static op_time *op_times(const bench *b, int *n)
{
    op_time *t = calloc((size_t)b->n_step + 1, sizeof *t);
    *n = 0;
    for (int i = 0; t && i < b->n_step; i++) {
        const char *op = NULL, *node = NULL, *kernel = NULL;
        int k = 0;
        if (!sedge_plan_step(b->one.o.plan, i, &op, &node, &kernel) || !op)
            continue;
        while (k < *n && (strcmp(t[k].op, op) != 0 || strcmp(t[k].kernel, kernel) != 0))
            k++;
        if (k == *n)
            t[(*n)++] = (op_time){.op = op, .kernel = kernel};
        t[k].count++;
        t[k].s += b->step_s[i];
        sedge_step_work w;
        if (sedge_session_step_work(b->one.o.session, i, &w)) {
            t[k].macs += w.macs;
            t[k].macs8 += w.eight_bits ? w.macs : 0;
            t[k].bytes += w.bytes;
        }
    }
    if (t)
        qsort(t, (size_t)*n, sizeof *t, slowest_first);
    return t;
}

static json_t *ops_tree(const bench *b)
{
    int n = 0;
    json_t *rows = json_array();
    op_time *t = op_times(b, &n);
    for (int i = 0; i < n; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:f}", "op", t[i].op, "kernel", t[i].kernel,
                                              "steps", t[i].count, "ms", 1e3 * t[i].s / (double)b->times.n, "macs", t[i].macs,
                                              "macs_8bit", t[i].macs8, "bytes", t[i].bytes));
    free(t);
    return rows;
}

static void put_number(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, sg_json_number(v));
}

static void put_whole(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void put_quantiles(json_t *o, const sg_times *t)
{
    put_number(o, "p50_ms", sg_times_quantile(t, 0.5));
    put_number(o, "p90_ms", sg_times_quantile(t, 0.9));
    put_number(o, "p99_ms", sg_times_quantile(t, 0.99));
    put_number(o, "p999_ms", sg_times_quantile(t, 0.999));
}

static json_t *watch_tree(const sg_watch *w)
{
    if (!isfinite(w->first))
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:f}", "first", w->first, "lowest", w->lowest, "highest", w->highest, "last", w->last);
}

static json_t *stages_tree(const sg_stages *w)
{
    json_t *rows = json_array();
    for (int k = 0; k < SG_STAGES; k++)
        json_array_append_new(rows, json_pack("{s:s, s:o, s:o, s:o}", "stage", sg_stage_name(k), "mean_ms",
                                              sg_json_number(sg_times_mean(&w->stage[k])), "p50_ms",
                                              sg_json_number(sg_times_quantile(&w->stage[k], 0.5)), "p99_ms",
                                              sg_json_number(sg_times_quantile(&w->stage[k], 0.99))));
    return rows;
}

static json_t *period_tree(const bench *b)
{
    const sg_duty *d = &b->duty;
    json_t *o = json_object();
    put_number(o, "period_ms", 1e3 * b->a->period_s);
    put_number(o, "minutes", b->a->minutes);
    put_whole(o, "runs", (double)d->answer.n);
    put_quantiles(o, &d->answer);
    put_number(o, "max_ms", sg_times_quantile(&d->answer, 1));
    put_number(o, "run_p50_ms", sg_times_quantile(&d->run, 0.5));
    put_number(o, "run_p99_ms", sg_times_quantile(&d->run, 0.99));
    put_number(o, "late_p99_ms", sg_times_quantile(&d->late, 0.99));
    put_whole(o, "misses", (double)d->misses);
    json_object_set_new(o, "clock_mhz", watch_tree(&d->clock_mhz));
    json_object_set_new(o, "temperature_c", watch_tree(&d->temperature_c));
    json_object_set_new(o, "beside", b->a->beside ? json_string(b->a->beside) : json_null());
    json_object_set_new(o, "latency", sg_times_json(&d->answer));
    json_object_set_new(o, "histogram", sg_histogram(d->answer.ms, d->answer.n));
    return o;
}

static json_t *against_tree(const bench *b)
{
    const sg_against *g = &b->against;
    json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:I}", "model", b->a->against, "ratio", sg_json_number(g->ratio), "low",
                          sg_json_number(g->range.low), "high", sg_json_number(g->range.high), "pairs", (json_int_t)g->pairs);
    put_number(o, "p50_ms", sg_times_quantile(&g->a, 0.5));
    put_number(o, "other_p50_ms", sg_times_quantile(&g->b, 0.5));
    put_number(o, "p99_ms", sg_times_quantile(&g->a, 0.99));
    put_number(o, "other_p99_ms", sg_times_quantile(&g->b, 0.99));
    put_number(o, "other_load_ms", b->other.load_ms);
    put_number(o, "other_first_ms", b->other.first_ms);
    return o;
}

static void put_figures(json_t *o, const bench *b)
{
    sedge_model_info mi;
    sedge_session_stats s;
    sedge_model_get_info(b->one.o.model, &mi);
    put_number(o, "min_ms", sg_times_quantile(&b->times, 0));
    put_quantiles(o, &b->times);
    put_number(o, "mean_ms", sg_times_mean(&b->times));
    put_number(o, "first_ms", b->one.first_ms);
    put_number(o, "load_ms", b->one.load_ms);
    if (b->prepare_ns >= 0)
        put_number(o, "prepare_ns_per_step", b->prepare_ns);
    put_whole(o, "runs", (double)b->times.n);
    put_whole(o, "threads", b->a->threads);
    if (b->one.o.session) {
        sedge_session_get_stats(b->one.o.session, &s);
        put_whole(o, "arena_bytes", (double)s.arena_bytes);
    }
    put_whole(o, "weights_bytes", (double)mi.weights_bytes);
    put_whole(o, "peak_rss_bytes", b->peak);
}

json_t *bench_tree(const bench *b)
{
    char digest[SEDGE_DIGEST_MAX];
    const sg_stages *w = &b->one.w;
    json_t *o = json_pack("{s:s, s:s}", "schema", "sedge.bench/1", "model", b->a->rest[0]);
    if (!o)
        return NULL;
    if (b->one.o.plan) {
        sedge_plan_digest(b->one.o.plan, digest);
        json_object_set_new(o, "plan_digest", json_string(digest));
    }
    put_figures(o, b);
    if (w->task) {
        json_object_set_new(o, "data", json_string(b->a->data));
        json_object_set_new(o, "card_from", json_string(w->about.from));
        put_whole(o, "samples", (double)sedge_data_count(w->data));
        json_object_set_new(o, "stages", stages_tree(w));
        put_number(o, "parts_share", sg_times_quantile(&w->share, 0.5));
    }
    if (b->n_step)
        json_object_set_new(o, "ops", ops_tree(b));
    if (b->a->against)
        json_object_set_new(o, "against", against_tree(b));
    if (*b->energy.why)
        json_object_set_new(o, "energy", sg_energy_json(&b->energy));
    if (b->duty.answer.n)
        json_object_set_new(o, "period", period_tree(b));
    json_object_set_new(o, "latency", sg_times_json(&b->times));
    json_object_set_new(o, "histogram", sg_histogram(b->times.ms, b->times.n));
    json_object_set_new(o, "machine", sg_machine_json(""));
    return o;
}
