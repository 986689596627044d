/* FlatBuffers in the making, front to back: what a slot points to stands behind it. Large vectors stay where they are. */
#ifndef SG_EXPORT_TFLITE_FB_H
#define SG_EXPORT_TFLITE_FB_H

#include "base/file.h"
#include "base/mem.h"

/* Bytes that stand elsewhere, behind byte `at` of the copied ones. */
typedef struct sg_fbw_piece {
    size_t at;
    const void *p;
    size_t n;
} sg_fbw_piece;

typedef struct sg_fbw {
    sg_mem *mem;
    uint8_t *p;
    size_t n, cap;
    sg_fbw_piece *piece;
    size_t n_piece, cap_piece;
    uint64_t borrowed; /* bytes of all pieces; only vectors of bytes may follow one */
    bool lost;         /* memory, or the reach of an offset, has ended once: nothing that follows counts */
} sg_fbw;

/* A field of a table by its number: a scalar of `size` bytes, or with size 0 an offset, whose slot is written here. */
typedef struct sg_fbw_field {
    uint16_t number;
    uint8_t size;
    int64_t i;
    size_t slot;
} sg_fbw_field;

/* The header: a slot for the root table, and the file's four letters. */
size_t sg_fbw_open(sg_fbw *w, const char id[4]);
/* A table that `from` points to. */
void sg_fbw_table(sg_fbw *w, size_t from, sg_fbw_field *f, int n);
/* Vectors that `from` points to: of numbers in the order of bytes of the file; of offsets, whose slots are the answer and the words that
 * follow it; of bytes that stay where they are, aligned to 16. */
void sg_fbw_numbers(sg_fbw *w, size_t from, const int64_t *v, size_t n, int size);
void sg_fbw_bytes(sg_fbw *w, size_t from, const void *p, size_t n);
void sg_fbw_str(sg_fbw *w, size_t from, const char *s);
size_t sg_fbw_offsets(sg_fbw *w, size_t from, size_t n);
void sg_fbw_borrow(sg_fbw *w, size_t from, const void *p, size_t n);
/* All bytes in order as parts, 2 * n_piece + 1 of them; returns how many. */
size_t sg_fbw_parts(const sg_fbw *w, sg_file_part *part);
void sg_fbw_free(sg_fbw *w);

#endif
