/* A line of progress on the terminal for what takes longer than a second; nothing when piped. */
#include "cli.h"

#include <unistd.h>

void progress_start(progress *p, const char *what)
{
    p->what = what;
    p->start = p->last = sg_now();
    p->shown = false;
    p->terminal = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO);
}

void progress_show(progress *p, double part)
{
    double now = sg_now(), spent = now - p->start;
    if (!p->terminal || spent < 1 || now - p->last < 0.2 || part <= 0)
        return;
    fflush(stdout);
    fprintf(stderr, "\r\033[K%s %3.0f %%, %.0f s left", p->what, 100 * part, spent / part - spent);
    p->last = now;
    p->shown = true;
}

void progress_clear(progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}

void progress_tell(void *ctx, const char *what, double part)
{
    progress *p = ctx;
    if (p->what != what) {
        progress_clear(p);
        progress_start(p, what);
    }
    progress_show(p, part);
}
