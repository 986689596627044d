/* The checksum of large memory: chunks by four lanes of 64 bits, then the chunks' sums the same way. A step of a lane is a
 * multiplication by an odd number and a rotation, which loses nothing: a change within one word always changes the sum. */
#include "base/sum.h"

#include <string.h>

#include "base/threads.h"

#define A 0x9e3779b97f4a7c15u /* odd, bits well mixed: 2^64 / golden ratio */
#define B 0xc2b2ae3d27d4eb4fu /* 2^64 times the fractional part of a root, odd */

static uint64_t step(uint64_t lane, uint64_t word)
{
    lane += word * B;
    return (lane << 31 | lane >> 33) * A;
}

static uint64_t load(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t sum_of(const unsigned char *p, size_t n)
{
    uint64_t lane[4] = {A, B, ~A, ~B}, h = n;
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (int j = 0; j < 4; j++)
            lane[j] = step(lane[j], load(p + i + 8 * j));
    for (; i < n; i++)
        lane[i % 4] = step(lane[i % 4], p[i]);
    for (int j = 0; j < 4; j++)
        h = step(h, lane[j]);
    return h ^ h >> 29;
}

enum { BATCH = 64 };

typedef struct job {
    const unsigned char *p;
    size_t n;
    uint64_t sum[BATCH];
} job;

static void chunk(void *ctx, int64_t i)
{
    job *j = ctx;
    size_t at = (size_t)i * SG_SUM_CHUNK, left = j->n - at;
    j->sum[i] = sum_of(j->p + at, left < SG_SUM_CHUNK ? left : SG_SUM_CHUNK);
}

uint64_t sg_sum(uint64_t h, const void *p, size_t n, int threads)
{
    job j;
    j.p = p;
    for (; n; n -= j.n, j.p += j.n) {
        j.n = n < (size_t)SG_SUM_CHUNK * BATCH ? n : (size_t)SG_SUM_CHUNK * BATCH;
        size_t chunks = (j.n + SG_SUM_CHUNK - 1) / SG_SUM_CHUNK;
        sg_parallel(threads, (int64_t)chunks, chunk, &j);
        for (size_t i = 0; i < chunks; i++)
            h = step(h, j.sum[i]);
    }
    return h;
}
