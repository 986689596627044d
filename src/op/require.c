/* A check that a lowering leaves in the graph where an operator can do more than the rows that it becomes. */
#include "op/op.h"

sedge_status sg_infer_require_equal(sg_infer *c)
{
    c->exact = true;
    for (int k = 1; k < 3; k++)
        if (c->in[k]->dtype != SG_NONE && !sg_is_int((sg_dtype)c->in[k]->dtype))
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "compares integers");
    c->out[0] = *c->in[0];
    return SEDGE_OK;
}

sedge_status sg_ref_require_equal(sg_exec *x)
{
    const sg_tensor *a = x->in[1], *b = x->in[2];
    if (sg_numel(b) < 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "nothing to compare with");
    int64_t want = sg_load_i64((sg_dtype)b->dtype, b->data, 0), n = sg_numel(a);
    for (int64_t i = 0; i < n; i++) {
        int64_t got = sg_load_i64((sg_dtype)a->dtype, a->data, (size_t)i);
        if (got != want)
            return SG_EXEC_FAIL(x, SEDGE_E_UNSUPPORTED, "%s is %lld where only %lld is supported",
                                sg_get_str(x->attrs, SG_A_pattern), (long long)got, (long long)want);
    }
    return SEDGE_OK; /* a view: the bytes are those of input 0 */
}
