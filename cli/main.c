/* sedge VERB ...: finds the verb and hands over. */
#include "cli.h"

#include <string.h>

static const verb *const verbs[] = {&verb_run,     &verb_check,   &verb_bench,   &verb_card,    &verb_eval,
                                    &verb_compare, &verb_inspect, &verb_compile, &verb_convert, &verb_quantize,
                                    &verb_fit,     &verb_cpu,     &verb_worker,  &verb_verify};
#define N_VERBS (sizeof verbs / sizeof *verbs)

static int help(FILE *f)
{
    fputs("usage: sedge VERB MODEL [options]\n\n", f);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(f, "  %-9s %s\n", verbs[i]->name, verbs[i]->what);
    fputs("  version   the version of the library\n"
          "  help      this text; `sedge VERB --help` shows the options of a verb\n",
          f);
    return EXIT_OK;
}

int run_verb(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(stdout);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        printf("sedge %s\n", sedge_version());
        return EXIT_OK;
    }
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(name, verbs[i]->name) == 0)
            return verbs[i]->main(argc - 1, argv + 1);
    fail("unknown verb %s; `sedge help` lists them", name);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int status = run_verb(argc, argv);
    if (fflush(stdout) != 0 && status == EXIT_OK)
        status = fail("cannot write to standard output");
    return status;
}
