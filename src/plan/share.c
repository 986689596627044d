/* Which values share bytes. First reshapes and in-place steps, which cost nothing. Then parts: what is cut out of a tensor
 * stays in it, and what will be joined is made where it will stand, as long as the arena need not grow for it. */
#include "plan/plan.h"
#include "tensor/layout.h"

typedef struct sharing {
    sg_plan *p;
    const uint32_t *last; /* per slot: the last step that reads it */
    uint32_t *birth;
    const sg_dim *at;
    sg_dims *dims;
    uint32_t *wrote; /* per storage: the last step that writes over it in place, 0: none */
    int64_t *live[SG_SPACES], peak[SG_SPACES]; /* bytes of the arena that live at each step, and their most before parts */
    uint32_t *part; /* of the step at hand: storages that may become parts, where, and who stands there already */
    sg_dim *offset;
    uint32_t *seen;
} sharing;

static bool same_dims(const sg_type *a, const sg_type *b)
{
    if (a->rank != b->rank || sg_dtypes[a->dtype].bits != sg_dtypes[b->dtype].bits)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return a->layout == b->layout || sg_layout_free(a->dim, a->rank);
}

static bool reads_twice(const sg_plan *p, const sg_step *s, uint32_t k)
{
    for (uint32_t i = 0; i < s->n_in; i++) {
        uint32_t v = p->operand[s->operand + i];
        if (v && i != k && p->slot[v].storage == p->slot[p->operand[s->operand + k]].storage)
            return true;
    }
    return false;
}

/* Elementwise steps may write over any input, some kernels over one of their own. */
static bool may_write_over(const sg_plan *p, const sg_step *s, uint32_t k)
{
    return (s->op->flags & SG_OPF_INPLACE) || (k < 32 && (s->over >> k & 1) && !reads_twice(p, s, k));
}

/* The storage of an input that dies with the step, to write over; 0: none. */
static uint32_t inplace_of(const sg_plan *p, const sg_step *s, uint32_t t, uint32_t out)
{
    for (uint32_t k = 0; k < s->n_in; k++) {
        uint32_t v = p->operand[s->operand + k];
        if (!v || p->slot[v].dynamic || !may_write_over(p, s, k))
            continue;
        uint32_t root = p->slot[v].storage;
        if (p->slot[root].base == SG_BASE_ARENA && p->slot[root].space == p->slot[out].space && p->slot[root].death <= t &&
            same_dims(&p->slot[v].type, &p->slot[out].type) && same_dims(&p->slot[root].type, &p->slot[v].type))
            return root;
    }
    return 0;
}

static void alias(sharing *h, uint32_t v, uint32_t root)
{
    sg_slot *s = &h->p->slot[v];
    s->storage = root;
    s->base = h->p->slot[root].base;
    if (h->last[v] > h->p->slot[root].death)
        h->p->slot[root].death = h->last[v];
}

static void whole_tensors(sharing *h)
{
    sg_plan *p = h->p;
    for (uint32_t t = 0; t < p->n_step; t++) {
        sg_step *s = &p->step[t];
        if (!s->op || !s->n_out)
            continue;
        uint32_t o = p->operand[s->operand + s->n_in];
        uint32_t first = s->n_in ? p->operand[s->operand] : 0;
        if (!o)
            continue;
        if ((s->op->flags & SG_OPF_VIEW) && first && p->slot[first].type.kind == SG_TENSOR &&
            p->slot[first].space == p->slot[o].space) {
            alias(h, o, p->slot[first].storage);
            s->view = true;
        } else if (!p->slot[o].dynamic && p->slot[o].base == SG_BASE_ARENA) {
            uint32_t root = inplace_of(p, s, t, o);
            if (root) {
                alias(h, o, root);
                h->wrote[root] = t;
            }
        }
    }
}

/* ---- parts ---------------------------------------------------------------------------------------- */

/* A value's storage, where it stands in it, and whether something on the way is written over later than step t. */
typedef struct place {
    uint32_t root;
    sg_dim offset;
    bool part;
    uint32_t wrote;
} place;

static place place_of(const sharing *h, uint32_t v)
{
    const sg_slot *slot = h->p->slot;
    place r = {v, slot[v].offset, slot[v].part, h->wrote[v]};
    while (slot[r.root].storage != r.root) {
        r.root = slot[r.root].storage;
        if (slot[r.root].offset != 0)
            r.offset = sg_dim_make(h->dims, SG_DIM_ADD, r.offset, slot[r.root].offset);
        r.part = r.part || slot[r.root].part;
        r.wrote = r.wrote > h->wrote[r.root] ? r.wrote : h->wrote[r.root];
    }
    return r;
}

/* Storage v takes its room of the arena, or gives it back, in steps [from, to). */
static void take(sharing *h, uint32_t v, uint32_t from, uint32_t to, int sign)
{
    const sg_slot *s = &h->p->slot[v];
    if (s->base != SG_BASE_ARENA || s->death >= h->p->n_step) /* an output is elsewhere */
        return;
    int64_t bytes = sign * (int64_t)sg_slot_room(h->p, v);
    for (uint32_t t = from; t < to; t++)
        h->live[s->space][t] += bytes;
}

/* Storages v[n], of which each lived by itself, live in w from now on, which lives from birth to death (sign -1: back again). */
static void move_lives(sharing *h, uint32_t w, const uint32_t *v, uint32_t n, uint32_t birth, uint32_t death, int sign)
{
    for (uint32_t i = 0; i < n; i++)
        take(h, v[i], h->birth[v[i]], h->p->slot[v[i]].death + 1, -sign);
    take(h, w, birth, h->birth[w], sign);
    take(h, w, h->p->slot[w].death + 1, death + 1, sign);
}

/* Makes storages v[n] parts of w, offset[i] bytes from its beginning, if the arena need not grow for it. */
static bool absorb(sharing *h, uint32_t w, const uint32_t *v, const sg_dim *offset, uint32_t n)
{
    sg_slot *slot = h->p->slot;
    uint32_t birth = h->birth[w], death = slot[w].death;
    bool fits = true;
    for (uint32_t i = 0; i < n; i++) {
        birth = h->birth[v[i]] < birth ? h->birth[v[i]] : birth;
        death = slot[v[i]].death > death ? slot[v[i]].death : death;
    }
    move_lives(h, w, v, n, birth, death, 1);
    for (uint32_t t = birth; t <= death && t < h->p->n_step && fits; t++)
        fits = h->live[slot[w].space][t] <= h->peak[slot[w].space];
    if (!fits) {
        move_lives(h, w, v, n, birth, death, -1);
        return false;
    }
    h->birth[w] = birth;
    slot[w].death = death;
    for (uint32_t i = 0; i < n; i++) {
        slot[v[i]].storage = w;
        slot[v[i]].offset = offset[i];
        slot[v[i]].part = true;
    }
    return true;
}

/* Whether v is a storage of the arena with no output in it, and no part of another. */
static bool own(const sharing *h, uint32_t v, uint8_t space)
{
    const sg_slot *s = &h->p->slot[v];
    return s->storage == v && s->base == SG_BASE_ARENA && s->space == space && !s->dynamic && s->death < h->p->n_step;
}

static bool knows(const sharing *h, uint32_t operand)
{
    sg_dim d = h->at[operand];
    return d != SG_DIM_BAD && !(sg_dim_is_expr(d) && h->p->late[sg_dim_expr(d)]);
}

/* What a step cuts out of its first operand stays there. Whoever writes over a piece writes over the whole, which must be dead
 * then; and nobody may write over the whole while a piece lives. */
static bool cut(sharing *h, uint32_t t)
{
    const sg_plan *p = h->p;
    const sg_step *s = &p->step[t];
    const place w = place_of(h, p->operand[s->operand]);
    const sg_slot *root = &p->slot[w.root];
    uint32_t n = 0, wrote = w.wrote;
    bool all = true, dies = root->base == SG_BASE_ARENA && root->death <= t;
    if (root->base == SG_BASE_NONE || root->base == SG_BASE_POOL || w.wrote > t)
        return false;
    for (uint32_t k = s->n_in; k < (uint32_t)s->n_in + s->n_out; k++) {
        uint32_t o = p->operand[s->operand + k];
        if (!o)
            continue;
        if (!knows(h, s->operand + k) || !own(h, o, root->space) || (h->wrote[o] && !dies)) {
            all = false;
            continue;
        }
        h->part[n] = o;
        h->offset[n++] = sg_dim_make(h->dims, SG_DIM_ADD, w.offset, h->at[s->operand + k]);
        wrote = h->wrote[o] > wrote ? h->wrote[o] : wrote;
    }
    if (!absorb(h, w.root, h->part, h->offset, n))
        return false;
    h->wrote[w.root] = wrote;
    return all;
}

/* What a step joins is made where it will stand. Once joined nobody may write over it, nor over the result while it lives. */
static bool join(sharing *h, uint32_t t)
{
    const sg_plan *p = h->p;
    const sg_step *s = &p->step[t];
    const place w = place_of(h, p->operand[s->operand + s->n_in]);
    const sg_slot *root = &p->slot[w.root];
    uint32_t n = 0;
    bool all = true;
    if (!w.root || root->base != SG_BASE_ARENA || root->dynamic)
        return false;
    for (uint32_t k = 0; k < s->n_in; k++) {
        const place v = place_of(h, p->operand[s->operand + k]);
        if (!knows(h, s->operand + k) || v.part || !own(h, v.root, root->space) || v.root == w.root || v.wrote > t ||
            (w.wrote && p->slot[v.root].death > t) || h->seen[v.root] == t + 1) {
            all = false;
            continue;
        }
        h->seen[v.root] = t + 1;
        h->part[n] = v.root;
        h->offset[n++] = sg_dim_make(h->dims, SG_DIM_ADD, w.offset, h->at[s->operand + k]);
    }
    if (absorb(h, w.root, h->part, h->offset, n))
        return all;
    for (uint32_t i = 0; i < n; i++)
        all = absorb(h, w.root, &h->part[i], &h->offset[i], 1) && all;
    return all;
}

static void lives(sharing *h)
{
    const sg_plan *p = h->p;
    for (uint32_t i = 1; i < p->n_slot; i++)
        if (p->slot[i].storage == i)
            take(h, i, h->birth[i], p->slot[i].death + 1, 1);
    for (int space = 0; space < SG_SPACES; space++)
        for (uint32_t t = 0; t < p->n_step; t++)
            if (h->live[space][t] > h->peak[space])
                h->peak[space] = h->live[space][t];
}

/* Pieces from the first step on, so that the whole is there when its pieces are cut; joints from the last step on, so that a
 * result that becomes a part itself is there when its own parts come. */
static sedge_status parts(sharing *h, sg_err *err)
{
    sg_plan *p = h->p;
    lives(h);
    for (uint32_t t = 0; t < p->n_step; t++)
        if (p->step[t].op && p->step[t].op->flags & SG_OPF_RANGE && p->step[t].op != SG_ROW(CONCAT) && cut(h, t))
            p->n_copy -= (p->step[t].op->flags & SG_OPF_MOVE) != 0;
    for (uint32_t t = p->n_step; t-- > 0;)
        if (p->step[t].op == SG_ROW(CONCAT))
            p->n_copy -= join(h, t);
    for (uint32_t i = 1; i < p->n_slot; i++) {
        place r = place_of(h, i);
        if (r.offset == SG_DIM_BAD)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
        p->slot[i].storage = r.root;
        p->slot[i].offset = r.offset;
        p->slot[i].part = r.part;
    }
    return SEDGE_OK;
}

sedge_status sg_plan_share(sg_plan *p, const uint32_t *last, uint32_t *birth, const sg_dim *at, sg_dims *dims, sg_err *err)
{
    size_t most = (size_t)p->max_in + p->max_out + 1;
    sharing h = {.p = p, .last = last, .birth = birth, .at = at, .dims = dims};
    h.wrote = sg_arena_array(&p->arena, p->n_slot, sizeof *h.wrote);
    h.seen = sg_arena_array(&p->arena, p->n_slot, sizeof *h.seen);
    h.part = sg_arena_array(&p->arena, most, sizeof *h.part);
    h.offset = sg_arena_array(&p->arena, most, sizeof *h.offset);
    bool ok = h.wrote && h.seen && h.part && h.offset;
    for (int space = 0; space < SG_SPACES; space++)
        ok = (h.live[space] = sg_arena_array(&p->arena, (size_t)p->n_step + 1, sizeof *h.live[space])) && ok;
    if (!ok)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    whole_tensors(&h);
    return p->target->plain ? SEDGE_OK : parts(&h, err);
}
