/* Writing protobuf (protobuf.dev/programming-guides/encoding): the counterpart of import/wire/pb.c. */
#include "export/onnx/pb.h"

#include <string.h>

#include "import/wire/pb.h"

#define VARINT_MAX 10
/* What is shorter is copied: a piece costs two parts of a file. */
#define COPIED 256

static uint8_t *room(sg_pbw *w, size_t n)
{
    if (w->lost || n > SIZE_MAX - w->n || sg_grow(w->mem, &w->p, &w->cap, w->n + n, 1) != SEDGE_OK) {
        w->lost = true;
        return NULL;
    }
    w->n += n;
    return w->p + w->n - n;
}

static size_t varint(uint8_t *out, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    return n;
}

static void put_varint(sg_pbw *w, uint64_t v)
{
    uint8_t b[VARINT_MAX];
    size_t n = varint(b, v);
    uint8_t *out = room(w, n);
    if (out)
        memcpy(out, b, n);
}

static void put_tag(sg_pbw *w, uint32_t field, sg_pb_wire wire)
{
    put_varint(w, (uint64_t)field << 3 | (uint64_t)wire);
}

void sg_pbw_int(sg_pbw *w, uint32_t field, int64_t v)
{
    put_tag(w, field, SG_PB_VARINT);
    put_varint(w, (uint64_t)v);
}

void sg_pbw_f32(sg_pbw *w, uint32_t field, float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    put_tag(w, field, SG_PB_I32);
    uint8_t *out = room(w, sizeof u);
    for (int i = 0; out && i < 4; i++)
        out[i] = (uint8_t)(u >> 8 * i);
}

void sg_pbw_bytes(sg_pbw *w, uint32_t field, const void *p, size_t n)
{
    put_tag(w, field, SG_PB_LEN);
    put_varint(w, n);
    uint8_t *out = n ? room(w, n) : NULL;
    if (out && p)
        memcpy(out, p, n);
    else if (out)
        memset(out, 0, n);
}

void sg_pbw_str(sg_pbw *w, uint32_t field, const char *s)
{
    sg_pbw_bytes(w, field, s, strlen(s));
}

void sg_pbw_borrow(sg_pbw *w, uint32_t field, const void *p, size_t n)
{
    if (!p || n < COPIED) {
        sg_pbw_bytes(w, field, p, n);
        return;
    }
    put_tag(w, field, SG_PB_LEN);
    put_varint(w, n);
    if (w->lost || sg_grow(w->mem, &w->piece, &w->cap_piece, w->n_piece + 1, sizeof *w->piece) != SEDGE_OK) {
        w->lost = true;
        return;
    }
    w->piece[w->n_piece++] = (sg_pbw_piece){w->n, p, n};
    w->borrowed += n;
}

sg_pbw_mark sg_pbw_open(sg_pbw *w, uint32_t field)
{
    put_tag(w, field, SG_PB_LEN);
    return (sg_pbw_mark){w->n, w->borrowed};
}

/* The length goes before what is already there: messages are small, their weights are pieces. */
void sg_pbw_close(sg_pbw *w, sg_pbw_mark m)
{
    uint8_t b[VARINT_MAX];
    if (w->lost)
        return;
    size_t own = w->n - m.at, n = varint(b, own + (w->borrowed - m.borrowed));
    if (!room(w, n))
        return;
    memmove(w->p + m.at + n, w->p + m.at, own);
    memcpy(w->p + m.at, b, n);
    for (size_t i = w->n_piece; i-- > 0 && w->borrowed != m.borrowed && w->piece[i].at > m.at;)
        w->piece[i].at += n;
}

size_t sg_pbw_parts(const sg_pbw *w, sg_file_part *part)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i <= w->n_piece; i++) {
        size_t end = i < w->n_piece ? w->piece[i].at : w->n;
        if (end > at)
            part[n++] = (sg_file_part){w->p + at, end - at};
        at = end;
        if (i < w->n_piece)
            part[n++] = (sg_file_part){w->piece[i].p, w->piece[i].n};
    }
    return n;
}

void sg_pbw_free(sg_pbw *w)
{
    sg_free(w->mem, w->p, w->cap);
    sg_free(w->mem, w->piece, w->cap_piece * sizeof *w->piece);
    w->p = NULL;
    w->piece = NULL;
}
