/* sedge card: how bytes become tensors and tensors become answers, and where each field of that came from. */
#include "cli.h"

#include <errno.h>
#include <string.h>

static int card_main(int argc, char **argv);

const verb verb_card = {
    "card", "how bytes become answers, and where each field came from",
    "card MODEL [--card F] [--json] [--write]\n       sedge card MODEL --try DATA [--labels F] [--card F] [--json] [--write] [--seconds S]\n"
    "       sedge card MODEL --try FILES --tensors T.npz [--card F] [--json]",
    card_main};

/* One leaf of the card a line: the path of the field, its value, who said so. */
typedef struct walk {
    const sedge_task *task;
    table t;
    char path[512];
    size_t at; /* where the next name goes */
} walk;

/* The end of a JSON string that begins at p (a quote). The text was written by the library, so it is well formed. */
static const char *string_end(const char *p)
{
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && p[1])
            p++;
    return *p ? p + 1 : p;
}

static const char *value_end(const char *p)
{
    int depth = 0;
    for (; *p; p++) {
        if (*p == '"') {
            p = string_end(p) - 1;
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        if ((*p == '}' || *p == ']') && --depth < 0)
            return p;
        if (*p == ',' && depth == 0)
            return p;
    }
    return p;
}

static void leaf(walk *w, const char *from, const char *to)
{
    const char *source = sedge_task_field_source(w->task, w->path);
    char text[64];
    size_t n = 0;
    for (; from < to && n + 4 < sizeof text; from++)
        if ((unsigned char)*from > ' ')
            text[n++] = *from;
    strcpy(text + n, from < to ? "..." : "");
    if (strcmp(text, "null") == 0 || strcmp(text, "[]") == 0) /* not there, by default */
        return;
    table_cell(&w->t, "%s", w->path);
    table_cell(&w->t, "%s", text);
    table_cell(&w->t, "%s", source ? source : "card");
}

static const char *walk_value(walk *w, const char *p);

static const char *skip(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == ',' || *p == ':')
        p++;
    return p;
}

/* An object whose fields are named after their path; a list of objects by number; everything else is a leaf. */
static const char *walk_object(walk *w, const char *p)
{
    size_t at = w->at;
    p = skip(p + 1);
    while (*p == '"') {
        const char *end = string_end(p);
        int n = snprintf(w->path + at, sizeof w->path - at, "%s%.*s", at ? "." : "", (int)(end - p) - 2, p + 1);
        w->at = at + (size_t)n < sizeof w->path ? at + (size_t)n : sizeof w->path - 1;
        p = skip(walk_value(w, skip(end)));
    }
    w->at = at;
    w->path[at] = 0;
    return *p ? p + 1 : p;
}

static const char *walk_list(walk *w, const char *p)
{
    size_t at = w->at;
    p = skip(p + 1);
    for (int k = 0; *p && *p != ']'; k++) {
        int n = snprintf(w->path + at, sizeof w->path - at, ".%d", k);
        w->at = at + (size_t)n < sizeof w->path ? at + (size_t)n : sizeof w->path - 1;
        p = skip(walk_value(w, p));
    }
    w->at = at;
    w->path[at] = 0;
    return *p ? p + 1 : p;
}

static const char *walk_value(walk *w, const char *p)
{
    if (*p == '{')
        return walk_object(w, p);
    if (*p == '[' && *skip(p + 1) == '{')
        return walk_list(w, p);
    const char *end = value_end(p);
    leaf(w, p, end);
    return end;
}

static void print_card(const sedge_task *task, const sedge_task_info *info)
{
    static const char *const title[] = {"field", "value", "from"};
    walk w = {.task = task};
    table_init(&w.t, 3, title);
    walk_value(&w, sedge_task_card(task));
    table_print(&w.t, stdout);
    printf("\ncard from %s\n", info->from);
    for (int k = 0; k < info->n_assumed; k++)
        printf("assumed: %s\n", info->assumed[k]);
}

int write_card(const char *path, const char *text, bool replace)
{
    char old[4096];
    saver s;
    FILE *there = fopen(path, "rb");
    if (there) {
        fclose(there);
        if (!replace)
            return fail("%s exists already: move it away first", path);
        if (snprintf(old, sizeof old, "%s.old", path) >= (int)sizeof old || rename(path, old) != 0)
            return fail("%s: cannot be renamed: %s", path, strerror(errno));
        fprintf(stderr, "kept: %s\n", old);
    }
    if (!save_begin(&s, path))
        return fail("%s: %s", path, strerror(errno));
    fprintf(s.f, "%s\n", text);
    if (!save_end(&s, true))
        return fail("%s: cannot be written: %s", path, strerror(errno));
    fprintf(stderr, "written: %s\n", path);
    return EXIT_OK;
}

static int show(const args *a)
{
    sedge_model *model = NULL;
    sedge_task *task = NULL;
    sedge_task_opts o;
    sedge_task_info info;
    sedge_error err = {0};
    int status = EXIT_OK;
    sedge_task_opts_init(&o);
    o.card = a->card;
    if (sedge_model_open(&model, a->rest[0], NULL, &err) != SEDGE_OK ||
        sedge_task_open(&task, model, a->rest[0], &o, &err) != SEDGE_OK) {
        status = fail_error(a->rest[0], &err);
    } else {
        sedge_task_get_info(task, &info);
        if (a->json)
            puts(sedge_task_card(task));
        else
            print_card(task, &info);
        char path[4096];
        if (a->write && snprintf(path, sizeof path, "%s.card.json", a->rest[0]) >= (int)sizeof path)
            status = fail("%s: the path is too long", a->rest[0]);
        else if (a->write)
            status = write_card(path, sedge_task_card(task), false);
    }
    sedge_task_close(&task);
    sedge_model_close(&model);
    return status;
}

static int card_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_card, "cjwyLxSt", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_card.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_card, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK && !a.data && (a.labels || a.tensors))
        status = usage(&verb_card, "%s goes with --try DATA", a.labels ? "--labels" : "--tensors");
    else if (status == EXIT_OK)
        status = a.tensors ? trace_card(&a) : a.data ? try_card(&a) : show(&a);
    args_free(&a);
    return status;
}
