/* From steps to CPU kernels. */
#ifndef SG_BACKEND_CPU_BIND_H
#define SG_BACKEND_CPU_BIND_H

#include "base/threads.h"
#include "plan/plan.h"

/* Chooses the kernel of a step and packs its weights into the plan; leaves the reference where there is none. */
sedge_status sg_cpu_choose(const sg_target *t, sg_plan *p, sg_step *s, sg_err *err);

/* Rows that name the op of a node, in the layout that it has. */
int sg_cpu_choices(const sg_graph *g, sg_nid n);

/* One row of bind.c's table: returns false to leave the step to the next row. */
typedef bool sg_cpu_bind_fn(sg_plan *p, sg_step *s);

/* The type of operand k of a step (inputs, then outputs); NULL: absent. */
static inline const sg_slot *sg_step_slot(const sg_plan *p, const sg_step *s, int k)
{
    uint32_t v = p->operand[s->operand + (uint32_t)k];
    return v ? &p->slot[v] : NULL;
}

/* Packs `bytes` in parts, at the same time where there are enough of them. */
static inline void sg_cpu_pack(const sg_plan *p, size_t bytes, int64_t parts, sg_task_fn *part, void *ctx)
{
    sg_parallel(bytes < 131072 ? 1 : p->pack_threads, parts, part, ctx);
}

/* True if the step works channels last: its first result is marked so (a RELAYOUT, which goes between, aside). */
static inline bool sg_step_last(const sg_plan *p, const sg_step *s)
{
    const sg_slot *y = s->n_out ? sg_step_slot(p, s, s->n_in) : NULL;
    return y && y->type.layout == SG_LAYOUT_LAST;
}

/* Whether an op has channels-last kernels that gain on these levels: the layout pass asks. */
bool sg_cpu_has_last(const sg_op *op, uint32_t cpu);
/* Wraps the kernel of a step that treats all axes alike, so that it sees dims in the order of memory. False: out of memory. */
bool sg_cpu_turn(sg_plan *p, sg_step *s);

#endif
