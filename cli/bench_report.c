/* What `sedge bench` claims: its figures against --max, and --report. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "fit/machine.h"
#include "fit/report.h"

/* The figures that can be limited: where they stand in the tree, and their quantile among the rows of latencies beside them. */
static const struct {
    const char *name, *what, *unit, *path, *needs, *latency, *quantile, *low, *high;
    double tolerance;
} figures[] = {
    {"p50", "Half of all runs take at most", "ms", "/p50_ms", "model card machine", "/latency", "p50", NULL, NULL, 0.25},
    {"p99", "99 of 100 runs take at most", "ms", "/p99_ms", "model card machine", "/latency", "p99", NULL, NULL, 0.5},
    {"p999", "999 of 1000 runs take at most", "ms", "/p999_ms", "model card machine", "/latency", "p99.9", NULL, NULL, 1},
    {"mean", "A run takes on average", "ms", "/mean_ms", "model card machine", NULL, NULL, NULL, NULL, 0.25},
    {"first", "The first run takes", "ms", "/first_ms", "model card machine", NULL, NULL, NULL, NULL, 1},
    {"load", "Loading takes", "ms", "/load_ms", "model card machine", NULL, NULL, NULL, NULL, 1},
    {"period_p50", "In the duty cycle, half of all answers come within", "ms", "/period/p50_ms", "model card machine",
     "/period/latency", "p50", NULL, NULL, 0.5},
    {"period_p99", "In the duty cycle, 99 of 100 answers come within", "ms", "/period/p99_ms", "model card machine",
     "/period/latency", "p99", NULL, NULL, 1},
    {"period_p999", "In the duty cycle, 999 of 1000 answers come within", "ms", "/period/p999_ms", "model card machine",
     "/period/latency", "p99.9", NULL, NULL, 1},
    {"ratio", "A run, in runs of the other model, takes", "", "/against/ratio", "model machine", NULL, NULL, "/against/low",
     "/against/high", 0.25},
    {"energy", "A run takes, above idle", "mJ", "/energy/inference_mj", "model card machine", NULL, NULL, "/energy/low_mj",
     "/energy/high_mj", 0.25},
    {"arena", "Memory of one inference", "bytes", "/arena_bytes", "model", NULL, NULL, NULL, NULL, 0},
    {"memory", "Peak memory of the whole program", "bytes", "/peak_rss_bytes", "model card machine", NULL, NULL, NULL, NULL,
     0.25},
};
enum { N_FIGURES = sizeof figures / sizeof *figures };

int bench_check(const args *a)
{
    const char *name[N_FIGURES + 1] = {NULL}, *unit[N_FIGURES + 1] = {NULL};
    char beside[4096];
    for (int k = 0; k < N_FIGURES; k++) {
        name[k] = figures[k].name;
        unit[k] = figures[k].unit;
    }
    if (a->report && (!sg_report_json_path(a->report, beside, sizeof beside) || strcmp(beside, a->report) == 0))
        return usage(&verb_bench, "--report %s: the name of a report ends in .html", a->report);
    if (a->data && (a->ops || a->n_in || a->n_dim))
        return usage(&verb_bench, "--data goes by the card: leave %s out", a->ops ? "--ops" : a->n_in ? "--in" : "--dim");
    if (a->card && !a->data)
        return usage(&verb_bench, "--card says how --data is read: give it");
    if (a->sign && !a->report)
        return usage(&verb_bench, "--sign signs a report: give --report R.html");
    if (a->report && a->n_on > 1)
        return usage(&verb_bench, "--report is about one target: give --on once");
    if (a->beside && !(a->period_s > 0))
        return usage(&verb_bench, "--beside runs beside a duty cycle: give --period MS");
    return limits_check(a, &verb_bench, name, unit);
}

/* The interval of a figure: its row among the latencies, or two numbers of the tree. */
static sg_interval range_of(const json_t *tree, int k)
{
    const json_t *row;
    size_t i;
    if (figures[k].low)
        return (sg_interval){sg_json_number_at(tree, figures[k].low), sg_json_number_at(tree, figures[k].high)};
    if (figures[k].latency)
        json_array_foreach(sg_json_at(tree, figures[k].latency), i,
                           row) if (strcmp(json_string_value(json_object_get(row, "quantile")), figures[k].quantile) ==
                                    0) return (sg_interval){sg_json_number_at(row, "/low_ms"),
                                                            sg_json_number_at(row, "/high_ms")};
    return (sg_interval){NAN, NAN};
}

static sg_claim claim_of(const json_t *tree, const args *a, int k)
{
    sg_claim c = sg_claim_new(figures[k].name, figures[k].what, figures[k].unit);
    c.needs = figures[k].needs;
    c.path = figures[k].path;
    c.tolerance = figures[k].tolerance;
    c.limit = limit_of(a, figures[k].name, figures[k].unit);
    c.after = sg_json_number_at(tree, figures[k].path);
    c.range = range_of(tree, k);
    if (strncmp(figures[k].path, "/energy/", 8) == 0 && !isfinite(c.after))
        c.why = json_string_value(sg_json_at(tree, "/energy/why"));
    if (json_is_true(sg_json_at(tree, "/machine/emulated")) && strcmp(figures[k].unit, "bytes") != 0) {
        c.why = "emulated, not a measurement";
        c.verdict = isfinite(c.limit) ? SG_CLAIM_NOT_SHOWN : SG_CLAIM_BY_RANGE;
    }
    return c;
}

/* ---- --report ------------------------------------------------------------------------------- */

static void time_picture(sg_report *r, const json_t *tree, const args *a)
{
    char text[160];
    const json_t *p = json_object_get(tree, "period");
    double p99 = limit_of(a, p ? "period_p99" : "p99", "ms"), p50 = limit_of(a, p ? "period_p50" : "p50", "ms");
    if (p)
        snprintf(text, sizeof text, "%.0f runs, one each %g ms%s", sg_json_number_at(p, "/runs"),
                 sg_json_number_at(p, "/period_ms"), a->beside ? ", with other work beside" : "");
    else
        snprintf(text, sizeof text, "%.0f runs one after the other, %u thread%s", sg_json_number_at(tree, "/runs"),
                 (unsigned)a->threads, a->threads == 1 ? "" : "s");
    sg_report_histogram(r, "How long an answer takes", text, "ms", json_object_get(p ? p : tree, "histogram"),
                        isfinite(p99) ? p99 : p50, "limit");
}

/* Stages where the whole way was run, operators where they were asked for. */
static void parts_picture(sg_report *r, const json_t *tree)
{
    sg_bar bar[8];
    char name[8][64];
    size_t n = 0, i;
    const json_t *row, *ops = json_object_get(tree, "ops"), *stages = json_object_get(tree, "stages");
    json_array_foreach(stages ? stages : ops, i, row)
    {
        if (n == 6)
            break;
        if (stages)
            snprintf(name[n], sizeof name[n], "%.60s", json_string_value(json_object_get(row, "stage")));
        else
            snprintf(name[n], sizeof name[n], "%.28s by %.28s", json_string_value(json_object_get(row, "op")),
                     json_string_value(json_object_get(row, "kernel")));
        bar[n] = (sg_bar){name[n], NAN, sg_json_number_at(row, stages ? "/mean_ms" : "/ms"), NAN, NAN};
        n++;
    }
    if (n)
        sg_report_bars(r, "Where the time goes",
                       stages ? "Milliseconds of each part of the way from bytes to answer, on average"
                              : "Milliseconds of each operator in one inference, the largest first",
                       "ms", bar, n, NAN, "");
}

static void memory_picture(sg_report *r, const json_t *tree, const args *a)
{
    const sg_bar bar[] = {{"Weights", NAN, sg_json_number_at(tree, "/weights_bytes"), NAN, NAN},
                          {"One inference", NAN, sg_json_number_at(tree, "/arena_bytes"), NAN, NAN},
                          {"The whole program, at its peak", NAN, sg_json_number_at(tree, "/peak_rss_bytes"), NAN, NAN}};
    sg_report_bars(r, "Memory", "Bytes of weights, of the values of one inference, and of the program that measured", "bytes",
                   bar, 3, limit_of(a, "memory", "bytes"), "limit");
}

static void say_energy(sg_report *r, const json_t *tree)
{
    const json_t *e = json_object_get(tree, "energy");
    double mj = sg_json_number_at(e, "/inference_mj");
    sg_report_energy(r, 3.6e6 / mj,
                     e ? json_string_value(json_object_get(e, "why")) : "not measured: it was not asked for (--energy).");
}

static void say_open(sg_report *r, const json_t *tree, const args *a)
{
    sg_report_not_tested(r, "How right the answers are: sedge eval measures that on labelled data.");
    if (!a->data)
        sg_report_not_tested(
            r, "Decoding, preprocessing and postprocessing: only the model was run (--data measures the whole way).");
    if (!json_object_get(tree, "period"))
        sg_report_not_tested(r, "The real duty cycle: runs came one after the other, with warm caches (--period measures it).");
    if (!a->beside)
        sg_report_not_tested(r, "Other work on the same device (--beside runs it).");
    if (json_is_true(sg_json_at(tree, "/machine/emulated")))
        sg_report_not_tested(r, "Time and energy: an emulator ran this.");
    if (!a->data)
        sg_report_next(
            r, "Measure the whole way from bytes to answers, on a folder of real samples: sedge bench MODEL --data FOLDER.");
    else if (!json_object_get(tree, "period"))
        sg_report_next(r, "Measure the period that the product has: --period MS --minutes 10.");
    else if (!json_object_get(tree, "energy"))
        sg_report_next(r, "Measure the energy of an answer: --energy, or --power-cmd with a meter.");
}

static void copy(sg_report *r, const json_t *tree, const char *from, const char *to)
{
    json_t *v = json_object_get(tree, from);
    if (v)
        sg_report_set(r, to, json_incref(v));
}

static sedge_status evidence(sg_report *r, const json_t *tree, const args *a, sedge_error *err)
{
    static const char *const keys[] = {"machine", "build", "latency", "stages", "ops", "energy", "period", "against"};
    const char *digest = json_string_value(json_object_get(tree, "plan_digest")),
               *from = json_string_value(json_object_get(tree, "card_from"));
    SG_TRY(sg_report_file(r, "model", a->rest[0], err));
    if (a->card || (from && strchr(from, '.') && strstr(from, ".json")))
        SG_TRY(sg_report_file(r, "card", a->card ? a->card : from, err));
    if (a->against)
        SG_TRY(sg_report_file(r, "other model", a->against, err));
    if (digest)
        sg_report_digest(r, "plan", "", digest);
    SG_TRY(sg_report_here(r, err));
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        copy(r, tree, keys[k], keys[k]);
    sg_report_set(r, "memory",
                  json_pack("{s:O?, s:O?, s:O?}", "weights_bytes", json_object_get(tree, "weights_bytes"), "inference_bytes",
                            json_object_get(tree, "arena_bytes"), "peak_of_program_bytes",
                            json_object_get(tree, "peak_rss_bytes")));
    sg_report_set(
        r, "method",
        json_pack(
            "{s:O?, s:i, s:s}", "runs", json_object_get(tree, "runs"), "threads", (int)a->threads, "intervals",
            "quantiles of the runs by their order (binomial), ratios by the order of their pairs, energy by Student's t over rounds"));
    return SEDGE_OK;
}

static sedge_status write_report(const json_t *tree, const args *a, sedge_error *err)
{
    sg_report r;
    char subject[256];
    const char *slash = strrchr(a->rest[0], '/'), *cpu = json_string_value(sg_json_at(tree, "/machine/cpu"));
    snprintf(subject, sizeof subject, "%.100s on %.100s", slash ? slash + 1 : a->rest[0], cpu ? cpu : "this machine");
    SG_TRY(sg_report_open(&r, subject, a->n_command, a->command, a->seed, err));
    for (int k = 0; k < N_FIGURES; k++) {
        sg_claim c = claim_of(tree, a, k);
        if (isfinite(c.after) || isfinite(c.limit))
            sg_report_claim(&r, &c);
    }
    r.sign = a->sign;
    time_picture(&r, tree, a);
    parts_picture(&r, tree);
    memory_picture(&r, tree, a);
    say_energy(&r, tree);
    say_open(&r, tree, a);
    sedge_status st = evidence(&r, tree, a, err);
    if (st == SEDGE_OK)
        st = sg_report_write(&r, a->report, err);
    sg_report_free(&r);
    return st;
}

int bench_judge(const json_t *tree, const args *a)
{
    sedge_error err = {0};
    int status = EXIT_OK;
    if (a->report && write_report(tree, a, &err) != SEDGE_OK)
        return fail_error(a->report, &err);
    for (int k = 0; k < N_FIGURES; k++) {
        sg_claim c = claim_of(tree, a, k);
        const char *v = sg_claim_verdict(&c);
        char got[48], limit[48];
        json_t *g = sg_json_number(c.after), *l = sg_json_number(c.limit);
        if (strcmp(v, "PASS") != 0 && strcmp(v, "MEASURED") != 0) {
            fail("%s is %s, the limit %s: %s%s%s", c.id, sg_report_value(got, g, c.unit), sg_report_value(limit, l, c.unit), v,
                 c.why ? ": " : "", c.why ? c.why : "");
            status = EXIT_LIMIT;
        }
        json_decref(g);
        json_decref(l);
    }
    return status;
}
