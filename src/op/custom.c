/* Operators of the program: their outputs take shape in the run, by the program's own rule. */
#include "op/custom.h"

#include <string.h>

#include "sedge/sedge.h"

#define OUT_MAX 16
#define IN_MAX  254

static sedge_status infer_custom(sg_infer *c)
{
    for (int k = 0; k < c->n_out; k++)
        c->out[k].rank = -1; /* dtype unknown too */
    return SEDGE_OK;
}

static sedge_status ref_custom(sg_exec *x)
{
    const sg_custom *c = (const sg_custom *)x->op;
    sedge_tensor out[OUT_MAX];
    const sedge_tensor **in = sg_scratch(x, ((size_t)x->n_in + 1) * sizeof *in);
    if (!in)
        return SEDGE_E_NOMEM;
    for (int k = 0; k < x->n_in; k++)
        in[k] = (const sedge_tensor *)(const void *)x->in[k]; /* one layout: asserted in run/model.c */
    memset(out, 0, sizeof out);
    if (c->op.shape(c->op.ctx, in, x->n_in, out, c->op.n_out) != 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the shape rule of the program refused");
    for (int k = 0; k < c->op.n_out; k++) {
        if (out[k].dtype == SG_NONE || out[k].dtype >= SG_DTYPE_COUNT || out[k].dtype == SG_STR)
            return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "the shape rule of the program gave output %d no type", k);
        const sg_tensor *t = sg_out(x, k, (sg_dtype)out[k].dtype, out[k].rank, out[k].dim);
        if (!t)
            return x->err ? x->err->status : SEDGE_E_NOMEM;
        out[k].data = t->data;
    }
    if (c->op.run(c->op.ctx, in, x->n_in, out, c->op.n_out) != 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "the callback of the program failed");
    return SEDGE_OK;
}

sedge_status sg_custom_init(sg_custom *c, const sedge_op *op, sg_err *err)
{
    static const sg_attr_decl none[] = {{0, 0, 0, 0}};
    if (!op->domain || !op->name || !*op->name || !op->shape || !op->run || op->min_in < 0 || op->max_in < op->min_in ||
        op->max_in > IN_MAX || op->n_out < 1 || op->n_out > OUT_MAX)
        return sg_fail(err, SEDGE_E_ARG, "operator %s of the program is not described well", op->name ? op->name : "(no name)");
    c->op = *op;
    c->row = (sg_op){op->name,
                     (uint8_t)op->min_in,
                     (uint8_t)op->max_in,
                     (uint8_t)op->n_out,
                     (uint8_t)op->n_out,
                     SG_OPF_DYN | SG_OPF_RANDOM,
                     infer_custom,
                     ref_custom,
                     "it is the program's",
                     none,
                     0};
    return SEDGE_OK;
}
