/* Pages of the model's files that a plan does not read are given back when it is made: what kernels have packed need not
 * stay in memory twice. The mapping stays, so whoever reads them again gets them from the file. */
#include <stdlib.h>

#include "run/api.h"

typedef struct range {
    uintptr_t from, to;
} range;

typedef struct ranges {
    sg_mem *mem;
    range *r;
    size_t n, cap;
} ranges;

static sedge_status keep(ranges *k, const sg_plan *p, uint32_t v)
{
    const sg_slot *s = &p->slot[p->slot[v].storage];
    if (!v || s->base != SG_BASE_WEIGHTS || !s->data)
        return SEDGE_OK;
    SG_TRY(sg_grow(k->mem, &k->r, &k->cap, k->n + 1, sizeof *k->r));
    uintptr_t at = (uintptr_t)s->data;
    k->r[k->n++] = (range){at, at + sg_dtype_bytes((sg_dtype)s->type.dtype, (size_t)sg_d_numel(&s->type))};
    return SEDGE_OK;
}

/* What steps read where it stands. */
static sedge_status collect(ranges *k, const sg_plan *p)
{
    for (uint32_t t = 0; t < p->n_step; t++) {
        const sg_step *s = &p->step[t];
        for (uint32_t i = 0; i < s->n_in; i++)
            if (!sg_step_absorbed(s, i))
                SG_TRY(keep(k, p, p->operand[s->operand + i]));
        for (int i = 0; i < s->n_region; i++)
            SG_TRY(collect(k, s->region[i]));
    }
    for (uint32_t i = 0; i < p->n_output; i++)
        SG_TRY(keep(k, p, p->output[i]));
    return SEDGE_OK;
}

static int by_from(const void *a, const void *b)
{
    uintptr_t x = ((const range *)a)->from, y = ((const range *)b)->from;
    return x < y ? -1 : x > y;
}

static void drop_others(const sg_map *map, const ranges *k)
{
    uintptr_t at = (uintptr_t)map->data, end = at + map->size;
    for (size_t i = 0; i < k->n && at < end; i++) {
        if (k->r[i].to <= at || k->r[i].from >= end)
            continue;
        if (k->r[i].from > at)
            sg_map_drop(map, at - (uintptr_t)map->data, k->r[i].from - at);
        at = k->r[i].to;
    }
    if (at < end)
        sg_map_drop(map, at - (uintptr_t)map->data, end - at);
}

sedge_status sg_weights_drop(const sedge_model *m, sg_mem *mem, const sg_plan *p)
{
    ranges k = {.mem = mem};
    sedge_status st = collect(&k, p);
    if (st == SEDGE_OK) {
        if (k.n)
            qsort(k.r, k.n, sizeof *k.r, by_from);
        drop_others(&m->map, &k);
        for (const sg_import_file *f = m->info.file; f; f = f->next)
            drop_others(&f->map, &k);
    }
    sg_free(mem, k.r, k.cap * sizeof *k.r);
    return st;
}
