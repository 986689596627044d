/* The lower bound of the arena: the most bytes that are live at once. Computed from the steps alone. */
#include "plan/plan.h"

static int64_t slot_size(const sg_plan *p, uint32_t i, const int64_t *dim_value)
{
    const sg_slot *s = &p->slot[i];
    int64_t dim[SG_RANK_MAX];
    size_t bytes;
    for (int k = 0; k < s->type.rank; k++)
        dim[k] = sg_dim_value(s->type.dim[k], dim_value);
    return sg_slot_bytes(s, dim, &bytes) ? (int64_t)sg_align_up(bytes) : 0;
}

static bool counts(const sg_plan *p, uint32_t i, int space)
{
    return p->slot[i].storage == i && p->slot[i].base == SG_BASE_ARENA && p->slot[i].space == space;
}

/* What the bodies of a step need at least, above the room that their storage takes. */
static int64_t bodies_less(const sg_plan *p, const sg_step *s, const int64_t *dim_value)
{
    int64_t most = 0;
    for (int k = 0; k < s->n_region; k++)
        if (sg_body_known(p, s, k) && s->region[k]->arena_bound > most)
            most = s->region[k]->arena_bound;
    return most - slot_size(p, s->scratch, dim_value);
}

int64_t sg_plan_bound(sg_plan *p, int space, const int64_t *dim_value)
{
    int64_t *freed = sg_arena_array(&p->arena, (size_t)p->n_step + 1, sizeof *freed);
    bool *born = sg_arena_array(&p->arena, p->n_slot, sizeof *born);
    if (!freed || !born)
        return -1;
    for (uint32_t i = 1; i < p->n_slot; i++)
        if (counts(p, i, space) && p->slot[i].death <= p->n_step)
            freed[p->slot[i].death] += slot_size(p, i, dim_value);
    int64_t live = 0, most = 0;
    for (uint32_t t = 0; t < p->n_step; t++) {
        const sg_step *s = &p->step[t];
        for (uint32_t k = 0; k < s->n_out; k++) { /* born here: storages that this step writes first */
            uint32_t o = p->slot[p->operand[s->operand + s->n_in + k]].storage;
            if (o && !born[o] && counts(p, o, space))
                live += slot_size(p, o, dim_value);
            born[o] = true;
        }
        if (s->scratch)
            live += slot_size(p, s->scratch, dim_value);
        int64_t now = live + (s->scratch && s->n_region ? bodies_less(p, s, dim_value) : 0);
        if (now > most)
            most = now;
        live -= freed[t];
    }
    return most;
}
