/* A checksum of large memory at the speed of memory: it finds damage, it does not stop a forger. */
#ifndef SG_BASE_SUM_H
#define SG_BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

enum { SG_SUM_CHUNK = 1 << 18 };

/* The sum `h` of the bytes before (0: none) continued by n more, on at most `threads` threads. What is summed piece by piece has the same
 * sum as the whole if every piece but the last is a multiple of SG_SUM_CHUNK. */
uint64_t sg_sum(uint64_t h, const void *p, size_t n, int threads);

#endif
