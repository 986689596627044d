/* The tables of CPU kernel bindings, tried in order. */
#include "backend/cpu/bind.h"

#include "backend/cpu/bind_conv.h"
#include "backend/cpu/bind_qconv.h"
#include "pass/layout.h"

#define BIND(op, fn)        sg_cpu_bind_fn fn;
#define LAST(op, fn, gains) sg_cpu_bind_fn fn;
#include "backend/cpu/bind.def"
#include "backend/cpu/last.def"
#undef BIND
#undef LAST

typedef struct row {
    sg_op_id op;
    sg_cpu_bind_fn *bind;
} row;

static const row rows[] = {
#define BIND(op, fn) {SG_OP_##op, fn},
#include "backend/cpu/bind.def"
#undef BIND
    {SG_OP_COUNT, NULL},
};

/* For steps that stand channels last. */
static const row last_rows[] = {
#define LAST(op, fn, gains) {SG_OP_##op, fn},
#include "backend/cpu/last.def"
#undef LAST
    {SG_OP_COUNT, NULL},
};

/* The row that the step asks for, else the first that accepts. */
static bool bind(const row *r, sg_plan *p, sg_step *s)
{
    for (int k = 1; r->bind; r++)
        if (&sg_ops[r->op] == s->op && (!s->choice || s->choice == k++) && r->bind(p, s))
            return true;
    return false;
}

int sg_cpu_choices(const sg_graph *g, sg_nid n)
{
    sg_vid y = sg_node_out(g, n, 0);
    bool last = y && g->value[y].type.layout == SG_LAYOUT_LAST;
    int count = 0;
    for (const row *r = last ? last_rows : rows; r->bind; r++)
        count += &sg_ops[r->op] == g->node[n].op;
    return count;
}

bool sg_cpu_has_last(const sg_op *op, uint32_t cpu)
{
#define LAST(id, fn, gains) \
    if (op == SG_ROW(id))   \
        return gains;
#include "backend/cpu/last.def"
#undef LAST
    return false;
}

sedge_status sg_cpu_choose(const sg_target *t, sg_plan *p, sg_step *s, sg_err *err)
{
    (void)t;
    if (s->op == SG_ROW(RELAYOUT) || s->op == SG_ROW(TURN) || !sg_step_last(p, s)) {
        bind(rows, p, s);
        return SEDGE_OK;
    }
    if (bind(last_rows, p, s))
        return SEDGE_OK;
    if (sg_layout_of(s->op).how == SG_LAYOUT_NATIVE) {
        s->kernel = (sg_kernel){.name = "ref", .run = sg_op_ref};
        return SEDGE_OK;
    }
    bind(rows, p, s);
    return sg_cpu_turn(p, s) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
}
