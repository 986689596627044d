/* What a verb is to work on: files, the files of a folder, patterns, standard input. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool keep(sources *s, const char *path)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        char **grown = realloc(s->path, cap * sizeof *grown);
        if (!grown)
            return false;
        s->path = grown;
        s->cap = cap;
    }
    size_t n = strlen(path) + 1;
    char *copy = malloc(n);
    if (!copy)
        return false;
    memcpy(copy, path, n);
    s->path[s->n++] = copy;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The regular files of a folder, by name; hidden ones are left out. */
static int add_folder(sources *s, const char *path)
{
    DIR *d = opendir(path);
    size_t first = s->n;
    int status = EXIT_OK;
    if (!d)
        return fail("%s: %s", path, strerror(errno));
    for (struct dirent *e; status == EXIT_OK && (e = readdir(d));) {
        char full[4096];
        struct stat st;
        if (e->d_name[0] == '.' || snprintf(full, sizeof full, "%s/%s", path, e->d_name) >= (int)sizeof full)
            continue;
        if (stat(full, &st) == 0 && S_ISREG(st.st_mode) && !keep(s, full))
            status = fail("out of memory");
    }
    closedir(d);
    if (s->n > first)
        qsort(s->path + first, s->n - first, sizeof *s->path, by_name);
    if (status == EXIT_OK && s->n == first)
        status = fail("%s: the folder holds no files", path);
    return status;
}

static int add_pattern(sources *s, const char *pattern)
{
    glob_t g;
    int rc = glob(pattern, 0, NULL, &g), status = EXIT_OK;
    if (rc != 0)
        return fail("%s: %s", pattern, rc == GLOB_NOMATCH ? "no file matches" : "cannot be searched");
    for (size_t k = 0; status == EXIT_OK && k < g.gl_pathc; k++)
        if (!keep(s, g.gl_pathv[k]))
            status = fail("out of memory");
    globfree(&g);
    return status;
}

int sources_add(sources *s, const char *word)
{
    struct stat st;
    if (strcmp(word, "-") == 0)
        return keep(s, word) ? EXIT_OK : fail("out of memory");
    if (stat(word, &st) == 0)
        return S_ISDIR(st.st_mode) ? add_folder(s, word) : keep(s, word) ? EXIT_OK : fail("out of memory");
    if (strpbrk(word, "*?["))
        return add_pattern(s, word);
    return fail("%s: %s", word, strerror(errno));
}

void sources_free(sources *s)
{
    for (size_t k = 0; k < s->n; k++)
        free(s->path[k]);
    free(s->path);
    memset(s, 0, sizeof *s);
}
