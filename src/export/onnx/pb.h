/* Protobuf messages in the making: small fields are copied, large ones stay where they are. */
#ifndef SG_EXPORT_ONNX_PB_H
#define SG_EXPORT_ONNX_PB_H

#include "base/file.h"
#include "base/mem.h"

/* Bytes that stand elsewhere, behind byte `at` of the copied ones. */
typedef struct sg_pbw_piece {
    size_t at;
    const void *p;
    size_t n;
} sg_pbw_piece;

typedef struct sg_pbw {
    sg_mem *mem;
    uint8_t *p;
    size_t n, cap;
    sg_pbw_piece *piece;
    size_t n_piece, cap_piece;
    uint64_t borrowed; /* bytes of all pieces */
    bool lost;         /* memory has ended once: nothing that follows counts */
} sg_pbw;

/* Where a message within begins. */
typedef struct sg_pbw_mark {
    size_t at;
    uint64_t borrowed;
} sg_pbw_mark;

void sg_pbw_int(sg_pbw *w, uint32_t field, int64_t v);
void sg_pbw_f32(sg_pbw *w, uint32_t field, float v);
void sg_pbw_bytes(sg_pbw *w, uint32_t field, const void *p, size_t n); /* p NULL: zeros */
void sg_pbw_str(sg_pbw *w, uint32_t field, const char *s);
/* The same field without a copy: p must outlive the writing. */
void sg_pbw_borrow(sg_pbw *w, uint32_t field, const void *p, size_t n);
/* Fields between open and close are those of a message. */
sg_pbw_mark sg_pbw_open(sg_pbw *w, uint32_t field);
void sg_pbw_close(sg_pbw *w, sg_pbw_mark m);
static inline uint64_t sg_pbw_size(const sg_pbw *w)
{
    return w->n + w->borrowed;
}
/* All bytes in order as parts, 2 * n_piece + 1 of them; returns how many. */
size_t sg_pbw_parts(const sg_pbw *w, sg_file_part *part);
void sg_pbw_free(sg_pbw *w);

#endif
