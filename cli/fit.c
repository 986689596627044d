/* sedge fit: the ladder from a full-precision model to a budget. */
#include "cli.h"

#include <math.h>
#include <string.h>

static int fit_main(int argc, char **argv);

const verb verb_fit = {
    "fit", "the cheapest change that meets a budget of time and size, and what it cost",
    "fit MODEL --data DATA [--labels F] [--card C.json] [--max-ms 10ms] [--max-bytes 200kB] [--max-drop POINTS]\n"
    "                     [--split FILE] [--seed S] [--report R.html] [--json] -o OUT.onnx",
    fit_main};

static void json_rungs(json *j, const sedge_fit_result *r)
{
    json_open(j, "rungs", '[');
    for (int i = 0; i < r->n_rung; i++) {
        const sedge_fit_rung *x = &r->rung[i];
        json_open(j, NULL, '{');
        json_str(j, "name", x->name);
        json_str(j, "note", x->note);
        json_bool(j, "tried", x->tried);
        if (x->tried) {
            json_bool(j, "fits", x->fits);
            json_num(j, "p99_ms", x->ms);
            json_num(j, "p99_ms_high", x->ms_high);
            json_num(j, "mean_ms", x->ms_mean);
            json_int(j, "bytes", x->bytes);
            json_num(j, "score", x->score);
            json_num(j, "drop", x->drop);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_json(const args *a, const sedge_fit_result *r)
{
    json j = {.f = stdout};
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.fit/1");
    json_str(&j, "model", a->rest[0]);
    json_str(&j, "file", a->out);
    json_bool(&j, "met", r->met);
    if (!r->met)
        json_str(&j, "missed", r->missed);
    json_str(&j, "chosen", r->rung[r->chosen].name);
    json_str(&j, "measure", r->measure);
    json_int(&j, "calibrated", (int64_t)r->calibrated);
    json_int(&j, "chose", (int64_t)r->chose);
    json_int(&j, "proved", (int64_t)r->proved);
    json_int(&j, "left_out", (int64_t)r->left_out);
    json_num(&j, "score_before", r->score_before);
    json_num(&j, "score_after", r->score_after);
    json_num(&j, "drop", r->drop);
    json_num(&j, "drop_low", r->drop_low);
    json_num(&j, "drop_high", r->drop_high);
    json_int(&j, "lost", (int64_t)r->lost);
    json_int(&j, "gained", (int64_t)r->gained);
    json_num(&j, "p99_ms_before", r->ms_before);
    json_num(&j, "p99_ms_after", r->ms_after);
    json_int(&j, "bytes_before", r->bytes_before);
    json_int(&j, "bytes_after", r->bytes_after);
    json_rungs(&j, r);
    json_close(&j, '}');
}

static void print_rungs(const sedge_fit_result *r)
{
    static const char *const title[] = {"rung", ">p99 ms", ">at most", ">size", ">score", ">drop", "", "what"};
    table t;
    char text[32];
    table_init(&t, 8, title);
    for (int i = 0; i < r->n_rung; i++) {
        const sedge_fit_rung *x = &r->rung[i];
        table_cell(&t, "%s", x->name);
        if (!x->tried) {
            for (int k = 0; k < 6; k++)
                table_cell(&t, "%s", "");
        } else {
            table_cell(&t, "%.3g", x->ms);
            table_cell(&t, "%.3g", x->ms_high);
            table_cell(&t, "%s", bytes_text((double)x->bytes, text));
            table_cell(&t, "%.4g", fabs(x->score));
            table_cell(&t, "%+.2f", 100 * x->drop);
            table_cell(&t, "%s", i == r->chosen ? "*" : x->fits ? "fits" : "");
        }
        table_cell(&t, "%s", x->note);
    }
    table_print(&t, stdout);
}

static void print_text(const args *a, const sedge_fit_result *r)
{
    char before[32], after[32];
    print_rungs(r);
    printf("\n%s: %s\n", a->out, r->rung[r->chosen].name);
    printf(
        "on %zu samples that nothing was chosen by, %s %.4g before, %.4g after: drop %.2f points (95 %%: %.2f to %.2f), %llu lost, "
        "%llu gained\n",
        r->proved, r->measure, fabs(r->score_before), fabs(r->score_after), 100 * r->drop, 100 * r->drop_low, 100 * r->drop_high,
        (unsigned long long)r->lost, (unsigned long long)r->gained);
    printf("99 of 100 answers within %.3g ms, before %.3g ms; %s, before %s\n", r->ms_after, r->ms_before,
           bytes_text((double)r->bytes_after, after), bytes_text((double)r->bytes_before, before));
    const double most = a->max_drop > 0 ? a->max_drop / 100 : 0.005;
    if (most * (double)r->chose < 2)
        printf("the %zu samples that choose cannot tell %.2g points: a drop of two of them (%.2g points) passes there\n",
               r->chose, 100 * most, 200 / (double)r->chose);
    if (r->left_out)
        printf("%zu samples are not in the manifest and were left out\n", r->left_out);
    if (!r->met)
        printf("limit missed: %s\n", r->missed);
}

static int fit_model(args *a)
{
    char beside[4096];
    sedge_fit_opts o;
    sedge_fit_result r;
    sedge_error err = {0};
    progress p = {0};
    sedge_fit_opts_init(&o);
    o.data = a->in[0];
    o.labels = a->labels;
    o.card = a->card;
    o.max_ms = a->max_ms;
    o.max_bytes = (int64_t)a->max_bytes;
    o.max_drop = a->max_drop / 100;
    if (a->report && !a->split) { /* a claim about parts can be measured again if they are kept */
        if (snprintf(beside, sizeof beside, "%.*s.split", (int)strlen(a->report) - 5, a->report) >= (int)sizeof beside)
            return usage(&verb_fit, "--report: the path is too long");
        a->split = beside;
    }
    o.split = a->split;
    o.seed = a->seed;
    o.progress = progress_tell;
    o.ctx = &p;
    const sedge_status st = sedge_fit(a->rest[0], a->out, &o, &r, &err);
    progress_clear(&p);
    if (st != SEDGE_OK)
        return fail_error(a->rest[0], &err);
    (a->json ? print_json : print_text)(a, &r);
    if (a->report && fit_report(a, &r, &err) != SEDGE_OK)
        return fail_error(a->report, &err);
    return r.met ? EXIT_OK : EXIT_LIMIT;
}

static int fit_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_fit, "oDLc123VsRj", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_fit.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_fit, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK && a.n_in != 1)
        status = usage(&verb_fit, "--data is needed, once: samples like those of the field");
    else if (status == EXIT_OK && !a.out)
        status = usage(&verb_fit, "-o OUT.onnx is needed");
    else if (status == EXIT_OK && !(a.max_ms > 0) && !(a.max_bytes > 0))
        status = usage(&verb_fit, "a limit is needed: --max-ms, --max-bytes");
    else if (status == EXIT_OK && a.report && (strlen(a.report) < 6 || strcmp(a.report + strlen(a.report) - 5, ".html") != 0))
        status = usage(&verb_fit, "--report %s: the name of a report ends in .html", a.report);
    else if (status == EXIT_OK)
        status = fit_model(&a);
    args_free(&a);
    return status;
}
