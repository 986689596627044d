/* Files that appear whole or not at all. */
#ifndef SG_BASE_FILE_H
#define SG_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct sg_file_part {
    const void *data; /* NULL: zeros */
    size_t bytes;
} sg_file_part;

typedef struct sg_file {
    char path[4096], temp[4096 + 48];
} sg_file;

/* Writes the parts beside `path`; the file stands at f->temp, whole and on the disk, until sg_file_end renames it (keep) or removes it.
 * After a failure there is none. */
sedge_status sg_file_begin(sg_file *f, const char *path, const sg_file_part *part, size_t n, sg_err *err);
sedge_status sg_file_end(sg_file *f, bool keep, sg_err *err);

#endif
