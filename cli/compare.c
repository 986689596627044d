/* sedge compare: what changed between two models: a verdict on the same samples, those that flipped, and the layer to blame. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"

static int compare_main(int argc, char **argv);

const verb verb_compare = {
    "compare", "two models on the same data: a verdict, what flipped, the layer to blame",
    "compare BEFORE AFTER --data DATA [--labels F] [--card F] [--margin 0.01] [--no-layers] [--slice COLUMN] "
    "[--split FILE:PART] [--limit N] [--stream] [--anyway] [--threads T] [--seed S] [--on ssh:USER@HOST|CMD] [--report R.html [--sign KEY.pem]] [--json]",
    compare_main};

#define MARGIN     0.01
#define FLIP_ROWS  10
#define LAYER_ROWS 16

static int show_part(void *ctx, double part)
{
    progress_show(ctx, part);
    return 0;
}

static const char *verdict_text(int verdict)
{
    return verdict == SEDGE_PASS ? "PASS" : verdict == SEDGE_FAIL ? "FAIL" : "NOT SHOWN";
}

/* ---- tables --------------------------------------------------------------------------------- */

static void number_cell(table *t, double v)
{
    if (isnan(v))
        table_cell(t, "-");
    else
        table_cell(t, "%.4f", v);
}

static void print_pairs(const sedge_pairs *p)
{
    static const char *const title[] = {"measure", ">before", ">after", ">worse by", ">90 %", ">margin", "verdict", "interval"};
    table t;
    table_init(&t, 8, title);
    for (int k = 0; k < p->n_pair; k++) {
        const sedge_pair *x = &p->pair[k];
        table_cell(&t, "%s", x->name);
        number_cell(&t, x->before);
        number_cell(&t, x->after);
        number_cell(&t, x->drop);
        if (isnan(x->low))
            table_cell(&t, "-");
        else
            table_cell(&t, "%.4f - %.4f", x->low, x->high);
        number_cell(&t, x->margin);
        table_cell(&t, "%s", isnan(x->margin) ? "-" : verdict_text(x->verdict));
        table_cell(&t, "%s", x->method ? x->method : "-");
    }
    table_print(&t, stdout);
}

static void print_verdict(const sedge_pairs *p)
{
    const sedge_pair *x = p->pair;
    if (!p->n_pair || isnan(x->margin))
        return;
    printf("\n%s: %s is worse by %.4f on %zu samples, ", verdict_text(x->verdict), x->name, x->drop, p->n);
    if (x->verdict == SEDGE_PASS)
        printf("at most %.4f (95 %%), which is within the margin of %.4f\n", x->high, x->margin);
    else if (x->verdict == SEDGE_FAIL)
        printf("at least %.4f (95 %%), which is beyond the margin of %.4f\n", x->low, x->margin);
    else if (isfinite(x->needed))
        printf("but between %.4f and %.4f: about %.0f samples would decide\n", x->low, x->high, x->needed);
    else
        printf("which is the margin itself: no number of samples would decide\n");
}

static const char *class_of(const sedge_eval_result *r, int number, char text[16])
{
    for (int k = 0; k < r->n_class; k++)
        if (r->cls[k].number == number && r->cls[k].name)
            return r->cls[k].name;
    snprintf(text, 16, "%d", number);
    return number < 0 ? "-" : text;
}

static void print_flips(const sedge_pairs *p, const sedge_data *data, const sedge_eval_result *r)
{
    static const char *const title[] = {"sample", "truth", "before", "after"};
    char text[64], a[16], b[16], c[16];
    table t;
    bool fidelity = strcmp(p->kind, "fidelity") == 0;
    if (!p->n_flip)
        return;
    if (fidelity)
        printf("\n%zu samples are answered otherwise\n\n", p->n_flip);
    else
        printf("\n%zu samples were right and are wrong, %zu the other way round\n\n", p->lost, p->gained);
    table_init(&t, 4, title);
    for (size_t k = 0; k < p->lost && k < FLIP_ROWS; k++) {
        const sedge_flip *f = &p->flip[k];
        table_cell(&t, "%s", sedge_data_name(data, f->sample, text));
        table_cell(&t, "%.40s", fidelity ? "-" : class_of(r, f->truth, a));
        table_cell(&t, "%.40s", class_of(r, f->before, b));
        table_cell(&t, "%.40s", class_of(r, f->after, c));
    }
    if (p->lost)
        table_print(&t, stdout);
    if (p->lost > FLIP_ROWS)
        printf("%d of %zu; --json lists all\n", FLIP_ROWS, p->lost);
}

static void db_cell(table *t, double v)
{
    if (isnan(v))
        table_cell(t, "-");
    else if (isinf(v))
        table_cell(t, "equal");
    else
        table_cell(t, "%.1f", v);
}

static int by_own(const void *a, const void *b)
{
    const sedge_layer *x = *(const sedge_layer *const *)a, *y = *(const sedge_layer *const *)b;
    return (x->own_db > y->own_db) - (x->own_db < y->own_db);
}

/* The layers with most noise of their own. */
static void print_layers(const sedge_layers_result *r)
{
    static const char *const title[] = {"layer", "op", ">dB", ">own dB", ">cosine", ">clipped", ">restored dB", ""};
    const sedge_layer **order = calloc((size_t)r->n_layer + 1, sizeof *order);
    table t;
    if (!order)
        return;
    for (int k = 0; k < r->n_layer; k++)
        order[k] = &r->layer[k];
    qsort(order, (size_t)r->n_layer, sizeof *order, by_own);
    table_init(&t, 8, title);
    for (int k = 0; k < r->n_layer && k < LAYER_ROWS; k++) {
        const sedge_layer *l = order[k];
        int at = (int)(l - r->layer);
        table_cell(&t, "%.60s", l->name);
        table_cell(&t, "%s", l->op);
        db_cell(&t, l->db);
        db_cell(&t, l->own_db);
        number_cell(&t, l->cosine);
        if (isnan(l->clipped))
            table_cell(&t, "-");
        else
            table_cell(&t, "%.2f %%", 100 * l->clipped);
        db_cell(&t, l->restored_db);
        table_cell(&t, "%s%s", at == r->costly ? "<- costs most" : "", at == r->first ? "<- diverges first" : "");
    }
    printf("\n%d layers on %zu samples; outputs: ", r->n_layer, r->samples);
    printf(isinf(r->output_db) ? "equal\n\n" : "%.1f dB of signal to noise\n\n", r->output_db);
    table_print(&t, stdout);
    free(order);
    if (r->strange)
        printf(
            "\nthe outputs agree far better than the layers: these were rescaled against each other, or their names lie; none is blamed\n");
    if (r->costly >= 0)
        printf("\n%s costs most: as before, it alone would lift the outputs from %.1f to %.1f dB\n", r->layer[r->costly].name,
               r->output_db, r->layer[r->costly].restored_db);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void json_pairs(json *j, const sedge_pairs *p, const sedge_data *data)
{
    char text[64];
    json_str(j, "kind", p->kind);
    json_int(j, "samples", (int64_t)p->n);
    json_str(j, "verdict", p->n_pair && !isnan(p->pair->margin) ? verdict_text(p->pair->verdict) : "none");
    json_open(j, "measures", '[');
    for (int k = 0; k < p->n_pair; k++) {
        const sedge_pair *x = &p->pair[k];
        json_open(j, NULL, '{');
        json_str(j, "name", x->name);
        json_bool(j, "less_is_better", x->less);
        json_num(j, "before", x->before);
        json_num(j, "after", x->after);
        json_num(j, "drop", x->drop);
        json_num(j, "low", x->low);
        json_num(j, "high", x->high);
        json_num(j, "margin", x->margin);
        json_str(j, "verdict", isnan(x->margin) ? "none" : verdict_text(x->verdict));
        json_num(j, "needed", x->needed);
        json_str(j, "method", x->method ? x->method : "none");
        json_close(j, '}');
    }
    json_close(j, ']');
    json_int(j, "lost", (int64_t)p->lost);
    json_int(j, "gained", (int64_t)p->gained);
    json_open(j, "flips", '[');
    for (size_t k = 0; k < p->n_flip; k++) {
        json_open(j, NULL, '{');
        json_str(j, "sample", sedge_data_name(data, p->flip[k].sample, text));
        json_bool(j, "lost", p->flip[k].lost);
        json_int(j, "truth", p->flip[k].truth);
        json_int(j, "before", p->flip[k].before);
        json_int(j, "after", p->flip[k].after);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_layers(json *j, const sedge_layers_result *r)
{
    json_open(j, "layers", '[');
    for (int k = 0; k < r->n_layer; k++) {
        const sedge_layer *l = &r->layer[k];
        json_open(j, NULL, '{');
        json_str(j, "name", l->name);
        json_str(j, "op", l->op);
        json_num(j, "db", l->db);
        json_num(j, "own_db", l->own_db);
        json_num(j, "cosine", l->cosine);
        json_num(j, "clipped", l->clipped);
        json_num(j, "restored_db", l->restored_db);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_num(j, "output_db", r->output_db);
    if (r->first >= 0)
        json_str(j, "first", r->layer[r->first].name);
    if (r->costly >= 0)
        json_str(j, "costly", r->layer[r->costly].name);
}

/* ---- the verb ------------------------------------------------------------------------------- */

typedef struct work {
    const args *a;
    sedge_model *model[2];
    sedge_data *data;
    sedge_split *split;
    sedge_eval_opts how; /* which samples count */
    sedge_eval *eval[2];
    sedge_compare *pairs;
    sedge_layers *layers;
    progress p;
} work;

static sedge_status evaluate_one(work *w, int k, bool labels, sedge_error *err)
{
    const args *a = w->a;
    sedge_task_opts o;
    sedge_eval_opts how = w->how;
    sedge_task_opts_init(&o);
    o.card = a->card;
    o.session.threads = a->threads;
    how.threads = a->threads;
    how.anyway = a->anyway || k == 1; /* a wrong card shows in the first; the second may be as bad as it is */
    how.stream = a->stream;
    how.seed = a->seed;
    how.progress = show_part;
    how.ctx = &w->p;
    if (!labels) {
        how.reference = w->model[0];
        how.reference_path = a->rest[0];
    }
    progress_start(&w->p, k ? "after" : "before");
    sedge_status st = sedge_eval_open(&w->eval[k], w->model[k], a->rest[k], &o, w->data, &how, err);
    progress_clear(&w->p);
    if (st != SEDGE_OK && err && !strstr(err->msg, a->rest[k]))
        sg_err_where(err, "%s", a->rest[k]);
    return st;
}

static sedge_status work_on(work *w, sedge_error *err)
{
    const args *a = w->a;
    sedge_model_opts mo;
    sedge_model_opts_init(&mo);
    mo.op = sedge_media_ops(&mo.n_op);
    for (int k = 0; k < 2; k++) {
        sedge_status st = sedge_model_open(&w->model[k], a->rest[k], &mo, err);
        if (st != SEDGE_OK && err && !strstr(err->msg, a->rest[k]))
            sg_err_where(err, "%s", a->rest[k]);
        SG_TRY(st);
    }
    SG_TRY(open_data(&w->data, a, w->model[0], err));
    sedge_eval_opts_init(&w->how);
    SG_TRY(open_part(&w->split, a, w->data, &w->how, err));
    bool labels = sedge_data_labelled(w->data);
    if (labels)
        SG_TRY(evaluate_one(w, 0, labels, err));
    SG_TRY(evaluate_one(w, 1, labels, err));
    return sedge_compare_open(&w->pairs, w->eval[0], w->eval[1], isnan(a->margin) ? MARGIN : a->margin, err);
}

/* Layers are told where they can be: models that share none have no such part. */
static void look_at_layers(work *w)
{
    const args *a = w->a;
    sedge_error err = {0};
    sedge_side before = {w->model[0], a->rest[0], a->card}, after = {w->model[1], a->rest[1], a->card};
    if (a->no_layers)
        return;
    if (sedge_layers_open(&w->layers, &before, &after, w->data, a->data, 0, &err) != SEDGE_OK)
        fprintf(stderr, "sedge: layer by layer: %s\n", err.msg);
}

static void json_all(FILE *f, work *w)
{
    json j = {.f = f};
    sedge_pairs p;
    sedge_layers_result l;
    sedge_compare_get(w->pairs, &p);
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.compare/1");
    json_str(&j, "before", w->a->rest[0]);
    json_str(&j, "after", w->a->rest[1]);
    json_pairs(&j, &p, w->data);
    if (w->layers) {
        sedge_layers_get(w->layers, &l);
        json_layers(&j, &l);
    }
    json_close(&j, '}');
}

static int report(work *w)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (f)
        json_all(f, w);
    json_t *tree = proof_tree(f, &text, &size);
    int status = tree ? proof_report(tree, w->a) : fail("no memory for the report");
    json_decref(tree);
    return status;
}

static void show(work *w)
{
    const args *a = w->a;
    sedge_pairs p;
    sedge_eval_result r;
    sedge_layers_result l;
    sedge_compare_get(w->pairs, &p);
    sedge_eval_get(w->eval[1], &r);
    if (w->layers)
        sedge_layers_get(w->layers, &l);
    if (a->json) {
        json_all(stdout, w);
        return;
    }
    if (!w->eval[0])
        printf("fidelity of the second to the first, which is no accuracy: nobody said what is right\n\n");
    print_pairs(&p);
    print_verdict(&p);
    print_flips(&p, w->data, &r);
    if (w->layers)
        print_layers(&l);
}

static int compare_two(const args *a)
{
    sedge_error err = {0};
    work w = {.a = a};
    int status = work_on(&w, &err) == SEDGE_OK ? EXIT_OK : fail("%s", err.msg);
    if (status == EXIT_OK) {
        sedge_pairs p;
        look_at_layers(&w);
        show(&w);
        sedge_compare_get(w.pairs, &p);
        if (!isnan(a->margin) && p.n_pair && p.pair->verdict != SEDGE_PASS)
            status = EXIT_LIMIT;
        if (a->report && report(&w) != EXIT_OK)
            status = EXIT_FAILED;
    }
    sedge_layers_close(&w.layers);
    sedge_compare_close(&w.pairs);
    for (int k = 0; k < 2; k++)
        sedge_eval_close(&w.eval[k]);
    sedge_split_close(&w.split);
    sedge_data_close(&w.data);
    for (int k = 0; k < 2; k++)
        sedge_model_close(&w.model[k]);
    return status;
}

static int compare_main(int argc, char **argv)
{
    args a = {.margin = NAN};
    int status = args_parse(&a, &verb_compare, "YLcGNknvAWtsjRJH", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_compare.usage);
    else if (status == EXIT_OK && a.n_rest != 2)
        status = usage(&verb_compare, "give two models: before and after");
    else if (status == EXIT_OK && !a.data)
        status = usage(&verb_compare, "--data DATA: on what?");
    else if (status == EXIT_OK)
        status = a.n_on ? proof_there(&a) : compare_two(&a);
    args_free(&a);
    return status;
}
