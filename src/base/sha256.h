/* SHA-256 (FIPS 180-4), for digests that say what something is. */
#ifndef SG_BASE_SHA256_H
#define SG_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SG_SHA256_BYTES = 32 };

typedef struct sg_sha256 {
    uint32_t h[8];
    uint64_t n; /* bytes so far */
    uint8_t block[64];
} sg_sha256;

void sg_sha256_init(sg_sha256 *s);
void sg_sha256_add(sg_sha256 *s, const void *p, size_t n);
void sg_sha256_end(sg_sha256 *s, uint8_t out[SG_SHA256_BYTES]);

/* Digits of a digest, and NUL. */
void sg_sha256_text(const uint8_t digest[SG_SHA256_BYTES], char text[2 * SG_SHA256_BYTES + 1]);

#endif
