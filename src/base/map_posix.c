/* File mapping and the clock, by POSIX. */
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

sedge_status sg_map_open(sg_map *map, const char *path, sg_err *err)
{
    map->data = NULL;
    map->size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sg_fail(err, errno == ENOENT ? SEDGE_E_NOT_FOUND : SEDGE_E_IO, "%s: %s", path, strerror(errno));
    struct stat sb;
    sedge_status st = SEDGE_OK;
    if (fstat(fd, &sb) != 0) {
        st = sg_fail(err, SEDGE_E_IO, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(sb.st_mode)) {
        st = sg_fail(err, SEDGE_E_IO, "%s: not a regular file", path);
    } else if (sb.st_size > 0) {
        void *p = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            st = sg_fail(err, SEDGE_E_IO, "%s: cannot map: %s", path, strerror(errno));
        } else {
            map->data = p;
            map->size = (size_t)sb.st_size;
        }
    }
    close(fd);
    return st;
}

void sg_map_close(sg_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    map->data = NULL;
    map->size = 0;
}

sedge_status sg_map_zeros(sg_map *map, size_t size, sg_err *err)
{
    void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *map = (sg_map){0};
    if (p == MAP_FAILED)
        return sg_fail(err, SEDGE_E_NOMEM, "no address space for %zu bytes", size);
    *map = (sg_map){p, size};
    return SEDGE_OK;
}

void sg_map_drop(const sg_map *map, size_t at, size_t n)
{
    long page = sysconf(_SC_PAGESIZE);
    if (page <= 0 || at > map->size || n > map->size - at)
        return;
    size_t size = (size_t)page, from = (at + size - 1) / size * size;
    size_t to = at + n == map->size ? map->size : (at + n) / size * size; /* the last page of a file may be a part of one */
    if (from < to)
        madvise((void *)(uintptr_t)(map->data + from), to - from, MADV_DONTNEED); /* a hint: refused, nothing changes */
}

size_t sg_ram_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || size <= 0 || (size_t)pages > SIZE_MAX / (size_t)size)
        return SIZE_MAX / 2;
    return (size_t)pages * (size_t)size;
}

double sg_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}
