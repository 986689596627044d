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

size_t sg_slot_room(const sg_plan *p, uint32_t slot)
{
    const sg_slot *s = &p->slot[slot];
    int64_t dim[SG_RANK_MAX];
    size_t bytes;
    for (int i = 0; i < s->type.rank; i++)
        dim[i] = sg_dim_value(s->type.dim[i], p->default_dim);
    return sg_slot_bytes(s, dim, &bytes) ? sg_align_up(bytes) : 0;
}

/* A place is one word, its first unit and the one behind its last, so that lists sort by it; a unit is the alignment. */
#define UNITS_MAX ((uint32_t)(PTRDIFF_MAX / SG_ALIGN < UINT32_MAX / 2 ? PTRDIFF_MAX / SG_ALIGN : UINT32_MAX / 2))

/* Element k of a list goes before those that stand after it. */
static void sink(uint32_t *list, uint64_t *sorted, uint32_t k)
{
    uint32_t v = list[k];
    uint64_t c = sorted[k];
    for (; k > 0 && sorted[k - 1] > c; k--) {
        sorted[k] = sorted[k - 1];
        list[k] = list[k - 1];
    }
    sorted[k] = c;
    list[k] = v;
}

/* Puts a list in the order of places: insertion, as it is short and mostly stands as it stood for other sizes. */
static void sort_list(uint32_t *list, uint32_t n, const uint64_t *place, uint64_t *sorted)
{
    uint64_t last = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint64_t c = sorted[k] = place[list[k]];
        if (c < last)
            sink(list, sorted, k);
        else
            last = c;
    }
}

/* The smallest gap between places that takes `want` units, or the end of them all. */
static uint32_t find_gap(const uint64_t *sorted, uint32_t n, uint32_t want)
{
    uint32_t end = 0, best = UINT32_MAX, best_at = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t from = (uint32_t)(sorted[k] >> 32), to = (uint32_t)sorted[k];
        if (from == to) /* what is empty is in no one's way */
            continue;
        if (from > end && from - end >= want && from - end < best) {
            best = from - end;
            best_at = end;
        }
        end = to > end ? to : end;
    }
    return best == UINT32_MAX ? end : best_at;
}

size_t sg_plan_place(const sg_plan *p, int space, const size_t *size, size_t *off, uint32_t *conflict, uint64_t *scratch)
{
    uint64_t *place = scratch, *sorted = scratch + p->n_place[space];
    uint32_t total = 0;
    for (uint32_t i = 0; i < p->n_place[space]; i++) {
        const sg_place *pl = &p->place[space][i];
        if (size[i] / SG_ALIGN > UNITS_MAX)
            return PTRDIFF_MAX;
        sort_list(conflict + pl->conflict, pl->n_conflict, place, sorted);
        uint32_t want = (uint32_t)(size[i] / SG_ALIGN), from = find_gap(sorted, pl->n_conflict, want);
        if (from > UNITS_MAX - want)
            return PTRDIFF_MAX;
        place[i] = (uint64_t)from << 32 | (from + want);
        off[i] = (size_t)from * SG_ALIGN;
        total = from + want > total ? from + want : total;
    }
    return (size_t)total * SG_ALIGN;
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

/* The order's storages that live together, as rows of the plan. Every pair stands once, so all orders need the same room. */
static uint64_t conflicts(sg_plan *p, int space, const uint32_t *birth, const uint32_t *order, uint32_t n, uint32_t *out)
{
    sg_place *pl = p->place[space];
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        pl[i].slot = order[i];
        pl[i].conflict = (uint32_t)total;
        pl[i].n_conflict = 0;
        uint32_t bi = birth[order[i]], di = p->slot[order[i]].death;
        for (uint32_t k = 0; k < i; k++) {
            if (birth[order[k]] > di || p->slot[order[k]].death < bi)
                continue;
            if (out)
                out[total] = k;
            total++;
            pl[i].n_conflict++;
        }
    }
    return total;
}

/* Scratch of the search for an order. */
typedef struct search {
    const uint32_t *birth;
    uint32_t *order;
    uint64_t *scratch;
    uint64_t *key;
    size_t *size, *off;
    uint32_t n;
} search;

/* By size; by size times lifetime; by birth; then by size with a little noise, always the same. */
static void order_by(const sg_plan *p, search *q, int space, int way)
{
    uint32_t m = 0;
    uint64_t noise = 88172645463325252u + (uint64_t)way * 2654435761u;
    for (uint32_t i = 1; i < p->n_slot; i++) {
        if (p->slot[i].storage != i || p->slot[i].base != SG_BASE_ARENA || p->slot[i].space != space)
            continue;
        uint64_t bytes = sg_slot_room(p, i), life = p->slot[i].death - q->birth[i] + 1u;
        noise ^= noise << 13; /* xorshift64, Marsaglia 2003 */
        noise ^= noise >> 7;
        noise ^= noise << 17;
        q->order[m++] = i;
        q->key[i] = way == 0   ? (bytes << 16) + life
                    : way == 1 ? bytes * life
                    : way == 2 ? UINT32_MAX - q->birth[i]
                               : bytes * (64 + (noise >> 32) % (way % 2 ? 64 : 512));
    }
    sort_desc(q->order, q->key, q->n);
}

/* Orders are tried at the default sizes until one reaches the bound; large plans get fewer tries. */
static size_t find_order(sg_plan *p, int space, search *q)
{
    size_t best = SIZE_MAX, bound = (size_t)sg_plan_bound(p, space, p->default_dim);
    int best_way = 0, ways = q->n < 64 ? 256 : q->n < 512 ? 32 : 3;
    for (int way = 0; way <= ways; way++) {
        bool last = way == ways || best <= bound; /* makes the best order again */
        order_by(p, q, space, last ? best_way : way);
        conflicts(p, space, q->birth, q->order, q->n, p->conflict[space]);
        for (uint32_t i = 0; i < q->n; i++)
            q->size[i] = sg_slot_room(p, q->order[i]);
        size_t total = sg_plan_place(p, space, q->size, q->off, p->conflict[space], q->scratch);
        if (last)
            return total;
        if (total < best) {
            best = total;
            best_way = way;
        }
    }
    return best;
}

static sedge_status layout_space(sg_plan *p, int space, const uint32_t *birth, sg_err *err)
{
    search q = {.birth = birth};
    for (uint32_t i = 1; i < p->n_slot; i++)
        q.n += p->slot[i].storage == i && p->slot[i].base == SG_BASE_ARENA && p->slot[i].space == space;
    p->n_place[space] = q.n;
    p->place[space] = sg_arena_array(&p->arena, (size_t)q.n + 1, sizeof **p->place);
    q.order = sg_arena_array(&p->arena, (size_t)q.n + 1, sizeof *q.order);
    q.scratch = sg_arena_array(&p->arena, 2 * (size_t)q.n + 1, sizeof *q.scratch);
    q.key = sg_arena_array(&p->arena, p->n_slot, sizeof *q.key);
    q.size = sg_arena_array(&p->arena, (size_t)q.n + 1, sizeof *q.size);
    q.off = sg_arena_array(&p->arena, (size_t)q.n + 1, sizeof *q.off);
    if (!p->place[space] || !q.order || !q.scratch || !q.key || !q.size || !q.off)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    order_by(p, &q, space, 0);
    uint64_t pairs = conflicts(p, space, birth, q.order, q.n, NULL);
    if (pairs > UINT32_MAX || !(p->conflict[space] = sg_arena_array(&p->arena, (size_t)pairs + 1, sizeof(uint32_t))))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    p->n_conflict[space] = (uint32_t)pairs;
    size_t total = find_order(p, space, &q);
    if (space == SG_SPACE_HOST)
        p->arena_bytes = (int64_t)total;
    return SEDGE_OK;
}

sedge_status sg_plan_layout(sg_plan *p, const uint32_t *birth, sg_err *err)
{
    for (int space = 0; space < (p->target->device ? SG_SPACES : 1); space++)
        SG_TRY(layout_space(p, space, birth, err));
    p->arena_bound = sg_plan_bound(p, SG_SPACE_HOST, p->default_dim);
    return SEDGE_OK;
}
