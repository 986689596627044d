/* The caller's allocator: one callback that receives the old size. */
#ifndef SEDGE_ALLOC_H
#define SEDGE_ALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Like realloc: ptr NULL allocates, new_size 0 frees (and returns NULL); NULL on
 * failure leaves the old block as it was. Blocks are aligned as malloc's are. */
typedef void *sedge_alloc_fn(void *ctx, void *ptr, size_t old_size, size_t new_size);

#ifdef __cplusplus
}
#endif

#endif
