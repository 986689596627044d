/* The one error record that every layer fills: a status and one line of text. */
#ifndef SG_BASE_ERR_H
#define SG_BASE_ERR_H

#include "sedge/status.h"

#define SG_ERR_MAX SEDGE_ERROR_MAX
typedef sedge_error sg_err;

#if defined(__GNUC__)
#define SG_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define SG_PRINTF(a, b)
#endif

/* Records status and message in err (NULL allowed) and returns status. The first
 * failure wins: the layers above prefix it with sg_err_where. */
sedge_status sg_fail(sg_err *err, sedge_status status, const char *fmt, ...) SG_PRINTF(3, 4);

/* Puts "where: " before the recorded message (node, file, field). */
void sg_err_where(sg_err *err, const char *fmt, ...) SG_PRINTF(2, 3);

#define SG_TRY(expr)                      \
    do {                                  \
        sedge_status sg_try_st_ = (expr); \
        if (sg_try_st_ != SEDGE_OK)       \
            return sg_try_st_;            \
    } while (0)

#endif
