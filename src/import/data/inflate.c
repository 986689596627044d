/* Decompressing DEFLATE data (RFC 1951), one bit at a time: small, and fast enough for test files. */
#include "import/data/inflate.h"

#include <string.h>

#define BITS_MAX 15

typedef struct stream {
    const uint8_t *in;
    size_t n_in, at;
    uint32_t hold;
    unsigned held;
    uint8_t *out;
    size_t n, done;
    bool bad;
} stream;

/* Canonical Huffman codes: how many there are of each length, and the symbols in the order of their codes. */
typedef struct huffman {
    uint16_t count[BITS_MAX + 1];
    uint16_t symbol[288];
} huffman;

static unsigned bits(stream *s, unsigned n)
{
    while (s->held < n) {
        if (s->at == s->n_in) {
            s->bad = true;
            return 0;
        }
        s->hold |= (uint32_t)s->in[s->at++] << s->held;
        s->held += 8;
    }
    unsigned v = s->hold & ((1u << n) - 1u);
    s->hold >>= n;
    s->held -= n;
    return v;
}

/* False: more codes than there is room for. */
static bool huffman_make(huffman *h, const uint8_t *len, unsigned n)
{
    unsigned at[BITS_MAX + 1] = {0};
    int left = 1;
    memset(h, 0, sizeof *h);
    for (unsigned i = 0; i < n; i++)
        h->count[len[i]]++;
    h->count[0] = 0;
    for (unsigned i = 1; i <= BITS_MAX; i++) {
        left = left * 2 - h->count[i];
        if (left < 0)
            return false;
        if (i < BITS_MAX)
            at[i + 1] = at[i] + h->count[i];
    }
    for (unsigned i = 0; i < n; i++)
        if (len[i])
            h->symbol[at[len[i]]++] = (uint16_t)i;
    return true;
}

static unsigned decode(stream *s, const huffman *h)
{
    unsigned code = 0, first = 0, index = 0;
    for (unsigned len = 1; len <= BITS_MAX && !s->bad; len++) {
        code |= bits(s, 1);
        unsigned count = h->count[len];
        if (code < first + count)
            return h->symbol[index + (code - first)];
        index += count;
        first = (first + count) * 2;
        code *= 2;
    }
    s->bad = true;
    return 0;
}

static void copy_back(stream *s, unsigned length, unsigned distance)
{
    if (distance > s->done || length > s->n - s->done) {
        s->bad = true;
        return;
    }
    for (unsigned i = 0; i < length; i++, s->done++)
        s->out[s->done] = s->out[s->done - distance];
}

static void codes(stream *s, const huffman *lit, const huffman *dist)
{
    static const uint16_t len_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                          31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t len_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t dist_base[30] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                           33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                           1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    static const uint8_t dist_bits[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                          6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
    while (!s->bad) {
        unsigned sym = decode(s, lit);
        if (s->bad || sym == 256)
            return;
        if (sym < 256) {
            if (s->done == s->n)
                s->bad = true;
            else
                s->out[s->done++] = (uint8_t)sym;
            continue;
        }
        sym -= 257;
        if (sym >= 29) {
            s->bad = true;
            return;
        }
        unsigned length = len_base[sym] + bits(s, len_bits[sym]);
        unsigned d = decode(s, dist);
        if (d >= 30)
            s->bad = true;
        if (!s->bad)
            copy_back(s, length, dist_base[d] + bits(s, dist_bits[d]));
    }
}

static void stored(stream *s)
{
    s->hold = 0;
    s->held = 0;
    if (s->n_in - s->at < 4) {
        s->bad = true;
        return;
    }
    const uint8_t *p = s->in + s->at;
    size_t len = (size_t)p[0] | (size_t)p[1] << 8;
    s->at += 4;
    if ((p[0] ^ p[2]) != 0xff || (p[1] ^ p[3]) != 0xff || len > s->n_in - s->at || len > s->n - s->done) {
        s->bad = true;
        return;
    }
    memcpy(s->out + s->done, s->in + s->at, len);
    s->at += len;
    s->done += len;
}

static void fixed(stream *s)
{
    uint8_t len[288];
    huffman lit, dist;
    for (unsigned i = 0; i < 288; i++)
        len[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    huffman_make(&lit, len, 288);
    memset(len, 5, 30);
    huffman_make(&dist, len, 30);
    codes(s, &lit, &dist);
}

/* The lengths of both codes, themselves coded. */
static bool lengths(stream *s, const huffman *h, uint8_t *len, unsigned n)
{
    unsigned at = 0;
    while (at < n && !s->bad) {
        unsigned sym = decode(s, h);
        if (sym < 16) {
            len[at++] = (uint8_t)sym;
            continue;
        }
        uint8_t prev = 0;
        if (sym == 16) {
            if (at == 0)
                return false;
            prev = len[at - 1];
        }
        unsigned repeat = sym == 16 ? 3 + bits(s, 2) : sym == 17 ? 3 + bits(s, 3) : 11 + bits(s, 7);
        if (repeat > n - at)
            return false;
        memset(len + at, prev, repeat);
        at += repeat;
    }
    return !s->bad;
}

static void dynamic(stream *s)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t len[320] = {0};
    huffman lit, dist;
    unsigned n_lit = bits(s, 5) + 257, n_dist = bits(s, 5) + 1, n_code = bits(s, 4) + 4;
    if (s->bad || n_lit > 286 || n_dist > 30) {
        s->bad = true;
        return;
    }
    for (unsigned i = 0; i < n_code; i++)
        len[order[i]] = (uint8_t)bits(s, 3);
    if (!huffman_make(&lit, len, 19)) {
        s->bad = true;
        return;
    }
    memset(len, 0, sizeof len);
    if (!lengths(s, &lit, len, n_lit + n_dist) || len[256] == 0 || !huffman_make(&lit, len, n_lit) ||
        !huffman_make(&dist, len + n_lit, n_dist)) {
        s->bad = true;
        return;
    }
    codes(s, &lit, &dist);
}

bool sg_inflate(const uint8_t *in, size_t n_in, uint8_t *out, size_t n)
{
    stream s = {.in = in, .n_in = n_in, .out = out, .n = n};
    bool last = false;
    while (!last && !s.bad) {
        last = bits(&s, 1);
        switch (bits(&s, 2)) {
        case 0: stored(&s); break;
        case 1: fixed(&s); break;
        case 2: dynamic(&s); break;
        default: s.bad = true;
        }
    }
    return !s.bad && s.done == n;
}
