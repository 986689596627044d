/* Netpbm's PBM, PGM and PPM, text and binary (P1 to P6). */
#include "media/decode.h"

typedef struct pnm {
    const uint8_t *p, *end;
} pnm;

static bool blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip(pnm *s)
{
    while (s->p < s->end && (blank(*s->p) || *s->p == '#')) {
        if (*s->p == '#')
            while (s->p < s->end && *s->p != '\n')
                s->p++;
        else
            s->p++;
    }
}

static bool number(pnm *s, uint32_t max, uint32_t *out)
{
    skip(s);
    if (s->p == s->end || *s->p < '0' || *s->p > '9')
        return false;
    uint32_t v = 0;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        v = v * 10 + (uint32_t)(*s->p - '0');
        if (v > max)
            return false;
    }
    *out = v;
    return true;
}

static bool bit(pnm *s, uint32_t *out)
{
    skip(s);
    if (s->p == s->end || (*s->p != '0' && *s->p != '1'))
        return false;
    *out = (uint32_t)(*s->p++ - '0');
    return true;
}

static void put(sg_decode *d, size_t i, uint32_t v, uint32_t max)
{
    if (max < 256) {
        d->pixel[i] = (uint8_t)((v * 255u + max / 2) / max);
    } else {
        uint16_t wide = (uint16_t)(((uint64_t)v * 65535u + max / 2) / max);
        ((uint16_t *)(void *)d->pixel)[i] = wide;
    }
}

static sedge_status cut(sg_decode *d, size_t i, size_t n)
{
    return sg_fail(d->err, SEDGE_E_FORMAT, "sample %zu of %zu is missing or not a number in range", i, n);
}

static sedge_status read_text(sg_decode *d, pnm *s, bool bits, uint32_t max, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        if (bits ? !bit(s, &v) : !number(s, max, &v))
            return cut(d, i, n);
        put(d, i, bits ? 1 - v : v, max);
    }
    return SEDGE_OK;
}

static sedge_status read_bits(sg_decode *d, pnm *s)
{
    size_t width = (size_t)d->out->width, height = (size_t)d->out->height, row = (width + 7) / 8;
    if ((size_t)(s->end - s->p) / row < height)
        return sg_fail(d->err, SEDGE_E_FORMAT, "%zu bytes for %zu rows of %zu", (size_t)(s->end - s->p), height, row);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            d->pixel[y * width + x] = s->p[y * row + x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
    return SEDGE_OK;
}

static sedge_status read_binary(sg_decode *d, pnm *s, uint32_t max, size_t n)
{
    size_t bytes = max < 256 ? 1 : 2;
    if ((size_t)(s->end - s->p) / bytes < n)
        return sg_fail(d->err, SEDGE_E_FORMAT, "%zu bytes for %zu samples of %zu", (size_t)(s->end - s->p), n, bytes);
    for (size_t i = 0; i < n; i++) {
        uint32_t v = bytes == 1 ? s->p[i] : sg_be16(s->p + 2 * i);
        if (v > max)
            return cut(d, i, n);
        put(d, i, v, max);
    }
    return SEDGE_OK;
}

sedge_status sg_decode_pnm(sg_decode *d)
{
    pnm s = {d->data + 2, d->data + d->size};
    int kind = d->data[1] - '0';
    bool bits = kind == 1 || kind == 4, rgb = kind == 3 || kind == 6;
    uint32_t width, height, max = 1;
    if (!number(&s, 1u << 30, &width) || !number(&s, 1u << 30, &height) || (!bits && !number(&s, 65535, &max)) || max == 0)
        return sg_fail(d->err, SEDGE_E_FORMAT, "the header of P%d lacks a width, a height or a largest value in 1 to 65535",
                       kind);
    int pixel = max < 256 ? (rgb ? SEDGE_PIXEL_RGB8 : SEDGE_PIXEL_GRAY8) : (rgb ? SEDGE_PIXEL_RGB16 : SEDGE_PIXEL_GRAY16);
    SG_TRY(sg_decode_fits(d, width, height, sg_pixel_bytes(pixel, 1)));
    size_t n = (size_t)width * height * (rgb ? 3 : 1);
    /* Memory only for what the file can hold. */
    if ((kind == 4 ? n / 8 : kind == 1 ? n : kind < 4 ? n : n * (max < 256 ? 1 : 2)) > d->size)
        return sg_fail(d->err, SEDGE_E_FORMAT, "%zu bytes cannot hold %u x %u pixels", d->size, width, height);
    SG_TRY(sg_decode_room(d, pixel, width, height));
    if (kind < 4)
        return read_text(d, &s, bits, max, n);
    if (s.p == s.end || !blank(*s.p))
        return sg_fail(d->err, SEDGE_E_FORMAT, "no blank after the header of P%d", kind);
    s.p++;
    return kind == 4 ? read_bits(d, &s) : read_binary(d, &s, max, n);
}
