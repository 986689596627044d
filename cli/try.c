/* sedge card --try: which field of a card is wrong, by labelled data. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct watch {
    progress p;
} watch;

static int show_part(void *ctx, double part)
{
    progress_show(&((watch *)ctx)->p, part);
    return 0;
}

static void percent(char text[32], size_t right, size_t n)
{
    snprintf(text, 32, "%.1f %%", 100 * (double)right / (double)(n ? n : 1));
}

static void probability(table *t, double p)
{
    if (p < 1)
        table_cell(t, "%.2g", p);
    else
        table_cell(t, "1");
}

static void print_rows(const sedge_try_result *r)
{
    static const char *const title[] = {"card", ">right", ">95 %", ">loss", ">p right", ">p loss", ""};
    char text[32];
    table t;
    table_init(&t, 7, title);
    for (int k = 0; k < r->n_row; k++) {
        const sedge_try_row *w = &r->row[k];
        table_cell(&t, "%s", *w->changes ? w->changes : "as it is");
        percent(text, w->right, w->n);
        table_cell(&t, "%s", w->why ? "-" : text);
        if (w->why)
            table_cell(&t, "-");
        else
            table_cell(&t, "%.1f - %.1f", 100 * w->low, 100 * w->high);
        if (isfinite(w->loss))
            table_cell(&t, "%.3f", w->loss);
        else
            table_cell(&t, "-");
        if (k == r->present) {
            table_cell(&t, "-");
            table_cell(&t, "-");
        } else {
            probability(&t, w->p_right);
            probability(&t, w->p_loss);
        }
        table_cell(&t, "%s", w->why ? w->why : k == r->chosen ? "<-" : w->equal ? "=" : "");
    }
    table_print(&t, stdout);
}

static void print_fields(const sedge_try_result *r)
{
    static const char *const title[] = {"field", "in the card", ">right", "best other", ">right", ">p"};
    char text[32];
    table t;
    table_init(&t, 6, title);
    for (int k = 0; k < r->n_field; k++) {
        const sedge_try_field *f = &r->field[k];
        table_cell(&t, "%s", f->name);
        table_cell(&t, "%.60s", f->now);
        percent(text, f->right, f->n);
        table_cell(&t, "%s", text);
        table_cell(&t, "%.60s", f->other);
        percent(text, f->right_other, f->n);
        table_cell(&t, "%s", text);
        probability(&t, f->p);
    }
    table_print(&t, stdout);
}

static void print_result(const sedge_try_result *r)
{
    print_rows(r);
    printf(
        "\n%d cards on %zu samples, the best on %zu. <-: the winner; =: not to be told from the best; p: of chance, for %d cards\n\n",
        r->tried, r->screened, r->samples, r->tried);
    print_fields(r);
    printf("\n%s\n", r->verdict);
    if (r->cut)
        printf("time was up before all was tried: --seconds S gives more\n");
}

static void json_result(const args *a, const sedge_try_result *r)
{
    json j = {.f = stdout};
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.try/1");
    json_str(&j, "model", a->rest[0]);
    json_str(&j, "from", r->from);
    json_str(&j, "verdict", r->verdict);
    json_open(&j, "blame", '[');
    for (int k = 0; k < r->n_blame; k++) {
        json_open(&j, NULL, '{');
        json_str(&j, "field", r->blame[k]);
        json_str(&j, "path", r->path[k]);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_int(&j, "tried", r->tried);
    json_int(&j, "screened", (int64_t)r->screened);
    json_int(&j, "samples", (int64_t)r->samples);
    json_bool(&j, "cut", r->cut);
    json_open(&j, "rows", '[');
    for (int k = 0; k < r->n_row; k++) {
        const sedge_try_row *w = &r->row[k];
        json_open(&j, NULL, '{');
        json_str(&j, "changes", w->changes);
        json_bool(&j, "present", k == r->present);
        json_bool(&j, "chosen", k == r->chosen);
        if (w->why)
            json_str(&j, "why", w->why);
        json_int(&j, "right", (int64_t)w->right);
        json_int(&j, "n", (int64_t)w->n);
        json_num(&j, "low", w->low);
        json_num(&j, "high", w->high);
        json_num(&j, "loss", w->loss);
        json_num(&j, "p_right", w->p_right);
        json_num(&j, "p_loss", w->p_loss);
        json_bool(&j, "equal", w->equal);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_open(&j, "fields", '[');
    for (int k = 0; k < r->n_field; k++) {
        const sedge_try_field *f = &r->field[k];
        json_open(&j, NULL, '{');
        json_str(&j, "field", f->name);
        json_str(&j, "now", f->now);
        json_str(&j, "other", f->other);
        json_int(&j, "right", (int64_t)f->right);
        json_int(&j, "right_other", (int64_t)f->right_other);
        json_int(&j, "n", (int64_t)f->n);
        json_num(&j, "p", f->p);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    fputs(r->card, json_raw(&j, "card"));
    json_close(&j, '}');
}

/* Where the card came from, if that is a file; else beside the model. */
static int write_winner(const args *a, const sedge_try_result *r)
{
    char path[4096];
    const char *name = a->rest[0], *at = strstr(r->from, ".json");
    if (!r->n_blame) {
        fprintf(stderr, "nothing is written: the card stays as it is\n");
        return EXIT_OK;
    }
    if (a->card || (at && at[5] == 0))
        return write_card(a->card ? a->card : r->from, r->card, true);
    if (snprintf(path, sizeof path, "%s.card.json", name) >= (int)sizeof path)
        return fail("%s: the path is too long", name);
    return write_card(path, r->card, true);
}

static sedge_status open_model(sedge_model **model, const args *a, sedge_error *err)
{
    sedge_model_opts mo;
    sedge_model_opts_init(&mo);
    mo.op = sedge_media_ops(&mo.n_op);
    return sedge_model_open(model, a->rest[0], &mo, err);
}

static void print_steps(const sedge_trace_result *r)
{
    static const char *const title[] = {"step", "in the card", "beside the training code"};
    table t;
    table_init(&t, 3, title);
    for (int k = 0; k < r->n_step; k++) {
        table_cell(&t, "%s", r->step[k].name);
        table_cell(&t, "%s", r->step[k].path);
        table_cell(&t, "%s", r->step[k].same ? "the same" : r->step[k].how);
    }
    if (r->n_step)
        table_print(&t, stdout);
    printf("%s%s\n", r->n_step ? "\n" : "", r->verdict);
}

static void json_steps(const args *a, const sedge_trace_result *r)
{
    json j = {.f = stdout};
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.trace/1");
    json_str(&j, "model", a->rest[0]);
    json_str(&j, "verdict", r->verdict);
    json_int(&j, "tried", r->tried);
    json_num(&j, "left", r->left);
    json_int(&j, "first", r->first);
    json_open(&j, "steps", '[');
    for (int k = 0; k < r->n_step; k++) {
        json_open(&j, NULL, '{');
        json_str(&j, "step", r->step[k].name);
        json_str(&j, "path", r->step[k].path);
        json_bool(&j, "same", r->step[k].same);
        if (r->step[k].how)
            json_str(&j, "how", r->step[k].how);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

int trace_card(const args *a)
{
    sedge_error err = {0};
    sedge_model *model = NULL;
    sedge_data *data = NULL;
    const sedge_tensor *want = NULL;
    sedge_trace *t = NULL;
    sedge_task_opts o;
    sedge_trace_result r;
    sedge_task_opts_init(&o);
    o.card = a->card;
    o.session.threads = a->threads;
    if (a->labels || a->write)
        return usage(&verb_card, "%s does not go with --tensors", a->labels ? "--labels" : "--write");
    sedge_status st = open_model(&model, a, &err);
    if (st == SEDGE_OK)
        st = sedge_data_tensors(&data, a->data, a->tensors, &want, &err);
    if (st == SEDGE_OK)
        st = sedge_trace_open(&t, model, a->rest[0], &o, sedge_data_count(data), want, sedge_data_item, data, &err);
    int status = st == SEDGE_OK ? EXIT_OK : fail_error(a->rest[0], &err);
    if (st == SEDGE_OK) {
        sedge_trace_get(t, &r);
        if (a->json)
            json_steps(a, &r);
        else
            print_steps(&r);
    }
    sedge_trace_close(&t);
    sedge_data_close(&data);
    sedge_model_close(&model);
    return status;
}

/* Samples without a label say nothing about a card. */
static sedge_status open_labelled(sedge_data **data, const args *a, sedge_error *err)
{
    sedge_data_opts o;
    sedge_data_opts_init(&o);
    o.labels = a->labels;
    SG_TRY(sedge_data_open(data, a->data, &o, err));
    const char *const *label = sedge_data_labels(*data);
    for (size_t i = 0; label && i < sedge_data_count(*data); i++)
        if (!label[i])
            return sg_fail(err, SEDGE_E_FORMAT,
                           "%s: no labels: give --labels F.csv (file,label), folders of classes or labels.csv", a->data);
    return label ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

int try_card(const args *a)
{
    sedge_error err = {0};
    sedge_model *model = NULL;
    sedge_data *data = NULL;
    sedge_try *t = NULL;
    sedge_task_opts o;
    sedge_try_opts how;
    sedge_try_result r;
    watch w;
    sedge_task_opts_init(&o);
    sedge_try_opts_init(&how);
    o.card = a->card;
    o.session.threads = a->threads;
    how.seconds = a->seconds;
    how.progress = show_part;
    how.ctx = &w;
    int status = EXIT_OK;
    sedge_status st = open_model(&model, a, &err);
    if (st == SEDGE_OK)
        st = open_labelled(&data, a, &err);
    progress_start(&w.p, "trying cards");
    if (st == SEDGE_OK)
        st = sedge_try_open(&t, model, a->rest[0], &o, sedge_data_count(data), sedge_data_labels(data), sedge_data_item, data,
                            &how, &err);
    progress_clear(&w.p);
    if (st != SEDGE_OK) {
        status = fail_error(a->rest[0], &err);
    } else {
        sedge_try_get(t, &r);
        if (a->json)
            json_result(a, &r);
        else
            print_result(&r);
        if (a->write)
            status = write_winner(a, &r);
    }
    sedge_try_close(&t);
    sedge_data_close(&data);
    sedge_model_close(&model);
    return status;
}
