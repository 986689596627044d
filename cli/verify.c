/* sedge verify: the claims of a report, measured again. */
#include "cli.h"

#include <string.h>
#include <unistd.h>

#include "fit/report.h"
#include "fit/verify.h"

static int verify_main(int argc, char **argv);

const verb verb_verify = {"verify", "measures the claims of a report again",
                          "verify R.json [--key PUBLIC.pem] [--commands] [--json]", verify_main};

static void tell(void *ctx, const char *what)
{
    (void)ctx;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "measuring again: sedge %s ...\n", what);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void print_table(const json_t *tree)
{
    static const char *const title[] = {"claim", ">then", ">now", "holds"};
    const json_t *c;
    size_t i;
    table t;
    table_init(&t, 4, title);
    json_array_foreach(json_object_get(tree, "claims"), i, c)
    {
        const json_t *holds = json_object_get(c, "holds");
        char value[48];
        table_cell(&t, "%s", text_of(c, "id"));
        table_cell(&t, "%s", sg_report_value(value, json_object_get(c, "then"), text_of(c, "unit")));
        table_cell(&t, "%s", sg_report_value(value, json_object_get(c, "now"), text_of(c, "unit")));
        table_cell(&t, "%s", json_is_true(holds) ? "yes" : json_is_false(holds) ? "no" : "not measured again");
    }
    table_print(&t, stdout);
    printf("signature: %s%s\n", json_is_true(json_object_get(tree, "signed")) ? "by " : "", text_of(tree, "signature"));
}

/* Names each claim that no longer holds. */
static int judge(const json_t *tree, const char *path)
{
    const json_t *c;
    size_t i;
    int status = EXIT_OK;
    if (json_is_false(json_object_get(tree, "signed"))) {
        fail("%s: signature: %s", path, text_of(tree, "signature"));
        status = EXIT_LIMIT;
    }
    json_array_foreach(json_object_get(tree, "claims"), i, c) if (json_is_false(json_object_get(c, "holds")))
    {
        fail("%s: %s no longer holds: %s", path, text_of(c, "id"), text_of(c, "why"));
        status = EXIT_LIMIT;
    }
    return status;
}

static int verify(const args *a)
{
    char program[4096];
    sedge_error err = {0};
    json_t *report, *tree = NULL;
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0)
        return fail("verify: this program does not know where it stands");
    program[n] = 0;
    if (sg_verify_read(&report, a->rest[0], &err) != SEDGE_OK)
        return fail_error(a->rest[0], &err);
    sg_verify_opts o = {.program = program, .key = a->key, .commands = a->commands, .progress = tell};
    sedge_status st = sg_verify_run(report, &o, &tree, &err);
    json_decref(report);
    if (st != SEDGE_OK)
        return fail_error(a->rest[0], &err);
    if (a->json) {
        json_dumpf(tree, stdout, SG_REPORT_DUMP);
        putchar('\n');
    } else {
        print_table(tree);
    }
    int status = judge(tree, a->rest[0]);
    json_decref(tree);
    return status;
}

static int verify_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_verify, "jIX", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_verify.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_verify, a.n_rest ? "one report at a time" : "which report?");
    else if (status == EXIT_OK)
        status = verify(&a);
    args_free(&a);
    return status;
}
