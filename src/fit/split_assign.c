/* Parts for samples: what is nearly the same, or of one group, stays together. */
#include <stdlib.h>
#include <string.h>

#include "fit/split.h"

const char *const sg_part_names[SG_PARTS] = {"calibrate", "choose", "prove"};
static const double share[SG_PARTS] = {0.25, 0.25, 0.5};

#define NEAR  3  /* bits of a look that may differ: then one of BANDS is the same */
#define BANDS 4
#define PLAIN 6 /* looks with fewer bits set or unset are of plain pictures, and say nothing */

/* ---- clusters ---- */

typedef struct clusters {
    uint32_t *up; /* towards the sample that stands for the cluster */
    size_t n;
} clusters;

static uint32_t root(clusters *c, uint32_t i)
{
    while (c->up[i] != i)
        i = c->up[i] = c->up[c->up[i]];
    return i;
}

/* The earlier one stands for both. */
static void join(clusters *c, uint32_t i, uint32_t k)
{
    uint32_t a = root(c, i), b = root(c, k);
    if (a < b)
        c->up[b] = a;
    else
        c->up[a] = b;
}

typedef struct key {
    uint64_t v;
    uint32_t at;
} key;

static int by_key(const void *a, const void *b)
{
    const key *x = a, *y = b;
    return x->v != y->v ? (x->v > y->v) - (x->v < y->v) : (x->at > y->at) - (x->at < y->at);
}

static uint64_t first_bytes(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static int bits(uint64_t v)
{
    int n = 0;
    for (; v; v &= v - 1)
        n++;
    return n;
}

static bool tells(uint64_t look)
{
    int n = bits(look);
    return n >= PLAIN && n <= 64 - PLAIN;
}

static void join_digests(clusters *c, const sg_mark *mark, key *k)
{
    for (size_t i = 0; i < c->n; i++)
        k[i] = (key){first_bytes(mark[i].digest), (uint32_t)i};
    qsort(k, c->n, sizeof *k, by_key);
    for (size_t i = 1; i < c->n; i++)
        if (memcmp(mark[k[i].at].digest, mark[k[i - 1].at].digest, SG_SHA256_BYTES) == 0)
            join(c, k[i].at, k[i - 1].at);
}

/* Looks that differ in NEAR bits at most agree in one of four bands: only those are compared. */
static void join_looks(clusters *c, const sg_mark *mark, key *k)
{
    for (int band = 0; band < BANDS; band++) {
        size_t n = 0;
        for (size_t i = 0; i < c->n; i++)
            if (tells(mark[i].look))
                k[n++] = (key){mark[i].look >> (16 * band) & 0xffff, (uint32_t)i};
        qsort(k, n, sizeof *k, by_key);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n && k[j].v == k[i].v; j++)
                if (bits(mark[k[i].at].look ^ mark[k[j].at].look) <= NEAR)
                    join(c, k[i].at, k[j].at);
    }
}

static sedge_status join_groups(clusters *c, const sedge_data *d, sg_mem *mem, sg_err *err)
{
    uint32_t *first = sg_calloc(mem, d->words.n + 1, sizeof *first);
    if (!first)
        return sg_data_no_memory(err);
    for (size_t i = 0; i < c->n; i++) {
        int32_t g = d->entry[i].group;
        if (g < 0)
            continue;
        if (first[g])
            join(c, (uint32_t)i, first[g] - 1);
        else
            first[g] = (uint32_t)i + 1;
    }
    sg_free(mem, first, (d->words.n + 1) * sizeof *first);
    return SEDGE_OK;
}

/* ---- parts ---- */

/* A cluster: its label first, so that parts have alike shares of each, then an order that the seed decides. */
typedef struct lot {
    int32_t label;
    uint64_t chance;
    uint32_t at, size;
} lot;

static int by_lot(const void *a, const void *b)
{
    const lot *x = a, *y = b;
    if (x->label != y->label)
        return (x->label > y->label) - (x->label < y->label);
    return x->chance != y->chance ? (x->chance > y->chance) - (x->chance < y->chance) : (x->at > y->at) - (x->at < y->at);
}

static uint64_t chance_of(const sg_mark *m, uint64_t seed)
{
    sg_sha256 s;
    uint8_t out[SG_SHA256_BYTES], bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(seed >> (8 * i));
    sg_sha256_init(&s);
    sg_sha256_add(&s, bytes, sizeof bytes);
    sg_sha256_add(&s, m->digest, sizeof m->digest);
    sg_sha256_end(&s, out);
    return first_bytes(out);
}

/* Each lot goes to the part that lacks most. */
static sedge_status deal(clusters *c, const sedge_data *d, const sg_mark *mark, uint64_t seed, uint8_t *part, sg_mem *mem,
                         sg_err *err)
{
    lot *l = sg_calloc(mem, c->n + 1, sizeof *l);
    uint32_t *of = sg_calloc(mem, c->n + 1, sizeof *of);
    double have[SG_PARTS] = {0}, all = 0;
    size_t n = 0;
    if (!l || !of) {
        sg_free(mem, l, (c->n + 1) * sizeof *l);
        sg_free(mem, of, (c->n + 1) * sizeof *of);
        return sg_data_no_memory(err);
    }
    for (size_t i = 0; i < c->n; i++) {
        uint32_t r = root(c, (uint32_t)i);
        if (r == i) {
            of[i] = (uint32_t)n;
            l[n++] = (lot){d->entry[i].label, chance_of(&mark[i], seed), (uint32_t)i, 0};
        }
        l[of[r]].size++;
    }
    qsort(l, n, sizeof *l, by_lot);
    for (size_t k = 0; k < n; k++) {
        int best = 0;
        all += l[k].size;
        for (int p = 1; p < SG_PARTS; p++)
            if (share[p] * all - have[p] > share[best] * all - have[best])
                best = p;
        have[best] += l[k].size;
        part[l[k].at] = (uint8_t)best;
    }
    for (size_t i = 0; i < c->n; i++)
        part[i] = part[root(c, (uint32_t)i)];
    sg_free(mem, l, (c->n + 1) * sizeof *l);
    sg_free(mem, of, (c->n + 1) * sizeof *of);
    return SEDGE_OK;
}

/* Windows of one series: parts are stretches of time, and no row is in two of them. */
static void by_time(const sedge_data *d, uint8_t *part)
{
    size_t border[SG_PARTS];
    double sum = 0;
    for (int p = 0; p < SG_PARTS; p++) {
        sum += share[p];
        border[p] = p + 1 < SG_PARTS ? (size_t)(sum * (double)d->n) : d->n;
    }
    for (size_t i = 0; i < d->n; i++) {
        int p = 0;
        while (i >= border[p])
            p++;
        bool last = p + 1 == SG_PARTS || border[p] >= d->n;
        bool across = !last && d->entry[i].line + d->window > d->entry[border[p]].line;
        part[i] = (uint8_t)(across ? SG_DROPPED : p);
    }
}

sedge_status sg_split_assign(const sedge_data *d, const sg_mark *mark, uint64_t seed, uint8_t *part, sg_mem *mem, sg_err *err)
{
    if (d->form == SG_FORM_TABLE && d->window > 1 && d->by_time) {
        by_time(d, part);
        return SEDGE_OK;
    }
    clusters c = {.up = sg_calloc(mem, d->n + 1, sizeof *c.up), .n = d->n};
    key *k = sg_calloc(mem, d->n + 1, sizeof *k);
    sedge_status st = c.up && k ? SEDGE_OK : sg_data_no_memory(err);
    for (size_t i = 0; st == SEDGE_OK && i < c.n; i++)
        c.up[i] = (uint32_t)i;
    if (st == SEDGE_OK) {
        join_digests(&c, mark, k);
        join_looks(&c, mark, k);
        st = join_groups(&c, d, mem, err);
    }
    if (st == SEDGE_OK)
        st = deal(&c, d, mark, seed, part, mem, err);
    sg_free(mem, c.up, (d->n + 1) * sizeof *c.up);
    sg_free(mem, k, (d->n + 1) * sizeof *k);
    return st;
}
