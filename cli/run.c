/* sedge run: one inference on given or filled inputs; a table of outputs, files of them with -o. */
#include "cli.h"
#include "digests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int run_main(int argc, char **argv);

const verb verb_run = {"run", "inference: on tensors, or by the card on files, folders and streams",
                       "run MODEL FILE|FOLDER|PATTERN|-... [--card F] [--jsonl] [--raw nv12:1280x720|s16le:16000] [-o OUT.png]\n"
                       "       sedge "
                       "run MODEL [--in NAME=FILE]... [-o DIR] [--dim N=1]... [--threads T] [--seed S] [--functions F.onnx]\n"
                       "                 [--target cpu|reference|loopback] [--allow-fallback] [--no-optimize] [--json]",
                       run_main};

typedef struct summary {
    double min, max, mean;
    bool numeric;
    size_t n;
} summary;

static summary summarize(const sedge_tensor *t)
{
    summary s = {.min = NAN, .max = NAN, .mean = NAN};
    sg_tensor st;
    memcpy(&st, t, sizeof st);
    if (t->kind != SEDGE_TENSOR)
        return s;
    s.n = (size_t)sg_numel(&st);
    s.numeric = t->dtype != SEDGE_STR && !sg_is_complex((sg_dtype)t->dtype);
    double sum = 0;
    for (size_t i = 0; s.numeric && i < s.n; i++) {
        double v = sedge_tensor_f64(t, i);
        sum += v;
        if (!(v >= s.min))
            s.min = isnan(s.min) || v < s.min ? v : s.min;
        if (!(v <= s.max))
            s.max = isnan(s.max) || v > s.max ? v : s.max;
    }
    if (s.numeric && s.n)
        s.mean = sum / (double)s.n;
    return s;
}

static void element_text(char *text, size_t size, const sedge_tensor *t, size_t i)
{
    if (t->dtype == SEDGE_STR) {
        const sedge_str *s = (const sedge_str *)t->data + i;
        snprintf(text, size, "\"%.*s\"", (int)(s->n < 24 ? s->n : 24), s->p ? s->p : "");
    } else if (t->dtype == SEDGE_C64) {
        const float *c = (const float *)t->data + 2 * i;
        snprintf(text, size, "%.4g%+.4gi", (double)c[0], (double)c[1]);
    } else if (t->dtype == SEDGE_C128) {
        const double *c = (const double *)t->data + 2 * i;
        snprintf(text, size, "%.4g%+.4gi", c[0], c[1]);
    } else if (sg_dtypes[t->dtype].cls == 'F') {
        snprintf(text, size, "%.6g", sedge_tensor_f64(t, i));
    } else {
        snprintf(text, size, "%lld", (long long)sedge_tensor_i64(t, i));
    }
}

static void first_values(char *text, size_t size, const sedge_tensor *t, size_t n)
{
    size_t at = 0, shown = n < 5 ? n : 5;
    text[0] = 0;
    for (size_t i = 0; i < shown && at + 64 < size; i++) {
        char e[64];
        element_text(e, sizeof e, t, i);
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? " " : "", e);
    }
    if (shown < n)
        snprintf(text + at, size - at, " ...");
}

static void number_cell(table *t, bool have, double v)
{
    if (have)
        table_cell(t, "%.6g", v);
    else
        table_cell(t, "-");
}

static int print_table(const opened *o, sedge_error *err)
{
    static const char *const title[] = {"output", "type", "shape", ">min", ">max", ">mean", "first values"};
    table t;
    table_init(&t, 7, title);
    sedge_io io;
    for (int i = 0; sedge_model_output(o->model, i, &io); i++) {
        sedge_tensor v;
        char text[400], type[48];
        if (sedge_session_get_output(o->session, i, &v, err) != SEDGE_OK)
            return EXIT_FAILED;
        summary s = summarize(&v);
        table_cell(&t, "%s", io.name);
        table_cell(&t, "%s", type_text(type, v.kind, v.dtype));
        shape_text(text, sizeof text, &v);
        table_cell(&t, "%s", text);
        number_cell(&t, s.numeric && s.n, s.min);
        number_cell(&t, s.numeric && s.n, s.max);
        number_cell(&t, s.numeric && s.n, s.mean);
        first_values(text, sizeof text, &v, s.n);
        table_cell(&t, "%s", text);
    }
    table_print(&t, stdout);
    return EXIT_OK;
}

static void json_value(json *j, const sedge_io *io, const sedge_tensor *v)
{
    char text[64];
    summary s = summarize(v);
    json_open(j, NULL, '{');
    json_str(j, "name", io->name);
    json_str(j, "type", type_text(text, v->kind, v->dtype));
    json_open(j, "shape", '[');
    for (int k = 0; k < v->rank; k++)
        json_int(j, NULL, v->dim[k]);
    json_close(j, ']');
    json_num(j, "min", s.min);
    json_num(j, "max", s.max);
    json_num(j, "mean", s.mean);
    json_open(j, "first", '[');
    for (size_t i = 0; i < s.n && i < 5; i++)
        if (s.numeric && sg_dtypes[v->dtype].cls == 'F')
            json_num(j, NULL, sedge_tensor_f64(v, i));
        else if (s.numeric)
            json_int(j, NULL, sedge_tensor_i64(v, i));
        else {
            element_text(text, sizeof text, v, i);
            json_str(j, NULL, text);
        }
    json_close(j, ']');
    json_close(j, '}');
}

static int print_json(const opened *o, const args *a, const bool *filled, double ms, sedge_error *err)
{
    json j = {.f = stdout};
    sedge_io io;
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.run/1");
    json_str(&j, "model", a->rest[0]);
    json_int(&j, "seed", (int64_t)a->seed);
    json_num(&j, "run_ms", ms);
    json_open(&j, "filled", '[');
    for (int i = 0; sedge_model_input(o->model, i, &io); i++)
        if (filled[i])
            json_str(&j, NULL, io.name);
    json_close(&j, ']');
    json_open(&j, "outputs", '[');
    for (int i = 0; sedge_model_output(o->model, i, &io); i++) {
        sedge_tensor v;
        if (sedge_session_get_output(o->session, i, &v, err) != SEDGE_OK)
            return EXIT_FAILED;
        json_value(&j, &io, &v);
    }
    json_close(&j, ']');
    json_close(&j, '}');
    return EXIT_OK;
}

static int save_outputs(const opened *o, const char *dir, sedge_error *err)
{
    sedge_io io;
    int status = EXIT_OK;
    for (int i = 0; sedge_model_output(o->model, i, &io); i++) {
        sedge_tensor v;
        if (sedge_session_get_output(o->session, i, &v, err) != SEDGE_OK)
            return EXIT_FAILED;
        if (save_tensor(dir, io.name, &v) != EXIT_OK)
            status = EXIT_FAILED;
    }
    return status;
}

static void say_filled(const opened *o, const args *a, const bool *filled)
{
    sedge_io io;
    int n = 0;
    for (int i = 0; sedge_model_input(o->model, i, &io); i++)
        if (filled[i])
            printf("%s%s", n++ ? ", " : "filled from the seed: ", io.name);
    if (n)
        printf(" (seed %llu; --in NAME=FILE gives real data)\n", (unsigned long long)a->seed);
}

static int run_model(const args *a)
{
    opened o;
    values v;
    sedge_error err = {0};
    int status = EXIT_FAILED;
    values_init(&v, a->seed);
    bool *filled = NULL;
    if (opened_open(&o, a->rest[0], a, true, &err) != SEDGE_OK)
        goto out;
    filled = calloc((size_t)sedge_model_inputs(o.model) + 1, sizeof *filled);
    if (!filled || values_bind(&v, &o, a, filled, &err) != SEDGE_OK)
        goto out;
    double start = sg_now();
    if (sedge_session_run(o.session, NULL, &err) != SEDGE_OK)
        goto out;
    double ms = 1e3 * (sg_now() - start);
    if (!a->json)
        say_filled(&o, a, filled);
    status = a->json ? print_json(&o, a, filled, ms, &err) : print_table(&o, &err);
    if (status == EXIT_OK && a->out)
        status = save_outputs(&o, a->out, &err);
out:
    values_blame(&v, &err);
    if (status != EXIT_OK && err.status != SEDGE_OK)
        fail_error(a->rest[0], &err);
    free(filled);
    opened_close(&o);
    values_free(&v);
    return status;
}

static int run_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_run, "iodtsjfTFOcrlZ", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_run.usage);
    else if (status == EXIT_OK && a.n_rest < 1)
        status = usage(&verb_run, "which model?");
    else if (status == EXIT_OK && a.n_rest > 1 && a.n_in)
        status = usage(&verb_run, "--in gives tensors, files are answered by the card: one or the other");
    else if (status == EXIT_OK && a.digests)
        status = run_digests(&a);
    else if (status == EXIT_OK && a.n_rest > 1)
        status = run_sources(&a);
    else if (status == EXIT_OK)
        status = run_model(&a);
    args_free(&a);
    return status;
}
