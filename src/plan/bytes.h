/* Numbers and strings as bytes, for files of plans: written to a block that grows, read from bytes that may lie. */
#ifndef SG_PLAN_BYTES_H
#define SG_PLAN_BYTES_H

#include <stdbool.h>

#include "base/mem.h"

typedef struct sg_sink {
    sg_mem *mem;
    uint8_t *p;
    size_t n, cap;
    bool lost; /* memory ended */
} sg_sink;

void sg_put(sg_sink *s, const void *p, size_t n);
void sg_put_u(sg_sink *s, uint64_t v); /* small numbers in few bytes: seven bits each, lowest first */
void sg_put_i(sg_sink *s, int64_t v);
void sg_put_f(sg_sink *s, double v);
/* NULL is not "". A NUL follows, so that a reader can borrow the string. */
void sg_put_str(sg_sink *s, const char *p);
void sg_put_strn(sg_sink *s, const char *p, size_t n);

/* After a failure every answer is 0, NULL or "", and bad stays set. */
typedef struct sg_source {
    const uint8_t *p;
    size_t n, at;
    bool bad;
} sg_source;

const void *sg_take(sg_source *s, size_t n); /* the next n bytes, borrowed */
uint64_t sg_take_u(sg_source *s, uint64_t most); /* more than `most` is bad */
int64_t sg_take_i(sg_source *s);
double sg_take_f(sg_source *s);
const char *sg_take_str(sg_source *s, size_t *n); /* borrowed; n may be NULL */
/* A count of things of which each takes a byte at least. */
static inline size_t sg_take_count(sg_source *s)
{
    return (size_t)sg_take_u(s, s->n - s->at);
}

#endif
