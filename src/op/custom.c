/* Operators of the program: their outputs take shape in the run, by the program's own rule. */
#include "op/custom.h"

#include <string.h>

#include "sedge/sedge.h"

/* Attributes of any names are five lists of the row's own: attribute k has kind[k] and its value in the list of that kind. */
struct sedge_node {
    sg_attrs attrs;
    sg_err *err;
};

#define OUT_MAX 16
#define IN_MAX  254

/* The place of an attribute in the lists; -1: it is not there, or of another kind. */
static int place(const sedge_node *node, const char *name, int kind)
{
    int n, m;
    size_t len = strlen(name);
    const sg_str *names = sg_get_strs(node->attrs, SG_A_program_names, &n);
    const int64_t *kinds = sg_get_ints(node->attrs, SG_A_program_kinds, &m);
    for (int k = 0; k < n && k < m; k++)
        if (names[k].n == len && memcmp(names[k].p, name, len) == 0)
            return kinds[k] == kind ? k : -1;
    return -1;
}

int64_t sedge_attr_int(const sedge_node *node, const char *name, int64_t def)
{
    int n, k = place(node, name, SG_AK_INT);
    const int64_t *v = sg_get_ints(node->attrs, SG_A_program_ints, &n);
    return k >= 0 && k < n ? v[k] : def;
}

double sedge_attr_float(const sedge_node *node, const char *name, double def)
{
    int n, k = place(node, name, SG_AK_FLOAT);
    const double *v = sg_get_floats(node->attrs, SG_A_program_floats, &n);
    return k >= 0 && k < n ? v[k] : def;
}

const char *sedge_attr_string(const sedge_node *node, const char *name, const char *def)
{
    int n, k = place(node, name, SG_AK_STR);
    const sg_str *v = sg_get_strs(node->attrs, SG_A_program_strings, &n);
    return k >= 0 && k < n ? v[k].p : def;
}

int sedge_node_fail(const sedge_node *node, const char *text)
{
    sg_fail(node->err, SEDGE_E_VALUE, "%s", text);
    return 1;
}

static sedge_status infer_custom(sg_infer *c)
{
    for (int k = 0; k < c->n_out; k++)
        c->out[k].rank = -1; /* dtype unknown too */
    return SEDGE_OK;
}

static sedge_status ref_custom(sg_exec *x)
{
    const sg_custom *c = (const sg_custom *)x->op;
    const sedge_node node = {x->attrs, x->err};
    sedge_tensor out[OUT_MAX];
    const sedge_tensor **in = sg_scratch(x, ((size_t)x->n_in + 1) * sizeof *in);
    if (!in)
        return SEDGE_E_NOMEM;
    for (int k = 0; k < x->n_in; k++)
        in[k] = (const sedge_tensor *)(const void *)x->in[k]; /* one layout: asserted in run/model.c */
    memset(out, 0, sizeof out);
    if (c->op.shape(c->op.ctx, &node, in, x->n_in, out, c->op.n_out) != 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the shape rule of the program refused");
    for (int k = 0; k < c->op.n_out; k++) {
        if (out[k].dtype == SG_NONE || out[k].dtype >= SG_DTYPE_COUNT || out[k].dtype == SG_STR)
            return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "the shape rule of the program gave output %d no type", k);
        const sg_tensor *t = sg_out(x, k, (sg_dtype)out[k].dtype, out[k].rank, out[k].dim);
        if (!t)
            return x->err ? x->err->status : SEDGE_E_NOMEM;
        out[k].data = t->data;
    }
    if (c->op.run(c->op.ctx, &node, in, x->n_in, out, c->op.n_out) != 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "the callback of the program failed");
    return SEDGE_OK;
}

sedge_status sg_custom_init(sg_custom *c, const sedge_op *op, sg_err *err)
{
    static const sg_attr_decl lists[] = {{SG_A_program_names, SG_AK_STRS, 0, 0},   {SG_A_program_kinds, SG_AK_INTS, 0, 0},
                                         {SG_A_program_ints, SG_AK_INTS, 0, 0},    {SG_A_program_floats, SG_AK_FLOATS, 0, 0},
                                         {SG_A_program_strings, SG_AK_STRS, 0, 0}, {0, 0, 0, 0}};
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
                     lists,
                     5};
    return SEDGE_OK;
}
