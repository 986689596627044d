/* sedge inspect: what is in a model, what it needs, and what of it cannot run. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int inspect_main(int argc, char **argv);

const verb verb_inspect = {"inspect", "what is in the model: inputs, outputs, ops, weights, memory",
                           "inspect MODEL [--json] [--graph FILE.dot|FILE.svg] [--dim N=1]... [--functions F.onnx]",
                           inspect_main};

static void io_shape(char *text, size_t size, const sedge_io *io)
{
    size_t at = 0;
    snprintf(text, size, io->rank < 0 ? "unknown" : "scalar");
    for (int k = 0; k < io->rank && at < size; k++) {
        const char *by = k ? "x" : "";
        if (io->dim[k] >= 0)
            at += (size_t)snprintf(text + at, size - at, "%s%lld", by, (long long)io->dim[k]);
        else
            at += (size_t)snprintf(text + at, size - at, "%s%s", by, io->dim_name[k] ? io->dim_name[k] : "?");
    }
}

static void io_rows(table *t, const sedge_model *m, bool outputs)
{
    sedge_io io;
    char text[256];
    for (int i = 0; outputs ? sedge_model_output(m, i, &io) : sedge_model_input(m, i, &io); i++) {
        table_cell(t, "%s", outputs ? "output" : "input");
        table_cell(t, "%s", io.name);
        table_cell(t, "%s", type_text(text, io.kind, io.dtype));
        io_shape(text, sizeof text, &io);
        table_cell(t, "%s", text);
    }
}

static void io_json(json *j, const sedge_model *m, bool outputs)
{
    sedge_io io;
    char text[48];
    json_open(j, outputs ? "outputs" : "inputs", '[');
    for (int i = 0; outputs ? sedge_model_output(m, i, &io) : sedge_model_input(m, i, &io); i++) {
        json_open(j, NULL, '{');
        json_str(j, "name", io.name);
        json_str(j, "type", type_text(text, io.kind, io.dtype));
        if (io.rank >= 0) {
            json_open(j, "shape", '[');
            for (int k = 0; k < io.rank; k++)
                if (io.dim[k] >= 0)
                    json_int(j, NULL, io.dim[k]);
                else
                    json_str(j, NULL, io.dim_name[k] ? io.dim_name[k] : "?");
            json_close(j, ']');
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

typedef struct look {
    opened o;
    sedge_model_info info;
    sedge_plan_info plan;
    char why[SEDGE_ERROR_MAX]; /* it cannot run; "" if it can */
} look;

static void print_json(const look *l, const args *a)
{
    json j = {.f = stdout};
    const sedge_model_info *mi = &l->info;
    const char *name;
    struct stat file;
    int count;
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.inspect/1");
    json_str(&j, "model", a->rest[0]);
    json_str(&j, "format", mi->format);
    json_str(&j, "producer", mi->producer);
    json_int(&j, "ir_version", mi->ir_version);
    if (stat(a->rest[0], &file) == 0)
        json_int(&j, "file_bytes", (int64_t)file.st_size);
    json_open(&j, "opsets", '{');
    for (int i = 0; i < mi->n_opset; i++)
        json_int(&j, mi->opset_domain[i][0] ? mi->opset_domain[i] : "ai.onnx", mi->opset_version[i]);
    json_close(&j, '}');
    io_json(&j, l->o.model, false);
    io_json(&j, l->o.model, true);
    json_int(&j, "nodes", mi->nodes);
    json_open(&j, "ops", '{');
    for (int i = 0; sedge_model_op(l->o.model, i, &name, &count); i++)
        json_int(&j, name, count);
    json_close(&j, '}');
    json_int(&j, "parameters", mi->parameters);
    json_int(&j, "weights_bytes", mi->weights_bytes);
    if (mi->macs >= 0)
        json_int(&j, "macs", mi->macs);
    json_open(&j, "metadata", '{');
    for (int i = 0; i < mi->n_metadata; i++)
        json_str(&j, mi->metadata_key[i], mi->metadata_value[i]);
    json_close(&j, '}');
    json_bool(&j, "runs", !l->why[0]);
    if (l->why[0]) {
        json_str(&j, "why_not", l->why);
    } else {
        json_int(&j, "steps", l->plan.steps);
        json_int(&j, "copies", l->plan.copies);
        json_int(&j, "arena_bytes", l->plan.arena_bytes);
        json_int(&j, "arena_bound_bytes", l->plan.arena_bound);
        json_int(&j, "packed_bytes", l->plan.packed_bytes);
        json_int(&j, "dynamic_values", l->plan.dynamic_values);
    }
    json_close(&j, '}');
}

static void line(const char *key, const char *value)
{
    printf("%-14s %s\n", key, value);
}

static void print_head(const look *l)
{
    const sedge_model_info *mi = &l->info;
    char text[1024];
    size_t at = 0;
    line("format", mi->format);
    line("producer", mi->producer[0] ? mi->producer : "-");
    text[0] = 0;
    for (int i = 0; i < mi->n_opset && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %lld", i ? ", " : "",
                               mi->opset_domain[i][0] ? mi->opset_domain[i] : "ai.onnx", (long long)mi->opset_version[i]);
    line("opsets", text);
    snprintf(text, sizeof text, "%d", mi->nodes);
    line("nodes", text);
    snprintf(text, sizeof text, "%lld", (long long)mi->parameters);
    line("parameters", text);
    line("weights", bytes_text((double)mi->weights_bytes, text));
    snprintf(text, sizeof text, mi->macs >= 0 ? "%.4g M" : "not known", (double)mi->macs / 1e6);
    line("multiply-adds", text);
    if (l->why[0]) {
        line("cannot run", l->why);
        return;
    }
    char arena[32], bound[32];
    snprintf(text, sizeof text, "%s (lower bound %s)", bytes_text((double)l->plan.arena_bytes, arena),
             bytes_text((double)l->plan.arena_bound, bound));
    line("arena", text);
    line("packed", bytes_text((double)l->plan.packed_bytes, text));
    snprintf(text, sizeof text, "%d, of which %d copy", l->plan.steps, l->plan.copies);
    line("steps", text);
}

static void print_text(const look *l)
{
    static const char *const io_title[] = {"", "name", "type", "shape"};
    static const char *const op_title[] = {"op", ">nodes"};
    table t;
    const char *name;
    int count;
    print_head(l);
    putchar('\n');
    table_init(&t, 4, io_title);
    io_rows(&t, l->o.model, false);
    io_rows(&t, l->o.model, true);
    table_print(&t, stdout);
    putchar('\n');
    table_init(&t, 2, op_title);
    for (int i = 0; sedge_model_op(l->o.model, i, &name, &count); i++) {
        table_cell(&t, "%s", name);
        table_cell(&t, "%d", count);
    }
    table_print(&t, stdout);
}

static int inspect_model(const args *a)
{
    look l = {0};
    sedge_error err = {0};
    sedge_status st = opened_open(&l.o, a->rest[0], a, false, &err);
    int status = EXIT_OK;
    if (!l.o.model) {
        err.status = st;
        return fail_error(a->rest[0], &err);
    }
    sedge_model_get_info(l.o.model, &l.info);
    if (st != SEDGE_OK)
        snprintf(l.why, sizeof l.why, "%s", err.msg[0] ? err.msg : sedge_status_text(st));
    else
        sedge_plan_get_info(l.o.plan, &l.plan);
    if (a->json)
        print_json(&l, a);
    else
        print_text(&l);
    if (a->graph)
        status = draw_graphs(&l.o, a->graph);
    opened_close(&l.o);
    return status;
}

static int inspect_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_inspect, "djgfTFO", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_inspect.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_inspect, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK)
        status = inspect_model(&a);
    args_free(&a);
    return status;
}
