/* What `sedge bench` claims: its figures against --max, and --report. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "fit/machine.h"
#include "fit/report.h"

/* The figures that can be limited. */
enum { P50, P99, P999, MEAN, FIRST, LOAD, ARENA, MEMORY, N_CLAIMS };

static const struct {
    const char *name, *what, *unit, *path, *needs;
    double q, tolerance; /* q 0: no quantile of the runs */
} claims[N_CLAIMS] = {
    {"p50", "Half of all inferences take at most", "ms", "/p50_ms", "model machine", 0.5, 0.25},
    {"p99", "99 of 100 inferences take at most", "ms", "/p99_ms", "model machine", 0.99, 0.5},
    {"p999", "999 of 1000 inferences take at most", "ms", "/p999_ms", "model machine", 0.999, 1},
    {"mean", "An inference takes on average", "ms", "/mean_ms", "model machine", 0, 0.25},
    {"first", "The first inference takes", "ms", "/first_ms", "model machine", 0, 1},
    {"load", "Loading takes", "ms", "/load_ms", "model machine", 0, 1},
    {"arena", "Memory of one inference", "bytes", "/arena_bytes", "model", 0, 0},
    {"memory", "Peak memory of the whole program", "bytes", "/peak_rss_bytes", "model machine", 0, 0.25},
};

int bench_check(const args *a)
{
    const char *name[N_CLAIMS + 1] = {NULL}, *unit[N_CLAIMS + 1] = {NULL};
    char beside[4096];
    for (int k = 0; k < N_CLAIMS; k++) {
        name[k] = claims[k].name;
        unit[k] = claims[k].unit;
    }
    if (a->report && (!sg_report_json_path(a->report, beside, sizeof beside) || strcmp(beside, a->report) == 0))
        return usage(&verb_bench, "--report %s: the name of a report ends in .html", a->report);
    return limits_check(a, &verb_bench, name, unit);
}

static void fill(const bench *b, const args *a, sg_claim c[N_CLAIMS])
{
    sedge_session_stats s;
    sedge_session_get_stats(b->o.session, &s);
    const double plain[N_CLAIMS] = {[MEAN] = sg_times_mean(&b->times),
                                    [FIRST] = b->first_ms,
                                    [LOAD] = b->load_ms,
                                    [ARENA] = (double)s.arena_bytes,
                                    [MEMORY] = b->peak};
    for (int k = 0; k < N_CLAIMS; k++) {
        double q = claims[k].q;
        c[k] = sg_claim_new(claims[k].name, claims[k].what, claims[k].unit);
        c[k].needs = claims[k].needs;
        c[k].path = claims[k].path;
        c[k].tolerance = claims[k].tolerance;
        c[k].limit = limit_of(a, claims[k].name, claims[k].unit);
        c[k].after = q > 0 ? sg_times_quantile(&b->times, q) : plain[k];
        if (q > 0)
            c[k].range = sg_times_range(&b->times, q);
    }
}

static void pictures(sg_report *r, const bench *b, const args *a, const sg_claim *c)
{
    char text[160];
    sg_bar bar[8];
    char name[8][64];
    int n = 0, n_bar = 0;
    double total = 0;
    sedge_model_info mi;
    double limit = isfinite(c[P99].limit) ? c[P99].limit : c[P50].limit;
    snprintf(text, sizeof text, "%zu inferences in a row, %u thread%s", b->times.n, (unsigned)a->threads,
             a->threads == 1 ? "" : "s");
    sg_report_histogram(r, "How long an inference takes", text, "ms", b->times.ms, b->times.n, limit, "limit");
    op_time *o = b->n_step ? op_times(b, &n) : NULL;
    for (int i = 0; i < n; i++)
        total += o[i].s;
    for (; n_bar < n && n_bar < 6 && o[n_bar].s > 0.005 * total; n_bar++) {
        snprintf(name[n_bar], sizeof name[n_bar], "%.28s by %.28s", o[n_bar].op, o[n_bar].kernel);
        bar[n_bar] = (sg_bar){name[n_bar], NAN, 1e3 * o[n_bar].s / (double)b->times.n, NAN, NAN};
    }
    if (n_bar)
        sg_report_bars(r, "Where the time goes", "Milliseconds of each operator in one inference, the largest first", "ms", bar,
                       (size_t)n_bar, NAN, "");
    free(o);
    sedge_model_get_info(b->o.model, &mi);
    const sg_bar memory[] = {{"Weights", NAN, (double)mi.weights_bytes, NAN, NAN},
                             {"One inference", NAN, c[ARENA].after, NAN, NAN},
                             {"The whole program, at its peak", NAN, c[MEMORY].after, NAN, NAN}};
    sg_report_bars(r, "Memory", "Bytes of weights, of the values of one inference, and of the program that measured", "bytes",
                   memory, 3, c[MEMORY].limit, "limit");
}

static json_t *ops_json(const bench *b)
{
    int n = 0;
    json_t *rows = json_array();
    op_time *o = op_times(b, &n);
    for (int i = 0; o && i < n; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:i, s:f, s:f}", "op", o[i].op, "kernel", o[i].kernel, "steps",
                                              o[i].count, "time_ms", 1e3 * o[i].s / (double)b->times.n, "macs", o[i].macs));
    free(o);
    return rows;
}

static sedge_status evidence(sg_report *r, const bench *b, const args *a, sedge_error *err)
{
    char digest[SEDGE_DIGEST_MAX];
    sedge_model_info mi;
    sedge_session_stats s;
    SG_TRY(sg_report_file(r, "model", a->rest[0], err));
    sedge_plan_digest(b->o.plan, digest);
    sg_report_digest(r, "plan", "", digest);
    SG_TRY(sg_report_here(r, err));
    sedge_model_get_info(b->o.model, &mi);
    sedge_session_get_stats(b->o.session, &s);
    sg_report_set(r, "latency", sg_times_json(&b->times));
    sg_report_set(r, "method",
                  json_pack("{s:i, s:i, s:f, s:s}", "runs", (int)b->times.n, "threads", (int)a->threads, "prepare_ns",
                            b->prepare_ns, "intervals",
                            "quantiles of the runs, by their order (binomial); runs in a row, on one machine, in one process"));
    sg_report_set(r, "memory",
                  json_pack("{s:I, s:I, s:I}", "weights_bytes", (json_int_t)mi.weights_bytes, "inference_bytes",
                            (json_int_t)s.arena_bytes, "peak_of_program_bytes", (json_int_t)b->peak));
    if (b->n_step)
        sg_report_set(r, "ops", ops_json(b));
    return SEDGE_OK;
}

static sedge_status write_report(const bench *b, const args *a, const sg_claim *c, sedge_error *err)
{
    sg_report r;
    char subject[256], cpu[128] = "this machine";
    json_t *m = sg_machine_json("");
    const char *slash = strrchr(a->rest[0], '/'), *name = json_string_value(json_object_get(m, "cpu"));
    snprintf(cpu, sizeof cpu, "%s", name ? name : "this machine");
    json_decref(m);
    snprintf(subject, sizeof subject, "%.100s on %s", slash ? slash + 1 : a->rest[0], cpu);
    SG_TRY(sg_report_open(&r, subject, a->n_command, a->command, a->seed, err));
    for (int k = 0; k < N_CLAIMS; k++)
        sg_report_claim(&r, &c[k]);
    pictures(&r, b, a, c);
    sg_report_energy(&r, NAN, "not measured, it was not asked for.");
    sg_report_not_tested(&r, "How right the answers are: sedge eval measures that on labelled data.");
    sg_report_not_tested(&r, "Decoding, preprocessing and postprocessing: only the model was run.");
    sg_report_not_tested(&r, "The device under its real load: inferences came one after the other, with warm caches.");
    sedge_status st = evidence(&r, b, a, err);
    if (st == SEDGE_OK)
        st = sg_report_write(&r, a->report, err);
    sg_report_free(&r);
    return st;
}

int bench_judge(const bench *b, const args *a)
{
    sg_claim c[N_CLAIMS];
    sedge_error err = {0};
    int status = EXIT_OK;
    fill(b, a, c);
    if (a->report && write_report(b, a, c, &err) != SEDGE_OK)
        return fail_error(a->report, &err);
    for (int k = 0; k < N_CLAIMS; k++) {
        const char *v = sg_claim_verdict(&c[k]);
        char got[48], limit[48];
        json_t *g = sg_json_number(c[k].after), *l = sg_json_number(c[k].limit);
        if (strcmp(v, "PASS") != 0 && strcmp(v, "MEASURED") != 0) {
            fail("%s is %s, the limit %s: %s", claims[k].name, sg_report_value(got, g, claims[k].unit),
                 sg_report_value(limit, l, claims[k].unit), v);
            status = EXIT_LIMIT;
        }
        json_decref(g);
        json_decref(l);
    }
    return status;
}
