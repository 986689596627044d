/* Files that are whole or absent: written beside their place, then renamed; Ctrl-C removes the rest. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file in the making; the handler may only call async-signal-safe functions. */
static char pending[4096];
static volatile sig_atomic_t is_pending;

static void on_signal(int sig)
{
    if (is_pending)
        unlink(pending);
    signal(sig, SIG_DFL);
    raise(sig);
}

bool save_begin(saver *s, const char *path)
{
    memset(s, 0, sizeof *s);
    if (strlen(path) + 32 > sizeof s->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(s->path, path);
    snprintf(s->temp, sizeof s->temp, "%s.%ld.part", path, (long)getpid());
    strcpy(pending, s->temp);
    is_pending = 1;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    s->f = fopen(s->temp, "wb");
    if (!s->f)
        is_pending = 0;
    return s->f != NULL;
}

bool save_end(saver *s, bool good)
{
    if (ferror(s->f))
        good = false;
    if (fclose(s->f) != 0)
        good = false;
    if (!good || rename(s->temp, s->path) != 0) {
        int why = errno;
        unlink(s->temp);
        errno = why;
        good = false;
    }
    is_pending = 0;
    return good;
}

static bool make_dirs(const char *dir)
{
    char path[4096];
    if (strlen(dir) >= sizeof path)
        return false;
    strcpy(path, dir);
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            if (mkdir(path, 0777) != 0 && errno != EEXIST)
                return false;
            *p = '/';
        }
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

static void file_name(char *out, size_t size, const char *name)
{
    size_t n = 0;
    for (; name[n] && n + 1 < size; n++) {
        char c = name[n];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                     c == '-';
        out[n] = plain ? c : '_';
    }
    out[n] = 0;
}

int save_tensor(const char *dir, const char *name, const sedge_tensor *t)
{
    char base[256], path[4096], header[256];
    size_t n;
    sg_tensor st;
    memcpy(&st, t, sizeof st);
    if (t->kind != SEDGE_TENSOR || !sg_npy_header(&st, header, &n))
        return fail("output %s is %s, which .npy cannot hold: not written", name,
                    t->kind != SEDGE_TENSOR ? "not a tensor" : sedge_dtype_name(t->dtype));
    file_name(base, sizeof base - 8, name);
    if (!make_dirs(dir))
        return fail("%s: cannot make the folder: %s", dir, strerror(errno));
    if (snprintf(path, sizeof path, "%s/%s.npy", dir, base) >= (int)sizeof path)
        return fail("%s: path too long", dir);
    saver s;
    if (!save_begin(&s, path))
        return fail("%s: %s", path, strerror(errno));
    size_t bytes = sedge_tensor_bytes(t);
    bool good = fwrite(header, 1, n, s.f) == n && (bytes == 0 || fwrite(t->data, 1, bytes, s.f) == bytes);
    if (!save_end(&s, good))
        return fail("%s: cannot be written: %s", path, strerror(errno));
    return EXIT_OK;
}
