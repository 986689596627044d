/* The table of CPU kernel bindings, tried in order. */
#include "backend/cpu/bind.h"

#define BIND(op, fn) sg_cpu_bind_fn fn;
#include "backend/cpu/bind.def"
#undef BIND

static const struct {
    sg_op_id op;
    sg_cpu_bind_fn *bind;
} rows[] = {
#define BIND(op, fn) {SG_OP_##op, fn},
#include "backend/cpu/bind.def"
#undef BIND
    {SG_OP_COUNT, NULL},
};

sedge_status sg_cpu_choose(const sg_target *t, sg_plan *p, sg_step *s, sg_err *err)
{
    (void)t;
    (void)err;
    for (int i = 0; rows[i].bind; i++)
        if (&sg_ops[rows[i].op] == s->op && rows[i].bind(p, s))
            break;
    return SEDGE_OK;
}
