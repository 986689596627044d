/* Records of CSV text (RFC 4180, and what is common beside it), numbers and times in it. */
#ifndef SG_MEDIA_CSV_H
#define SG_MEDIA_CSV_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

typedef struct sg_csv_field {
    const char *s;
    size_t n; /* without the quotes around it; quotes inside are still double */
    bool quoted;
} sg_csv_field;

typedef struct sg_csv {
    const char *text;
    size_t size, at;
    size_t line, next_line; /* of the record read last, of the one to come; from 1 */
    char separator;
    sg_csv_field *field;
    size_t n, cap;
    sg_mem *mem;
    sg_err *err;
} sg_csv;

/* Skips a byte order mark and finds out the separator. */
void sg_csv_start(sg_csv *c, const char *text, size_t size, sg_mem *mem, sg_err *err);
/* The next record that is not an empty line; *more false: there is none. */
sedge_status sg_csv_next(sg_csv *c, bool *more);
bool sg_csv_is(const sg_csv_field *f, const char *name);

typedef enum sg_csv_kind { SG_CSV_NUMBER, SG_CSV_MISSING, SG_CSV_TEXT } sg_csv_kind;
/* A decimal number; empty, NaN, NA and null are missing. */
sg_csv_kind sg_csv_number(const sg_csv_field *f, double *v);
/* Seconds, or ISO 8601 (seconds since 1970; without a zone: UTC). */
bool sg_csv_time(const sg_csv_field *f, double *seconds);

#endif
