/* sedge eval: how right a model's answers are on labelled data, or how true to another model's. */
#include "eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"

static int eval_main(int argc, char **argv);

const verb verb_eval = {
    "eval", "accuracy on labelled data, with intervals; or fidelity to another model",
    "eval MODEL --data DATA [--labels F] [--card F] [--reference MODEL] [--min NAME=V]... [--max NAME=V]... "
    "[--slice COLUMN] [--split FILE:PART] [--limit N] [--stream] [--anyway] [--threads T] [--seed S] [--json]",
    eval_main};

static int show_part(void *ctx, double part)
{
    progress_show(ctx, part);
    return 0;
}

/* ---- limits --------------------------------------------------------------------------------- */

static bool read_limit(limits *l, const char *text, bool most)
{
    const char *eq = strchr(text, '=');
    char *end;
    limit *x = &l->one[l->n];
    if (!eq || eq == text || (size_t)(eq - text) >= sizeof x->name)
        return false;
    memcpy(x->name, text, (size_t)(eq - text));
    x->name[eq - text] = 0;
    x->value = strtod(eq + 1, &end);
    if (strcmp(end, "%") == 0)
        x->value /= 100;
    x->most = most;
    l->n++;
    return end != eq + 1 && (!*end || strcmp(end, "%") == 0) && isfinite(x->value);
}

static int read_limits(limits *l, const args *a)
{
    for (int k = 0; k < a->n_min; k++)
        if (!read_limit(l, a->min[k], false))
            return usage(&verb_eval, "--min %s: give NAME=VALUE, as top1=0.9", a->min[k]);
    for (int k = 0; k < a->n_max; k++)
        if (!read_limit(l, a->max[k], true))
            return usage(&verb_eval, "--max %s: give NAME=VALUE, as wer=0.1", a->max[k]);
    return EXIT_OK;
}

static int check_limits(limits *l, const sedge_eval_result *r)
{
    int status = EXIT_OK;
    for (int i = 0; i < l->n; i++) {
        limit *x = &l->one[i];
        for (int k = 0; k < r->n_metric; k++)
            if (strcmp(r->metric[k].name, x->name) == 0)
                x->metric = &r->metric[k];
        if (!x->metric) {
            char names[256] = "";
            for (int k = 0; k < r->n_metric; k++)
                snprintf(names + strlen(names), sizeof names - strlen(names), " %s", r->metric[k].name);
            return fail("no measure %s; there are:%s", x->name, names);
        }
        x->missed = x->most ? x->metric->value > x->value : x->metric->value < x->value;
        status = x->missed ? EXIT_LIMIT : status;
    }
    return status;
}

/* ---- tables --------------------------------------------------------------------------------- */

static const char *worst_text(const sedge_metric *m, char text[96])
{
    if (!m->worst)
        return "-";
    snprintf(text, 96, "%.40s %.4g (%zu)", m->worst, m->worst_value, m->worst_n);
    return text;
}

static void print_metrics(const sedge_eval_result *r)
{
    static const char *const title[] = {"measure", ">value", ">95 %", ">n", "interval", "worst slice", "what"};
    char text[96];
    table t;
    table_init(&t, 7, title);
    for (int k = 0; k < r->n_metric; k++) {
        const sedge_metric *m = &r->metric[k];
        table_cell(&t, "%s", m->name);
        table_cell(&t, "%.4f", m->value);
        if (isnan(m->low))
            table_cell(&t, "-");
        else
            table_cell(&t, "%.4f - %.4f", m->low, m->high);
        table_cell(&t, "%zu", m->n);
        table_cell(&t, "%s", m->method);
        table_cell(&t, "%s", worst_text(m, text));
        table_cell(&t, "%s%s%s", m->about, *m->unit ? ", " : "", m->unit);
    }
    table_print(&t, stdout);
}

static const char *class_text(const sedge_class *c, char text[16])
{
    snprintf(text, 16, "%d", c->number);
    return c->name ? c->name : text;
}

static void share_cell(table *t, double v)
{
    if (isnan(v))
        table_cell(t, "-");
    else
        table_cell(t, "%.1f %%", 100 * v);
}

/* The pair of classes that is confused most. */
static void print_confused(const sedge_eval_result *r)
{
    uint64_t most = 0;
    int at = 0, to = 0;
    char a[16], b[16];
    for (int i = 0; r->confusion && i < r->n_class; i++)
        for (int j = 0; j < r->n_class; j++)
            if (i != j && r->confusion[i * r->n_class + j] > most) {
                most = r->confusion[i * r->n_class + j];
                at = i, to = j;
            }
    if (most)
        printf("most confused: %s is called %s %llu times of %llu\n", class_text(&r->cls[at], a), class_text(&r->cls[to], b),
               (unsigned long long)most, (unsigned long long)r->cls[at].truth);
}

#define CLASS_ROWS 20

static int by_recall(const void *a, const void *b)
{
    const sedge_class *x = *(const sedge_class *const *)a, *y = *(const sedge_class *const *)b;
    double u = isnan(x->ap50) ? x->recall : x->ap50, v = isnan(y->ap50) ? y->recall : y->ap50;
    u = isnan(u) ? 2 : u, v = isnan(v) ? 2 : v;
    return (u > v) - (u < v);
}

/* Up to CLASS_ROWS classes, the worst first. */
static void print_classes(const sedge_eval_result *r)
{
    static const char *const title[] = {"class", ">samples", ">recall", ">precision", ">F1", ">AP at 0.5"};
    const sedge_class **c = calloc((size_t)r->n_class + 1, sizeof *c);
    table t;
    char text[16];
    if (!c || !r->n_class) {
        free(c);
        return;
    }
    for (int k = 0; k < r->n_class; k++)
        c[k] = &r->cls[k];
    qsort(c, (size_t)r->n_class, sizeof *c, by_recall);
    bool boxes = false;
    for (int k = 0; k < r->n_class; k++)
        boxes = boxes || !isnan(r->cls[k].ap50);
    table_init(&t, boxes ? 6 : 5, title);
    for (int k = 0; k < r->n_class && k < CLASS_ROWS; k++) {
        table_cell(&t, "%.60s", class_text(c[k], text));
        table_cell(&t, "%llu", (unsigned long long)c[k]->truth);
        share_cell(&t, c[k]->recall);
        share_cell(&t, c[k]->precision);
        share_cell(&t, c[k]->f1);
        if (boxes)
            share_cell(&t, c[k]->ap50);
    }
    printf("\n");
    table_print(&t, stdout);
    if (r->n_class > CLASS_ROWS)
        printf("the %d worst of %d classes; --json lists all\n", CLASS_ROWS, r->n_class);
    print_confused(r);
    free(c);
}

static void print_confidence(const sedge_eval_result *r)
{
    if (isfinite(r->temperature))
        printf(
            "temperature %.3f makes scores honest: calibration error %.4f -> %.4f (fitted on half of the samples, judged on the other)\n",
            r->temperature, r->ece_before, r->ece_after);
    for (int k = 0; k < r->n_risk; k++)
        if (r->risk[k].coverage >= 0.8 && r->risk[k].coverage < 1) {
            printf(
                "answer the surest %.0f %% (score %.3f and more): %.1f %% of those are right; send the other %.0f %% upstream\n",
                100 * r->risk[k].coverage, r->risk[k].score, 100 * r->risk[k].right, 100 - 100 * r->risk[k].coverage);
            break;
        }
}

static void print_bad(const sedge_eval_result *r)
{
    for (size_t i = 0; i < r->n_bad && i < 5; i++)
        printf("bad: %s\n", r->bad[i].why);
    if (r->n_bad > 5)
        printf("bad: %zu more\n", r->n_bad - 5);
    if (r->n_bad)
        printf("%zu of %zu samples are bad and left out\n", r->n_bad, r->samples);
    if (r->cut)
        printf("%zu samples are longer than what the model takes: it saw their beginning\n", r->cut);
}

static void print_result(const sedge_eval_result *r, const limits *l)
{
    if (strcmp(r->kind, "fidelity") == 0)
        printf("fidelity to the reference, which is no accuracy: nobody said what is right\n\n");
    print_metrics(r);
    print_classes(r);
    printf("\n");
    print_confidence(r);
    print_bad(r);
    for (int i = 0; i < l->n; i++)
        printf("%s: %s is %.4g, %s %.4g was asked for\n", l->one[i].missed ? "MISSED" : "met", l->one[i].name,
               l->one[i].metric->value, l->one[i].most ? "at most" : "at least", l->one[i].value);
    printf("%zu samples in %.1f s: %.2f ms before the model, %.2f in it, %.2f after it\n", r->samples, r->seconds,
           r->pre_ms / (double)r->samples, r->run_ms / (double)r->samples, r->post_ms / (double)r->samples);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

void json_metric(json *j, const sedge_metric *m)
{
    json_open(j, NULL, '{');
    json_str(j, "name", m->name);
    json_num(j, "value", m->value);
    json_num(j, "low", m->low);
    json_num(j, "high", m->high);
    json_int(j, "n", (int64_t)m->n);
    json_str(j, "method", m->method);
    json_bool(j, "less_is_better", m->less);
    json_str(j, "unit", m->unit);
    json_str(j, "about", m->about);
    if (m->worst) {
        json_open(j, "worst_slice", '{');
        json_str(j, "name", m->worst);
        json_num(j, "value", m->worst_value);
        json_int(j, "n", (int64_t)m->worst_n);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void json_classes(json *j, const sedge_eval_result *r)
{
    json_open(j, "classes", '[');
    for (int k = 0; k < r->n_class; k++) {
        const sedge_class *c = &r->cls[k];
        json_open(j, NULL, '{');
        json_int(j, "class", c->number);
        if (c->name)
            json_str(j, "label", c->name);
        json_int(j, "n", (int64_t)c->truth);
        json_num(j, "recall", c->recall);
        json_num(j, "precision", c->precision);
        json_num(j, "f1", c->f1);
        json_num(j, "ap50", c->ap50);
        json_close(j, '}');
    }
    json_close(j, ']');
    if (!r->confusion)
        return;
    json_open(j, "confusion", '[');
    for (int k = 0; k < r->n_class; k++) {
        json_open(j, NULL, '[');
        for (int i = 0; i < r->n_class; i++)
            json_int(j, NULL, (int64_t)r->confusion[k * r->n_class + i]);
        json_close(j, ']');
    }
    json_close(j, ']');
}

static void json_confidence(json *j, const sedge_eval_result *r)
{
    json_num(j, "temperature", r->temperature);
    json_num(j, "ece_before", r->ece_before);
    json_num(j, "ece_after", r->ece_after);
    json_open(j, "risk_coverage", '[');
    for (int k = 0; k < r->n_risk; k++) {
        json_open(j, NULL, '{');
        json_num(j, "coverage", r->risk[k].coverage);
        json_num(j, "right", r->risk[k].right);
        json_num(j, "score", r->risk[k].score);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_result(FILE *f, const args *a, const sedge_eval_result *r, const limits *l)
{
    json j = {.f = f};
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.eval/1");
    json_str(&j, "model", a->rest[0]);
    json_str(&j, "kind", r->kind);
    json_str(&j, "head", r->head);
    json_int(&j, "samples", (int64_t)r->samples);
    json_open(&j, "metrics", '[');
    for (int k = 0; k < r->n_metric; k++)
        json_metric(&j, &r->metric[k]);
    json_close(&j, ']');
    json_classes(&j, r);
    json_confidence(&j, r);
    json_open(&j, "limits", '[');
    for (int i = 0; i < l->n; i++) {
        json_open(&j, NULL, '{');
        json_str(&j, "name", l->one[i].name);
        json_num(&j, l->one[i].most ? "max" : "min", l->one[i].value);
        json_bool(&j, "met", !l->one[i].missed);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_open(&j, "bad", '[');
    for (size_t i = 0; i < r->n_bad; i++)
        json_str(&j, NULL, r->bad[i].why);
    json_close(&j, ']');
    json_int(&j, "cut", (int64_t)r->cut);
    json_num(&j, "seconds", r->seconds);
    json_num(&j, "pre_ms", r->pre_ms / (double)r->samples);
    json_num(&j, "run_ms", r->run_ms / (double)r->samples);
    json_num(&j, "post_ms", r->post_ms / (double)r->samples);
    json_num(&j, "peak_rss_bytes", peak_memory());
    json_close(&j, '}');
}

/* The report is made of what --json would print. */
static int report(const args *a, const sedge_eval_result *r, const limits *l)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (f)
        json_result(f, a, r, l);
    json_t *tree = proof_tree(f, &text, &size);
    int status = tree ? proof_report(tree, a) : fail("no memory for the report");
    json_decref(tree);
    return status;
}

/* ---- the verb ------------------------------------------------------------------------------- */

sedge_status open_data(sedge_data **data, const args *a, const sedge_model *model, sedge_error *err)
{
    sedge_data_opts o;
    sedge_task_opts t;
    sedge_data_opts_init(&o);
    sedge_task_opts_init(&t);
    t.card = a->card;
    o.labels = a->labels;
    o.slice = a->slice;
    o.limit = (size_t)a->limit;
    if (!a->stream)
        sedge_data_windows(&o, model, a->rest[0], &t);
    return sedge_data_open(data, a->data, &o, err);
}

sedge_status open_part(sedge_split **split, const args *a, const sedge_data *data, sedge_eval_opts *how, sedge_error *err)
{
    char path[4096];
    int made;
    const char *colon = a->split ? strrchr(a->split, ':') : NULL;
    if (!colon)
        return SEDGE_OK;
    if (a->limit)
        return sg_fail(err, SEDGE_E_ARG, "--limit does not go with --split: a part is a part");
    if ((size_t)(colon - a->split) >= sizeof path || colon == a->split)
        return sg_fail(err, SEDGE_E_ARG, "--split %s: give FILE:PART", a->split);
    snprintf(path, sizeof path, "%.*s", (int)(colon - a->split), a->split);
    SG_TRY(sedge_split_open(split, data, 1, path, a->seed, &made, err));
    how->n = sedge_split_part(*split, colon + 1, &how->sample);
    if (!how->sample)
        return sg_fail(err, SEDGE_E_ARG, "--split %s: there is calibrate, choose and prove", a->split);
    if (made)
        fprintf(stderr, "%s is written: later runs have the same parts\n", path);
    if (sedge_split_unknown(*split))
        fprintf(stderr, "%zu samples are not in %s and are left out\n", sedge_split_unknown(*split), path);
    return how->n ? SEDGE_OK
                  : sg_fail(err, SEDGE_E_VALUE, "%s: %s has no samples: there are too few, or too few groups", path, colon + 1);
}

static sedge_status open_reference(sedge_model **model, const args *a, sedge_eval_opts *how, sedge_error *err)
{
    sedge_model_opts mo;
    if (!a->reference)
        return SEDGE_OK;
    sedge_model_opts_init(&mo);
    mo.op = sedge_media_ops(&mo.n_op);
    SG_TRY(sedge_model_open(model, a->reference, &mo, err));
    how->reference = *model;
    how->reference_path = a->reference;
    return SEDGE_OK;
}

static int evaluate(const args *a, limits *l)
{
    metric_command command = {.command = NULL};
    sedge_error err = {0};
    sedge_model *model = NULL, *reference = NULL;
    sedge_data *data = NULL;
    sedge_split *split = NULL;
    sedge_eval *e = NULL;
    sedge_task_opts o;
    sedge_eval_opts how;
    sedge_model_opts mo;
    progress p;
    int status = EXIT_OK;
    sedge_model_opts_init(&mo);
    sedge_task_opts_init(&o);
    sedge_eval_opts_init(&how);
    mo.op = sedge_media_ops(&mo.n_op);
    o.card = a->card;
    o.session.threads = a->threads;
    how.threads = a->threads;
    how.anyway = a->anyway;
    how.stream = a->stream;
    how.seed = a->seed;
    how.progress = show_part;
    how.ctx = &p;
    if (a->metric_cmd) {
        if (!metric_command_start(&command, a->metric_cmd))
            return fail("%s: cannot be started", a->metric_cmd);
        how.each = metric_command_each;
        how.each_ctx = &command;
    }
    sedge_status st = sedge_model_open(&model, a->rest[0], &mo, &err);
    if (st == SEDGE_OK)
        st = open_reference(&reference, a, &how, &err);
    if (st == SEDGE_OK)
        st = open_data(&data, a, model, &err);
    if (st == SEDGE_OK)
        st = open_part(&split, a, data, &how, &err);
    progress_start(&p, "evaluating");
    if (st == SEDGE_OK)
        st = sedge_eval_open(&e, model, a->rest[0], &o, data, &how, &err);
    progress_clear(&p);
    if (st != SEDGE_OK) {
        status = fail_error(a->rest[0], &err);
    } else {
        sedge_eval_result r;
        sedge_eval_get(e, &r);
        status = a->metric_cmd ? metric_command_end(&command, &r) : EXIT_OK;
        if (status == EXIT_OK)
            status = check_limits(l, &r);
        if (status != EXIT_FAILED && a->json)
            json_result(stdout, a, &r, l);
        else if (status != EXIT_FAILED)
            print_result(&r, l);
        if (status != EXIT_FAILED && a->report && report(a, &r, l) != EXIT_OK)
            status = EXIT_FAILED;
    }
    metric_command_free(&command);
    sedge_eval_close(&e);
    sedge_split_close(&split);
    sedge_data_close(&data);
    sedge_model_close(&reference);
    sedge_model_close(&model);
    return status;
}

static int eval_main(int argc, char **argv)
{
    args a = {0};
    limits l = {.n = 0};
    int status = args_parse(&a, &verb_eval, "YLcEmMknvAWtsjRJHB", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_eval.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_eval, a.n_rest ? "more than one model" : "which model?");
    else if (status == EXIT_OK && !a.data)
        status = usage(&verb_eval, "--data DATA: on what?");
    else if (status == EXIT_OK && (status = read_limits(&l, &a)) == EXIT_OK)
        status = a.n_on ? proof_there(&a) : evaluate(&a, &l);
    args_free(&a);
    return status;
}
