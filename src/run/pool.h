/* The session's pool: blocks for values whose size is known only during a run, boxes, scratch and string bytes.
 * Freed blocks are kept by size class, so that an equal run calls the allocator no more. */
#ifndef SG_RUN_POOL_H
#define SG_RUN_POOL_H

#include "base/mem.h"
#include "tensor/tensor.h"

#define SG_POOL_CLASSES 48

typedef struct sg_pool {
    sg_mem *mem;
    struct sg_block *free_list[SG_POOL_CLASSES], *all;
    struct sg_text_chunk *text, *text_now; /* string heap: chunks in order, the one being filled */
    size_t held;                           /* bytes taken from mem */
} sg_pool;

/* 64-byte aligned, not cleared; NULL: out of memory or past the limit. */
void *sg_pool_alloc(sg_pool *p, size_t bytes);
/* NULL is fine. */
void sg_pool_free(sg_pool *p, void *block);
/* Bytes that a block has room for. */
size_t sg_pool_room(const void *block);

/* Room for string bytes until the next sg_pool_text_reset. */
char *sg_pool_text(sg_pool *p, size_t bytes);
void sg_pool_text_reset(sg_pool *p);

/* Drops a reference to a list; frees it and its items with the last one. NULL is fine. */
void sg_pool_seq_unref(sg_pool *p, sg_seq *s);
void sg_pool_box_unref(sg_pool *p, sg_box *b);

/* Gives every block back, used or not. */
void sg_pool_close(sg_pool *p);

#endif
