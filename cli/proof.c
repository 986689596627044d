/* Reports of accuracy: of one model, or of one beside another. */
#include "proof.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fit/report.h"
#include "remote.h"

json_t *proof_tree(FILE *f, char **text, size_t *size)
{
    json_error_t why;
    json_t *tree = NULL;
    if (f && fclose(f) == 0)
        tree = json_loadb(*text, *size, 0, &why);
    free(*text);
    *text = NULL;
    return tree;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static double number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static bool is_compare(const json_t *tree)
{
    return strcmp(text_of(tree, "schema"), "sedge.compare/1") == 0;
}

/* Measures of right answers lie between 0 and 1 and are read in percent. */
static const char *unit_of(const json_t *metric, double v)
{
    return json_is_true(json_object_get(metric, "less_is_better")) || !(v >= 0 && v <= 1) ? "" : "share";
}

/* ---- claims --------------------------------------------------------------------------------- */

static double limit_on(const json_t *tree, const char *name, bool *least)
{
    const json_t *l;
    size_t i;
    json_array_foreach(json_object_get(tree, "limits"), i, l) if (strcmp(text_of(l, "name"), name) == 0)
    {
        *least = json_is_number(json_object_get(l, "min"));
        return number_of(l, *least ? "min" : "max");
    }
    return NAN;
}

static void eval_claims(sg_report *r, const json_t *tree)
{
    const json_t *m;
    size_t i;
    json_array_foreach(json_object_get(tree, "metrics"), i, m)
    {
        char path[64], why[300];
        const json_t *worst = json_object_get(m, "worst_slice");
        sg_claim c = sg_claim_new(text_of(m, "name"), text_of(m, "about"), unit_of(m, number_of(m, "value")));
        snprintf(path, sizeof path, "/metrics/%zu/value", i);
        snprintf(why, sizeof why, "%.60s on %.0f samples, interval by %.60s%s%.60s", text_of(m, "name"), number_of(m, "n"),
                 text_of(m, "method"), worst ? "; the worst slice: " : "", worst ? text_of(worst, "name") : "");
        c.at_least = !json_is_true(json_object_get(m, "less_is_better"));
        c.limit = limit_on(tree, c.id, &c.at_least);
        c.after = number_of(m, "value");
        c.range = (sg_interval){number_of(m, "low"), number_of(m, "high")};
        c.path = path;
        c.why = why;
        c.needs = "model card data labels split";
        sg_report_claim(r, &c);
    }
}

static void compare_claims(sg_report *r, const json_t *tree)
{
    const json_t *m;
    size_t i;
    json_array_foreach(json_object_get(tree, "measures"), i, m)
    {
        char path[64], why[300];
        const char *verdict = text_of(m, "verdict");
        double before = number_of(m, "before"), after = number_of(m, "after"), drop = number_of(m, "drop"),
               margin = number_of(m, "margin");
        sg_claim c = sg_claim_new(text_of(m, "name"), text_of(m, "name"), unit_of(m, before));
        double each = strcmp(c.unit, "share") == 0 ? 100 : 1;
        snprintf(path, sizeof path, "/measures/%zu/after", i);
        snprintf(why, sizeof why, "worse by %.3g%s (90 %%: %.3g to %.3g), by %.60s", each * drop, each > 1 ? " points" : "",
                 each * number_of(m, "low"), each * number_of(m, "high"), text_of(m, "method"));
        c.at_least = !json_is_true(json_object_get(m, "less_is_better"));
        c.before = before;
        c.after = after;
        c.limit = isfinite(margin) ? c.at_least ? before - margin : before + margin : NAN;
        c.verdict = strcmp(verdict, "PASS") == 0   ? SG_CLAIM_PASS
                    : strcmp(verdict, "FAIL") == 0 ? SG_CLAIM_FAIL
                    : isfinite(margin)             ? SG_CLAIM_NOT_SHOWN
                                                   : SG_CLAIM_BY_RANGE;
        c.path = path;
        c.why = why;
        c.needs = "model other card data labels split";
        sg_report_claim(r, &c);
    }
}

/* ---- pictures ------------------------------------------------------------------------------- */

enum { BARS = 8 };

static void metric_picture(sg_report *r, const json_t *tree, const char *list, const char *after)
{
    const json_t *m;
    sg_bar bar[BARS];
    size_t i, n = 0;
    json_array_foreach(json_object_get(tree, list), i, m) if (n < BARS && number_of(m, after) >= 0 && number_of(m, after) <= 1)
        bar[n++] = (sg_bar){text_of(m, "name"), number_of(m, "before"), number_of(m, after),
                            is_compare(tree) ? NAN : number_of(m, "low"), is_compare(tree) ? NAN : number_of(m, "high")};
    if (n)
        sg_report_bars(r, "How right it is",
                       is_compare(tree) ? "Each measure before and after" : "Each measure with its 95 % interval", "share", bar,
                       n, NAN, "");
}

static int by_after(const void *a, const void *b)
{
    double x = ((const sg_bar *)a)->after, y = ((const sg_bar *)b)->after;
    return (x > y) - (x < y);
}

static void class_picture(sg_report *r, const json_t *tree)
{
    const json_t *c, *list = json_object_get(tree, "classes");
    size_t i, n = 0;
    sg_bar *bar = calloc(json_array_size(list) + 1, sizeof *bar);
    if (!bar)
        return;
    json_array_foreach(list, i, c) if (isfinite(number_of(c, "recall"))) bar[n++] = (sg_bar){
        *text_of(c, "label") ? text_of(c, "label") : "a class without a name", NAN, number_of(c, "recall"), NAN, NAN};
    if (n > 1)
        qsort(bar, n, sizeof *bar, by_after);
    if (n)
        sg_report_bars(r, "The weakest classes", "Share of each class that is found, the least first", "share", bar,
                       n < BARS ? n : BARS, NAN, "");
    free(bar);
}

static void risk_picture(sg_report *r, const json_t *tree)
{
    const json_t *p, *list = json_object_get(tree, "risk_coverage");
    size_t i, n = json_array_size(list);
    double *x = calloc(2 * n + 1, sizeof *x);
    if (x && n > 1) {
        json_array_foreach(list, i, p)
        {
            x[i] = 100 * number_of(p, "coverage");
            x[n + i] = 100 * number_of(p, "right");
        }
        sg_report_curve(r, "Answering only what is sure",
                        "Share that is right when only the surest answers are given and the rest goes upstream", "% answered",
                        "% right", x, x + n, n);
    }
    free(x);
}

static void layer_picture(sg_report *r, const json_t *tree)
{
    const json_t *l, *list = json_object_get(tree, "layers");
    size_t i, n = 0;
    sg_bar *bar = calloc(json_array_size(list) + 1, sizeof *bar);
    if (!bar)
        return;
    json_array_foreach(list, i, l) if (number_of(l, "own_db") >= 0)
        bar[n++] = (sg_bar){text_of(l, "name"), NAN, number_of(l, "own_db"), NAN, NAN};
    if (n > 1)
        qsort(bar, n, sizeof *bar, by_after);
    if (n)
        sg_report_bars(r, "The layers that differ most",
                       "Decibels of signal over what the layer itself adds: the less, the worse", "dB", bar, n < BARS ? n : BARS,
                       NAN, "");
    free(bar);
}

/* ---- evidence ------------------------------------------------------------------------------- */

static void copy(sg_report *r, const json_t *tree, const char *from, const char *to)
{
    json_t *v = json_object_get(tree, from);
    if (v)
        sg_report_set(r, to, json_incref(v));
}

static void confusion(sg_report *r, const json_t *tree)
{
    const json_t *c, *matrix = json_object_get(tree, "confusion"), *list = json_object_get(tree, "classes");
    json_t *labels = json_array();
    size_t i;
    json_array_foreach(list, i, c) json_array_append_new(
        labels, *text_of(c, "label") ? json_string(text_of(c, "label")) : json_integer((json_int_t)number_of(c, "class")));
    if (json_is_array(matrix))
        sg_report_set(r, "confusion", json_pack("{s:o, s:O}", "labels", labels, "after", matrix));
    else
        json_decref(labels);
}

sedge_status proof_card(sg_report *r, const args *a, const char *model, sedge_error *err)
{
    char path[4200];
    snprintf(path, sizeof path, "%.4000s.card.json", model);
    if (a->card)
        return sg_report_file(r, "card", a->card, err);
    return access(path, R_OK) == 0 ? sg_report_file(r, "card", path, err) : SEDGE_OK;
}

static sedge_status evidence(sg_report *r, const json_t *tree, const args *a, sedge_error *err)
{
    static const char *const keys[][2] = {{"metrics", "metrics"}, {"measures", "metrics"}, {"classes", "classes"},
                                          {"flips", "flips"},     {"layers", "layers"},    {"bad", "exclusions"}};
    bool two = is_compare(tree);
    SG_TRY(sg_report_file(r, two ? "other" : "model", a->rest[0], err));
    if (two)
        SG_TRY(sg_report_file(r, "model", a->rest[1], err));
    SG_TRY(proof_card(r, a, a->rest[two ? 1 : 0], err));
    SG_TRY(sg_report_file(r, "data", a->data, err));
    if (a->labels)
        SG_TRY(sg_report_file(r, "labels", a->labels, err));
    if (a->reference)
        SG_TRY(sg_report_file(r, "reference", a->reference, err));
    if (a->split) {
        char file[4096];
        snprintf(file, sizeof file, "%.*s", (int)(strrchr(a->split, ':') - a->split), a->split);
        SG_TRY(sg_report_file(r, "split", file, err));
        sg_report_set(r, "splits", json_pack("{s:s, s:s}", "manifest", file, "part", strrchr(a->split, ':') + 1));
    }
    SG_TRY(sg_report_here(r, err));
    copy(r, tree, "machine", "machine");
    copy(r, tree, "build", "build");
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        copy(r, tree, keys[k][0], keys[k][1]);
    confusion(r, tree);
    return SEDGE_OK;
}

static void fill(sg_report *r, const json_t *tree)
{
    sg_report_energy(r, NAN, "not measured: sedge bench --energy does.");
    sg_report_not_tested(r, "Time, memory and energy: sedge bench measures them, on the device that ships.");
    sg_report_not_tested(r, "Data unlike these samples: an answer is as good as the samples are like those of the field.");
    if (is_compare(tree)) {
        compare_claims(r, tree);
        metric_picture(r, tree, "measures", "after");
        layer_picture(r, tree);
        sg_report_next(r, json_is_string(json_object_get(tree, "costly"))
                              ? "Keep the layer that costs most in its old precision, and compare again."
                              : "Measure what the second model costs on the device: sedge bench AFTER --against BEFORE.");
        return;
    }
    eval_claims(r, tree);
    metric_picture(r, tree, "metrics", "value");
    class_picture(r, tree);
    risk_picture(r, tree);
    sg_report_next(r, "Look at the weakest class: more samples of it show whether the model or its labels are to blame.");
    if (strcmp(text_of(tree, "kind"), "fidelity") == 0)
        sg_report_not_tested(r, "Accuracy: nobody said what is right; this is how true the model is to its reference.");
}

int proof_report(const json_t *tree, const args *a)
{
    sg_report r;
    sedge_error err = {0};
    char subject[300];
    const char *model = a->rest[is_compare(tree) ? 1 : 0], *slash = strrchr(model, '/');
    snprintf(subject, sizeof subject, "%.100s on %.150s", slash ? slash + 1 : model, a->data);
    sedge_status st = sg_report_open(&r, subject, a->n_command, a->command, a->seed, &err);
    if (st == SEDGE_OK) {
        r.sign = a->sign;
        fill(&r, tree);
        st = evidence(&r, tree, a, &err);
    }
    if (st == SEDGE_OK)
        st = sg_report_write(&r, a->report, &err);
    sg_report_free(&r);
    return st == SEDGE_OK ? EXIT_OK : fail_error(a->report, &err);
}

/* ---- another machine ------------------------------------------------------------------------- */

static void print_there(const json_t *tree)
{
    static const char *const title[2][5] = {{"measure", ">value", ">from", ">to", ">n"},
                                            {"measure", ">before", ">after", ">worse by", "verdict"}};
    static const char *const key[2][4] = {{"value", "low", "high", "n"}, {"before", "after", "drop", "verdict"}};
    bool two = is_compare(tree);
    const json_t *m;
    size_t i;
    table t;
    printf("on %s (%s)\n", text_of(tree, "on"), text_of(json_object_get(tree, "machine"), "cpu"));
    table_init(&t, 5, title[two]);
    json_array_foreach(json_object_get(tree, two ? "measures" : "metrics"), i, m)
    {
        table_cell(&t, "%s", text_of(m, "name"));
        for (int k = 0; k < 4; k++) {
            const json_t *v = json_object_get(m, key[two][k]);
            if (json_is_string(v))
                table_cell(&t, "%s", json_string_value(v));
            else if (json_is_number(v))
                table_cell(&t, json_is_integer(v) ? "%.0f" : "%.4f", json_number_value(v));
            else
                table_cell(&t, "-");
        }
    }
    table_print(&t, stdout);
}

int proof_there(const args *a)
{
    sedge_error err = {0};
    int status;
    json_t *tree = remote_run(a, a->on[0], &status, &err);
    if (!tree)
        return fail_error(a->rest[0], &err);
    if (is_compare(tree)) {
        json_object_del(tree, "model");
        json_object_set_new(tree, "before", json_string(a->rest[0]));
        json_object_set_new(tree, "after", json_string(a->rest[1]));
    }
    if (a->json) {
        json_dumpf(tree, stdout, SG_REPORT_DUMP);
        putchar('\n');
    } else {
        print_there(tree);
    }
    if (a->report && proof_report(tree, a) != EXIT_OK)
        status = EXIT_FAILED;
    json_decref(tree);
    return status;
}
