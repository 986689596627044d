/* Size classes are powers of two, from 64 bytes. */
#include "run/pool.h"

#include <string.h>

typedef struct sg_block {
    struct sg_block *next; /* next free of the class */
    struct sg_block *all;  /* next of all */
    uint32_t cls;
} sg_block;

#define HEAD 64u

typedef struct sg_text_chunk {
    struct sg_text_chunk *next;
    size_t size, used;
} sg_text_chunk;

static uint32_t class_of(size_t bytes)
{
    uint32_t c = 6;
    while (c < SG_POOL_CLASSES && ((size_t)1 << c) < bytes)
        c++;
    return c;
}

void *sg_pool_alloc(sg_pool *p, size_t bytes)
{
    uint32_t c = class_of(bytes);
    if (c >= SG_POOL_CLASSES)
        return NULL;
    sg_block *b = p->free_list[c];
    if (b) {
        p->free_list[c] = b->next;
    } else {
        size_t size = ((size_t)1 << c) + HEAD;
        b = sg_alloc_aligned(p->mem, size);
        if (!b)
            return NULL;
        p->held += size;
        b->cls = c;
        b->all = p->all;
        p->all = b;
    }
    b->next = NULL;
    return (unsigned char *)b + HEAD;
}

static sg_block *block_of(const void *data)
{
    return (sg_block *)((uintptr_t)data - HEAD);
}

void sg_pool_free(sg_pool *p, void *data)
{
    if (!data)
        return;
    sg_block *b = block_of(data);
    b->next = p->free_list[b->cls];
    p->free_list[b->cls] = b;
}

size_t sg_pool_room(const void *data)
{
    return (size_t)1 << block_of(data)->cls;
}

char *sg_pool_text(sg_pool *p, size_t bytes)
{
    sg_text_chunk *c = p->text_now;
    while (c && c->size - c->used < bytes) {
        c = c->next;
        if (c)
            c->used = 0;
    }
    if (!c) {
        size_t size = bytes > 65536 - sizeof *c ? bytes : 65536 - sizeof *c;
        if (bytes > SIZE_MAX / 2 || !(c = sg_alloc(p->mem, sizeof *c + size)))
            return NULL;
        p->held += sizeof *c + size;
        c->size = size;
        c->used = 0;
        c->next = NULL;
        sg_text_chunk **at = &p->text;
        while (*at)
            at = &(*at)->next;
        *at = c;
    }
    p->text_now = c;
    char *q = (char *)(c + 1) + c->used;
    c->used += bytes;
    return q;
}

void sg_pool_text_reset(sg_pool *p)
{
    p->text_now = p->text;
    if (p->text)
        p->text->used = 0;
}

void sg_pool_box_unref(sg_pool *p, sg_box *b)
{
    if (!b || --b->refs)
        return;
    if (b->t.kind == SG_TENSOR)
        sg_pool_free(p, b->t.data);
    else
        sg_pool_seq_unref(p, b->t.data);
    sg_pool_free(p, b);
}

void sg_pool_seq_unref(sg_pool *p, sg_seq *s)
{
    if (!s || --s->refs)
        return;
    for (uint32_t i = 0; i < s->n; i++)
        sg_pool_box_unref(p, s->item[i]);
    sg_pool_free(p, s);
}

void sg_pool_close(sg_pool *p)
{
    while (p->all) {
        sg_block *b = p->all;
        p->all = b->all;
        sg_free_aligned(p->mem, b, ((size_t)1 << b->cls) + HEAD);
    }
    while (p->text) {
        sg_text_chunk *c = p->text;
        p->text = c->next;
        sg_free(p->mem, c, sizeof *c + c->size);
    }
}
