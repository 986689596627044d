/* sedge compile: a model planned for this machine, in a file that starts in milliseconds. */
#include "cli.h"

#include <signal.h>
#include <sys/stat.h>

static int compile_main(int argc, char **argv);

const verb verb_compile = {"compile", "a plan in a file: graph, kernels and packed weights, which starts in milliseconds",
                           "compile MODEL -o FILE.sedge [--dim N=1]... [--functions F.onnx]\n"
                           "                     [--tune quick|full] [--target cpu|reference|loopback] [--json]",
                           compile_main};

/* Ctrl-C waits for the file: it stands whole or not at all, and nothing stands beside it. */
static sedge_status save(const sedge_plan *plan, const char *path, sedge_error *err)
{
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    sigprocmask(SIG_BLOCK, &stops, &before);
    sedge_status st = sedge_plan_save(plan, path, err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return st;
}

static void report(const opened *o, const args *a)
{
    struct stat sb = {0};
    sedge_plan_info info;
    char digest[SEDGE_DIGEST_MAX], text[32];
    stat(a->out, &sb);
    sedge_plan_get_info(o->plan, &info);
    sedge_plan_digest(o->plan, digest);
    if (a->json) {
        json j = {.f = stdout};
        json_open(&j, NULL, '{');
        json_str(&j, "schema", "sedge.compile/1");
        json_str(&j, "model", a->rest[0]);
        json_str(&j, "file", a->out);
        json_int(&j, "bytes", (int64_t)sb.st_size);
        json_int(&j, "steps", info.steps);
        json_int(&j, "packed_bytes", info.packed_bytes);
        json_str(&j, "plan_digest", digest);
        json_close(&j, '}');
    } else {
        printf("%s: %s, %d steps, plan %.16s\n", a->out, bytes_text((double)sb.st_size, text), info.steps, digest);
    }
}

static int compile_model(const args *a)
{
    opened o = {0};
    sedge_error err = {0};
    int status = EXIT_OK;
    sedge_status st = opened_open(&o, a->rest[0], a, false, &err);
    if (st != SEDGE_OK)
        status = fail_error(a->rest[0], &err);
    else if (save(o.plan, a->out, &err) != SEDGE_OK)
        status = fail_error(a->out, &err);
    else
        report(&o, a);
    opened_close(&o);
    return status;
}

static int compile_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_compile, "odfTFOju", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_compile.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_compile, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK && !a.out)
        status = usage(&verb_compile, "-o FILE.sedge is needed");
    else if (status == EXIT_OK)
        status = compile_model(&a);
    args_free(&a);
    return status;
}
