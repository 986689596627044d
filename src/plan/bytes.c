/* Numbers and strings as bytes. */
#include "plan/bytes.h"

#include <string.h>

void sg_put(sg_sink *s, const void *p, size_t n)
{
    if (s->lost || n > SIZE_MAX / 2 - s->n || sg_grow(s->mem, &s->p, &s->cap, s->n + n, 1) != SEDGE_OK) {
        s->lost = true;
        return;
    }
    if (n)
        memcpy(s->p + s->n, p, n);
    s->n += n;
}

void sg_put_u(sg_sink *s, uint64_t v)
{
    uint8_t b[10];
    size_t n = 0;
    for (; v > 127; v >>= 7)
        b[n++] = (uint8_t)(v | 128);
    b[n++] = (uint8_t)v;
    sg_put(s, b, n);
}

void sg_put_i(sg_sink *s, int64_t v)
{
    sg_put_u(s, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void sg_put_f(sg_sink *s, double v)
{
    uint64_t bits;
    uint8_t b[8];
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)(bits >> 8 * i);
    sg_put(s, b, sizeof b);
}

void sg_put_strn(sg_sink *s, const char *p, size_t n)
{
    sg_put_u(s, p ? (uint64_t)n + 1 : 0);
    if (p) {
        sg_put(s, p, n);
        sg_put(s, "", 1);
    }
}

void sg_put_str(sg_sink *s, const char *p)
{
    sg_put_strn(s, p, p ? strlen(p) : 0);
}

const void *sg_take(sg_source *s, size_t n)
{
    if (s->bad || n > s->n - s->at) {
        s->bad = true;
        return NULL;
    }
    s->at += n;
    return s->p + s->at - n;
}

uint64_t sg_take_u(sg_source *s, uint64_t most)
{
    uint64_t v = 0;
    for (int shift = 0; !s->bad; shift += 7) {
        if (s->at == s->n || shift > 63)
            break;
        uint8_t b = s->p[s->at++];
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128 && v <= most)
            return v;
        if (b < 128)
            break;
    }
    s->bad = true;
    return 0;
}

int64_t sg_take_i(sg_source *s)
{
    uint64_t v = sg_take_u(s, UINT64_MAX);
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

double sg_take_f(sg_source *s)
{
    const uint8_t *b = sg_take(s, 8);
    uint64_t bits = 0;
    double v;
    for (int i = 0; b && i < 8; i++)
        bits |= (uint64_t)b[i] << 8 * i;
    memcpy(&v, &bits, sizeof v);
    return v;
}

const char *sg_take_str(sg_source *s, size_t *n)
{
    uint64_t len = sg_take_u(s, s->n - s->at);
    const char *p = len ? sg_take(s, (size_t)len) : NULL;
    if (p && p[len - 1])
        s->bad = true;
    if (n)
        *n = p && !s->bad ? (size_t)len - 1 : 0;
    return s->bad ? NULL : p;
}
