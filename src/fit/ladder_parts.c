/* Three disjoint parts of a data set: what calibrates, what chooses, what proves. */
#include <stdlib.h>

#include "fit/data.h"
#include "fit/ladder.h"

typedef struct key {
    int64_t first;  /* the label; where there are groups: nothing */
    uint64_t shuffled;
    size_t sample;
} key;

static int by_key(const void *a, const void *b)
{
    const key *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->shuffled != y->shuffled)
        return x->shuffled < y->shuffled ? -1 : 1;
    return (x->sample > y->sample) - (x->sample < y->sample);
}

static uint64_t shuffled(uint64_t seed, uint64_t i)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15u + i;
    return sg_random_next(&state);
}

/* Of every twenty five calibrate, seven choose, eight prove. */
static int part_of(uint64_t k)
{
    static const char turn[20] = {0, 2, 1, 2, 1, 0, 2, 1, 2, 1, 0, 2, 1, 2, 0, 1, 2, 1, 2, 0};
    return turn[k % 20];
}

static bool has_groups(const sedge_data *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->entry[i].group >= 0)
            return true;
    return false;
}

sedge_status sg_parts_make(sg_parts *p, sg_mem *mem, const sedge_data *d, uint64_t seed, sg_err *err)
{
    const bool grouped = has_groups(d);
    *p = (sg_parts){.n = d->n};
    key *k = sg_calloc(mem, d->n + 1, sizeof *k);
    uint8_t *part = sg_calloc(mem, d->n + 1, 1);
    p->order = sg_calloc(mem, d->n + 1, sizeof *p->order);
    if (k && part && p->order) {
        for (size_t i = 0; i < d->n; i++)
            k[i] = (key){grouped ? 0 : d->entry[i].label, shuffled(seed, i), i};
        qsort(k, d->n, sizeof *k, by_key);
        for (size_t i = 0; i < d->n; i++) { /* neighbours have one label, so that each part gets its share of it */
            const sg_entry *e = &d->entry[k[i].sample];
            part[i] = (uint8_t)part_of(
                !grouped ? i : shuffled(seed, (uint64_t)(e->group >= 0 ? e->group : -1 - (int64_t)k[i].sample)));
        }
        size_t n = 0, *count[3] = {&p->calibrate, &p->choose, &p->prove};
        for (int which = 0; which < 3; which++)
            for (size_t i = 0; i < d->n; i++)
                if (part[i] == which) {
                    p->order[n++] = k[i].sample;
                    ++*count[which];
                }
    }
    sg_free(mem, k, (d->n + 1) * sizeof *k);
    sg_free(mem, part, d->n + 1);
    if (!p->order || !k || !part)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (p->calibrate < 4 || p->choose < 4 || p->prove < 4)
        return sg_fail(err, SEDGE_E_ARG, "%zu samples are too few to calibrate, choose and prove by different ones: at least 20",
                       d->n);
    return SEDGE_OK;
}

void sg_parts_free(sg_parts *p, sg_mem *mem)
{
    sg_free(mem, p->order, (p->n + 1) * sizeof *p->order);
    *p = (sg_parts){0};
}
