/* An allocator that fails at the n-th request and counts what is held. */
#ifndef SG_TESTS_FAILING_H
#define SG_TESTS_FAILING_H

#include <stddef.h>
#include <stdlib.h>

typedef struct failing {
    long left; /* requests that still succeed */
    size_t held;
} failing;

static void *failing_alloc(void *ctx, void *p, size_t old_size, size_t new_size)
{
    failing *f = ctx;
    if (new_size == 0) {
        free(p);
        f->held -= old_size;
        return NULL;
    }
    if (new_size > old_size && --f->left < 0)
        return NULL;
    void *q = realloc(p, new_size);
    if (q)
        f->held += new_size - old_size;
    return q;
}

#endif
