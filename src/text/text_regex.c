/* RegexFullMatch: which strings an expression matches from end to end. */
#include <string.h>

#include "text/regex.h"

sedge_status sg_infer_regex_full_match(sg_infer *c)
{
    if (c->in[0]->kind != SG_TENSOR || c->in[0]->dtype != SG_STR)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "takes a tensor of strings");
    c->out[0] = *c->in[0];
    c->out[0].dtype = SG_BOOL;
    return SEDGE_OK;
}

sedge_status sg_ref_regex_full_match(sg_exec *x)
{
    const char *pattern = sg_get_str(x->attrs, SG_A_pattern);
    const sg_str *s = x->in[0]->data;
    int64_t n = sg_numel(x->in[0]);
    sg_regex re;
    SG_TRY(sg_regex_compile(x, pattern, strlen(pattern), &re));
    for (int64_t i = 0; i < n; i++)
        sg_store_i64(SG_BOOL, x->out[0]->data, (size_t)i, sg_regex_full_match(&re, s[i]));
    return SEDGE_OK;
}
