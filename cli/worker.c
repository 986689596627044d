/* sedge worker: the far side of --on, over standard input and output. */
#include "cli.h"

#include <unistd.h>

#include "fit/worker.h"

static int worker_main(int argc, char **argv);

const verb verb_worker = {"worker", "the far side of --on: measures here what another machine asks for",
                          "worker [--dir DIR] [--commands]", worker_main};

static int serve(const args *a)
{
    sedge_error err = {0};
    sg_worker_opts o = {.dir = a->dir, .run = run_verb, .commands = a->commands};
    return sg_worker_serve(STDIN_FILENO, STDOUT_FILENO, &o, &err) == SEDGE_OK ? EXIT_OK : fail("worker: %s", err.msg);
}

static int worker_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_worker, "KX", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_worker.usage);
    else if (status == EXIT_OK && a.n_rest)
        status = usage(&verb_worker, "it takes no file");
    else if (status == EXIT_OK)
        status = serve(&a);
    args_free(&a);
    return status;
}
