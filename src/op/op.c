/* The table of ops and the access to their attributes. */
#include "op/op.h"
#include "ir/schema.h"

#include <string.h>

#define AI(name, v) {SG_A_##name, SG_AK_INT, v, 0}
#define AF(name, v) {SG_A_##name, SG_AK_FLOAT, 0, v}
#define AS(name)    {SG_A_##name, SG_AK_STR, 0, 0}
#define AIS(name)   {SG_A_##name, SG_AK_INTS, 0, 0}
#define AFS(name)   {SG_A_##name, SG_AK_FLOATS, 0, 0}
#define ASS(name)   {SG_A_##name, SG_AK_STRS, 0, 0}
#define AT(name)    {SG_A_##name, SG_AK_TENSOR, 0, 0}
#define ATTRS(...)  __VA_ARGS__, {0, 0, 0, 0}
#define NOATTRS     {0, 0, 0, 0}
/* The functions that GRAD and SPELL name stand in src/grad/, which the core does without. */
#define GRAD(f)     NULL
#define SPELL(f)    NULL
#define NODIFF(why) why

/* Each row's schema, ended by an empty entry. */
#define OP(id, name, i0, i1, o0, o1, flags, infer, ref, grad, attrs) static const sg_attr_decl attrs_##id[] = SCHEMA(attrs);
#define SCHEMA(...)                                                  {__VA_ARGS__}
#include "op/ops.def"
#undef OP

const sg_op sg_ops[SG_OP_COUNT] = {
#define OP(id, name, i0, i1, o0, o1, flags, infer, ref, grad, attrs) \
    {name, i0, i1, o0, o1, flags, infer, ref, grad, attrs_##id, (uint8_t)(sizeof attrs_##id / sizeof attrs_##id[0] - 1)},
#include "op/ops.def"
#undef OP
};

const sg_op *sg_op_find(const char *name)
{
    for (int i = 0; i < SG_OP_COUNT; i++)
        if (strcmp(sg_ops[i].name, name) == 0)
            return &sg_ops[i];
    return NULL;
}

int64_t sg_get_int(sg_attrs a, sg_attr_id id)
{
    const sg_attr *at = sg_attr_find(a.a, a.n, id);
    return at && at->kind == SG_AK_INT ? at->u.i : 0;
}

double sg_get_float(sg_attrs a, sg_attr_id id)
{
    const sg_attr *at = sg_attr_find(a.a, a.n, id);
    return at && at->kind == SG_AK_FLOAT ? at->u.f : 0;
}

const char *sg_get_str(sg_attrs a, sg_attr_id id)
{
    const sg_attr *at = sg_attr_find(a.a, a.n, id);
    return at && at->kind == SG_AK_STR && at->u.s ? at->u.s : "";
}

static const sg_attr *list(sg_attrs a, sg_attr_id id, sg_attr_kind kind, int *n)
{
    const sg_attr *at = sg_attr_find(a.a, a.n, id);
    if (at && (at->kind != kind || !at->set))
        at = NULL;
    *n = at ? (int)at->n : 0;
    return at;
}

const int64_t *sg_get_ints(sg_attrs a, sg_attr_id id, int *n)
{
    const sg_attr *at = list(a, id, SG_AK_INTS, n);
    return at ? at->u.ints : NULL;
}

const double *sg_get_floats(sg_attrs a, sg_attr_id id, int *n)
{
    const sg_attr *at = list(a, id, SG_AK_FLOATS, n);
    return at ? at->u.floats : NULL;
}

const sg_str *sg_get_strs(sg_attrs a, sg_attr_id id, int *n)
{
    const sg_attr *at = list(a, id, SG_AK_STRS, n);
    return at ? at->u.strs : NULL;
}

const sg_tensor *sg_get_tensor(sg_attrs a, sg_attr_id id)
{
    const sg_attr *at = sg_attr_find(a.a, a.n, id);
    return at && at->kind == SG_AK_TENSOR && at->set ? at->u.t : NULL;
}

bool sg_attr_is_set(sg_attrs a, sg_attr_id id)
{
    const sg_attr *at = sg_attr_find(a.a, a.n, id);
    return at && at->set;
}

int sg_schema_count(const struct sg_op *op)
{
    return op->n_attr;
}

void sg_schema_default(const struct sg_op *op, int i, sg_attr *out)
{
    const sg_attr_decl *d = &op->attrs[i];
    memset(out, 0, sizeof *out);
    out->id = d->id;
    out->kind = d->kind;
    if (d->kind == SG_AK_INT)
        out->u.i = d->i;
    else if (d->kind == SG_AK_FLOAT)
        out->u.f = d->f;
}
