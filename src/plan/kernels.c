/* The kernel of every step. Constants are borrowed from the model's file at any alignment; while a kernel is chosen, and as
 * long as one reads them, those that stand askew for their type are read from a straight copy. */
#include <string.h>

#include "plan/plan.h"

/* A copy of a constant that stood askew. */
typedef struct sg_straight {
    uint32_t slot;
    size_t size;
    void *data;
    const void *from;
} sg_straight;

static sedge_status straighten(sg_plan *p, uint32_t v, sg_err *err)
{
    sg_slot *slot = &p->slot[v];
    if (!v || slot->base != SG_BASE_WEIGHTS || slot->space != SG_SPACE_HOST || !slot->data ||
        (uintptr_t)slot->data % sg_dtype_align((sg_dtype)slot->type.dtype) == 0)
        return SEDGE_OK;
    size_t size = sg_dtype_bytes((sg_dtype)slot->type.dtype, (size_t)sg_d_numel(&slot->type));
    sedge_status st = sg_grow(&p->mem, &p->straight, &p->cap_straight, p->n_straight + 1, sizeof *p->straight);
    void *room = st == SEDGE_OK ? sg_alloc_aligned(&p->mem, size) : NULL;
    if (!room)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for %zu bytes of weights", size);
    if (size)
        memcpy(room, slot->data, size);
    p->straight[p->n_straight++] = (sg_straight){v, size, room, slot->data};
    p->packed_bytes += size;
    slot->data = room;
    return SEDGE_OK;
}

static bool reads(const sg_plan *p, const sg_step *s, uint32_t v)
{
    for (uint32_t k = 0; k < s->n_in; k++)
        if (p->operand[s->operand + k] == v && !sg_step_absorbed(s, k))
            return true;
    return false;
}

/* Gives back the copies, of those from `mark` on, that the step does not read. */
static void settle(sg_plan *p, const sg_step *s, size_t mark)
{
    size_t n = mark;
    for (size_t i = mark; i < p->n_straight; i++) {
        sg_straight c = p->straight[i];
        if (reads(p, s, c.slot)) {
            p->straight[n++] = c;
            continue;
        }
        p->slot[c.slot].data = c.from;
        p->packed_bytes -= c.size;
        sg_free_aligned(&p->mem, c.data, c.size);
    }
    p->n_straight = n;
}

static void *saved_room(sg_rooms *r, size_t bytes)
{
    if (r->n == r->n_saved || r->saved[r->n].bytes != bytes) {
        r->differs = true;
        return NULL;
    }
    return (void *)(uintptr_t)r->saved[r->n++].data;
}

void *sg_plan_room(sg_plan *p, size_t bytes, bool *filled)
{
    sg_rooms *r = p->rooms;
    char *room = NULL;
    *filled = r && r->saved;
    if (*filled)
        room = saved_room(r, bytes);
    else if (bytes <= SIZE_MAX - SG_ALIGN && (room = sg_arena_alloc(&p->arena, bytes + SG_ALIGN)) != NULL)
        room += (SG_ALIGN - (uintptr_t)room % SG_ALIGN) % SG_ALIGN;
    if (r && !*filled && (!room || sg_grow(r->mem, &r->v, &r->cap, r->n + 1, sizeof *r->v) != SEDGE_OK)) {
        r->lost = true;
        return NULL;
    }
    if (r && !*filled)
        r->v[r->n++] = (sg_room){room, bytes};
    p->packed_bytes += room ? bytes : 0;
    return room;
}

sedge_status sg_plan_kernels(sg_plan *p, sg_err *err)
{
    for (uint32_t t = 0; t < p->n_step; t++) {
        sg_step *s = &p->step[t];
        if (!s->op)
            continue;
        size_t mark = p->n_straight;
        for (uint32_t k = 0; k < s->n_in; k++)
            SG_TRY(straighten(p, p->operand[s->operand + k], err));
        s->kernel = (sg_kernel){.name = "ref", .run = s->op->ref};
        if (!s->backend && p->target->choose)
            SG_TRY(p->target->choose(p->target, p, s, err));
        settle(p, s, mark);
    }
    for (uint32_t k = 0; k < p->n_output; k++)
        SG_TRY(straighten(p, p->output[k], err));
    return SEDGE_OK;
}

void sg_plan_free_straight(sg_plan *p)
{
    for (size_t i = 0; i < p->n_straight; i++)
        sg_free_aligned(&p->mem, p->straight[i].data, p->straight[i].size);
    sg_free(&p->mem, p->straight, p->cap_straight * sizeof *p->straight);
}
