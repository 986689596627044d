/* Decompressing DEFLATE data (RFC 1951). */
#ifndef SG_IMPORT_DATA_INFLATE_H
#define SG_IMPORT_DATA_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills exactly n bytes of out; false when the data is malformed or gives another length. */
bool sg_inflate(const uint8_t *in, size_t n_in, uint8_t *out, size_t n);

#endif
