/* A file in memory: mapped read-only, or copied where it cannot be mapped. */
#ifndef SG_BASE_MAP_H
#define SG_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct sg_map {
    const uint8_t *data; /* NULL when size is 0 */
    size_t size;
} sg_map;

/* Maps a regular file (anything else is refused). */
sedge_status sg_map_open(sg_map *map, const char *path, sg_err *err);
void sg_map_close(sg_map *map);
/* Zeros that take no memory. */
sedge_status sg_map_zeros(sg_map *map, size_t size, sg_err *err);

/* Lets the whole pages of [at, at + n) leave this process's memory until they are read again. Locked pages stay. */
void sg_map_drop(const sg_map *map, size_t at, size_t n);

/* Bytes of memory that the machine has; the default of every memory limit. */
size_t sg_ram_bytes(void);

/* Seconds of a monotonic clock. */
double sg_now(void);

#endif
