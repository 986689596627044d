/* Makes a damaged file of a plan one that its digests do not give away, so that what reads it is tried, not what checks it. */
#ifndef SG_TESTS_RESIGN_H
#define SG_TESTS_RESIGN_H

#include "base/cpu.h"
#include "base/sha256.h"
#include "base/sum.h"
#include "plan/saved.h"

static inline void resign_put(unsigned char *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

/* The length that it then has; what is no plan stays as it is. */
static inline size_t resign(unsigned char *b, size_t n)
{
    uint64_t head = 0;
    sg_sha256 sha;
    if (n < SG_SAVED_HEAD || !sg_saved_is(b, n))
        return n;
    for (int i = 0; i < 8; i++)
        head |= (uint64_t)b[48 + i] << 8 * i;
    head = head < n - SG_SAVED_HEAD ? head : n - SG_SAVED_HEAD;
    size_t at = sg_align_up(SG_SAVED_HEAD + (size_t)head);
    if (at > n) {
        at -= SG_ALIGN;
        head = at - SG_SAVED_HEAD;
    }
    size_t data = (n - at) / SG_ALIGN * SG_ALIGN;
    if (at < SG_SAVED_HEAD)
        return n;
    resign_put(b + 8, SG_SAVED_FORMAT, 4);
    resign_put(b + 12, sg_cpu(), 4);
    memcpy(b + 16, sg_build_id, 32);
    resign_put(b + 48, head, 8);
    resign_put(b + 56, at, 8);
    resign_put(b + 64, data, 8);
    resign_put(b + 72, sg_sum(0, b + at, data, 1), 8);
    sg_sha256_init(&sha);
    sg_sha256_add(&sha, b, SG_SAVED_FIXED);
    sg_sha256_add(&sha, b + SG_SAVED_HEAD, (size_t)head);
    sg_sha256_end(&sha, b + SG_SAVED_FIXED);
    return at + data;
}

#endif
