/* Placement: offsets for storages that live at the same time must not overlap.
 * Greedy by size with the best-fitting gap (Pisarchyk and Lee 2020, "Efficient memory management for deep
 * neural net inference"); the order and the conflicts are fixed when the plan is made, so that new sizes
 * need only the gap search. */
#include <string.h>

#include "plan/plan.h"

bool sg_slot_bytes(const sg_slot *s, const int64_t *dim, size_t *bytes)
{
    int64_t n;
    if (!sg_numel_checked(dim, s->type.rank, &n))
        return false;
    *bytes = sg_dtype_bytes((sg_dtype)s->type.dtype, (size_t)n);
    return true;
}

static size_t default_size(const sg_plan *p, uint32_t slot)
{
    const sg_slot *s = &p->slot[slot];
    int64_t dim[SG_RANK_MAX];
    size_t bytes;
    for (int i = 0; i < s->type.rank; i++)
        dim[i] = sg_dim_value(s->type.dim[i], p->default_dim);
    return sg_slot_bytes(s, dim, &bytes) ? sg_align_up(bytes) : 0;
}

size_t sg_plan_place(const sg_plan *p, int space, const size_t *size, size_t *off, uint32_t *scratch)
{
    size_t total = 0;
    for (uint32_t i = 0; i < p->n_place[space]; i++) {
        const sg_place *pl = &p->place[space][i];
        const uint32_t *conf = p->conflict[space] + pl->conflict;
        uint32_t n = 0;
        for (uint32_t k = 0; k < pl->n_conflict; k++) { /* by offset: insertion, the lists are short */
            uint32_t c = conf[k], at = n++;
            if (!size[c]) {
                n--;
                continue;
            }
            for (; at > 0 && off[scratch[at - 1]] > off[c]; at--)
                scratch[at] = scratch[at - 1];
            scratch[at] = c;
        }
        size_t end = 0, best = SIZE_MAX, best_at = 0;
        for (uint32_t k = 0; k < n; k++) {
            uint32_t c = scratch[k];
            if (off[c] > end && off[c] - end >= size[i] && off[c] - end < best) {
                best = off[c] - end;
                best_at = end;
            }
            if (off[c] + size[c] > end)
                end = off[c] + size[c];
        }
        off[i] = best == SIZE_MAX ? end : best_at;
        if (off[i] + size[i] > total)
            total = off[i] + size[i];
    }
    return total;
}

/* Heap sort of slots by a key, largest first: no recursion, no allocation. */
static void sift(uint32_t *v, const uint64_t *key, uint32_t n, uint32_t i)
{
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= n)
            return;
        if (c + 1 < n && key[v[c + 1]] < key[v[c]])
            c++;
        if (key[v[i]] <= key[v[c]])
            return;
        uint32_t s = v[i];
        v[i] = v[c];
        v[c] = s;
        i = c;
    }
}

static void sort_desc(uint32_t *v, const uint64_t *key, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift(v, key, n, i);
    for (uint32_t m = n; m > 1; m--) {
        uint32_t s = v[0];
        v[0] = v[m - 1];
        v[m - 1] = s;
        sift(v, key, m - 1, 0);
    }
}

static sedge_status conflicts(sg_plan *p, int space, const uint32_t *birth, const uint32_t *order, uint32_t n, sg_err *err)
{
    sg_place *pl = p->place[space];
    for (int pass = 0; pass < 2; pass++) {
        uint64_t total = 0;
        for (uint32_t i = 0; i < n; i++) {
            pl[i].slot = order[i];
            pl[i].conflict = (uint32_t)total;
            pl[i].n_conflict = 0;
            uint32_t bi = birth[order[i]], di = p->slot[order[i]].death;
            for (uint32_t k = 0; k < i; k++) {
                if (birth[order[k]] > di || p->slot[order[k]].death < bi)
                    continue;
                if (pass)
                    p->conflict[space][total] = k;
                total++;
                pl[i].n_conflict++;
            }
        }
        if (!pass && !(p->conflict[space] = sg_arena_array(&p->arena, (size_t)total + 1, sizeof(uint32_t))))
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    }
    return SEDGE_OK;
}

/* Three orders are tried at the default sizes: by size; by size times lifetime; by birth. */
static sedge_status layout_space(sg_plan *p, int space, const uint32_t *birth, sg_err *err)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < p->n_slot; i++)
        n += p->slot[i].storage == i && p->slot[i].base == SG_BASE_ARENA && p->slot[i].space == space;
    p->n_place[space] = n;
    p->place[space] = sg_arena_array(&p->arena, (size_t)n + 1, sizeof **p->place);
    uint32_t *order = sg_arena_array(&p->arena, (size_t)n + 1, sizeof *order);
    uint32_t *scratch = sg_arena_array(&p->arena, 2 * (size_t)n + 2, sizeof *scratch);
    uint64_t *key = sg_arena_array(&p->arena, p->n_slot, sizeof *key);
    size_t *size = sg_arena_array(&p->arena, (size_t)n + 1, sizeof *size);
    size_t *off = sg_arena_array(&p->arena, (size_t)n + 1, sizeof *off);
    if (!p->place[space] || !order || !scratch || !key || !size || !off)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    size_t best = SIZE_MAX;
    int best_way = 0;
    for (int way = 0; way <= 3; way++) {
        int w = way == 3 ? best_way : way; /* the last round makes the best order again */
        uint32_t m = 0;
        for (uint32_t i = 1; i < p->n_slot; i++) {
            if (p->slot[i].storage != i || p->slot[i].base != SG_BASE_ARENA || p->slot[i].space != space)
                continue;
            order[m++] = i;
            uint64_t bytes = default_size(p, i), life = p->slot[i].death - birth[i] + 1u;
            key[i] = w == 0 ? (bytes << 20) + life : w == 1 ? bytes * life : UINT32_MAX - birth[i];
        }
        sort_desc(order, key, n);
        SG_TRY(conflicts(p, space, birth, order, n, err));
        for (uint32_t i = 0; i < n; i++)
            size[i] = default_size(p, order[i]);
        size_t total = sg_plan_place(p, space, size, off, scratch);
        if (way < 3 && total < best) {
            best = total;
            best_way = way;
        }
    }
    if (space == SG_SPACE_HOST)
        p->arena_bytes = (int64_t)best;
    return SEDGE_OK;
}

sedge_status sg_plan_layout(sg_plan *p, const uint32_t *birth, sg_err *err)
{
    for (int space = 0; space < (p->target->device ? SG_SPACES : 1); space++)
        SG_TRY(layout_space(p, space, birth, err));
    p->arena_bound = sg_plan_bound(p, SG_SPACE_HOST, p->default_dim);
    return SEDGE_OK;
}
