/* sedge bench: latency, first run, load, memory; with --ops, where the time goes. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "sedge/cpu.h"

static int bench_main(int argc, char **argv);

const verb verb_bench = {"bench", "latency, first run, load, memory; --ops: time per op",
                         "bench MODEL [--threads T] [--seconds S] [--dim N=1]... [--in NAME=FILE]... [--seed S] [--ops]\n"
                         "                   [--tune quick|full] [--target cpu|reference|loopback]\n"
                         "                   [--max FIGURE=VALUE]... [--report R.html] [--json]",
                         bench_main};

static void on_step(void *ctx, int step, double seconds)
{
    bench *b = ctx;
    if (b->step_s && step >= 0 && step < b->n_step)
        b->step_s[step] += seconds;
}

static sedge_status run_once(bench *b, double *ms, sedge_error *err)
{
    double start = sg_now();
    sedge_status st = sedge_session_run(b->o.session, NULL, err);
    *ms = 1e3 * (sg_now() - start);
    return st;
}

static sedge_status measure(bench *b, double seconds, sedge_error *err)
{
    double start = sg_now();
    progress bar;
    progress_start(&bar, "measuring");
    do {
        double ms;
        SG_TRY(run_once(b, &ms, err));
        SG_TRY(sg_times_add(&b->times, ms, err));
        progress_show(&bar, (sg_now() - start) / seconds);
    } while (sg_now() - start < seconds || b->times.n < 3);
    progress_clear(&bar);
    sg_times_sort(&b->times);
    return SEDGE_OK;
}

static sedge_status prepare(bench *b, const args *a, sedge_error *err)
{
    double start = sg_now();
    sedge_plan_info info;
    SG_TRY(opened_open(&b->o, a->rest[0], a, false, err));
    sedge_session_opts so;
    sedge_session_opts_init(&so);
    so.threads = a->threads;
    so.seed = a->seed;
    sedge_plan_get_info(b->o.plan, &info);
    if (a->ops) {
        b->n_step = info.steps;
        so.on_step = on_step;
        so.on_step_ctx = b;
    }
    SG_TRY(sedge_session_open(&b->o.session, b->o.plan, &so, err));
    b->load_ms = 1e3 * (sg_now() - start);
    bool *filled = calloc((size_t)sedge_model_inputs(b->o.model) + 1, sizeof *filled);
    if (!filled)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory");
    sedge_status st = values_bind(&b->v, &b->o, a, filled, err);
    free(filled);
    if (st == SEDGE_OK)
        st = run_once(b, &b->first_ms, err);
    b->step_s = calloc((size_t)b->n_step + 1, sizeof *b->step_s);
    return st;
}

static int slowest_first(const void *a, const void *b)
{
    double x = ((const op_time *)a)->s, y = ((const op_time *)b)->s;
    return (x < y) - (x > y);
}

op_time *op_times(const bench *b, int *n)
{
    op_time *t = calloc((size_t)b->n_step + 1, sizeof *t);
    *n = 0;
    for (int i = 0; t && i < b->n_step; i++) {
        const char *op = NULL, *node = NULL, *kernel = NULL;
        int k = 0;
        if (!sedge_plan_step(b->o.plan, i, &op, &node, &kernel) || !op)
            continue;
        while (k < *n && (strcmp(t[k].op, op) != 0 || strcmp(t[k].kernel, kernel) != 0))
            k++;
        if (k == *n)
            t[(*n)++] = (op_time){.op = op, .kernel = kernel};
        t[k].count++;
        t[k].s += b->step_s[i];
        sedge_step_work w;
        if (sedge_session_step_work(b->o.session, i, &w)) {
            t[k].macs += w.macs;
            t[k].macs8 += w.eight_bits ? w.macs : 0;
            t[k].bytes += w.bytes;
        }
    }
    if (t)
        qsort(t, (size_t)*n, sizeof *t, slowest_first);
    return t;
}

typedef struct figure {
    const char *key;
    double v;
} figure;

#define N_FIGURES 14

static void figures(const bench *b, uint32_t threads, figure f[N_FIGURES])
{
    sedge_session_stats s;
    sedge_model_info mi;
    sedge_session_get_stats(b->o.session, &s);
    sedge_model_get_info(b->o.model, &mi);
    const figure all[N_FIGURES] = {
        {"min_ms", b->times.ms[0]},
        {"p50_ms", sg_times_quantile(&b->times, 0.5)},
        {"p90_ms", sg_times_quantile(&b->times, 0.9)},
        {"p99_ms", sg_times_quantile(&b->times, 0.99)},
        {"p999_ms", sg_times_quantile(&b->times, 0.999)},
        {"mean_ms", sg_times_mean(&b->times)},
        {"first_ms", b->first_ms},
        {"load_ms", b->load_ms},
        {"prepare_ns_per_step", b->prepare_ns},
        {"runs", (double)b->times.n},
        {"threads", (double)threads},
        {"arena_bytes", (double)s.arena_bytes},
        {"weights_bytes", (double)mi.weights_bytes},
        {"peak_rss_bytes", b->peak},
    };
    memcpy(f, all, sizeof all);
}

static void print_json(const bench *b, const args *a, const figure *f)
{
    json j = {.f = stdout};
    char digest[SEDGE_DIGEST_MAX];
    int n;
    sedge_plan_digest(b->o.plan, digest);
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.bench/1");
    json_str(&j, "model", a->rest[0]);
    json_str(&j, "plan_digest", digest);
    for (int i = 0; i < N_FIGURES; i++)
        if (f[i].v < 0)
            continue;
        else if (strstr(f[i].key, "_ms") || strstr(f[i].key, "_ns"))
            json_num(&j, f[i].key, f[i].v);
        else
            json_int(&j, f[i].key, (int64_t)f[i].v);
    op_time *t = a->ops ? op_times(b, &n) : NULL;
    if (t) {
        json_open(&j, "ops", '[');
        for (int i = 0; i < n; i++) {
            json_open(&j, NULL, '{');
            json_str(&j, "op", t[i].op);
            json_str(&j, "kernel", t[i].kernel);
            json_int(&j, "steps", t[i].count);
            json_num(&j, "ms", 1e3 * t[i].s / (double)b->times.n);
            json_num(&j, "macs", t[i].macs);
            json_num(&j, "macs_8bit", t[i].macs8);
            json_num(&j, "bytes", t[i].bytes);
            json_close(&j, '}');
        }
        json_close(&j, ']');
        free(t);
    }
    json_close(&j, '}');
}

/* Share of what the threads could do at the measured limits (`sedge cpu`), were it all multiply-adds; 0: there are none. */
static double share_of_limit(const op_time *o, double ms, const sedge_cpu *limit, uint32_t threads)
{
    double least = 2e-6 * ((o->macs - o->macs8) / limit->f32_gops + o->macs8 / limit->i8_gops) / (double)threads;
    return ms > 0 ? least / ms : 0;
}

static void print_ops(const bench *b, const args *a)
{
    static const char *const title[] = {"op", "kernel", ">steps", ">ms per run", ">share", ">rate", ">of limit"};
    table t;
    int n = 0;
    double total = 0;
    sedge_cpu limit;
    sedge_error err = {0};
    uint32_t threads = a->threads;
    op_time *o = op_times(b, &n);
    if (!o || sedge_cpu_measure(&limit, &err) != SEDGE_OK) {
        free(o);
        return;
    }
    if (threads == 0 || threads > limit.threads)
        threads = limit.threads;
    for (int i = 0; i < n; i++)
        total += o[i].s;
    table_init(&t, 7, title);
    for (int i = 0; i < n; i++) {
        table_cell(&t, "%s", o[i].op);
        table_cell(&t, "%s", o[i].kernel);
        table_cell(&t, "%d", o[i].count);
        table_cell(&t, "%.4f", 1e3 * o[i].s / (double)b->times.n);
        table_cell(&t, "%.1f %%", total > 0 ? 100 * o[i].s / total : 0);
        double per_run = o[i].s / (double)b->times.n; /* two operations a multiply-add; what has none is bound by its bytes */
        double share = share_of_limit(&o[i], 1e3 * per_run, &limit, threads);
        if (per_run <= 0)
            table_cell(&t, "-");
        else if (o[i].macs > 0)
            table_cell(&t, "%.2f G%s/s", 2e-9 * o[i].macs / per_run, o[i].macs8 > 0 ? "OP" : "FLOP");
        else
            table_cell(&t, "%.2f GB/s", 1e-9 * o[i].bytes / per_run);
        if (share > 0)
            table_cell(&t, "%.0f %%", 100 * share);
        else
            table_cell(&t, "-");
    }
    putchar('\n');
    table_print(&t, stdout);
    printf("limit of one core: %.0f GFLOP/s in f32, %.0f GOP/s on bytes, %.0f GB/s from DRAM (sedge cpu)\n", limit.f32_gops,
           limit.i8_gops, limit.memory[limit.memories - 1].read_gb_s);
    free(o);
}

static void print_table(const bench *b, const args *a, const figure *f)
{
    static const char *const title[] = {"figure", ">value"};
    table t;
    char text[32];
    table_init(&t, 2, title);
    for (int i = 0; i < N_FIGURES; i++) {
        const char *end = strrchr(f[i].key, '_');
        bool ms = end && strcmp(end, "_ms") == 0, bytes = end && strcmp(end, "_bytes") == 0;
        if (f[i].v < 0)
            continue;
        table_cell(&t, "%.*s", (int)(ms || bytes ? end - f[i].key : (int)strlen(f[i].key)), f[i].key);
        if (ms)
            table_cell(&t, "%.3f ms", f[i].v);
        else if (bytes)
            table_cell(&t, "%s", bytes_text(f[i].v, text));
        else
            table_cell(&t, "%.0f", f[i].v);
    }
    table_print(&t, stdout);
    if (a->ops)
        print_ops(b, a);
}

static int bench_model(const args *a)
{
    bench b = {0};
    sedge_error err = {0};
    figure f[N_FIGURES];
    int status = EXIT_FAILED;
    values_init(&b.v, a->seed);
    sedge_status st = prepare(&b, a, &err);
    if (st == SEDGE_OK)
        st = measure(&b, a->seconds, &err);
    if (st == SEDGE_OK) {
        b.prepare_ns = prepare_ns(&b.o, &b.v, a);
        b.peak = peak_memory();
        figures(&b, a->threads, f);
        if (a->json)
            print_json(&b, a, f);
        else
            print_table(&b, a, f);
        status = bench_judge(&b, a);
    } else {
        err.status = st;
        values_blame(&b.v, &err);
        fail_error(a->rest[0], &err);
    }
    opened_close(&b.o);
    values_free(&b.v);
    sg_times_free(&b.times);
    free(b.step_s);
    return status;
}

static int bench_main(int argc, char **argv)
{
    args a = {0};
    a.seconds = 2;
    a.threads = 1;
    int status = args_parse(&a, &verb_bench, "idtsSjpfTFOuRM", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_bench.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_bench, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK)
        status = bench_check(&a);
    if (status == EXIT_OK && !a.help)
        status = bench_model(&a);
    args_free(&a);
    return status;
}
