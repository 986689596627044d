/* One line on stderr: what, where, what to do. */
#include "cli.h"

#include <stdarg.h>
#include <string.h>

static void say(const char *fmt, va_list ap)
{
    char text[8192];
    fflush(stdout);
    vsnprintf(text, sizeof text, fmt, ap);
    /* Names from a hostile file must not end the line or steer the terminal. */
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    fprintf(stderr, "sedge: %s", text);
}

int fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_FAILED;
}

int usage(const verb *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    fprintf(stderr, "; `sedge %s --help` shows the usage\n", v->name);
    return EXIT_USAGE;
}

int fail_error(const char *path, const sedge_error *err)
{
    const char *msg = err->msg[0] ? err->msg : sedge_status_text(err->status);
    if (strstr(msg, path))
        return fail("%s", msg);
    return fail("%s: %s", path, msg);
}
