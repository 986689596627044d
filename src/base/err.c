/* Formatting of the error record. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Names from a file may hold anything: one line stays one line. */
static void one_line(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = '?';
}

sedge_status sg_fail(sg_err *err, sedge_status status, const char *fmt, ...)
{
    if (err && err->status == SEDGE_OK) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
        one_line(err->msg);
        err->status = status;
    }
    return status;
}

void sg_err_where(sg_err *err, const char *fmt, ...)
{
    if (!err)
        return;
    char old[SG_ERR_MAX];
    memcpy(old, err->msg, sizeof old);
    old[sizeof old - 1] = 0;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    size_t at = n < 0 ? 0 : (size_t)n;
    size_t len = strlen(old);
    if (at + 2 >= sizeof err->msg)
        return; /* no room for the rest */
    memcpy(err->msg + at, ": ", 2);
    at += 2;
    if (len > sizeof err->msg - 1 - at)
        len = sizeof err->msg - 1 - at;
    memcpy(err->msg + at, old, len);
    err->msg[at + len] = 0;
    one_line(err->msg);
}

const char *sedge_status_text(sedge_status status)
{
    static const char *const text[] = {
#define STATUS(id, t) t,
#include "sedge/status.def"
#undef STATUS
    };
    return (unsigned)status < SEDGE_STATUS_COUNT ? text[status] : "unknown status";
}
