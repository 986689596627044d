/* sedge bench: what a model costs: latency, load, memory; the whole way from bytes to answers; its real duty cycle; energy; beside another model. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/report.h"
#include "remote.h"

static int bench_main(int argc, char **argv);

const verb verb_bench = {
    "bench", "what a model costs: latency, load, memory, energy; --ops: time per op; --data: from bytes to answers",
    "bench MODEL [--threads T] [--seconds S] [--dim N=1]... [--in NAME=FILE]... [--seed S] [--ops]\n"
    "                   [--data FILE|FOLDER [--card F]] [--period MS [--minutes M] [--beside CMD]] [--against MODEL]\n"
    "                   [--energy | --power-cmd CMD] [--tune quick|full] [--target cpu|reference|loopback]\n"
    "                   [--on ssh:USER@HOST|CMD|here]... [--max FIGURE=VALUE]... [--report R.html [--sign KEY.pem]] [--json]",
    bench_main};

static void on_step(void *ctx, int step, double seconds)
{
    bench *b = ctx;
    if (b->counting && step >= 0 && step < b->n_step)
        b->step_s[step] += seconds;
}

static sedge_status run_session(void *ctx, sg_err *err)
{
    return sedge_session_run(ctx, NULL, err);
}

static sg_once once_of(side *s)
{
    return s->w.task ? (sg_once){sg_stages_once, &s->w} : (sg_once){run_session, s->o.session};
}

/* ---- opening -------------------------------------------------------------------------------- */

static sedge_status open_whole(side *s, const char *path, const args *a, sedge_error *err)
{
    sedge_model_opts mo;
    sedge_task_opts to;
    sedge_model_opts_init(&mo);
    mo.functions = a->functions;
    mo.op = sedge_media_ops(&mo.n_op);
    SG_TRY(sedge_model_open(&s->o.model, path, &mo, err));
    sedge_task_opts_init(&to);
    to.card = a->card;
    to.plan.target = a->target ? a->target : to.plan.target;
    to.plan.tune = a->tune;
    to.session.threads = a->threads;
    to.session.seed = a->seed;
    return sg_stages_open(&s->w, s->o.model, path, &to, a->data, err);
}

static sedge_status open_session(bench *b, side *s, const char *path, const args *a, sedge_error *err)
{
    sedge_session_opts so;
    sedge_plan_info info;
    SG_TRY(opened_open(&s->o, path, a, false, err));
    sedge_session_opts_init(&so);
    so.threads = a->threads;
    so.seed = a->seed;
    if (a->ops && s == &b->one) {
        sedge_plan_get_info(s->o.plan, &info);
        b->n_step = info.steps;
        b->step_s = calloc((size_t)b->n_step + 1, sizeof *b->step_s);
        if (!b->step_s)
            return sg_fail(err, SEDGE_E_NOMEM, "no memory");
        so.on_step = on_step;
        so.on_step_ctx = b;
    }
    return sedge_session_open(&s->o.session, s->o.plan, &so, err);
}

static sedge_status open_side(bench *b, side *s, const char *path, const args *a, sedge_error *err)
{
    double start = sg_now();
    SG_TRY(a->data ? open_whole(s, path, a, err) : open_session(b, s, path, a, err));
    s->load_ms = 1e3 * (sg_now() - start);
    if (!a->data) {
        bool *filled = calloc((size_t)sedge_model_inputs(s->o.model) + 1, sizeof *filled);
        sedge_status st = filled ? values_bind(&s->v, &s->o, a, filled, err) : sg_fail(err, SEDGE_E_NOMEM, "no memory");
        free(filled);
        SG_TRY(st);
    }
    start = sg_now();
    sg_once once = once_of(s);
    SG_TRY(once.run(once.ctx, err));
    s->first_ms = 1e3 * (sg_now() - start);
    return SEDGE_OK;
}

static void close_side(side *s)
{
    sg_stages_close(&s->w);
    opened_close(&s->o);
    values_free(&s->v);
}

/* ---- measuring ------------------------------------------------------------------------------ */

static void show(void *ctx, double part)
{
    progress_show(ctx, part);
}

static sedge_status measure_row(bench *b, const args *a, sedge_error *err)
{
    progress p;
    progress_start(&p, "measuring");
    b->counting = b->one.w.keep = true;
    sedge_status st = sg_measure_row(once_of(&b->one), a->seconds, &b->times, show, &p, err);
    b->counting = b->one.w.keep = false;
    progress_clear(&p);
    sg_times_sort(&b->times);
    for (int k = 0; k < SG_STAGES; k++)
        sg_times_sort(&b->one.w.stage[k]);
    sg_times_sort(&b->one.w.share);
    return st;
}

static sedge_status measure_duty(bench *b, const args *a, sedge_error *err)
{
    progress p;
    progress_start(&p, "measuring the duty cycle");
    sg_duty_opts o = {.period_s = a->period_s, .seconds = a->minutes * 60, .beside = a->beside, .progress = show, .ctx = &p};
    sedge_status st = sg_duty_run(once_of(&b->one), &o, &b->duty, err);
    progress_clear(&p);
    return st;
}

static sedge_status measure_against(bench *b, const args *a, sedge_error *err)
{
    progress p;
    sedge_status st = open_side(b, &b->other, a->against, a, err);
    if (st != SEDGE_OK) {
        if (!strstr(err->msg, a->against))
            sg_err_where(err, "%s", a->against);
        return st;
    }
    progress_start(&p, "measuring by turns");
    st = sg_measure_against(once_of(&b->one), once_of(&b->other), a->seconds, &b->against, show, &p, err);
    progress_clear(&p);
    return st;
}

#define ENERGY_ROUNDS 8

static sedge_status measure_energy(bench *b, const args *a, sedge_error *err)
{
    progress p;
    sg_meter meter;
    sg_meter_find(&meter, "");
    if (a->power_cmd)
        SG_TRY(sg_meter_command(&meter, a->power_cmd, err));
    progress_start(&p, "measuring energy");
    double seconds = 2 * a->seconds > 4 ? 2 * a->seconds : 4;
    sedge_status st = sg_energy_measure(&meter, once_of(&b->one), seconds, ENERGY_ROUNDS, &b->energy, show, &p, err);
    progress_clear(&p);
    sg_meter_close(&meter);
    return st;
}

static sedge_status measure(bench *b, const args *a, sedge_error *err)
{
    SG_TRY(open_side(b, &b->one, a->rest[0], a, err));
    SG_TRY(measure_row(b, a, err));
    b->prepare_ns = a->data ? -1 : prepare_ns(&b->one.o, &b->one.v, a);
    b->peak = peak_memory();
    if (a->against)
        SG_TRY(measure_against(b, a, err));
    if (a->energy || a->power_cmd)
        SG_TRY(measure_energy(b, a, err));
    return a->period_s > 0 ? measure_duty(b, a, err) : SEDGE_OK;
}

static json_t *bench_here(const args *a, sedge_error *err)
{
    bench b = {.a = a};
    json_t *tree = NULL;
    values_init(&b.one.v, a->seed);
    values_init(&b.other.v, a->seed);
    sedge_status st = measure(&b, a, err);
    if (st == SEDGE_OK && !(tree = bench_tree(&b)))
        sg_fail(err, SEDGE_E_NOMEM, "no memory");
    err->status = st;
    values_blame(&b.one.v, err);
    close_side(&b.one);
    close_side(&b.other);
    sg_times_free(&b.times);
    sg_times_free(&b.against.a);
    sg_times_free(&b.against.b);
    sg_duty_free(&b.duty);
    free(b.step_s);
    return tree;
}

/* On another machine; answers that are made of integers must be the same there. */
static json_t *bench_there(const args *a, const char *target, sedge_error *err)
{
    int status;
    const char *why = NULL;
    if (strcmp(target, "here") == 0)
        return bench_here(a, err);
    if (!a->data && !a->n_in && !a->n_dim && remote_same(a, target, &why, err) != SEDGE_OK)
        return NULL;
    json_t *tree = remote_run(a, target, &status, err);
    bool compared = !a->data && !a->n_in && !a->n_dim && !why;
    if (tree)
        json_object_set_new(tree, "same_answers", compared ? json_true() : json_string(why ? why : "not compared"));
    return tree;
}

static void print_json(const json_t *tree)
{
    json_dumpf(tree, stdout, SG_REPORT_DUMP);
    putchar('\n');
}

static int bench_model(const args *a)
{
    sedge_error err = {0};
    json_t *tree = a->n_on ? bench_there(a, a->on[0], &err) : bench_here(a, &err);
    if (!tree)
        return fail_error(a->rest[0], &err);
    if (a->json)
        print_json(tree);
    else
        bench_print(tree, a);
    int status = bench_judge(tree, a);
    json_decref(tree);
    return status;
}

/* Several targets, one after the other; one that fails does not keep the others from being measured. */
static int bench_targets(const args *a)
{
    json_t *all = json_array();
    int status = EXIT_OK;
    for (int k = 0; k < a->n_on; k++) {
        sedge_error err = {0};
        json_t *tree = bench_there(a, a->on[k], &err);
        if (!tree) {
            status = fail_error(a->rest[0], &err);
            continue;
        }
        json_object_set_new(tree, "on", json_string(a->on[k]));
        int judged = bench_judge(tree, a);
        status = status == EXIT_OK ? judged : status;
        json_array_append_new(all, tree);
    }
    if (a->json) {
        json_t *o = json_pack("{s:s, s:O}", "schema", "sedge.bench-matrix/1", "targets", all);
        print_json(o);
        json_decref(o);
    } else if (json_array_size(all)) {
        bench_print_matrix(all);
    }
    json_decref(all);
    return status;
}

static int bench_main(int argc, char **argv)
{
    args a = {0};
    a.seconds = 2;
    a.threads = 1;
    a.minutes = 1;
    int status = args_parse(&a, &verb_bench, "idtsSjpfTFOuRMcYPUbaeCHJ", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_bench.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_bench, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK)
        status = bench_check(&a);
    if (status == EXIT_OK && !a.help)
        status = a.n_on > 1 ? bench_targets(&a) : bench_model(&a);
    args_free(&a);
    return status;
}
