/* Gradients and training for tests/grad/gradients.py, which compares them with PyTorch's.
 * driver gradients MODEL: the loss (output 0), then for each constant x0, x1 ... its gradient, a line each.
 * driver train MODEL adam|sgd RATE STEPS: the loss of each step, with the constants p0, p1 ... as parameters, then the parameters, a line each.
 * driver round MODEL X.npy CALIB BITS STEPS OUT.onnx: weights in so many bits (-8: floats that have 8), learned on the first CALIB rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "export/export.h"
#include "fit/adaround.h"
#include "fit/quant.h"
#include "fit/samples.h"
#include "fit/train.h"
#include "grad/gradient.h"
#include "run/api.h"

enum { PARAMS = 64 };

static sg_err err;

static void must(sedge_status st)
{
    if (st == SEDGE_OK)
        return;
    fprintf(stderr, "%s\n", err.msg);
    exit(1);
}

/* The constants named by a letter and a number, in order. */
static int named(const sg_graph *g, char letter, sg_vid *out)
{
    int n = 0;
    for (bool found = true; found && n < PARAMS; n += found) {
        char name[16];
        snprintf(name, sizeof name, "%c%d", letter, n);
        found = false;
        for (size_t v = 1; v < g->n_value && !found; v++)
            if (g->value[v].role == SG_CONST && g->value[v].name && strcmp(g->value[v].name, name) == 0) {
                out[n] = (sg_vid)v;
                found = true;
            }
    }
    return n;
}

static void print(const sedge_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->dim[i];
    for (size_t i = 0; i < n; i++)
        printf("%s%.9g", i ? " " : "", sedge_tensor_f64(t, i));
    printf("\n");
}

/* The constants become inputs, so that nothing is folded away. */
static void gradients(sg_graph *g, const sedge_model *like)
{
    sg_vid x[PARAMS], in[PARAMS], grad[PARAMS], loss = g->output[0];
    int n = named(g, 'x', x);
    for (int k = 0; k < n; k++) {
        const sg_type t = g->value[x[k]].type;
        in[k] = sg_input_new(g, &t, g->value[x[k]].name);
        sg_value_replace(g, x[k], in[k]);
    }
    must(sg_gradient(g, &loss, in, n, grad, &err));
    for (int k = 0; k < n; k++) {
        if (!grad[k])
            must(sg_fail(&err, SEDGE_E_VALUE, "the loss does not depend on input %d", k));
        must(sg_output_add(g, grad[k]));
    }
    must(sg_verify(g, &err));
    sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
    must(sg_model_of_graph(&model, g, like, &err));
    must(sedge_plan_make(&plan, model, NULL, &err));
    must(sedge_session_open(&session, plan, NULL, &err));
    for (int k = 0; k < n; k++) {
        const sg_type *t = &g->value[x[k]].type;
        sedge_tensor s = {.dtype = t->dtype, .rank = t->rank, .data = (void *)(uintptr_t)g->value[x[k]].data};
        memcpy(s.dim, t->dim, sizeof s.dim);
        must(sedge_session_set_input(session, k, &s, &err));
    }
    must(sedge_session_run(session, NULL, &err));
    for (int k = 0; k <= n; k++) {
        sedge_tensor out;
        must(sedge_session_get_output(session, k, &out, &err));
        print(&out);
    }
    sedge_session_close(&session);
    sedge_plan_close(&plan);
    sedge_model_close(&model);
}

static void train(sg_graph *g, const sedge_model *like, const char *how, double rate, int steps)
{
    const sg_train_how opts = {.adam = strcmp(how, "adam") == 0, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    sg_vid p[PARAMS];
    int n = named(g, 'p', p);
    sg_trainer t;
    must(sg_trainer_open(&t, g, like, g->output[0], p, n, &opts, &err));
    for (int i = 0; i < steps; i++) {
        double loss;
        must(sg_trainer_step(&t, NULL, rate, &loss, &err));
        printf("%.9g\n", loss);
    }
    for (int k = 0; k < n; k++) {
        sedge_tensor out;
        must(sg_trainer_param(&t, k, &out, &err));
        print(&out);
    }
    sg_trainer_close(&t);
}

static void say(void *ctx, const char *layer, const sg_rounded *r)
{
    (void)ctx;
    printf("%5.1f %% flipped, error less by %.2e: %s\n", 100 * r->flipped, r->saved, layer);
}

/* Weights rounded; what the model says on all samples after it goes to standard output. */
static void rounded(const sedge_model *model, const char *rows, size_t calib, int bits, int steps, const char *out)
{
    sg_mem mem = {0};
    sg_arena arena = {.mem = &mem};
    sg_rows r;
    sg_graph *source;
    must(sg_rows_open(&r, &mem, model, &rows, 1, &err));
    must(sg_quant_source(&source, model, &arena, &err));
    sg_graph *g = sg_graph_clone(source, &arena);
    const sg_round_how how = {.bits = abs(bits), .steps = steps, .windows = 128, .stay = bits < 0};
    double start = sg_now();
    must(sg_round_graph(g, source, model, &r.samples, 0, calib, &how, say, NULL, &err));
    printf("%.1f s\n", sg_now() - start);
    must(sg_export_onnx(g, NULL, out, &err));
    sg_graph_free(g);
    sg_graph_free(source);
    sg_rows_close(&r);
    sg_arena_free(&arena);
}

int main(int argc, char **argv)
{
    sedge_model *model = NULL;
    if (argc < 3)
        return 2;
    must(sedge_model_open(&model, argv[2], NULL, &err));
    sg_arena arena = {.mem = &model->mem};
    sg_graph *g = sg_graph_clone(model->graph, &arena);
    if (strcmp(argv[1], "round") == 0 && argc == 8)
        rounded(model, argv[3], (size_t)atoi(argv[4]), atoi(argv[5]), atoi(argv[6]), argv[7]);
    else if (strcmp(argv[1], "train") == 0 && argc == 6)
        train(g, model, argv[3], atof(argv[4]), atoi(argv[5]));
    else
        gradients(g, model);
    sg_graph_free(g);
    sg_arena_free(&arena);
    sedge_model_close(&model);
    return 0;
}
