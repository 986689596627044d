/* Tasks: opening a model with its card. */
#include "sedge/task.h"

#include <string.h>

void sedge_task_opts_init(sedge_task_opts *opts)
{
    memset(opts, 0, sizeof *opts);
    sedge_plan_opts_init(&opts->plan);
    sedge_session_opts_init(&opts->session);
}
