/* The FlatBuffers builder (flatbuffers.dev/internals). Offsets are unsigned and point forwards, so a table is written before what it
 * points to and its slots are filled as that comes; each table has a vtable of its own in front of it. */
#include "export/tflite/fb.h"

#include <string.h>

static uint8_t *more(sg_fbw *w, size_t n)
{
    if (w->lost || n > SIZE_MAX - w->n || sg_grow(w->mem, &w->p, &w->cap, w->n + n, 1) != SEDGE_OK) {
        w->lost = true;
        return NULL;
    }
    uint8_t *p = w->p + w->n;
    memset(p, 0, n);
    w->n += n;
    return p;
}

static void put(sg_fbw *w, int64_t v, int size)
{
    uint8_t *p = more(w, (size_t)size);
    for (int i = 0; p && i < size; i++)
        p[i] = (uint8_t)((uint64_t)v >> (8 * i));
}

/* Zeros until the place `ahead` bytes from here is a multiple of `to`. */
static void align(sg_fbw *w, size_t to, size_t ahead)
{
    size_t over = (size_t)((w->n + w->borrowed + ahead) % to);
    if (over)
        more(w, to - over);
}

/* Slot `from` points here. */
static void point(sg_fbw *w, size_t from)
{
    uint64_t to = w->n + w->borrowed - from;
    if (to > INT32_MAX) /* readers take offsets for signed ones */
        w->lost = true;
    for (int i = 0; i < 4 && !w->lost; i++)
        w->p[from + (size_t)i] = (uint8_t)(to >> (8 * i));
}

size_t sg_fbw_open(sg_fbw *w, const char id[4])
{
    uint8_t *p = more(w, 8);
    if (p)
        memcpy(p + 4, id, 4);
    return 0;
}

static void set16(sg_fbw *w, size_t at, size_t v)
{
    if (v > UINT16_MAX)
        w->lost = true;
    w->p[at] = (uint8_t)v;
    w->p[at + 1] = (uint8_t)(v >> 8);
}

void sg_fbw_table(sg_fbw *w, size_t from, sg_fbw_field *f, int n)
{
    static const int sizes[] = {8, 4, 2, 1};
    size_t entries = 0;
    bool wide = false;
    for (int i = 0; i < n; i++) {
        wide = wide || f[i].size == 8;
        entries = f[i].number >= entries ? (size_t)f[i].number + 1 : entries;
    }
    size_t vtable = 4 + 2 * entries;
    align(w, wide ? 8 : 4, vtable + 4);
    size_t first = w->n, at = first + vtable;
    more(w, vtable);
    point(w, from);
    put(w, (int64_t)vtable, 4);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < n; i++)
            if ((f[i].size ? f[i].size : 4) == sizes[k]) {
                f[i].slot = w->n;
                put(w, f[i].size ? f[i].i : 0, sizes[k]);
            }
    if (w->lost)
        return;
    set16(w, first, vtable);
    set16(w, first + 2, w->n - at);
    for (int i = 0; i < n; i++)
        set16(w, first + 4 + 2 * (size_t)f[i].number, f[i].slot - at);
}

void sg_fbw_numbers(sg_fbw *w, size_t from, const int64_t *v, size_t n, int size)
{
    align(w, size == 8 ? 8 : 4, 4);
    point(w, from);
    put(w, (int64_t)n, 4);
    for (size_t i = 0; i < n; i++)
        put(w, v[i], size);
}

void sg_fbw_bytes(sg_fbw *w, size_t from, const void *bytes, size_t n)
{
    align(w, 4, 0);
    point(w, from);
    put(w, (int64_t)n, 4);
    uint8_t *p = more(w, n);
    if (p && n)
        memcpy(p, bytes, n);
}

void sg_fbw_str(sg_fbw *w, size_t from, const char *s)
{
    sg_fbw_bytes(w, from, s, strlen(s));
    more(w, 1);
}

size_t sg_fbw_offsets(sg_fbw *w, size_t from, size_t n)
{
    align(w, 4, 0);
    point(w, from);
    put(w, (int64_t)n, 4);
    size_t at = w->n;
    if (n > SIZE_MAX / 4)
        w->lost = true;
    else
        more(w, 4 * n);
    return at;
}

void sg_fbw_borrow(sg_fbw *w, size_t from, const void *p, size_t n)
{
    align(w, 16, 4);
    point(w, from);
    put(w, (int64_t)n, 4);
    if (n > INT32_MAX || sg_grow(w->mem, &w->piece, &w->cap_piece, w->n_piece + 1, sizeof *w->piece) != SEDGE_OK)
        w->lost = true;
    if (w->lost)
        return;
    w->piece[w->n_piece++] = (sg_fbw_piece){w->n, p, n};
    w->borrowed += n;
}

size_t sg_fbw_parts(const sg_fbw *w, sg_file_part *part)
{
    size_t n = 0, from = 0;
    for (size_t i = 0; i < w->n_piece; i++) {
        part[n++] = (sg_file_part){w->p + from, w->piece[i].at - from};
        part[n++] = (sg_file_part){w->piece[i].p, w->piece[i].n};
        from = w->piece[i].at;
    }
    part[n++] = (sg_file_part){w->p + from, w->n - from};
    return n;
}

void sg_fbw_free(sg_fbw *w)
{
    sg_free(w->mem, w->p, w->cap);
    sg_free(w->mem, w->piece, w->cap_piece * sizeof *w->piece);
    *w = (sg_fbw){.mem = w->mem};
}
