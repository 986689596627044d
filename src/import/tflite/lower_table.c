/* Tables from keys to values: hash tables, which are constants of the model, and lookups in operands. */
#include <stdio.h>

#include "import/kinds.h"
#include "import/tflite/tflite.h"

/* ---- hash tables ---- */

static sedge_status table_of(sg_ib *n, int k, sg_tf_var **out)
{
    const sg_tf_at *at = sg_tf_here(n);
    int64_t id = k < n->n_in ? sg_fb_at(&at->in_id, (uint32_t)k, 4) : -1;
    if (id < 0 || !at->sc->var[id])
        return sg_fail(n->err, SEDGE_E_FORMAT, "operand %d is no handle of a table", k);
    *out = &at->sc->s->var[at->sc->var[id] - 1];
    return SEDGE_OK;
}

/* All handles of a number are the same table. */
sedge_status sg_tf_hashtable(sg_ib *n)
{
    const sg_tf_at *at = sg_tf_here(n);
    char text[48];
    int64_t id = n->n_out ? sg_fb_at(&at->out_id, 0, 4) : -1;
    int len = snprintf(text, sizeof text, "hash table %lld", (long long)sg_tf_int(n, SG_TF_TABLE_ID));
    const char *name = sg_arena_str(n->arena, text, (size_t)len);
    if (!name || id < 0)
        return name ? sg_tf_bad(at->sc->s, "handle") : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return sg_tf_var_named(at->sc->s, name, &at->sc->var[id]);
}

/* A constant operand as a list. */
static const sg_tensor *constant(sg_ib *n, int k)
{
    const sg_value *v = sg_ib_in(n, k) ? &n->g->value[n->in[k]] : NULL;
    sg_tensor *t = v && v->role == SG_CONST && v->data ? sg_arena_alloc(n->arena, sizeof *t) : NULL;
    if (!t) {
        sg_tf_unsupported(n, "a table, or a value of one, that is not constant");
        return NULL;
    }
    *t = (sg_tensor){.dtype = v->type.dtype, .rank = 1, .dim = {sg_d_numel(&v->type)}, .data = (void *)(uintptr_t)v->data};
    return t;
}

sedge_status sg_tf_hashtable_import(sg_ib *n)
{
    sg_tf_var *t;
    SG_TRY(table_of(n, 0, &t));
    const sg_tensor *keys = constant(n, 1), *values = keys ? constant(n, 2) : NULL;
    if (!values)
        return n->err->status;
    if (keys->dim[0] != values->dim[0])
        return sg_fail(n->err, SEDGE_E_SHAPE, "%lld keys, %lld values", (long long)keys->dim[0], (long long)values->dim[0]);
    t->keys = keys;
    t->values = values;
    return SEDGE_OK;
}

sedge_status sg_tf_hashtable_find(sg_ib *n)
{
    sg_tf_var *t;
    SG_TRY(table_of(n, 0, &t));
    const sg_tensor *other = constant(n, 2);
    sg_vid key = sg_ib_in(n, 1);
    if (!other || !key)
        return other ? sg_fail(n->err, SEDGE_E_FORMAT, "input 1 is missing") : n->err->status;
    if (!t->keys)
        return sg_tf_unsupported(n, "a table that nothing was put in");
    sg_nid node = sg_ib_emit(n, SG_OP_LABEL_ENCODER, &key, 1, 1);
    if (!node || !sg_set_tensor(n->g, node, SG_A_keys_tensor, t->keys) ||
        !sg_set_tensor(n->g, node, SG_A_values_tensor, t->values) || !sg_set_tensor(n->g, node, SG_A_default_tensor, other))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_ib_done(n, node));
    return sg_ib_end(n, 0, sg_node_out(n->g, node, 0));
}

sedge_status sg_tf_hashtable_size(sg_ib *n)
{
    sg_tf_var *t;
    SG_TRY(table_of(n, 0, &t));
    const int64_t size = t->keys ? t->keys->dim[0] : 0;
    return sg_ib_end(n, 0, sg_ib_const_i64s(n, &size, 1));
}

/* ---- lookups in operands ---- */

/* Operands: keys that are wanted, the keys that there are, a row for each. A key that there is not gives zeros; result 1 says which are
 * there. */
sedge_status sg_tf_hashtable_lookup(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    sg_vid same = sg_ib_compare(n, SG_COMPARE_EQUAL, sg_ib_unsqueeze(n, n->in[0], 1), n->in[1]);
    sg_vid hit = sg_ib_cast(n, same, SG_I32);
    sg_vid at = sg_ib_node(n, SG_OP_ARG_REDUCE, SG_INS(hit), SG_SET({SG_A_axis, .i = 1}, {SG_A_keepdims, .i = 0}));
    sg_vid there = sg_ib_reduce(n, SG_REDUCE_MAX, hit, 1, false), row = sg_ib_gather(n, n->in[2], at, 0);
    if (!row || !there)
        return sg_ib_end(n, 0, SG_NONE_ID);
    sg_vid mask = sg_ib_cast(n, there, SG_BOOL);
    for (int i = 1; i < sg_ib_type(n, row)->rank; i++)
        mask = mask ? sg_ib_unsqueeze(n, mask, i) : mask;
    sg_vid zero = sg_ib_scalar(n, (sg_dtype)sg_ib_type(n, row)->dtype, 0);
    SG_TRY(sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_WHERE, SG_INS(mask, row, zero))));
    return sg_ib_end(n, 1, sg_ib_cast(n, there, SG_U8));
}

/* Rows of operand 4 by id, times their weights, put together by the first index of each: sums, means, or sums over the root of the
 * weights' squares. Operands: ids, indices [ids, axes], shape, weights. */
sedge_status sg_tf_embedding_lookup_sparse(sg_ib *n)
{
    enum { SUM, MEAN, SQRTN };
    int64_t how = sg_tf_int(n, SG_TF_COMBINER), count;
    SG_TRY(sg_ib_need(n, 5));
    const int64_t *shape = sg_ib_const_ints(n, 2, &count);
    const sg_type w = *sg_ib_type(n, n->in[4]);
    if (!shape || count != 2 || w.rank != 2 || sg_dim_is_expr(w.dim[1]) || how > SQRTN || how < SUM)
        return sg_tf_unsupported(n, "a lookup of this form");
    sg_vid at = sg_ib_slice(n, sg_tf_i64(n, 1), 1, 0, 1), by = sg_ib_unsqueeze(n, n->in[3], 1);
    sg_vid rows = sg_ib_binary(n, SG_BINARY_MUL, sg_ib_gather(n, n->in[4], n->in[0], 0), by);
    const int64_t all[2] = {shape[0], w.dim[1]}, one[2] = {shape[0], 1};
    sg_vid zero = sg_ib_scalar(n, SG_F32, 0);
    sg_vid sum = sg_ib_node(n, SG_OP_SCATTER_ND, SG_INS(sg_ib_list(n, SG_OP_EXPAND, zero, all, 2), at, rows),
                            SG_SET({SG_A_reduction, .i = SG_SCATTER_ADD}));
    if (how == SUM)
        return sg_ib_end(n, 0, sum);
    sg_vid part = how == SQRTN ? sg_ib_binary(n, SG_BINARY_MUL, by, by) : by;
    sg_vid over = sg_ib_node(n, SG_OP_SCATTER_ND, SG_INS(sg_ib_list(n, SG_OP_EXPAND, zero, one, 2), at, part),
                             SG_SET({SG_A_reduction, .i = SG_SCATTER_ADD}));
    over = how == SQRTN ? sg_ib_unary(n, SG_UNARY_SQRT, over, 0, 0) : over;
    sg_vid none = sg_ib_compare(n, SG_COMPARE_EQUAL, over, zero);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_WHERE, SG_INS(none, zero, sg_ib_binary(n, SG_BINARY_DIV, sum, over))));
}
