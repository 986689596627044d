/* What `sedge bench` has measured, as tables. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "fit/report.h"
#include "sedge/cpu.h"

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool is_emulated(const json_t *tree)
{
    return json_is_true(sg_json_at(tree, "/machine/emulated"));
}

void bench_print_matrix(const json_t *trees)
{
    static const struct {
        const char *name, *path, *unit;
    } row[] = {{"p50", "/p50_ms", "ms"},
               {"p99", "/p99_ms", "ms"},
               {"first", "/first_ms", "ms"},
               {"load", "/load_ms", "ms"},
               {"period p99", "/period/p99_ms", "ms"},
               {"energy", "/energy/inference_mj", "mJ"},
               {"arena", "/arena_bytes", "bytes"},
               {"peak memory", "/peak_rss_bytes", "bytes"}};
    const char *title[TABLE_COLUMNS] = {"figure"};
    char value[48], on[TABLE_COLUMNS][28];
    const json_t *tree;
    size_t i, n = json_array_size(trees);
    table t;
    if (n > TABLE_COLUMNS - 1)
        n = TABLE_COLUMNS - 1;
    json_array_foreach(trees, i, tree)
    {
        if (i >= n)
            break;
        snprintf(on[i + 1], sizeof on[0], ">%.26s", text_of(tree, "on"));
        title[i + 1] = on[i + 1];
    }
    table_init(&t, (int)n + 1, title);
    table_cell(&t, "processor");
    for (i = 0; i < n; i++)
        table_cell(&t, "%.24s",
                   is_emulated(json_array_get(trees, i)) ? "emulated"
                                                         : text_of(sg_json_at(json_array_get(trees, i), "/machine"), "cpu"));
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        bool any = false;
        for (i = 0; i < n; i++)
            any = any || sg_json_at(json_array_get(trees, i), row[k].path);
        if (!any)
            continue;
        table_cell(&t, "%s", row[k].name);
        for (i = 0; i < n; i++) {
            tree = json_array_get(trees, i);
            bool no = is_emulated(tree) && strcmp(row[k].unit, "bytes") != 0;
            table_cell(&t, "%s%s", sg_report_value(value, sg_json_at(tree, row[k].path), row[k].unit), no ? " *" : "");
        }
    }
    table_print(&t, stdout);
    for (i = 0; i < n; i++)
        if (is_emulated(json_array_get(trees, i))) {
            printf("* emulated, not a measurement\n");
            break;
        }
}

static void print_figures(const json_t *tree)
{
    static const char *const title[] = {"figure", ">value"};
    static const char *const keys[] = {"min_ms",      "p50_ms",        "p90_ms",
                                       "p99_ms",      "p999_ms",       "mean_ms",
                                       "first_ms",    "load_ms",       "prepare_ns_per_step",
                                       "runs",        "threads",       "samples",
                                       "arena_bytes", "weights_bytes", "peak_rss_bytes"};
    table t;
    char text[32];
    table_init(&t, 2, title);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *end = strrchr(keys[i], '_');
        bool ms = end && strcmp(end, "_ms") == 0, bytes = end && strcmp(end, "_bytes") == 0;
        if (!json_is_number(json_object_get(tree, keys[i])))
            continue;
        table_cell(&t, "%.*s", (int)(ms || bytes ? end - keys[i] : (int)strlen(keys[i])), keys[i]);
        if (ms)
            table_cell(&t, "%.3f ms", number(tree, keys[i]));
        else if (bytes)
            table_cell(&t, "%s", bytes_text(number(tree, keys[i]), text));
        else
            table_cell(&t, "%.0f", number(tree, keys[i]));
    }
    table_print(&t, stdout);
}

/* ---- --ops ---------------------------------------------------------------------------------- */

/* Share of what the threads could do at the measured limits (`sedge cpu`), were it all multiply-adds; 0: there are none. */
static double share_of_limit(const json_t *op, const sedge_cpu *limit, uint32_t threads)
{
    double macs = number(op, "macs"), macs8 = number(op, "macs_8bit"), ms = number(op, "ms");
    double least = 2e-6 * ((macs - macs8) / limit->f32_gops + macs8 / limit->i8_gops) / (double)threads;
    return ms > 0 ? least / ms : 0;
}

static void op_row(table *t, const json_t *op, double total, const sedge_cpu *limit, uint32_t threads)
{
    double ms = number(op, "ms"), share = share_of_limit(op, limit, threads);
    table_cell(t, "%s", text_of(op, "op"));
    table_cell(t, "%s", text_of(op, "kernel"));
    table_cell(t, "%.0f", number(op, "steps"));
    table_cell(t, "%.4f", ms);
    table_cell(t, "%.1f %%", total > 0 ? 100 * ms / total : 0);
    if (ms <= 0)
        table_cell(t, "-");
    else if (number(op, "macs") > 0) /* two operations a multiply-add; what has none is bound by its bytes */
        table_cell(t, "%.2f G%s/s", 2e-6 * number(op, "macs") / ms, number(op, "macs_8bit") > 0 ? "OP" : "FLOP");
    else
        table_cell(t, "%.2f GB/s", 1e-6 * number(op, "bytes") / ms);
    if (share > 0)
        table_cell(t, "%.0f %%", 100 * share);
    else
        table_cell(t, "-");
}

static void print_ops(const json_t *ops, const args *a)
{
    static const char *const title[] = {"op", "kernel", ">steps", ">ms per run", ">share", ">rate", ">of limit"};
    table t;
    double total = 0;
    sedge_cpu limit;
    sedge_error err = {0};
    uint32_t threads = a->threads;
    const json_t *op;
    size_t i;
    if (sedge_cpu_measure(&limit, &err) != SEDGE_OK)
        return;
    if (threads == 0 || threads > limit.threads)
        threads = limit.threads;
    json_array_foreach(ops, i, op) total += number(op, "ms");
    table_init(&t, 7, title);
    json_array_foreach(ops, i, op) op_row(&t, op, total, &limit, threads);
    putchar('\n');
    table_print(&t, stdout);
    printf("limit of one core: %.0f GFLOP/s in f32, %.0f GOP/s on bytes, %.0f GB/s from DRAM (sedge cpu)\n", limit.f32_gops,
           limit.i8_gops, limit.memory[limit.memories - 1].read_gb_s);
}

/* ---- the other modes ------------------------------------------------------------------------- */

static void print_stages(const json_t *tree)
{
    static const char *const title[] = {"from bytes to answer", ">mean", ">p50", ">p99"};
    const json_t *s;
    size_t i;
    table t;
    table_init(&t, 4, title);
    json_array_foreach(json_object_get(tree, "stages"), i, s)
    {
        table_cell(&t, "%s", text_of(s, "stage"));
        table_cell(&t, "%.3f ms", number(s, "mean_ms"));
        table_cell(&t, "%.3f ms", number(s, "p50_ms"));
        table_cell(&t, "%.3f ms", number(s, "p99_ms"));
    }
    putchar('\n');
    table_print(&t, stdout);
    printf("the parts of a run are %.1f %% of the whole (median)\n", 100 * number(tree, "parts_share"));
}

static void print_watch(const char *what, const char *unit, const json_t *w)
{
    if (json_is_object(w))
        printf("%s: %.0f %s at first, %.0f to %.0f, %.0f in the end\n", what, number(w, "first"), unit, number(w, "lowest"),
               number(w, "highest"), number(w, "last"));
    else
        printf("%s: this system does not tell\n", what);
}

static void print_period(const json_t *tree, const json_t *p)
{
    static const char *const title[] = {"", ">p50", ">p99", ">p999", ">most"}, *const key[] = {"p50_ms", "p99_ms", "p999_ms",
                                                                                               "max_ms"};
    char row[64];
    table t;
    table_init(&t, 5, title);
    table_cell(&t, "one after the other");
    for (int k = 0; k < 3; k++)
        table_cell(&t, "%.3f ms", number(tree, key[k]));
    table_cell(&t, "%.3f ms", sg_json_number_at(tree, "/histogram/largest"));
    snprintf(row, sizeof row, "one each %g ms", number(p, "period_ms"));
    table_cell(&t, "%s", row);
    for (int k = 0; k < 4; k++)
        table_cell(&t, "%.3f ms", number(p, key[k]));
    putchar('\n');
    table_print(&t, stdout);
    printf("%.0f runs in %g minutes, %.0f missed; 99 of 100 began within %.3f ms of when they were due\n", number(p, "runs"),
           number(p, "minutes"), number(p, "misses"), number(p, "late_p99_ms"));
    print_watch("clock", "MHz", json_object_get(p, "clock_mhz"));
    print_watch("temperature", "C", json_object_get(p, "temperature_c"));
}

static void print_against(const json_t *g)
{
    printf(
        "\nbeside %s: a run takes %.3f times as long (95 %%: %.3f to %.3f; %.0f pairs of blocks by turns; p50 %.3f and %.3f ms)\n",
        text_of(g, "model"), number(g, "ratio"), number(g, "low"), number(g, "high"), number(g, "pairs"), number(g, "p50_ms"),
        number(g, "other_p50_ms"));
}

static void print_energy(const json_t *e)
{
    if (json_is_true(json_object_get(e, "measured")))
        printf("\nenergy: %.4g mJ each (95 %%: %.4g to %.4g); %.3g W idle, %.3g W at work; %s\n", number(e, "inference_mj"),
               number(e, "low_mj"), number(e, "high_mj"), number(e, "idle_w"), number(e, "busy_w"), text_of(e, "why"));
    else
        printf("\nenergy: %s\n", text_of(e, "why"));
}

void bench_print(const json_t *tree, const args *a)
{
    const json_t *v;
    if (is_emulated(tree))
        printf("emulated, not a measurement\n");
    if (json_is_string(json_object_get(tree, "on")))
        printf("on %s (%s)\n", text_of(tree, "on"), text_of(json_object_get(tree, "machine"), "cpu"));
    print_figures(tree);
    if (json_object_get(tree, "stages"))
        print_stages(tree);
    if ((v = json_object_get(tree, "against")))
        print_against(v);
    if ((v = json_object_get(tree, "energy")))
        print_energy(v);
    if ((v = json_object_get(tree, "period")))
        print_period(tree, v);
    if ((v = json_object_get(tree, "ops")))
        print_ops(v, a);
    if (json_is_true(json_object_get(tree, "same_answers")))
        printf("\nwhat is made of integers alone is the same here and there, to the bit, on 20 samples\n");
}
