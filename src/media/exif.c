/* The orientation in EXIF data; every offset is checked, nothing else is read. */
#include "media/decode.h"

#include <string.h>

#define TAG_ORIENTATION 0x0112

int sg_exif_turn(const uint8_t *p, size_t n)
{
    if (n >= 6 && memcmp(p, "Exif\0", 6) == 0) {
        p += 6;
        n -= 6;
    }
    if (n < 8)
        return 1;
    bool big = p[0] == 'M';
    if (!big && p[0] != 'I')
        return 1;
    size_t at = big ? sg_be32(p + 4) : sg_le32(p + 4);
    if (at > n - 2)
        return 1;
    unsigned count = big ? sg_be16(p + at) : sg_le16(p + at);
    at += 2;
    for (unsigned i = 0; i < count && n - at >= 12; i++, at += 12) {
        unsigned tag = big ? sg_be16(p + at) : sg_le16(p + at);
        if (tag != TAG_ORIENTATION)
            continue;
        unsigned v = big ? sg_be16(p + at + 8) : sg_le16(p + at + 8);
        return v >= 1 && v <= 8 ? (int)v : 1;
    }
    return 1;
}

int sg_exif_jpeg(const uint8_t *p, size_t n)
{
    size_t at = 2;
    while (at + 4 <= n && p[at] == 0xff) {
        unsigned marker = p[at + 1], length = sg_be16(p + at + 2);
        if (marker == 0xff) {
            at++;
            continue;
        }
        if (marker == 0xda || length < 2 || length + 2 > n - at)
            return 1;
        if (marker == 0xe1 && length >= 8 && memcmp(p + at + 4, "Exif\0", 6) == 0)
            return sg_exif_turn(p + at + 4, length - 2);
        at += length + 2;
    }
    return 1;
}

int sg_exif_webp(const uint8_t *p, size_t n)
{
    size_t at = 12;
    while (at + 8 <= n) {
        size_t length = sg_le32(p + at + 4);
        if (length > n - at - 8)
            return 1;
        if (memcmp(p + at, "EXIF", 4) == 0)
            return sg_exif_turn(p + at + 8, length);
        at += 8 + length + (length & 1);
    }
    return 1;
}
