/* Memory: an allocator handle with a budget, and an arena of chunks on top of it. */
#ifndef SG_BASE_MEM_H
#define SG_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sedge/alloc.h"

/* An allocator with its account. `limit` 0: none. Not thread-safe: one owner. */
typedef struct sg_mem {
    sedge_alloc_fn *fn; /* NULL: libc's realloc and free */
    void *ctx;
    size_t limit, used, peak;
    uint64_t calls; /* allocations and growths so far */
} sg_mem;

/* All sizes are in bytes. A result is NULL when memory or the budget ends, or when n * size overflows. */
void *sg_alloc(sg_mem *m, size_t size);
void *sg_calloc(sg_mem *m, size_t n, size_t size);
void *sg_realloc(sg_mem *m, void *p, size_t old_size, size_t new_size);
void sg_free(sg_mem *m, void *p, size_t size);

/* 64-byte aligned block; freed by sg_free_aligned with the same size. */
void *sg_alloc_aligned(sg_mem *m, size_t size);
void sg_free_aligned(sg_mem *m, void *p, size_t size);

/* Grows *arr (element size `size`, capacity *cap) to hold at least `need` elements. */
sedge_status sg_grow(sg_mem *m, void *arr_ptr, size_t *cap, size_t need, size_t size);

/* An arena: blocks that live and die together. Zero-initialised memory. */
typedef struct sg_arena {
    sg_mem *mem;
    struct sg_chunk *chunk;
    size_t total; /* bytes handed out */
    bool lost;    /* memory has ended once */
} sg_arena;

void *sg_arena_alloc(sg_arena *a, size_t size);              /* 16-byte aligned, zeroed; NULL: out of memory */
void *sg_arena_array(sg_arena *a, size_t n, size_t size);    /* checked product */
void *sg_arena_dup(sg_arena *a, const void *p, size_t size); /* a copy */
char *sg_arena_str(sg_arena *a, const char *s, size_t len);  /* a copy, NUL added */
void sg_arena_free(sg_arena *a);

#endif
