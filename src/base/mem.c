/* The allocator handle and the arena. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *raw(sg_mem *m, void *p, size_t old_size, size_t new_size)
{
    if (m->fn)
        return m->fn(m->ctx, p, old_size, new_size);
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

void *sg_realloc(sg_mem *m, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        sg_free(m, p, old_size);
        return NULL;
    }
    if (new_size > old_size) {
        size_t more = new_size - old_size;
        if (m->limit && (m->used > m->limit || more > m->limit - m->used))
            return NULL;
    }
    void *q = raw(m, p, old_size, new_size);
    if (!q)
        return NULL;
    m->calls++;
    m->used += new_size;
    m->used -= old_size;
    if (m->used > m->peak)
        m->peak = m->used;
    return q;
}

void *sg_alloc(sg_mem *m, size_t size)
{
    return sg_realloc(m, NULL, 0, size ? size : 1);
}

void *sg_calloc(sg_mem *m, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    void *p = sg_alloc(m, n * size);
    if (p)
        memset(p, 0, n * size);
    return p;
}

void sg_free(sg_mem *m, void *p, size_t size)
{
    if (!p)
        return;
    if (size == 0)
        size = 1;
    raw(m, p, size, 0);
    m->used -= size;
}

/* The offset to the start of the raw block stands in the byte before the block. */
#define ALIGN 64u

void *sg_alloc_aligned(sg_mem *m, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        return NULL;
    unsigned char *p = sg_alloc(m, size + ALIGN);
    if (!p)
        return NULL;
    size_t shift = ALIGN - ((uintptr_t)p & (ALIGN - 1));
    p[shift - 1] = (unsigned char)shift;
    return p + shift;
}

void sg_free_aligned(sg_mem *m, void *p, size_t size)
{
    if (!p)
        return;
    unsigned char *q = p;
    sg_free(m, q - q[-1], size + ALIGN);
}

sedge_status sg_grow(sg_mem *m, void *arr_ptr, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return SEDGE_OK;
    size_t n = *cap ? *cap : 8;
    while (n < need) {
        if (n > SIZE_MAX / 2)
            return SEDGE_E_NOMEM;
        n *= 2;
    }
    if (n > SIZE_MAX / size)
        return SEDGE_E_NOMEM;
    void *old;
    memcpy(&old, arr_ptr, sizeof old);
    void *p = sg_realloc(m, old, *cap * size, n * size);
    if (!p)
        return SEDGE_E_NOMEM;
    memset((char *)p + *cap * size, 0, (n - *cap) * size);
    memcpy(arr_ptr, &p, sizeof p);
    *cap = n;
    return SEDGE_OK;
}

struct sg_chunk {
    struct sg_chunk *next;
    size_t size, used; /* bytes after this header */
};
/* Room for the header and for rounding the first byte after it up to 16: malloc aligns to 8 on 32-bit machines. */
#define HEAD ((sizeof(struct sg_chunk) + 31u) & ~(size_t)15u)

void *sg_arena_alloc(sg_arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + 15u) & ~(size_t)15u;
    struct sg_chunk *c = a->chunk;
    if (!c || c->size - c->used < size) {
        size_t room = c ? c->size * 2 : 4096;
        if (room > 262144)
            room = 262144;
        if (room < size)
            room = size;
        c = sg_alloc(a->mem, HEAD + room);
        if (!c) {
            a->lost = true;
            return NULL;
        }
        c->size = room;
        c->used = 0;
        c->next = a->chunk;
        a->chunk = c;
    }
    size_t first = sizeof *c + (16u - ((uintptr_t)c + sizeof *c) % 16u) % 16u;
    unsigned char *p = (unsigned char *)c + first + c->used;
    c->used += size;
    a->total += size;
    memset(p, 0, size);
    return p;
}

void *sg_arena_array(sg_arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    return sg_arena_alloc(a, n * size);
}

void *sg_arena_dup(sg_arena *a, const void *p, size_t size)
{
    void *q = sg_arena_alloc(a, size);
    if (q && size)
        memcpy(q, p, size);
    return q;
}

char *sg_arena_str(sg_arena *a, const char *s, size_t len)
{
    char *q = sg_arena_alloc(a, len + 1);
    if (q && len)
        memcpy(q, s, len);
    return q;
}

void sg_arena_free(sg_arena *a)
{
    while (a->chunk) {
        struct sg_chunk *next = a->chunk->next;
        sg_free(a->mem, a->chunk, HEAD + a->chunk->size);
        a->chunk = next;
    }
    a->total = 0;
}
