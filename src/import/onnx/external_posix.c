/* Weights outside the model file: only beside it, never through a link. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/onnx/tensor.h"

/* Opens the model's folder. */
static int folder_open(const char *model)
{
    char dir[4096];
    const char *slash = strrchr(model, '/');
    size_t n = slash ? (size_t)(slash - model) : 0;
    if (!slash)
        return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (n == 0)
        return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (n >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(dir, model, n);
    dir[n] = 0;
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Walks the parts of a relative path without following links; consumes fd. */
static int walk_open(int fd, char *rel)
{
    while (fd >= 0) {
        char *slash = strchr(rel, '/');
        if (slash)
            *slash = 0;
        int next = -1;
        if (strcmp(rel, "..") == 0)
            errno = EACCES;
        else if (slash && (*rel == 0 || strcmp(rel, ".") == 0))
            next = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        else
            next = openat(fd, rel, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (slash ? O_DIRECTORY : 0));
        int saved = errno;
        close(fd);
        errno = saved;
        fd = next;
        if (!slash)
            break;
        rel = slash + 1;
    }
    return fd;
}

static sedge_status map_fd(int fd, const char *name, sg_map *map, sg_err *err)
{
    struct stat sb;
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode))
        return sg_fail(err, SEDGE_E_IO, "external data %.200s: not a regular file", name);
    map->data = NULL;
    map->size = 0;
    if (sb.st_size <= 0)
        return SEDGE_OK;
    void *p = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return sg_fail(err, SEDGE_E_IO, "external data %.200s: cannot map: %s", name, strerror(errno));
    map->data = p;
    map->size = (size_t)sb.st_size;
    return SEDGE_OK;
}

static sedge_status file_get(const sg_onnx_files *files, sg_bytes loc, sg_import_file **out, sg_err *err)
{
    for (sg_import_file *f = *files->list; f; f = f->next)
        if (strlen(f->name) == loc.n && memcmp(f->name, loc.p, loc.n) == 0)
            return *out = f, SEDGE_OK;
    char rel[1024];
    if (loc.n == 0 || loc.n >= sizeof rel || loc.p[0] == '/' || memchr(loc.p, 0, loc.n))
        return sg_fail(err, SEDGE_E_FORMAT, "external data: the location is empty, absolute or too long");
    memcpy(rel, loc.p, loc.n);
    rel[loc.n] = 0;
    sg_import_file *f = sg_arena_alloc(files->arena, sizeof *f);
    if (!f || !(f->name = sg_arena_str(files->arena, rel, loc.n)))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    int fd = walk_open(folder_open(files->model), rel);
    if (fd < 0)
        return sg_fail(err, errno == ENOENT ? SEDGE_E_NOT_FOUND : SEDGE_E_IO, "external data %.200s: %s", f->name,
                       errno == ELOOP || errno == EACCES ? "may not leave the model's folder" : strerror(errno));
    sedge_status st = map_fd(fd, f->name, &f->map, err);
    close(fd);
    SG_TRY(st);
    f->next = *files->list;
    *files->list = f;
    *out = f;
    return SEDGE_OK;
}

sedge_status sg_onnx_external(const sg_onnx_files *files, sg_bytes location, uint64_t offset, uint64_t size, const void **out,
                              sg_err *err)
{
    static const uint64_t none[2] = {0, 0};
    if (!files || !files->model)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "external data needs the model to be opened as a file");
    sg_import_file *f;
    SG_TRY(file_get(files, location, &f, err));
    if (offset > f->map.size || size > f->map.size - offset)
        return sg_fail(err, SEDGE_E_FORMAT, "external data %.200s: %llu bytes at %llu are past its end", f->name,
                       (unsigned long long)size, (unsigned long long)offset);
    *out = f->map.data ? f->map.data + offset : (const uint8_t *)none;
    return SEDGE_OK;
}
