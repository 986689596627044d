/* UTF-8 and the simple case mappings of the alphabets that have case. */
#include "op/utf8.h"

uint32_t sg_utf8_read(const char *p, uint64_t n, unsigned *len)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char b = (unsigned char)p[0];
    unsigned k = b < 0x80 ? 1 : b >= 0xC2 && b < 0xE0 ? 2 : b >= 0xE0 && b < 0xF0 ? 3 : b >= 0xF0 && b < 0xF5 ? 4 : 0;
    *len = 1;
    if (k == 1)
        return b;
    if (k == 0 || n < k)
        return 0xFFFD;
    uint32_t c = b & (0x7Fu >> k);
    for (unsigned i = 1; i < k; i++) {
        unsigned char t = (unsigned char)p[i];
        if ((t & 0xC0) != 0x80)
            return 0xFFFD;
        c = c << 6 | (t & 0x3Fu);
    }
    if (c < least[k] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return 0xFFFD;
    *len = k;
    return c;
}

unsigned sg_utf8_write(char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    unsigned k = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (unsigned i = k - 1; i > 0; i--) {
        p[i] = (char)(0x80u | (c & 0x3Fu));
        c >>= 6;
    }
    p[0] = (char)((0xF00u >> k & 0xFFu) | c);
    return k;
}

/* Ranges of letters. ALT: capitals and small letters alternate, a capital at each code point of the start's parity.
 * Else the small letter is `delta` above its capital. From Unicode's UnicodeData.txt. */
#define ALT 0
static const struct {
    uint32_t from, to; /* capitals; ALT: both cases */
    int32_t delta;
} cases[] = {
    {'A', 'Z', 32},       {0xC0, 0xD6, 32},    {0xD8, 0xDE, 32},     {0x100, 0x12F, ALT},   {0x132, 0x137, ALT},
    {0x139, 0x148, ALT},  {0x14A, 0x177, ALT}, {0x178, 0x178, -121}, {0x179, 0x17E, ALT},   {0x1CD, 0x1DC, ALT},
    {0x1DE, 0x1EF, ALT},  {0x1F8, 0x21F, ALT}, {0x222, 0x233, ALT},  {0x386, 0x386, 38},    {0x388, 0x38A, 37},
    {0x38C, 0x38C, 64},   {0x38E, 0x38F, 63},  {0x391, 0x3A1, 32},   {0x3A3, 0x3AB, 32},    {0x3D8, 0x3EF, ALT},
    {0x400, 0x40F, 80},   {0x410, 0x42F, 32},  {0x460, 0x481, ALT},  {0x48A, 0x4BF, ALT},   {0x4C0, 0x4C0, 15},
    {0x4C1, 0x4CE, ALT},  {0x4D0, 0x52F, ALT}, {0x531, 0x556, 48},   {0x1E00, 0x1E95, ALT}, {0x1EA0, 0x1EFF, ALT},
    {0xFF21, 0xFF3A, 32},
};
#define N_CASES (sizeof cases / sizeof cases[0])

uint32_t sg_utf8_lower(uint32_t c)
{
    for (unsigned i = 0; i < N_CASES; i++) {
        if (c < cases[i].from || c > cases[i].to)
            continue;
        if (cases[i].delta != ALT)
            return (uint32_t)((int32_t)c + cases[i].delta);
        return (c - cases[i].from) % 2 == 0 ? c + 1 : c;
    }
    return c;
}

uint32_t sg_utf8_upper(uint32_t c)
{
    if (c == 0xB5 || c == 0x3C2)
        return c == 0xB5 ? 0x39C : 0x3A3; /* micro sign, final sigma */
    for (unsigned i = 0; i < N_CASES; i++) {
        uint32_t low = (uint32_t)((int32_t)c - cases[i].delta);
        if (cases[i].delta != ALT && low >= cases[i].from && low <= cases[i].to)
            return low;
        if (cases[i].delta == ALT && c >= cases[i].from && c <= cases[i].to)
            return (c - cases[i].from) % 2 ? c - 1 : c;
    }
    return c;
}

int sg_utf8_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}
