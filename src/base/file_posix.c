/* Files that appear whole or not at all, by POSIX: written under another name, then renamed. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(fd, p, n < (size_t)1 << 30 ? n : (size_t)1 << 30);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool write_part(int fd, const sg_file_part *part)
{
    static const char zeros[4096];
    size_t left = part->bytes, n;
    if (part->data)
        return write_all(fd, part->data, left);
    for (; left; left -= n) {
        n = left < sizeof zeros ? left : sizeof zeros;
        if (!write_all(fd, zeros, n))
            return false;
    }
    return true;
}

sedge_status sg_file_begin(sg_file *f, const char *path, const sg_file_part *part, size_t n, sg_err *err)
{
    static atomic_uint number; /* threads may write one path at a time */
    int len = snprintf(f->path, sizeof f->path, "%s", path);
    if (len < 0 || (size_t)len >= sizeof f->path)
        return sg_fail(err, SEDGE_E_ARG, "%.60s...: the path is too long", path);
    snprintf(f->temp, sizeof f->temp, "%s.%ld.%u.part", f->path, (long)getpid(), atomic_fetch_add(&number, 1));
    int fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return sg_fail(err, SEDGE_E_IO, "%s: cannot be written: %s", path, strerror(errno));
    bool good = true;
    for (size_t i = 0; good && i < n; i++)
        good = write_part(fd, &part[i]);
    good = good && fsync(fd) == 0;
    int why = errno;
    if (close(fd) == 0 && good)
        return SEDGE_OK;
    unlink(f->temp);
    return sg_fail(err, SEDGE_E_IO, "%s: cannot be written: %s", path, strerror(why));
}

sedge_status sg_file_end(sg_file *f, bool keep, sg_err *err)
{
    if (keep && rename(f->temp, f->path) == 0)
        return SEDGE_OK;
    int why = errno;
    unlink(f->temp);
    return keep ? sg_fail(err, SEDGE_E_IO, "%s: cannot be written: %s", f->path, strerror(why)) : SEDGE_OK;
}
