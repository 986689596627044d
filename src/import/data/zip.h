/* Reading zip archives (APPNOTE.TXT, the parts that NumPy and TensorFlow Lite write): no allocation but what an entry is unpacked to. */
#ifndef SG_IMPORT_DATA_ZIP_H
#define SG_IMPORT_DATA_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

typedef struct sg_zip {
    const uint8_t *p;
    size_t n, at, shift; /* shift: bytes before the archive that its offsets do not count */
    uint32_t left; /* entries */
} sg_zip;

typedef struct sg_zip_entry {
    const uint8_t *name, *data;
    size_t n_name, packed, size;
    unsigned method;
} sg_zip_entry;

/* False: no archive stands at the end of these bytes. */
bool sg_zip_open(sg_zip *z, const uint8_t *p, size_t n);
/* The next entry, while there are some `left`. */
sedge_status sg_zip_next(sg_zip *z, sg_zip_entry *e, sg_err *err);
/* The bytes of an entry, borrowed or unpacked into the arena. */
sedge_status sg_zip_unpack(sg_arena *a, const sg_zip_entry *e, const uint8_t **out, sg_err *err);

#endif
